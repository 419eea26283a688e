"""The claims table: what was published, what was measured, and the verdict."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import groupby

from nasrepro.reports.document import (
    RECALLED,
    Column,
    Filled,
    TableCell,
    TableDoc,
    data_column,
    number_column,
    slug,
    text_column,
    transposed,
)
from nasrepro.reports.summary import Results
from nasrepro.suite.claims import Claim, Verdict
from nasrepro.suite.claims.fragility import Fragility
from nasrepro.suite.claims.tally import CLASSES, Class, cells, class_of, headline, pieces
from nasrepro.suite.claims.wording import ours, published

ORDER = 90

_LEGEND = (
    "Reproduced: our interval, nominally 95 %, lies within the rule's margin of the published "
    "number; not reproduced: it lies wholly outside; inconclusive: it overlaps an edge, or too few "
    "replicates were run. An order holds if the difference is significant after Holm's correction "
    "and large enough to count. Consistent, inconsistent: the paper's own numbers, networks, logs "
    "or measurements were computed again; no experiment was repeated. Ours: a result of our "
    "reconstruction, neither for nor against a paper. Blocked: it cannot be tested here. Not "
    f"judged: this store has no results for it. {RECALLED}: provisional, because the text behind "
    "the number was not read."
)


def tables(results: Results) -> list[TableDoc]:
    """Counts of verdicts, and a table for each file of claims."""
    return claims_tables(results.verdicts)


def claims_tables(verdicts: Sequence[Verdict]) -> list[TableDoc]:
    """Counts of verdicts by file, then a table for each file with a row for every claim.

    Files are in the order of their names. Nothing if no claim was judged.
    """
    if all(verdict.verdict in ("blocked", "not judged") for verdict in verdicts):
        return []
    ordered = sorted(verdicts, key=lambda each: (each.claim.file, each.claim.id))
    by_file = [list(members) for _, members in groupby(ordered, key=lambda each: each.claim.file)]
    # a table for each paper with a judged claim
    docs = [_table(members) for members in by_file if any(_judged(each) for each in members)]
    if len(by_file) > 1:
        docs = [_overview(by_file), *docs]
    return [*docs, *_stability(ordered)]


def _judged(verdict: Verdict) -> bool:
    return verdict.verdict not in ("blocked", "not judged")


def _overview(by_file: Sequence[Sequence[Verdict]]) -> TableDoc:
    """Counts of verdicts: a row for each paper, one for all, and one for pieces of evidence."""
    everything = [each for members in by_file for each in members]
    names = [members[0].claim.title or members[0].claim.paper for members in by_file]
    counts = [*map(cells, by_file), cells(everything), pieces(everything)]
    sizes = [len(members) for members in (*by_file, everything)]
    sizes.append(sum(count.read + count.provisional for count in counts[-1].values()))
    filled: list[Filled] = [
        text_column(
            Column("paper", "Paper", ("paper",), "left", 0, 0),
            [*names, "All claims", "All pieces of evidence"],
        ),
        number_column(Column("claims", "Claims", ("claims",), terminal=1), sizes, 0),
    ]
    for name in CLASSES:
        stem = name.replace(" ", "_")
        column = Column(
            stem,
            name.capitalize().replace(" ", "\n"),
            (stem, f"{stem}_provisional"),
            terminal=2,
        )
        filled.append(
            (
                column,
                [
                    TableCell(str(count[name]), (count[name].read, count[name].provisional))
                    for count in counts
                ],
            )
        )
    exceptions = [each.claim for each in everything if not each.claim.by_rule]
    return TableDoc(
        "claims",
        "Claims: verdicts by paper",
        f"Verdicts on the {len(everything):,} claims of {len(by_file)} papers. "
        f"{headline(everything)}",
        *transposed(filled),
        legend=_LEGEND,
        notes=tuple(_exception(claim) for claim in exceptions),
    )


def _stability(verdicts: Sequence[Verdict]) -> list[TableDoc]:
    """How often verdicts flip, by what was varied and by class; nothing without repeats."""
    groups: dict[tuple[str, Class], list[Fragility]] = defaultdict(list)
    for verdict in verdicts:
        for fragility in verdict.claim.stability:
            groups[fragility.varied, class_of(verdict)].append(fragility)
    if not groups:
        return []
    keys = sorted(groups, key=lambda key: (key[0], CLASSES.index(key[1])))
    measured = [groups[key] for key in keys]
    repeats = [sum(each.repeats for each in group) for group in measured]
    flips = [sum(each.flips for each in group) for group in measured]
    shares = [100 * some / all_ for some, all_ in zip(flips, repeats, strict=True)]
    unstable = [sum(each.fragile for each in group) for group in measured]

    def counted(name: str, title: str, values: Sequence[float], decimals: int = 0) -> Filled:
        return number_column(Column(name, title, (name,), terminal=1), values, decimals)

    filled: list[Filled] = [
        text_column(Column("varied", "By other", ("varied",), "left", 0, 0), [k for k, _ in keys]),
        text_column(Column("verdict", "Verdict", ("verdict",), "left", 0), [k for _, k in keys]),
        counted("claims", "Claims", [len(group) for group in measured]),
        counted("repeats", "Repeats", repeats),
        counted("flips", "Flips", flips),
        counted("share", "Share (%)", shares, 1),
        counted("unstable", "Unstable", unstable),
    ]
    return [
        TableDoc(
            "claims-stability",
            "Claims: how often verdicts flip",
            "Claims were judged again: with disjoint blocks of seeds (slow runs: with resampled "
            "seeds), rankings with other architectures and draws, and all under another BLAS "
            "kernel where a store of such runs was given. Unstable: claims whose verdict flips in "
            "more than 1 of 20 repeats and is therefore inconclusive.",
            *transposed(filled),
            part="claims",
        )
    ]


def _exception(claim: Claim) -> str:
    """What a claim has in place of the rule's, and why; it is not in the headline."""
    own = []
    if claim.margin is not None:
        own.append(f"a margin of {claim.margin.width:g} ({claim.margin.why})")
    if claim.replicates is not None:
        own.append(f"{claim.replicates.n} replicates ({claim.replicates.why})")
    return f"{claim.id} has {' and '.join(own)}: not in the headline."


