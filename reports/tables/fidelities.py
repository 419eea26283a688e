"""Methods that choose training lengths beside random search, which trains for the longest alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from nasrepro.reports.anytime import BASELINE, curves_at, target_of
from nasrepro.reports.document import (
    DASH,
    Column,
    Filled,
    Raw,
    TableDoc,
    interval_column,
    interval_decimals,
    number_column,
    text_column,
    transposed,
)
from nasrepro.reports.groups import Group, Setting, Values
from nasrepro.reports.overall import overall
from nasrepro.reports.summary import (
    INTERVAL,
    Estimate,
    Overview,
    Results,
    estimate,
    interval_header,
    paired,
)
from nasrepro.reports.tables.overall import overall_table
from nasrepro.reports.words import budget_words, is_multi_fidelity, labels, scale_of
from nasrepro.suite.experiments.kinds.study import StudyRecord
from nasrepro.suite.statistics import holm, mean_band, paired_test

ORDER = 62

STUDY = "fidelity.rank"
#: Shares of the budget after which searches are compared, and the one that is shown in full.
MOMENTS = np.geomspace(0.01, 1.0, 41)
EARLY = 20
#: Level of the tests of one table together.
LEVEL = 0.05
#: Shares of the longest training whose agreement with it is told.
SHARES = (1 / 27, 1 / 9, 1 / 3)


@dataclass(frozen=True)
class _Row:
    """One method in one setting, less random search at the same seeds.

    Attributes:
        ranks: rows of the study for this oracle and data set, by training length; empty if unknown.
        early: difference of regret after a tenth of the budget.
        behind: shares of the budget after which the regret is the larger one.
        end: difference of regret of what is returned.
        p_value: of no difference at the end.
    """

    group: Group
    label: str
    ranks: dict[int, dict[str, float]]
    early: Estimate
    behind: Values
    end: Estimate
    p_value: float


def tables(results: Results) -> Iterator[TableDoc]:
    """One row for each multi-fidelity method and budget of seconds; nothing without any.

    Then the ranks of all methods over these tasks, where those over all tasks are others.
    """
    rows = [
        row for setting, groups in results.by_setting for row in _rows(setting, groups, results)
    ]
    if rows:
        yield _table(rows)
        settings = {row.group.setting for row in rows}
        found = overall([pair for pair in results.by_setting if pair[0] in settings], results.seed)
        known = () if results.overview is None else results.overview.overall.settings
        if found is not None and set(found.settings) != set(known):
            title = "Tasks at equal simulated seconds"
            yield overall_table(Overview(found), "overall-multi-fidelity", title)


def _rows(setting: Setting, groups: Sequence[Group], results: Results) -> Iterator[_Row]:
    base = next((group for group in groups if group.method == BASELINE), None)
    ranks = _ranks(results.studies, setting)
    whole = not ranks or max(ranks) == setting.protocol.search_epochs
    if base is None or setting.budget.seconds is None or not whole:
        return
    place = target_of(setting)[0], target_of(setting)[1].name
    for name, group in zip(labels(groups), groups, strict=True):
        ours, theirs = paired(group, base, place)
        if is_multi_fidelity(group.method) and ours.size:
            sign = -1 if target_of(setting)[1].higher_is_better else 1
            gaps = sign * _gaps(group, base, MOMENTS * setting.budget.seconds)
            yield _Row(
                group,
                name,
                ranks,
                estimate(gaps[:, EARLY], results.seed),
                MOMENTS[mean_band(gaps, seed=results.seed)[1] > 0],
                estimate(sign * (ours - theirs), results.seed),
                paired_test(ours, theirs, seed=results.seed).p_value,
            )


def _ranks(studies: Sequence[StudyRecord], setting: Setting) -> dict[int, dict[str, float]]:
    """The measured rank agreements of the setting's oracle and data set, by training length."""
    for record in studies:
        params = record.key.params
        if (
            record.key.study == STUDY
            and record.status == "done"
            and (params["oracle"], params["dataset"]) == (setting.oracle, setting.dataset)
            and record.key.tables.get(setting.oracle) == setting.table_sha256
        ):
            return {row["epochs"]: dict(row) for row in record.rows}
    return {}


def _gaps(group: Group, base: Group, moments: Values) -> Values:
    """Targets held at `moments` (m,) less the other's, at the n seeds that both have: (n, m)."""
    _, ours, theirs = np.intersect1d(group.seeds, base.seeds, return_indices=True)
    first, second = curves_at(group, moments, "clock_s"), curves_at(base, moments, "clock_s")
    gaps: Values = first[ours] - second[theirs]
    return gaps


