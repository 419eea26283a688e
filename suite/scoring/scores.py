"""Scoring whole spaces with untrained networks.

What scorers share, the setting, and the tables that scores are kept in.

A cell is scored as its canonical form, unless the setting says `as_built`: functionally equal cells
get one score, and dead parts have none.
"""

from __future__ import annotations

import contextlib
import platform
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache, partial
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nasrepro.suite.data import Progress
from nasrepro.suite.errors import NasreproError
from nasrepro.suite.memory import keep_memory
from nasrepro.suite.scoring.batches import Batches, Images, Labels, batches_of, seeded
from nasrepro.suite.scoring.setting import Inputs, ScoringSetting, dataset_of, inputs_of, space_of
from nasrepro.suite.scoring.table import ScoreTable
from nasrepro.suite.space import Arch, SearchSpace

if TYPE_CHECKING:
    from nasrepro.suite.oracle import Dataset, Oracle
    from nasrepro.suite.registry import Scorer

#: Seconds between two writes of a table: what a killed scoring may lose.
_SAVE_S = 60.0

#: Cells that are scored again before scores by another source of a scorer are taken for its own,
#: and how equal they must be, as a share of the score or of the median deviation of scores.
#: Between instruction sets ZiCo's differ by up to 1.4 %, and GraSP's, sums of terms of both signs,
#: by 5 % of a score near 0.
_CHECKED, _EQUAL = 5, 2e-2


def score_one(
    space: SearchSpace,
    arch: Arch,
    classes: int,
    scorers: Sequence[Scorer],
    batches: Batches,
    seed: int,
) -> list[tuple[float, float]]:
    """Build the network and score it.

    Per scorer the score, and the CPU seconds that it alone would have taken, building included.
    """
    started = time.process_time()
    with seeded(seed):
        network = space.build(arch, classes=classes)
    built_s = time.process_time() - started
    found = []
    for scorer in scorers:
        spent_s, used_s, started = batches.spent_s, batches.used_s, time.process_time()
        with seeded(seed):
            score = float(scorer.score(network, batches))
        own_s = time.process_time() - started - (batches.spent_s - spent_s)
        found.append((score, round(built_s + own_s + batches.used_s - used_s, 5)))
    return found


def score(
    oracle: Oracle,
    scorers: Sequence[Scorer],
    archs: Sequence[Arch],
    setting: ScoringSetting,
    *,
    workers: int = 1,
    limit_s: float = float("inf"),
    progress: Progress = lambda done, total, label: None,
) -> ScoreTable:
    """Score what is not scored yet, each functionally distinct architecture once.

    What is done survives a kill.

    Args:
        oracle: whose networks.
        scorers: those that need networks.
        archs: in the order in which to score them.
        setting: how.
        workers: processes, of one thread each.
        limit_s: seconds after which no further network is begun.
        progress: called after each network.

    Raises:
        NasreproError: a scorer needs more batches than the setting has, or combines others.
    """
    dataset = dataset_of(oracle, setting)
    inputs, space = inputs_of(oracle.space, dataset, setting), space_of(oracle.space, setting)
    for scorer in scorers:
        _check_single(scorer)
        if scorer.batches > inputs.batches:
            raise NasreproError(
                f"scorer {scorer.name} needs {scorer.batches} batches, the setting has "
                f"{inputs.batches}"
            )
    table = ScoreTable.load(inputs, *scorers)
    table.made = dict(_versions())
    distinct = list(dict.fromkeys(inputs.scored_as(space, arch) for arch in archs))
    run = _Task(oracle, dataset.name, inputs, space)
    adopted = _adopt(table, scorers, run)
    todo: list[tuple[Arch, list[Scorer]]] = []
    for arch in distinct:
        index = space.index(arch)
        missing = [scorer for scorer in scorers if index not in table.rows.get(scorer.name, {})]
        if missing:
            todo.append((arch, missing))
    started = saved = time.monotonic()
    progress(len(distinct) - len(todo), len(distinct), "")
    try:
        for done, (arch, wanted, found) in enumerate(
            run.all(todo, workers, started + limit_s), start=len(distinct) - len(todo) + 1
        ):
            for scorer, row in zip(wanted, found, strict=True):
                table.rows.setdefault(scorer.name, {})[space.index(arch)] = row
            progress(done, len(distinct), "")
            if time.monotonic() - saved > _SAVE_S:
                table.save()
                saved = time.monotonic()
    finally:
        if todo or adopted:
            table.save()
    return table


