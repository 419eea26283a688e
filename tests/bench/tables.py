"""What every table holds and costs, and what others' scores say of it, as one page.

    python tests/bench/tables.py --store nasrepro-results/runs.sqlite --out results/tables.md

The store is that of `nasrepro run --plan new_tables`; without one, the page has no searches.

Tables that are not here are left out. Times are of the fastest of three processes, and there of the
fastest block, so that other work on the machine adds little.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

import numpy as np
from bench_oracles import measure
from numpy.typing import NDArray
from scipy.stats import kendalltau, spearmanr

from nasrepro.reports.anytime import Axis, best_of, curves_at, target_of
from nasrepro.reports.groups import groups_of
from nasrepro.reports.words import budget_words
from nasrepro.suite.errors import DataMissing, NasreproError, NotTabulated
from nasrepro.suite.experiments.plan import load_plan
from nasrepro.suite.experiments.store import Store
from nasrepro.suite.oracle import Oracle, ReferenceTable
from nasrepro.suite.registry import load_oracle, oracles, references
from nasrepro.suite.scoring import ScoreTable, ScoringSetting, inputs_of
from nasrepro.suite.space import Arch
from nasrepro.suite.statistics import mean_interval

_SPLITS = ("valid", "test", "train")


def main() -> None:
    """Write the page, or parts of the one that is there."""
    parts = {"costs": _costs, "scores": _scores, "searches": _searches}
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--store", type=Path, help="runs of the plan new_tables")
    parser.add_argument("--processes", type=int, default=3, help="of which the fastest counts")
    parser.add_argument("--only", nargs="+", choices=parts, default=list(parts))
    given = parser.parse_args()
    out: Path = given.out
    old = out.read_text(encoding="utf-8").split("\n## ")[1:] if out.exists() else []
    texts = {name: text for text in old for name in parts if text.startswith(_HEADINGS[name])}
    for name in given.only:
        if name != "searches" or given.store:
            texts[name] = parts[name](given)
    page = "\n## ".join([_HEAD, *(texts[name] for name in parts if name in texts)])
    out.write_text(page, encoding="utf-8")


_HEAD = (
    "# Tables: what they hold and cost, others' scores of their networks, what a search gains\n\n"
    "Written by `tests/bench/tables.py --store STORE --out results/tables.md`, the store being of "
    "`nasrepro run --plan new_tables`.\n"
)


_HEADINGS = {
    "costs": "What they hold and cost",
    "scores": "Scores that others computed, beside ours",
    "searches": "What a search gains",
}


def _costs(given: argparse.Namespace) -> str:
    return (
        f"{_HEADINGS['costs']}\n\nSplits are those that the table has metrics of. Opening is a "
        "new process's, its libraries imported, in CPU time, as the first query; a warm query asks "
        "again for all metrics of an architecture; all rows are of the first data set at the "
        f"longest training. The least of {given.processes} process(es), and there of 25 blocks "
        "(all rows: of 5). An answer of a surrogate is a prediction.\n\n"
        + _markdown(_COSTS, list(_cost_rows(given.processes)))
    )


def _scores(given: argparse.Namespace) -> str:
    return (
        f"{_HEADINGS['scores']}\n\n"
        "Kendall's tau-b (τ) with the table's objective at the longest training, over the n "
        "architectures that the source scored; then, over those of them that this suite has scored "
        "too, the source's, ours, and Spearman's ρ between the two. Ours are the scores that ship "
        "(one random draw of weights and images at the setting of the plan `scorers`, for the "
        "table's first data set); params and macs are counted. The last column is the control: the "
        "number of parameters, over the n. Higher is taken as better for every score. Intervals: "
        "`nasrepro rank ORACLE --reference SOURCE/SCORE`.\n\n"
        + _markdown(_COMPARED, list(_reference_rows()))
    )


def _searches(given: argparse.Namespace) -> str:
    return (
        f"{_HEADINGS['searches']}\n\n"
        f"Of the plan `new_tables`, {SEEDS} search seeds: mean regret to the best "
        "of the table, of the architecture that was best by validation so far, after a "
        "tenth, a third and all of the budget, with its 95 % interval; accuracies in points. Of a "
        "surrogate, whose best is not known, the mean itself (=). `nasrepro figures` draws the "
        "whole curves.\n\n" + _markdown(_GAINS, list(_gain_rows(given.store)))
    )


_COSTS = (
    "table", "rows", "data sets", "splits", "training seeds", "epochs", "MB", "open, CPU ms",
    "first query, CPU ms", "warm query, µs", "all rows, ms",
)  # fmt: skip
_COMPARED = (
    "table", "data set", "score", "n", "τ", "ours", "n of both", "theirs, τ", "ours, τ",
    "ρ of the two", "τ of params",
)  # fmt: skip
_GAINS = ("table", "data set", "budget", "method", "a tenth", "a third", "all")
METHODS = ("random_search", "regularized_evolution", "local_search")
SEEDS, SHARES = 100, (0.1, 1 / 3, 1.0)
#: Score of ours that measures what a source's does; sizes are counted.
_OURS = {
    "fisher": "fisher", "flops": "macs", "grad_norm": "grad_norm", "jacov": "jacob_cov",
    "l2_norm": "l2_norm", "nwot": "naswot_once", "params": "params", "plain": "plain",
    "snip": "snip", "synflow": "synflow", "zen": "zen_batch",
}  # fmt: skip
#: Settings of which scores ship: the published one; smaller networks of two spaces.
_SETTINGS = (
    ScoringSetting(),
    ScoringSetting(batch=32, network={"channels": 16}),
    ScoringSetting(batch=16, network={"channels": 16}),
)


def _cost_rows(processes: int) -> Iterator[tuple[str, ...]]:
    for entry in oracles.all():
        if entry.info.trains:
            continue
        try:
            oracle = entry.load()
        except DataMissing:
            continue
        if oracle.workshops is not None:  # another oracle's table
            continue
        found = [measure(entry.name) for _ in range(processes)]
        least = {key: min(one[key] for one in found) for key in found[0]}
        rows = f"{least['rows']:,.0f}" if least["rows"] else "predicts"
        yield (
            entry.name,
            rows,
            f"{len(entry.info.datasets)}",
            ", ".join(s for s in _SPLITS if any(m.split == s for m in entry.info.metrics)),
            _seeds(oracle),
            _epochs(oracle),
            f"{least['bytes'] / 1e6:.1f}" if least["bytes"] else "–",
            f"{least['open_cpu_ms']:.0f}",
            f"{least['first_cpu_ms']:.1f}",
            f"{least['warm_us']:.1f}",
            "–" if math.isnan(least["whole_ms"]) else f"{least['whole_ms']:.2f}",
        )


def _seeds(oracle: Oracle) -> str:
    """The most training seeds of a data set, at its longest training."""
    counts = []
    for dataset in oracle.info.datasets:
        lengths = oracle.epochs(dataset.name)
        counts.append(max(len(oracle.seeds(dataset.name, epochs)) for epochs in lengths))
    return str(max(counts)) if max(counts) else "mean"


def _epochs(oracle: Oracle) -> str:
    lengths = sorted({e for d in oracle.info.datasets for e in oracle.epochs(d.name)})
    whole = len(lengths) > 4 and lengths == list(range(lengths[0], lengths[-1] + 1))
    return f"{lengths[0]} to {lengths[-1]}" if whole else ", ".join(map(str, lengths))


def _reference_rows() -> Iterator[tuple[str, ...]]:
    for entry in sorted(references.all(), key=lambda one: (one.info.oracle, one.info.source)):
        try:
            oracle, table = load_oracle(entry.info.oracle), entry.load()
        except DataMissing:
            continue
        try:
            archs = list(oracle.archs())
        except NotTabulated:  # a surrogate lists none
            archs = [oracle.space.at(key) for key in table.table.column("key").tolist()]
        for dataset in entry.info.datasets:
            yield from _scores_of(oracle, archs, table, dataset)


def _scores_of(
    oracle: Oracle, archs: Sequence[Arch], table: ReferenceTable, dataset: str
) -> Iterator[tuple[str, ...]]:
    objective = oracle.info.objective_of(dataset)
    columns = oracle.query_many(archs, dataset=dataset, epochs=oracle.epochs(dataset)[-1])
    values = columns[objective.name] * (1 if objective.higher_is_better else -1)
    ours = _ours(oracle, archs, dataset)
    for score in table.info.scores:
        try:
            theirs = table.scores(score, dataset, archs)
        except NotTabulated:  # of other data sets
            continue
        there = ~np.isnan(theirs) & ~np.isnan(values)
        if not there.any():
            continue
        name = _OURS.get(score, "")
        mine = ours.get(name, np.full(len(archs), np.nan))
        both = there & ~np.isnan(mine)
        beside = ("–",) * 5
        if both.any():
            rho = spearmanr(theirs[both], mine[both]).statistic
            taus = _tau(theirs[both], values[both]), _tau(mine[both], values[both])
            beside = name, f"{both.sum():,}", *taus, _short(rho)
        params = ours.get("params", theirs)
        yield (
            oracle.name,
            dataset,
            f"{table.info.source}/{score}",
            f"{there.sum():,}",
            _tau(theirs[there], values[there]),
            *beside,
            _tau(params[there], values[there]) if "params" in ours else "–",
        )


def _ours(oracle: Oracle, archs: Sequence[Arch], dataset: str) -> dict[str, NDArray[np.float64]]:
    """Scores of ours that ship, and sizes, NaN where there is none."""
    whole, known = oracle.info.space, oracle.info.dataset(dataset)
    found = {}
    try:
        sizes = [whole.complexity(a, classes=known.classes, size=known.size) for a in archs]
        for size in ("params", "macs"):
            found[size] = np.array([float(getattr(one, size)) for one in sizes])
    except NasreproError:  # sizes of this space are not counted
        pass
    for setting in _SETTINGS:
        try:
            shipped = ScoreTable.shipped(inputs_of(whole, oracle.info.datasets[0], setting))
        except (NasreproError, TypeError):  # a space without networks of other sizes
            continue
        if shipped.rows:
            indices = [whole.index(whole.canonical(arch)) for arch in archs]
            for name, rows in shipped.rows.items():
                found[name] = np.array([rows.get(i, (math.nan, 0))[0] for i in indices])
            break
    return found


def _gain_rows(path: Path) -> Iterator[tuple[str, ...]]:
    wanted = {(part.oracle, name) for part in load_plan("new_tables").experiment
              for name in part.datasets}  # fmt: skip
    with Store(path) as store:
        groups = groups_of(store)
    for setting, members in groupby(groups, key=lambda group: group.setting):
        by_method = {group.method: group for group in members if group.seeds.size >= SEEDS}
        if (setting.oracle, setting.dataset) not in wanted or set(METHODS) - set(by_method):
            continue
        _, target = target_of(setting)
        axis: Axis = "queries" if setting.budget.queries else "clock_s"
        budget = float(setting.budget.queries or setting.budget.seconds or 0)
        best = best_of(list(by_method.values()))
        scale = 100 if target.unit == "fraction" else 1
        sign = 1 if target.higher_is_better else -1
        for method in METHODS:
            group = by_method[method].only(range(SEEDS))
            values = curves_at(group, budget * np.array(SHARES), axis)
            shown = values if best is None else sign * (best - values)
            yield (
                setting.oracle,
                setting.dataset,
                budget_words(setting.budget),
                method.replace("_", " "),
                *(_mean(scale * c, "=" if best is None else "", scale) for c in shown.T),
            )


def _mean(values: NDArray[np.float64], mark: str, scale: int) -> str:
    if np.isnan(values).any():
        return "–"
    found = mean_interval(values)
    low, high = found.low, found.high
    digits = 2 if scale == 100 else 3
    return f"{mark}{values.mean():.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"


def _tau(scores: NDArray[np.float64], values: NDArray[np.float64]) -> str:
    return _short(kendalltau(scores, values).statistic)


def _short(value: float) -> str:
    return "–" if math.isnan(value) else f"{round(value, 3) + 0.0:.3f}".replace("0.", ".", 1)


def _markdown(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


if __name__ == "__main__":
    main()
