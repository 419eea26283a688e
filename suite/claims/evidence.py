"""What a results store holds for claims."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field

from nasrepro.suite.claims.margins import REPLICATES
from nasrepro.suite.claims.needs import Measured, Need, Ranked, Searched, frozen
from nasrepro.suite.errors import DataMissing, NotTabulated, UnknownName
from nasrepro.suite.experiments.columns import Family
from nasrepro.suite.experiments.identity import scorers_of
from nasrepro.suite.experiments.kinds.ranking import RankRecord
from nasrepro.suite.experiments.kinds.search import RunKey
from nasrepro.suite.experiments.kinds.study import StudyRecord
from nasrepro.suite.experiments.store import Store
from nasrepro.suite.registry import (
    load_devices,
    load_oracle,
    methods,
    oracles,
    scorers,
    studies,
)

#: Networks whose scores make a sample worth a ranking: of so many a rank correlation has a 95 %
#: interval of about +-.08.
SAMPLE = REPLICATES["ranking"].least
#: By seed: the id of the run, and its figure in the unit of the published ones (percent for
#: accuracies).
Figures = dict[int, tuple[str, float]]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a store holds for some claims.

    Only results of the sources and of the tables that are here now.

    Attributes:
        runs: figures of searches, by the key of what was searched.
        rankings: by the key of what was ranked.
        studies: by the key of what was measured, then by seed.
        stale: of all three, by the same keys: how many results are of another source, or of another
            version of a table.
        subjects: methods, scorers and studies that there are results of; None: not said. To ask for
            a key imports the subject's file, and what that imports: torch, of some.
    """

    runs: Mapping[Hashable, Figures] = field(default_factory=dict)
    rankings: Mapping[Hashable, RankRecord] = field(default_factory=dict)
    studies: Mapping[Hashable, Mapping[int, StudyRecord]] = field(default_factory=dict)
    stale: Mapping[Hashable, Counter[str]] = field(default_factory=dict)
    subjects: frozenset[str] | None = None

    def searched(self, need: Searched) -> Figures:
        """What the runs of a search gave, by seed."""
        return self.runs.get(need.key, {}) if self._has(need) else {}

    def ranked(self, need: Ranked) -> RankRecord | None:
        """A ranking, or None."""
        return self.rankings.get(need.key) if self._has(need) else None

    def measured(self, need: Measured) -> Mapping[int, StudyRecord]:
        """The measurements of a study, by seed."""
        return self.studies.get(need.key, {}) if self._has(need) else {}

    def _has(self, need: Need) -> bool:
        return self.subjects is None or need.subject in self.subjects

    def passed_over(self, need: Need) -> str:
        """What does not count, as the end of a sentence: results of other sources and tables."""
        counts = sorted(self.stale.get(need.key, {}).items()) if self._has(need) else []
        words = " and ".join(f"{count:,} of another {what}" for what, count in counts)
        return f" (ignored: {words} than installed here)" if words else ""


def gather(store: Store, needs: Iterable[Need]) -> Evidence:
    """Read what a store holds of what is needed, in one pass. Of a table just its hash is read.

    Raises:
        UnknownName: an oracle, data set, metric or parameter does not exist. (A method, scorer or
            study that does not exist has no results.)
    """
    families, ranked, measured = store.families(), [*store.rankings()], [*store.studies()]
    subjects = frozenset(
        [family.key.method for family in families]
        + [each.key.scorer for each in ranked]
        + [each.key.study for each in measured]
    )
    named = [need for need in needs if not need.absent]
    for need in named:
        if isinstance(need, Searched):
            need.check()  # here, not where runs are found: a misspelt metric has none
    present = [need for need in named if need.subject in subjects]
    tables = _Tables()
    stale: dict[Hashable, Counter[str]] = defaultdict(Counter)
    return Evidence(
        _runs(families, [need for need in present if isinstance(need, Searched)], tables, stale),
        _rankings(ranked, [need for need in present if isinstance(need, Ranked)], tables, stale),
        _studies(measured, [need for need in present if isinstance(need, Measured)], tables, stale),
        stale,
        subjects,
    )