def _check_single(scorer: Scorer) -> None:
    if scorer.combines:
        raise NasreproError(
            f"scorer {scorer.name} combines {', '.join(scorer.combines)} of the architectures of "
            "a ranking; it gives no score of one network"
        )


@dataclass(frozen=True, slots=True)
class _Task:
    """What every network of one call is scored with."""

    oracle: Oracle
    dataset: str
    inputs: Inputs
    space: SearchSpace

    def all(
        self, todo: Sequence[tuple[Arch, list[Scorer]]], workers: int, until: float
    ) -> Iterator[tuple[Arch, list[Scorer], list[tuple[float, float]]]]:
        """Score each, in order, or as they come from several workers; no images for none."""
        if not todo:
            return
        scorers = {id(scorer): scorer for _, wanted in todo for scorer in wanted}.values()
        batches = batches_of(partial(self.oracle.batches, self.dataset), self.inputs, scorers)
        if workers == 1:
            keep_memory()  # not in joblib's workers: it takes kept memory for a leak, and ends them
            for arch, wanted in todo:
                if time.monotonic() > until:
                    return
                yield (
                    arch,
                    wanted,
                    score_one(
                        self.space, arch, self.inputs.classes, wanted, batches, self.inputs.seed
                    ),
                )
            return
        import joblib

        jobs = (
            joblib.delayed(_far)(
                self.space, arch, self.inputs, [scorer.name for scorer in wanted], batches
            )
            for arch, wanted in todo
            if time.monotonic() < until
        )
        # joblib asks for the next job when a worker is free, so that the limit holds
        found = joblib.Parallel(
            n_jobs=workers, return_as="generator_unordered", pre_dispatch=workers
        )(jobs)
        by_arch = dict(todo)
        for arch, rows in found:
            yield arch, by_arch[arch], rows


def _far(
    space: SearchSpace, arch: Arch, inputs: Inputs, names: Sequence[str], batches: Batches
) -> tuple[Arch, list[tuple[float, float]]]:
    from nasrepro.suite.registry import scorers

    return arch, score_one(
        space, arch, inputs.classes, [scorers.get(name) for name in names], batches, inputs.seed
    )