def _table(verdicts: Sequence[Verdict]) -> TableDoc:
    claims = [verdict.claim for verdict in verdicts]
    filled: list[Filled] = [
        text_column(
            Column("claim", "Claim", ("claim",), "left", 0, 0), [claim.id for claim in claims]
        ),
        text_column(
            Column("statement", "Statement", ("statement",), "left", None, 2),
            [claim.statement for claim in claims],
        ),
        text_column(
            Column("where", "Where", ("where",), "left", 6, 2), [claim.where for claim in claims]
        ),
        _published(claims),
        _ours(verdicts),
        number_column(Column("n", "n", ("n",), terminal=5), [verdict.n for verdict in verdicts], 0),
        _verdicts(verdicts),
        data_column(
            ("recorded", "source", "grade", "unit", "p_value", "flips", "repeats"),
            [
                (c.recorded, c.source, c.said, c.unit, v.p_value, *_flips(c))
                for c, v in zip(claims, verdicts, strict=True)
            ],
        ),
        data_column(("run_ids",), [(" ".join(verdict.runs),) for verdict in verdicts]),
        text_column(
            Column("why", "Why", ("why",), "left", None, 3), [verdict.why for verdict in verdicts]
        ),
    ]
    first = claims[0]
    fragile = [f"{claim.id}: {claim.unstable}." for claim in claims if claim.unstable]
    counted = cells(verdicts)
    counts = ", ".join(f"{counted[name]} {name}" for name in CLASSES if str(counted[name]) != "0")
    readings = [
        f"{verdict.claim.id}: {verdict.claim.reading.rstrip('.')}."
        for verdict in verdicts
        if verdict.claim.reading
    ]
    changed = [
        f"{verdict.claim.id}: the verdict is {verdict.verdict}, "
        f"recorded is {verdict.claim.recorded}."
        for verdict in verdicts
        if verdict.changed and verdict.claim.recorded
    ]
    return TableDoc(
        slug("claims", first.file),
        f"Claims of {first.title or first.paper}",
        f"{len(verdicts)} claims of {first.paper}{f' ({first.title})' if first.title else ''}: "
        f"{counts}.",
        *transposed(filled),
        legend=_LEGEND,
        footnotes=(*changed, *fragile),
        notes=tuple(readings),
        links=tuple(
            "" if verdict.verdict == "not judged" else f"claim={verdict.claim.id}"
            for verdict in verdicts
        ),
        part="claims",
    )


def _flips(claim: Claim) -> tuple[int | None, int | None]:
    """How often a verdict flipped and the number of repeats of all kinds, if measured."""
    if not claim.stability:
        return None, None
    return (
        sum(fragility.flips for fragility in claim.stability),
        sum(fragility.repeats for fragility in claim.stability),
    )


def _published(claims: Sequence[Claim]) -> Filled:
    cells = [
        TableCell(
            published(claim),
            (claim.value, claim.spread),
            "" if claim.read else RECALLED,
        )
        for claim in claims
    ]
    data = ("published", "published_spread")
    return Column("published", "Published", data, terminal=2), cells


def _ours(verdicts: Sequence[Verdict]) -> Filled:
    cells = [
        TableCell(ours(verdict), (verdict.ours, verdict.low, verdict.high)) for verdict in verdicts
    ]
    return Column("ours", "Ours [interval]", ("ours", "ours_low", "ours_high"), terminal=3), cells


def _verdicts(verdicts: Sequence[Verdict]) -> Filled:
    return Column("verdict", "Verdict", ("verdict",), "left", 1), [
        TableCell(verdict.verdict, (verdict.verdict,)) for verdict in verdicts
    ]
