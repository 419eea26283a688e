"""Published rank correlations beside ours, cell by cell, from the judged claims of each paper."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby

from nasrepro.reports.document import (
    APART,
    DASH,
    RECALLED,
    Column,
    Filled,
    Raw,
    TableCell,
    TableDoc,
    aligned,
    slug,
    text_column,
    transposed,
)
from nasrepro.reports.summary import Results
from nasrepro.reports.tables.rankings import setting_words
from nasrepro.suite.claims import Claim, Ranking, Verdict, tabulated
from nasrepro.suite.registry import oracles, scorers

ORDER = 15

#: Rows of a scorer, in this order, and whether the figure is a correlation, which has an interval.
_COEFFICIENTS = {
    "kendall": ("Kendall τ-b", True),
    "spearman": ("Spearman ρ", True),
    "top_kendall": ("Kendall τ-b in the top 10 %", True),
    "precision_1": ("Precision at 1 %", False),
    "precision_10": ("Precision at 10 %", False),
    "best_value": ("Best found (%)", False),
}
_READ = {
    "paper": "read in the paper",
    "code": "read in the authors' code or its stored output",
    "secondary": "quoted from another paper",
    "recalled": "recalled (the text was not read)",
}
_LEGEND = (
    f"Δ: our figure minus the published one. {APART}: the published figure, give or take half a "
    "unit of its last digit, lies outside our 95 % interval, or differs from a figure without one. "
    "(The interval of a figure over all architectures covers only the effect of another draw of "
    "weights and images; there is none if nothing is drawn.) The sampling error of the published "
    "figure is unknown. Best found: the metric of the architecture with the highest score; it has "
    "no interval and therefore no mark. Networks are scored with random images where no set of "
    "images is named. Blocked: our figure cannot be computed here; not scored: these networks have "
    "no scores yet; the last column gives the reason. "
    f"{RECALLED}: the text behind the figure was not read."
)
#: Most decimals of our figures: no interval here supports more.
_MOST = 3


def tables(results: Results) -> list[TableDoc]:
    """A table for each paper and oracle with figures to compare."""
    return published_tables(results.verdicts)


def published_tables(verdicts: Iterable[Verdict]) -> list[TableDoc]:
    """A table for each paper and oracle: scorers down, data sets across.

    None for a file of claims without figures to compare.
    """
    rankings = [
        verdict
        for verdict in verdicts
        if isinstance(verdict.claim.how, Ranking) and not verdict.claim.how.over
    ]
    rankings.sort(key=lambda ranked: (ranked.claim.file, ranked.claim.paper, ranked.claim.id))
    docs = []
    for _, of_file in groupby(rankings, key=lambda ranked: ranked.claim.file):
        members = list(of_file)
        if all(each.ours is None for each in members):
            continue
        for _, of_paper in groupby(members, key=lambda each: each.claim.paper):
            paper = list(of_paper)
            names = dict.fromkeys(_oracle(each.claim) for each in paper)
            docs += [
                _table([each for each in paper if _oracle(each.claim) == name], paper)
                for name in names
            ]
    return docs


def _table(verdicts: Sequence[Verdict], paper: Sequence[Verdict]) -> TableDoc:
    """The table of one oracle, of `verdicts`; decimals are those of all its paper's figures."""
    first = verdicts[0].claim
    oracle, info = _oracle(first), oracles.get(_oracle(first)).info
    order = [dataset.name for dataset in info.datasets]
    datasets = sorted({_place(verdict.claim)[2] for verdict in verdicts}, key=order.index)
    rows: dict[tuple[str, str], dict[str, Verdict]] = {}
    for verdict in verdicts:
        coefficient, scorer, dataset = _place(verdict.claim)
        rows.setdefault((coefficient, scorer), {})[dataset] = verdict
    ranked = sorted(
        rows,
        key=lambda row: (list(_COEFFICIENTS).index(row[0]), -_mean(rows[row].values()), row[1]),
    )
    digits = {
        name: _digits(each.claim for each in paper if _place(each.claim)[0] == name)
        for name in _COEFFICIENTS
    }
    metrics = ", ".join(dict.fromkeys(_metric(verdict.claim) for verdict in verdicts))
    sources = " and ".join(
        _READ[source]
        for source in _READ
        if any(verdict.claim.source == source for verdict in verdicts)
    )
    where = ", ".join(dict.fromkeys(verdict.claim.where for verdict in verdicts))
    here, all_of = _count(verdicts, digits), _count(paper, digits)
    return TableDoc(
        slug("published", first.id.partition("-")[0], oracle),
        f"{oracle}: published beside ours, {first.title or first.paper}",
        f"Rank correlations on {oracle} from {first.paper} ({first.title}; {where}), "
        f"beside ours with {metrics}. The published figures were {sources}.",
        *transposed(_filled({row: rows[row] for row in ranked}, datasets, digits)),
        legend=_LEGEND,
        footnotes=(
            here
            if all_of == here
            else f"{here} In all tables of this paper: {all_of[0].lower()}{all_of[1:]}",
        ),
        notes=tuple(_readings(verdicts)),
        citations=(info.citation,),
        long=tuple(
            _long(verdict, digits)
            for verdict in sorted(verdicts, key=lambda each: ranked.index(_place(each.claim)[:2]))
        ),
    )