def _adopt(table: ScoreTable, scorers: Sequence[Scorer], run: _Task) -> bool:
    """Keep the rows of a scorer whose source has changed, if its present one gives the same.

    A few of them are scored again; where one differs, all are dropped.

    Returns whether there was a change.
    """
    before = dict(table.sources)
    for scorer in scorers:
        rows = table.rows.get(scorer.name, {})
        if rows and table.sources.get(scorer.name) != scorer.source_sha256:
            some = list(rows)[:: max(1, len(rows) // _CHECKED)][:_CHECKED]
            again = run.all([(run.space.at(index), [scorer]) for index in some], 1, float("inf"))
            known = np.array([score for score, _ in rows.values()])
            known = known[np.isfinite(known)]
            spread = float(np.median(abs(known - np.median(known)))) if len(known) else 0.0
            same = np.allclose(
                [found[0][0] for _, _, found in again],
                [rows[index][0] for index in some],
                rtol=_EQUAL,
                atol=_EQUAL * spread,
                equal_nan=True,
            )
            if not same:
                del table.rows[scorer.name]
        table.sources[scorer.name] = scorer.source_sha256
    return bool(before) and before != table.sources


@cache
def _versions() -> Mapping[str, str]:
    found = {"python": platform.python_version(), "machine": platform.machine()}
    for package in ("nasrepro", "numpy", "torch"):
        with contextlib.suppress(PackageNotFoundError):
            found[package] = version(package)
    return found


@dataclass(slots=True)
class StoredScorer:
    """Scores of networks one by one, for a search: what ships is read, the rest is computed.

    What else the user's cache holds is read in place of being computed. It does not count as
    stored, so that a search is the same whatever was scored on a machine before.

    Attributes:
        space: whose networks.
        scorer: the scorer.
        inputs: what they are scored with.
        draw: gives batches, as for `batches_of`.
        stored: the scores that ship, with these inputs and by the scorer's present source, by the
            index of the canonical architecture.
        cached: the same with those of the user's cache.
        took_s: CPU seconds of all scores asked for, each architecture once; of a stored score, what
            it took when it was made.
    """

    space: SearchSpace
    scorer: Scorer
    inputs: Inputs
    draw: Callable[..., list[tuple[Images, Labels]]]
    stored: Mapping[int, tuple[float, float]] = field(default_factory=dict)
    cached: Mapping[int, tuple[float, float]] = field(default_factory=dict)
    took_s: float = 0.0
    _known: dict[Arch, float] = field(default_factory=dict)
    _batches: Batches | None = None

    @classmethod
    def of(
        cls,
        space: SearchSpace,
        dataset: Dataset,
        draw: Callable[..., Any],
        scorer: Scorer,
        setting: ScoringSetting,
    ) -> StoredScorer:
        """For a space and data set as a session has them; no scorer that combines others."""
        _check_single(scorer)
        inputs = inputs_of(space, dataset, setting)
        return cls(
            space_of(space, setting),
            scorer,
            inputs,
            draw,
            ScoreTable.shipped(inputs).of(scorer),
            ScoreTable.load(inputs, scorer).of(scorer),
        )

    def has(self, arch: Arch) -> bool:
        """Whether its score is stored."""
        return self.space.index(self.inputs.scored_as(self.space, arch)) in self.stored

    def score(self, arch: Arch) -> float:
        """The score; -inf where it is not finite."""
        arch = self.inputs.scored_as(self.space, arch)
        if arch not in self._known:
            row = self.cached.get(self.space.index(arch))
            if row is None:
                if self._batches is None:
                    keep_memory()
                    self._batches = batches_of(self.draw, self.inputs, [self.scorer])
                (row,) = score_one(
                    self.space,
                    arch,
                    self.inputs.classes,
                    [self.scorer],
                    self._batches,
                    self.inputs.seed,
                )
            value, cpu_s = row
            self.took_s += cpu_s
            self._known[arch] = value if np.isfinite(value) else -np.inf
        return self._known[arch]


def missing_scores(
    oracle: Oracle, scorer: Scorer, setting: ScoringSetting, size: int
) -> tuple[int, float]:
    """Distinct architectures of a sample that are not scored, and the CPU seconds to score them.

    The price of one is the mean of those that are scored, by whatever source, else of the other
    scorers; where nothing is scored, a second.
    """
    inputs = inputs_of(oracle.space, dataset_of(oracle, setting), setting)
    table, space = ScoreTable.load(inputs, scorer), space_of(oracle.space, setting)
    rows = sample(oracle, size).tolist()
    archs = {inputs.scored_as(space, oracle.archs()[row]) for row in rows}
    missing = sum(space.index(arch) not in table.of(scorer) for arch in archs)
    known = table.rows.get(scorer.name) or next(iter(table.rows.values()), {})
    each_s = float(np.mean([cpu_s for _, cpu_s in known.values()])) if known else 1.0
    return missing, missing * each_s


def sample(oracle: Oracle, size: int | None = None) -> NDArray[np.intp]:
    """Rows of an oracle's table in the order in which they are scored.

    A fixed random one, so that any first part is a random sample.
    """
    return np.random.default_rng(0).permutation(len(oracle.archs()))[:size]


@lru_cache(maxsize=16)
def _indices(oracle: Oracle, as_built: bool) -> dict[int, int]:
    """Of rows of a table: the index of what is built for them; `scored` fills it, for all scorers.

    Canonical forms of 15,625 cells take 0.1 CPU seconds, and a report asks for them 200 times.
    """
    return {}


def scored(
    oracle: Oracle, table: ScoreTable, scorer: str, size: int | None = None
) -> tuple[NDArray[np.intp], NDArray[np.float64], NDArray[np.float64]]:
    """The longest first part of `sample` (of that size) that is scored.

    Returns:
        Rows of the oracle's table, ascending, their scores, and the CPU seconds of the first of
        equal architectures (0 of the others); shape (n,) each.
    """
    space: SearchSpace = oracle.space.whole
    known, archs = table.rows.get(scorer, {}), oracle.archs()
    rows, found, seen, indices = [], [], set(), _indices(oracle, table.inputs.as_built)
    for row in sample(oracle, size).tolist():
        index = indices.get(row)
        if index is None:
            index = indices[row] = space.index(table.inputs.scored_as(space, archs[row]))
        if index not in known:
            break
        rows.append(row)
        found.append((known[index][0], 0.0 if index in seen else known[index][1]))
        seen.add(index)
    order = np.argsort(rows)
    values = np.array(found, dtype=np.float64).reshape(-1, 2)[order]
    return np.array(rows, dtype=np.intp)[order], values[:, 0], values[:, 1]
