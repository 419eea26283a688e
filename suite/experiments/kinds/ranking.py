"""Rankings of a table by a scorer: what determines one, how it is executed, what it gives.

Longer than other files because all of one kind of experiment stands in one.
"""

from __future__ import annotations

import json
import math
import time
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, TypeAdapter

from nasrepro.suite.data import Progress, stable_hash
from nasrepro.suite.errors import NotTabulated, ScoresMissing, UnknownName
from nasrepro.suite.experiments.contained import contained
from nasrepro.suite.experiments.identity import ENGINE, Foreign, environment, installed, unknown
from nasrepro.suite.experiments.kind import (
    TIMEOUT_S,
    Kind,
    OpenCell,
    Part,
    Positive,
    Seconds,
    fields_of,
    readable,
    register,
)
from nasrepro.suite.oracle import MEAN, RANDOM, Oracle
from nasrepro.suite.registry import Method, Scorer, images_called, load_oracle, scorers
from nasrepro.suite.scoring import (
    ScoreTable,
    ScoringSetting,
    dataset_of,
    inputs_of,
    missing_scores,
    sample,
    scored,
)
from nasrepro.suite.scoring import score as score_networks
from nasrepro.suite.statistics import RankAgreement, rank_agreement


class Ranking(Part):
    """Scorers x data sets against a metric of one oracle's table.

    `setting` and `sample` are for scorers that need networks: see
    `nasrepro.suite.scoring.ScoringSetting`, and how many architectures of a random order are ranked
    (what is not scored yet is scored then); those that are scored already if not given.
    """

    oracle: str
    scorers: tuple[str, ...] = Field(min_length=1)
    datasets: tuple[str, ...] = Field(min_length=1)
    epochs: Positive
    metric: str = ""
    resamples: Positive = 1000
    setting: ScoringSetting = ScoringSetting()
    sample: Positive | None = None
    timeout: Seconds = TIMEOUT_S

    @property
    def subject(self) -> str:
        """The oracle."""
        return self.oracle


@dataclass(frozen=True, slots=True)
class RankKey:
    """Everything that determines a ranking: a scorer against a metric of a table.

    Of a scorer that needs networks: `setting` has what differs from the defaults of
    `nasrepro.suite.scoring.ScoringSetting`, and `sample` is how many architectures of a fixed
    random order are ranked. Else both are empty, and all are ranked.
    """

    scorer: str
    scorer_sha256: str
    oracle: str
    table_sha256: str
    dataset: str
    epochs: int
    metric: str
    resamples: int
    seed: int
    setting: Mapping[str, Any] = field(default_factory=dict)
    sample: int = 0

    @property
    def run_id(self) -> str:
        """Hash of the key and of the engine's version."""
        key = asdict(self)
        if not self.sample:
            del key["setting"], key["sample"]
        return stable_hash({"engine": ENGINE, "rank": True, **key})

    @property
    def subject(self) -> str:
        """The scorer."""
        return self.scorer

    def cell(self) -> RankCell:
        """The ranking of this key by what is installed."""
        return RankCell(self)


@dataclass(frozen=True, slots=True)
class Scatter:
    """Scores beside values, of architectures drawn at random from those that were ranked.

    Kept beside a ranking's record, for figures.

    Attributes:
        rows: of the oracle's architectures, ascending.
        scores: None stands for a score that is not finite.
        values: of the metric.
    """

    rows: tuple[int, ...]
    scores: tuple[float | None, ...]
    values: tuple[float, ...]

    def to_bytes(self) -> bytes:
        """Compressed JSON."""
        return zlib.compress(json.dumps(asdict(self)).encode())

    @classmethod
    def from_bytes(cls, packed: bytes) -> Scatter:
        """Inverse of `to_bytes`; DataCorrupt where it is none."""
        with readable("scatter"):
            raw = json.loads(zlib.decompress(packed))
            return cls(**{name: tuple(values) for name, values in raw.items()})


_AGREEMENT = TypeAdapter(RankAgreement)
#: What every agreement has, and what stands for the rest of it: an older record may lack that.
_NEEDED = ("n", "kendall", "status")
_ABSENT: Mapping[str, Any] = {
    each.name: (math.nan, math.nan) if each.name.endswith("_ci") else 0
    for each in fields(RankAgreement)
    if each.name not in _NEEDED
}