# -- columns
# -----------------------------------------------------------------------------------------------
def _filled(
    rows: Mapping[tuple[str, str], Mapping[str, Verdict]],
    datasets: Sequence[str],
    digits: Mapping[str, int],
) -> list[Filled]:
    """The columns of rows by coefficient and scorer: three a data set, between names and notes."""
    coefficients = [_COEFFICIENTS[coefficient][0] for coefficient, _ in rows]
    over = [" ".join(dict.fromkeys(map(_over, row.values()))) for row in rows.values()]
    decimals = [digits[coefficient] for coefficient, _ in rows]
    compared: list[Filled] = []
    for panel, dataset in enumerate(datasets, start=1):
        verdicts = [row.get(dataset) for row in rows.values()]
        compared += _columns(dataset, verdicts, decimals, panel, several=len(datasets) > 1)
    return [
        text_column(
            Column("coefficient", "Coefficient", ("coefficient",), "left", 0, 0), coefficients
        ),
        text_column(
            Column("scorer", "Scorer", ("scorer",), "left", 0, 0), [scorer for _, scorer in rows]
        ),
        *compared,
        text_column(
            Column(
                "over",
                "Architectures behind ours, or why it is missing",
                ("over",),
                "left",
                9,
                len(datasets) + 1,
            ),
            over,
        ),
    ]


def _columns(
    dataset: str,
    verdicts: Sequence[Verdict | None],
    digits: Sequence[int],
    panel: int,
    *,
    several: bool,
) -> list[Filled]:
    """Published, ours and their difference on one data set."""
    head = f"{dataset}\n" if several else ""
    stem = dataset.lower().replace("-", "_")
    parts = (
        ("published", f"{head}published", ("published",)),
        ("ours", f"{head}ours [95 %]", ("ours", "low", "high")),
        ("difference", "Δ", ("difference",)),
    )
    rows = [_cells(each, places) for each, places in zip(verdicts, digits, strict=True)]
    return [
        (
            Column(
                f"{stem}_{name}",
                header,
                tuple(f"{stem}_{part}" for part in data),
                terminal=3 * panel + place,
                panel=panel,
            ),
            [row[place] for row in rows],
        )
        for place, (name, header, data) in enumerate(parts)
    ]


def _cells(verdict: Verdict | None, digits: int) -> tuple[TableCell, TableCell, TableCell]:
    """Published, ours and their difference of one row; dashes where the paper has no figure."""
    if verdict is None:
        return (
            TableCell(DASH, (None,)),
            TableCell(DASH, (None, None, None)),
            TableCell(DASH, (None,)),
        )
    claim, places = verdict.claim, min(digits + 1, _MOST)
    spread = f" ± {claim.spread:.{digits}f}" if claim.spread is not None else ""
    published = _number(claim.value, digits) + spread
    difference = _difference(verdict)
    return (
        TableCell(published, (claim.value,), "" if claim.read else RECALLED),
        TableCell(_ours(verdict, places), (verdict.ours, verdict.low, verdict.high)),
        TableCell(
            _signed(difference, places), (difference,), APART if apart(verdict, digits) else ""
        ),
    )


def _ours(verdict: Verdict, places: int) -> str:
    if verdict.ours is None:
        return "blocked" if verdict.verdict == "blocked" else "not scored"
    text = _number(verdict.ours, places)
    if verdict.low is None or verdict.high is None:
        return text
    return f"{text} [{_number(verdict.low, places)}, {_number(verdict.high, places)}]"


def _number(value: float | None, places: int) -> str:
    return aligned([value], places)[0]


def _signed(value: float | None, places: int) -> str:
    return (
        DASH if value is None else f"{round(value, places) + 0.0:+.{places}f}".replace("-", "−")
    )  # no minus zero


# -- what is in a cell
# -------------------------------------------------------------------------------------
def apart(verdict: Verdict, digits: int) -> bool | None:
    """Whether the published value lies outside our interval.

    It is known to half a unit of its last of `digits` decimals.
    None where there is nothing to compare, or the figure has no interval.
    """
    claim = verdict.claim
    if verdict.ours is None or claim.value is None or not _COEFFICIENTS[_place(claim)[0]][1]:
        return None
    low, high = (
        (verdict.ours, verdict.ours)
        if verdict.low is None or verdict.high is None
        else (verdict.low, verdict.high)
    )
    half = 0.5 * 10**-digits + 1e-9
    return bool(claim.value + half < low or claim.value - half > high)