def _table(rows: Sequence[_Row]) -> TableDoc:
    adjusted = holm([row.p_value for row in rows])
    words = [_word(row, p_value) for row, p_value in zip(rows, adjusted.tolist(), strict=True)]
    filled: list[Filled] = [
        text_column(
            Column("task", "Task", ("oracle", "dataset", "budget"), "left", 0, 0),
            [_task(row.group.setting) for row in rows],
            [_raw(row.group.setting) for row in rows],
        ),
        text_column(
            Column("method", "Method", ("method", "label"), "left", 0, 0),
            [row.label for row in rows],
            [(row.group.method, row.label) for row in rows],
        ),
        number_column(
            Column("seeds", "Seeds", ("seeds",), terminal=5), [row.end.n for row in rows], 0
        ),
        *_difference(
            "early", f"After\n{100 * MOMENTS[EARLY]:g} %", rows, [row.early for row in rows], 3
        ),
        text_column(
            Column("behind", "Behind after\n(% of budget)", ("behind_after_percent",), "left", 4),
            [_span(row.behind) for row in rows],
        ),
        *_difference("end", "At the\nend", rows, [row.end for row in rows], 1),
        text_column(
            Column("verdict", "Than random\nsearch", ("than_random_search",), "left", 2), words
        ),
        _agreement("kendall", "τ-b of\na third", rows, 4),
        _agreement("top_kendall", "τ-b, best\ntenth", rows, 4),
    ]
    return TableDoc(
        "multi-fidelity",
        "Multi-fidelity methods beside random search, at equal simulated seconds",
        "Regret of each method minus that of random search, which uses only the longest training, "
        "at shared seeds, after a tenth of the budget and at its end; below 0 the method is "
        "better. Differences of accuracies are in points, others in the target's unit. "
        f"{_summary(rows, words)}",
        *transposed(filled),
        legend=(
            f"In brackets the {INTERVAL}. Behind after: of {MOMENTS.size} moments between 1 and "
            "100 % of the budget, the first and the last at which the pointwise interval of the "
            "mean lies above 0. Worse, better: Wilcoxon's signed-rank test, "
            f"p < {LEVEL:g} after Holm's correction over the rows; –: no significant difference. "
            "τ-b of a third: Kendall's τ-b between the longest training and the longest one of at "
            "most a third of its epochs (study fidelity.rank), over all architectures and over "
            "the tenth that is best at the end, among which a search has to choose."
        ),
        footnotes=tuple(_why(rows)),
        part="searches",
    )


def _word(row: _Row, p_value: float) -> str:
    if p_value >= LEVEL or not row.end.mean:
        return DASH
    return "worse" if row.end.mean > 0 else "better"


def _span(shares: Values) -> str:
    """From the first share to the last, in percent; moments between may not be among them."""
    if not shares.size:
        return DASH
    ends = dict.fromkeys(f"{100 * share:.2g}" for share in (shares[0], shares[-1]))
    return " to ".join(ends)


def _task(setting: Setting) -> str:
    return f"{setting.oracle}, {setting.dataset} ({budget_words(setting.budget, unit='s')})"


def _raw(setting: Setting) -> tuple[Raw, ...]:
    return setting.oracle, setting.dataset, budget_words(setting.budget, unit="s")


def _difference(
    name: str, header: str, rows: Sequence[_Row], gaps: Sequence[Estimate], terminal: int
) -> list[Filled]:
    """Mean and interval of a difference, in points of an accuracy."""
    scales = [scale_of(target_of(row.group.setting)[1]) for row in rows]
    means = [
        None if gap.mean is None else scale * gap.mean
        for gap, scale in zip(gaps, scales, strict=True)
    ]
    ends = [
        tuple(None if end is None else scale * end for end in gap.ends)
        for gap, scale in zip(gaps, scales, strict=True)
    ]
    pairs = [(low, high) for low, high in ends]
    decimals = min(2, interval_decimals(pairs))
    interval = interval_header([gap.n for gap in gaps if gap.low is not None])
    return [
        number_column(
            Column(name, header, (f"regret_over_random_{name}",), terminal=terminal),
            means,
            decimals,
        ),
        interval_column(
            Column(f"{name}_interval", interval, (f"{name}_low", f"{name}_high"), terminal=6),
            pairs,
            decimals,
        ),
    ]


def _agreement(name: str, header: str, rows: Sequence[_Row], terminal: int) -> Filled:
    values = [
        row.ranks[third][name] if (third := _length(row.ranks, SHARES[-1])) else None
        for row in rows
    ]
    return number_column(Column(name, header, (name,), terminal=terminal), values, 2)


def _length(ranks: dict[int, dict[str, float]], share: float) -> int:
    """The longest training of at most this share of the longest; 0 if there is none."""
    return max((epochs for epochs in ranks if epochs <= share * max(ranks)), default=0)


def _summary(rows: Sequence[_Row], words: Sequence[str]) -> str:
    """Which methods are worse at the end, and where; which are not told apart; how many better."""
    told = []
    for word, text in (("worse", "Worse at the end"), (DASH, "No significant difference")):
        names = [
            f"{row.label} on {row.group.setting.oracle}"
            for row, verdict in zip(rows, words, strict=True)
            if verdict == word
        ]
        told.append(f"{text}: {', '.join(names) or 'none'}.")
    return f"{' '.join(told)} Better: {words.count('better')} of {len(rows)} rows."


def _why(rows: Sequence[_Row]) -> Iterator[str]:
    """For each task, how well short trainings rank, or that this was not measured."""
    settings = {row.group.setting: row.ranks for row in rows}
    for setting, ranks in settings.items():
        where = f"{setting.oracle}, {setting.dataset}"
        short = dict.fromkeys(_length(ranks, share) for share in SHARES)
        lengths = [epochs for epochs in short if epochs]
        if not lengths:
            yield f"{where}: how well its short trainings rank was not measured."
            continue
        whole, top = (
            ", ".join(f"{ranks[epochs][name]:.2f}" for epochs in lengths)
            for name in ("kendall", "top_kendall")
        )
        yield (
            f"{where}: Kendall's τ-b between trainings of {', '.join(map(str, lengths))} epochs "
            f"and those of {max(ranks)} is {whole}; among the best tenth {top}."
        )
