"""Verdicts counted: by class, as cells of printed tables and as pieces of evidence.

    reproduced, not reproduced, inconclusive
                the quantity was measured here by the published procedure; provisional (†) where the
                published number was not read, but recalled or taken at second hand
    consistent, inconsistent
                arithmetic over the paper's own numbers, counts of its released networks, its own
                logs or measurements computed again: no experiment was repeated
    ours        an order or value of our reconstruction or adaptation: never for or against a paper
    blocked     what is missing is said
    not judged  this store has no results for it

A piece of evidence is what claims share: both coefficients of one ranking, and all the data sets on
which one search is reported, are one. It is reproduced where all of its claims are.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from nasrepro.suite.claims.judging import Verdict
from nasrepro.suite.claims.model import Claim
from nasrepro.suite.claims.needs import Ranked
from nasrepro.suite.claims.statement import Lack

Class = Literal[
    "reproduced",
    "not reproduced",
    "inconclusive",
    "consistent",
    "inconsistent",
    "ours",
    "blocked",
    "not judged",
]
#: In the order of tables.
CLASSES: tuple[Class, ...] = get_args(Class)
#: Of a piece with claims in several classes the first of these.
_FIRST: tuple[Class, ...] = (
    "not reproduced",
    "inconclusive",
    "reproduced",
    "inconsistent",
    "consistent",
    "ours",
    "not judged",
    "blocked",
)
#: Those whose published number may be provisional.
HELD_AGAINST: frozenset[Class] = frozenset(
    {"reproduced", "not reproduced", "inconclusive", "consistent", "inconsistent"}
)


def class_of(verdict: Verdict) -> Class:
    """The class that a verdict is counted in."""
    name = verdict.verdict.partition(":")[0]
    return next(each for each in CLASSES if each == name)


def is_provisional(verdict: Verdict) -> bool:
    """Whether a verdict rests on a published number that was not read."""
    return class_of(verdict) in HELD_AGAINST and not verdict.claim.read


@dataclass(frozen=True, slots=True)
class Count:
    """Verdicts of one class, by whether the published numbers were read."""

    read: int = 0
    provisional: int = 0

    def __str__(self) -> str:
        """Both, the provisional ones with their mark."""
        if not self.provisional:
            return str(self.read)
        return f"{self.read} + {self.provisional}†" if self.read else f"{self.provisional}†"


def cells(verdicts: Iterable[Verdict]) -> dict[Class, Count]:
    """Verdicts by class, each claim once."""
    return _counted((class_of(each), is_provisional(each)) for each in verdicts)


def pieces(verdicts: Iterable[Verdict]) -> dict[Class, Count]:
    """Pieces of evidence by class; one is provisional where any of its numbers was not read."""
    by_piece: dict[Hashable, list[Verdict]] = defaultdict(list)
    for verdict in verdicts:
        by_piece[piece_of(verdict.claim)].append(verdict)
    return _counted(
        (
            min((class_of(each) for each in members), key=_FIRST.index),
            any(is_provisional(each) for each in members),
        )
        for members in by_piece.values()
    )


def _counted(found: Iterable[tuple[Class, bool]]) -> dict[Class, Count]:
    counts = Counter(found)
    return {each: Count(counts[each, False], counts[each, True]) for each in CLASSES}


def piece_of(claim: Claim) -> Hashable:
    """What a claim shares with others that rest on the same evidence."""
    if not claim.results or any(need.absent for need in claim.results):
        return claim.id
    return frozenset(need.written for need in claim.results)


def piece_of_lack(claim: Claim) -> Hashable:
    """What is missing, by what claims share of it: the scores of one scorer, in one setting."""
    how = claim.how
    if isinstance(how, Ranked):
        return how.oracle, how.scorer, frozenset(how.scoring.changed.items())
    return claim.id


@dataclass(frozen=True, slots=True)
class Blocked:
    """Blocked claims that wait for the same kind of thing.

    Attributes:
        claims, pieces: how many.
        cpu_s: CPU seconds that what is missing takes, where that was measured.
    """

    claims: int
    pieces: int
    cpu_s: float


#: What blocked claims wait for, in words.
LACKS: dict[Lack | None, str] = {
    "scores": "scores of untrained networks",
    "data": "tables, logs or images that are not public",
    "training": "trainings at full length, on ImageNet or of supernets",
    "definition": "definitions or networks that no text read has",
    "machine": "the machine of the paper",
    "code": "code that is not written here",
    None: "other things",
}


def blocked(verdicts: Iterable[Verdict]) -> dict[Lack | None, Blocked]:
    """What the blocked claims wait for, the largest group first; each score is priced once."""
    groups: dict[Lack | None, list[Claim]] = defaultdict(list)
    for verdict in verdicts:
        if class_of(verdict) == "blocked":
            claim = verdict.claim
            groups[claim.lacks or ("scores" if claim.kind == "ranking" else None)].append(claim)
    found = {}
    for lack, claims in groups.items():
        prices = {piece_of_lack(claim): claim.cpu_s or 0.0 for claim in claims}
        found[lack] = Blocked(len(claims), len(set(map(piece_of, claims))), sum(prices.values()))
    return dict(sorted(found.items(), key=lambda item: -item[1].claims))


def headline(verdicts: Sequence[Verdict]) -> str:
    """Two sentences: what was reproduced and what was not, and what nobody can check here.

    Claims with a margin or a number of replicates of their own are left out.
    """
    by_rule = [each for each in verdicts if each.claim.by_rule]
    count, cell = pieces(by_rule), cells(by_rule)
    tested = sum(count[each].read + count[each].provisional for each in _FIRST[:6])
    words = ", ".join(
        f"{count[each]} {each} ({_claims(cell[each])})"
        for each in CLASSES[:-2]
        if str(count[each]) != "0"
    )
    told = "piece of evidence that was" if tested == 1 else "pieces of evidence that were"
    first = (
        f"Of {tested:,} {told} tested, {words}; † marks published numbers that were not read."
        if tested
        else "No piece of evidence was tested."
    )
    lacking = count["not judged"].read
    rest = f" This store has no results for {lacking} more." if lacking else ""
    groups = ", ".join(_group(lack, each) for lack, each in blocked(by_rule).items())
    if not groups:
        return f"{first}{rest}"
    verb = "is" if str(count["blocked"]) == "1" else "are"
    told = f"{count['blocked']} {verb} blocked ({_claims(cell['blocked'])})"
    return f"{first} {told}; counted by claims, {groups}.{rest}"


def _claims(count: Count) -> str:
    """Claims of one class, counted, in words."""
    return f"{count} claim{'' if str(count) in ('1', '1†') else 's'}"


def _group(lack: Lack | None, group: Blocked) -> str:
    hours = f" (about {group.cpu_s / 3600:,.0f} CPU hours, as measured)" if group.cpu_s else ""
    return f"{group.claims} for want of {LACKS[lack]}{hours}"