def _difference(verdict: Verdict) -> float | None:
    return (
        None
        if verdict.ours is None or verdict.claim.value is None
        else verdict.ours - verdict.claim.value
    )


def _over(verdict: Verdict) -> str:
    """How many architectures our figure is over, and their scoring; or why it is missing."""
    if verdict.ours is None:
        _, to_do, how = verdict.why.partition(
            "; score some networks"
        )  # short for a cell; the table of claims has the whole text
        why = f"score some networks{how}" if to_do else verdict.why
        return f"{why[:1].upper()}{why[1:].rstrip('.')}."
    ranked = _ranking(verdict.claim)
    whole = tabulated(ranked.oracle)
    count = f"all {whole:,}" if verdict.n >= whole else f"{verdict.n:,} of {whole:,}"
    how = (
        f", {setting_words(ranked.setting, network=True)}"
        if scorers.get(ranked.scorer).needs_network
        else ""
    )
    return f"{count}{how}{', without its sign' if ranked.absolute else ''}."


def _count(verdicts: Sequence[Verdict], digits: Mapping[str, int]) -> str:
    marks = [apart(verdict, digits[_place(verdict.claim)[0]]) for verdict in verdicts]
    compared = [mark for mark in marks if mark is not None]
    left = sum(verdict.ours is None for verdict in verdicts)
    if not compared and left == len(verdicts):
        return f"None of the {left:,} cells has a figure of ours."
    words = (
        f"In {compared.count(False):,} of {len(compared):,} cells with both figures, our interval "
        "contains the published one."
    )
    return (
        f"{words} {left:,} {'cell has' if left == 1 else 'cells have'} no figure of ours."
        if left
        else words
    )


def _long(verdict: Verdict, digits: Mapping[str, int]) -> dict[str, Raw]:
    claim = verdict.claim
    ranked = _ranking(claim)
    coefficient, scorer, dataset = _place(claim)
    mark = apart(verdict, digits[coefficient])
    return {
        "paper": claim.paper,
        "oracle": ranked.oracle,
        "dataset": dataset,
        "metric": _metric(claim),
        "epochs": ranked.epochs,
        "coefficient": coefficient,
        "scorer": scorer,
        "claim": claim.id,
        "where": claim.where,
        "source": claim.source,
        "read": "yes" if claim.read else "no",
        "published": claim.value,
        "published_spread": claim.spread,
        "ours": verdict.ours,
        "ours_low": verdict.low,
        "ours_high": verdict.high,
        "n": verdict.n or None,
        "difference": _difference(verdict),
        "differs_by_more_than_the_interval": None if mark is None else "yes" if mark else "no",
        "verdict": verdict.verdict,
        "over_or_why_not": _over(verdict),
        "run_ids": " ".join(verdict.runs),
    }


def _readings(verdicts: Sequence[Verdict]) -> list[str]:
    """Differences from the paper, and the claims' readings of cells, each once."""
    by_text: dict[str, list[str]] = {}
    for verdict in verdicts:
        if verdict.claim.reading:
            _, scorer, dataset = _place(verdict.claim)
            by_text.setdefault(verdict.claim.reading.rstrip("."), []).append(
                f"{scorer} on {dataset}"
            )
    reasons = dict.fromkeys(
        verdict.claim.reason.rstrip(".") for verdict in verdicts if verdict.claim.reason
    )
    return [
        *(f"Difference from the paper: {reason}." for reason in reasons),
        *(f"{', '.join(dict.fromkeys(cells))}: {text}." for text, cells in by_text.items()),
    ]


# -- names
# -------------------------------------------------------------------------------------------------
def _oracle(claim: Claim) -> str:
    return _ranking(claim).oracle


def _place(claim: Claim) -> tuple[str, str, str]:
    """Coefficient, scorer, data set."""
    ranked = _ranking(claim)
    return ranked.coefficient, ranked.scorer, ranked.dataset


def _metric(claim: Claim) -> str:
    return _ranking(claim).target


def _ranking(claim: Claim) -> Ranking:
    """The ranking of a claim that has one; `published_tables` takes no others."""
    if not isinstance(claim.how, Ranking):
        raise TypeError(f"claim {claim.id} has no ranking")
    return claim.how


def _digits(claims: Iterable[Claim]) -> int:
    """Decimals of a paper's figures: the most of any, since a number loses its last zeros."""
    numbers = [
        number for claim in claims for number in (claim.value, claim.spread) if number is not None
    ]
    return max((len(f"{number:g}".partition(".")[2]) for number in numbers), default=2)


def _mean(verdicts: Iterable[Verdict]) -> float:
    values = [verdict.claim.value for verdict in verdicts if verdict.claim.value is not None]
    return math.fsum(values) / max(1, len(values))