@dataclass(frozen=True, slots=True)
class RankRecord:
    """What a ranking gave.

    Attributes:
        key: what determined it.
        status: `done` or `failed`.
        agreement: fields of `nasrepro.suite.statistics.RankAgreement`.
        best_arch: official string of the best-scored architecture (the first of the table, where
            several tie); "" for scores without an order.
        best_value: its metric, the mean over all that tie at the top; None for scores without an
            order.
        best_tied: how many tie at the top.
        scoring_s: CPU seconds spent scoring, those of stored scores included.
        inputs: what networks were scored with, in words.
        error: traceback of a failure.
        environment: versions and machine.
    """

    key: RankKey
    status: Literal["done", "failed"]
    agreement: Mapping[str, Any] = field(default_factory=dict)
    best_arch: str = ""
    best_value: float | None = None
    best_tied: int = 1
    scoring_s: float = 0.0
    inputs: str = ""
    error: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> str:
        """One JSON object; NaN stands where a correlation does not exist."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> RankRecord:
        """Inverse of `to_json`."""
        raw = fields_of(cls, text)
        agreement: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in raw.pop("agreement").items()
        }
        if raw["status"] == "done":
            _AGREEMENT.validate_python({**_ABSENT, **agreement})
            if any(abs(agreement.get(name, 0.0)) > 1 for name in ("kendall", "spearman")):
                raise ValueError("a correlation outside [-1, 1]")
        return cls(key=RankKey(**raw.pop("key")), agreement=agreement, **raw)


@dataclass(frozen=True, slots=True)
class RankCell(OpenCell):
    """One ranking of a whole table by one scorer."""

    key: RankKey
    timeout_s: float = TIMEOUT_S
    engine: int = ENGINE

    @property
    def label(self) -> str:
        """For progress lines and messages."""
        return f"ranking by {self.key.scorer} on {self.key.oracle}/{self.key.dataset}"

    def perform(self) -> tuple[str, bytes]:
        """Score and rank: the record as JSON, and what is kept beside it.

        Raises:
            Foreign: this process has another engine, source or table.
        """
        setting = _opened_here(self)
        with contained(self.key.run_id):
            record, scatter = setting.rank()
        return record.to_json(), scatter.to_bytes()

    def conclude(self, text: str, packed: bytes) -> tuple[RankRecord, bytes]:
        """The record, and what is kept beside it."""
        return RankRecord.from_json(text), packed

    def failed(self, error: str, environment: Mapping[str, str]) -> RankRecord:
        """A failed record with that traceback."""
        return RankRecord(self.key, "failed", error=error, environment=environment)


def rank_cells(ranking: Ranking, extra: Sequence[Method]) -> Iterator[RankCell]:
    """The rankings that a part of a plan asks for; `extra` methods are none of its business."""
    oracle = load_oracle(ranking.oracle)
    for dataset in ranking.datasets:
        for name in ranking.scorers:
            key = rank_key(
                oracle,
                name,
                dataset,
                ranking.epochs,
                metric=ranking.metric,
                resamples=ranking.resamples,
            )
            key = of_networks(key, oracle, ranking.setting, ranking.sample, limit_s=UNASKED_S)
            yield RankCell(key, ranking.timeout)


#: CPU seconds of scoring that a ranking of a plan starts without being asked.
UNASKED_S = 60.0


def of_networks(
    key: RankKey,
    oracle: Oracle,
    setting: ScoringSetting,
    size: int | None = None,
    *,
    limit_s: float = math.inf,
) -> RankKey:
    """The key with how networks are scored and how many are ranked, where its scorer needs them.

    Args:
        key: the ranking.
        oracle: whose networks.
        setting: how they are scored.
        size: how many are ranked; as many as are scored by now if not given.
        limit_s: CPU seconds of scoring that the ranking may start.

    Raises:
        ScoresMissing: `size` is not given and nothing is scored, or scoring takes longer.
    """
    of_network = [part for part in parts_of(scorers.get(key.scorer)) if part.needs_network]
    if not of_network:
        return key
    if size is None:
        size = min(_scored_so_far(oracle, part, setting) for part in of_network)
    elif limit_s < math.inf:
        for part in of_network:
            missing, price_s = missing_scores(oracle, part, setting, size)
            if price_s > limit_s:
                raise ScoresMissing(
                    f"{missing:,} networks of {key.oracle} are not scored by {part.name}, which "
                    f"takes about {price_s / 60:,.0f} CPU minutes: "
                    f"nasrepro score {key.oracle} --scorer {part.name} --sample {size}"
                )
    return replace(key, setting=setting.changed, sample=min(size, len(oracle.archs())))


def parts_of(scorer: Scorer) -> list[Scorer]:
    """The scorers that one combines; of another, itself."""
    return [scorers.get(name) for name in scorer.combines] or [scorer]


def _scored_so_far(oracle: Oracle, scorer: Scorer, setting: ScoringSetting) -> int:
    """How many networks of the fixed order are scored; raises ScoresMissing for none."""
    inputs = inputs_of(oracle.space, dataset_of(oracle, setting), setting)
    table = ScoreTable.load(inputs, scorer)
    size = len(scored(oracle, table, scorer.name)[0]) if table.of(scorer) else 0
    if not size:
        stale = len(table.rows.get(scorer.name, {}))
        raise ScoresMissing(
            f"no networks of {oracle.name} are scored by {scorer.name} with {inputs}"
            f"{f' ({stale:,} with another version of it)' if stale else ''}; "
            + _unknown_images(setting.data)
            + f"score some: nasrepro score {oracle.name} --scorer {scorer.name}{setting.options} "
            "--sample 1000"
        )
    return size


def _unknown_images(data: str) -> str:
    """That no set of images has that name, and the nearest one; "" where one has."""
    if data in ("", RANDOM):
        return ""
    try:
        images_called(data)
    except UnknownName as error:
        return f"{error}; "
    return ""


def rank_key(
    oracle: Oracle,
    scorer: str,
    dataset: str,
    epochs: int,
    *,
    metric: str = "",
    resamples: int = 1000,
    seed: int = 0,
) -> RankKey:
    """The key of a ranking with names checked and `metric` defaulting to the oracle's target.

    See `of_networks`, too.
    """
    info = oracle.info
    found = info.dataset(dataset).name
    wanted = info.metric(metric or info.target_of(found).name).name
    oracle.reader(found, epochs, MEAN)  # checks the epochs
    entry = scorers.get(scorer)
    return RankKey(
        entry.name,
        entry.source_sha256,
        info.name,
        oracle.table_sha256,
        found,
        epochs,
        wanted,
        resamples,
        seed,
    )


#: Architectures of a ranking whose scores are kept for a figure; more would not be told apart in
#: it.
SCATTERED = 2000


@dataclass(frozen=True)
class RankingSetting:
    """A ranking's key with what it names, opened once.

    Attributes:
        key: what determines the ranking.
        oracle: whose architectures are ranked.
        scorer: what ranks them; None for scores that others computed.
    """

    key: RankKey
    oracle: Oracle
    scorer: Scorer | None

    @classmethod
    def opened(cls, key: RankKey) -> RankingSetting:
        """Open what a key names; raises UnknownName, DataMissing."""
        return cls(key, load_oracle(key.oracle), scorers.get(key.scorer))

    def rank(
        self,
        within: Sequence[int] | None = None,
        progress: Progress = lambda done, total, label: None,
    ) -> tuple[RankRecord, Scatter]:
        """Score the key's sample, or those of the rows `within`, and compare with the metric.

        Networks that are scored already are not scored again; `progress` is called after each other
        one.

        Returns:
            The record, and up to `SCATTERED` of the scores with their values.
        """
        rows, values, scores, scoring_s, inputs = self.scored(within, progress)
        record = replace(self.record(rows, values, scores, scoring_s), inputs=inputs)
        order = np.random.default_rng(self.key.seed).permutation(rows.size)
        drawn = np.sort(order[:SCATTERED])
        shown = (score if math.isfinite(score) else None for score in scores[drawn].tolist())
        return record, Scatter(
            tuple(rows[drawn].tolist()), tuple(shown), tuple(values[drawn].tolist())
        )

    def scored(
        self,
        within: Sequence[int] | NDArray[np.intp] | None = None,
        progress: Progress = lambda done, total, label: None,
    ) -> tuple[NDArray[np.intp], NDArray[np.float64], NDArray[np.float64], float, str]:
        """What is ranked: rows of the table, values of the metric and scores, shape (n,) each.

        And the CPU seconds of scoring, and what networks were scored with.
        """
        assert self.scorer is not None
        if self.scorer.combines:
            return self._combined(within, progress)
        if not self.scorer.needs_network:
            rows, values = self.targets(within)
            return rows, values, *self._computed(rows), ""
        known, known_scores, seconds, inputs = self._scored_networks(progress)
        rows, values = self.targets(known if within is None else np.intersect1d(known, within))
        scores = known_scores[np.searchsorted(known, rows)]
        return rows, values, scores, float(seconds.sum()), inputs

    def _combined(
        self, within: Sequence[int] | NDArray[np.intp] | None, progress: Progress
    ) -> tuple[NDArray[np.intp], NDArray[np.float64], NDArray[np.float64], float, str]:
        """As `scored`, of a scorer that combines others: over what all of them have scored."""
        assert self.scorer is not None
        parts = parts_of(self.scorer)
        given = [
            replace(self, key=replace(self.key, scorer=part.name), scorer=part).scored(
                within, progress
            )
            for part in parts
        ]
        rows = given[0][0]
        for other, *_ in given[1:]:
            rows = np.intersect1d(rows, other)
        scores = {
            part.name: found[np.searchsorted(places, rows)]
            for part, (places, _, found, *_) in zip(parts, given, strict=True)
        }
        rows, values = self.targets(rows)
        seconds = sum(each[3] for each in given)
        inputs = next((each[4] for each in given if each[4]), "")
        return rows, values, np.asarray(self.scorer.score(scores), np.float64), seconds, inputs

    def targets(
        self, within: Sequence[int] | NDArray[np.intp] | None = None
    ) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
        """Rows of the table, all or of those `within`, that have the metric, and its values.

        Shape (n,) both.
        """
        key = self.key
        values = self.oracle.query_many(dataset=key.dataset, epochs=key.epochs).get(key.metric)
        if values is None or np.isnan(values).all():
            raise NotTabulated(
                f"{key.oracle} has no {key.metric} for {key.dataset} at {key.epochs} epochs"
            )
        rows = np.flatnonzero(~np.isnan(values))
        if within is not None:
            rows = np.intersect1d(rows, within)
        return rows, values[rows]

    def record(
        self,
        rows: NDArray[np.intp],
        values: NDArray[np.float64],
        scores: NDArray[np.float64],
        scoring_s: float,
    ) -> RankRecord:
        """The record of scores, shape (n,), for what `targets` gave."""
        key, oracle = self.key, self.oracle
        sign = 1 if oracle.info.metric(key.metric).higher_is_better else -1
        order = np.where(np.isfinite(scores), scores, -np.inf)
        top = np.flatnonzero(order == order.max())
        ordered = top.size < order.size
        return RankRecord(
            key,
            "done",
            agreement=asdict(
                rank_agreement(scores, sign * values, resamples=key.resamples, seed=key.seed)
            ),
            best_arch=oracle.space.format(oracle.archs()[rows[top[0]]]) if ordered else "",
            best_value=float(values[top].mean()) if ordered else None,
            best_tied=top.size,
            scoring_s=scoring_s,
            environment=environment(),
        )

    def _computed(self, rows: NDArray[np.intp]) -> tuple[NDArray[np.float64], float]:
        """Scores that need no network, shape (n,), and the CPU seconds that they took."""
        assert self.scorer is not None
        oracle, dataset = self.oracle, self.oracle.info.dataset(self.key.dataset)
        archs = [oracle.archs()[row] for row in rows.tolist()]
        started = time.process_time()
        scores = [self.scorer.score(oracle.space, arch, dataset) for arch in archs]
        return np.array(scores, dtype=np.float64), time.process_time() - started

    def _scored_networks(
        self, progress: Progress
    ) -> tuple[NDArray[np.intp], NDArray[np.float64], NDArray[np.float64], str]:
        """Rows of the sample, their scores and CPU seconds, (n,) each, and what scored them."""
        assert self.scorer is not None
        key, oracle = self.key, self.oracle
        archs = [oracle.archs()[row] for row in sample(oracle, key.sample)]
        table = score_networks(
            oracle, [self.scorer], archs, ScoringSetting(**key.setting), progress=progress
        )
        distinct = len({table.inputs.scored_as(oracle.space, arch) for arch in archs})
        return (
            *scored(oracle, table, key.scorer, key.sample),
            f"{distinct:,} distinct architectures with {table.inputs}",
        )


def _opened_here(cell: RankCell) -> RankingSetting:
    """The setting of a cell, if what it names is what the cell was made with."""
    key = cell.key
    with installed(cell.engine):
        setting = RankingSetting.opened(key)
    if setting.scorer is not None and setting.scorer.source_sha256 != key.scorer_sha256:
        raise Foreign(f"another source of scorer {key.scorer}")
    if setting.oracle.table_sha256 != key.table_sha256:
        raise Foreign(f"another version of the table of {key.oracle}")
    return setting


def _rows(record: RankRecord) -> Iterator[dict[str, Any]]:
    key = record.key
    ranking = {
        "scorer": key.scorer,
        "oracle": key.oracle,
        "dataset": key.dataset,
        "epochs": key.epochs,
        "metric": key.metric,
        "setting": json.dumps(dict(key.setting), sort_keys=True),
        "sample": key.sample,
        "status": record.status,
        "best_arch": record.best_arch,
        "best_value": record.best_value,
        "best_tied": record.best_tied,
        "scoring_s": record.scoring_s,
    }
    for name, value in record.agreement.items():
        if isinstance(value, tuple):
            ranking[f"{name}_low"], ranking[f"{name}_high"] = value
        elif name != "status":
            ranking[name] = value
    yield ranking


register(
    Kind(
        "rank",
        "ranking",
        Ranking,
        RankRecord,
        rank_cells,
        lambda key: {key["oracle"]: key["table_sha256"]},
        lambda key: unknown(key.oracle, key.dataset, metric=key.metric),
        measured=("scoring_s",),
        answer=("agreement", "best_arch", "best_value", "best_tied"),
        frame="rankings",
        rows=_rows,
    )
)