def _runs(
    families: Iterable[Family[RunKey]],
    needs: list[Searched],
    tables: _Tables,
    stale: dict[Hashable, Counter[str]],
) -> dict[Hashable, Figures]:
    by_search: dict[Hashable, dict[Hashable, Searched]] = defaultdict(dict)
    for need in needs:  # several claims may rest on the same one
        by_search[need.search][need.key] = need
    figures: dict[Hashable, Figures] = defaultdict(dict)
    searched = [
        (family, finished)
        for family in families
        if _search_of(family.key) in by_search and (finished := family.finished)
    ]
    # what counts where a table is not here, or a seed was run twice, goes by the order of the ids
    for family, rows in sorted(searched, key=lambda each: min(row.id for row in each[1])):
        run = family.key
        other = _other(
            methods.get(run.method).source_sha256 == run.method_sha256
            and scorers_of(run.params) == run.scorers,
            tables.are({run.oracle: run.table_sha256, **run.device_tables}),
        )
        reported = family.reported(rows)
        for key, need in by_search[_search_of(run)].items():
            values = reported.get((need.dataset, need.metric))
            if values is None:
                continue
            if other:
                stale[key][other] += len(rows)
                continue
            scale = scale_of(need.oracle, need.metric, need.dataset)
            for row, value in zip(rows, values.tolist(), strict=True):
                if figures[key].get(row.seed, ("",))[0] < row.id:
                    figures[key][row.seed] = row.id, value * scale
    return figures


def _search_of(key: RunKey) -> Hashable:
    """As `Searched.search`."""
    protocol = key.protocol
    lengths = protocol.search_epochs, protocol.report_epochs, protocol.search_seed
    return key.oracle, key.dataset, key.method, frozen(key.params), lengths, key.budget


def _rankings(
    records: Iterable[RankRecord],
    needs: list[Ranked],
    tables: _Tables,
    stale: dict[Hashable, Counter[str]],
) -> dict[Hashable, RankRecord]:
    keys = {need.key for need in needs}
    rankings: dict[Hashable, RankRecord] = {}
    for record in records:
        key = record.key
        setting = frozen(key.setting)
        named = key.scorer, key.oracle, key.dataset, key.epochs, key.metric, setting
        if named not in keys or record.status != "done":
            continue
        if 0 < key.sample < min(SAMPLE, oracles.get(key.oracle).info.space.count):
            continue
        other = _other(
            scorers.get(key.scorer).source_sha256 == key.scorer_sha256,
            tables.are({key.oracle: key.table_sha256}),
        )
        if other:
            stale[named][other] += 1
        elif named not in rankings or key.sample > rankings[named].key.sample:
            rankings[named] = record  # of several samples the largest
    return rankings


def _studies(
    records: Iterable[StudyRecord],
    needs: list[Measured],
    tables: _Tables,
    stale: dict[Hashable, Counter[str]],
) -> dict[Hashable, dict[int, StudyRecord]]:
    keys = {need.key for need in needs}
    by_key: dict[Hashable, dict[int, StudyRecord]] = defaultdict(dict)
    for record in records:
        named = record.key.study, frozen(record.key.params)
        if record.status != "done" or named not in keys:
            continue
        other = _other(
            studies.get(record.key.study).source_sha256 == record.key.study_sha256,
            tables.are(record.key.tables),
        )
        if other:
            stale[named][other] += 1
        else:
            by_key[named][record.key.seed] = record
    return by_key


def _other(source: bool, tables: bool) -> str:
    """In what a result differs from what is here now; "" where it does not."""
    return "" if source and tables else "version of the table" if source else "source"


@dataclass(slots=True)
class _Tables:
    """Hashes of the tables that are here.

    Each table is opened once, and only where a stored result is of it.

    Where a table is not here there is nothing to compare with; of its versions the first one in the
    store counts, never a mixture.
    """

    hashes: dict[str, str] = field(default_factory=dict)

    def are(self, named: Mapping[str, str]) -> bool:
        """Whether tables, by their names, have these hashes."""
        for name, sha256 in named.items():
            if name not in self.hashes:
                self.hashes[name] = installed_table(name) or sha256
        return all(self.hashes[name] == sha256 for name, sha256 in named.items())


def installed_table(name: str) -> str:
    """Hash of the table of an oracle, or of devices, that is here; "" where none is."""
    try:
        if oracles.has(name):
            return load_oracle(name).table_sha256
        return load_devices(name).table.sha256
    except (DataMissing, UnknownName):
        return ""


def tabulated(oracle: str) -> int:
    """How many architectures an oracle's rankings can be over, in all.

    The rows of its table (digits201 has one for functionally equal cells); but the whole space
    where the table is a part of a published one (nasbench101_slice), is not here, or does not
    exist.
    """
    space = oracles.get(oracle).info.space
    try:
        opened = load_oracle(oracle)
        return len(opened.archs()) if opened.space is space else space.count
    except (DataMissing, NotTabulated):  # its table is not here; or it trains what it is asked for
        return space.count


def scale_of(oracle: str, metric: str, dataset: str) -> float:
    """100 for what is a fraction here and percent in the papers, else 1."""
    info = oracles.get(oracle).info
    measured = info.target_of(dataset) if metric == "regret" else info.metric(metric)
    return 100.0 if measured.unit == "fraction" else 1.0
