"""Verdicts counted: by class, provisional ones apart, and as pieces of evidence."""

from __future__ import annotations

from typing import Any

from nasrepro.suite.claims import Claim, Verdict, load_claims
from nasrepro.suite.claims.tally import (
    Blocked,
    Count,
    blocked,
    cells,
    headline,
    is_provisional,
    piece_of,
    pieces,
)

SEARCH = {
    "oracle": "digits201",
    "dataset": "digits",
    "searched_on": "digits",
    "method": "random_search",
    "metric": "test_accuracy",
    "epochs": 30,
    "search_epochs": 12,
    "budget_queries": 30,
}


def claim(id: str, **fields: Any) -> Claim:
    about = {"paper": "p", "statement": "s", "where": "w", "source": "paper", "value": 90.0}
    return Claim.model_validate({"id": id, **about, **fields})


def test_what_was_not_read_is_counted_apart():
    read, recalled = claim("a", search=SEARCH), claim("b", search=SEARCH, source="recalled")
    verdicts = [Verdict("reproduced", claim=read), Verdict("reproduced", claim=recalled)]
    assert [is_provisional(each) for each in verdicts] == [False, True]
    assert cells(verdicts)["reproduced"] == Count(1, 1)
    assert [str(count) for count in (Count(), Count(2), Count(0, 3), Count(2, 3))] == [
        "0",
        "2",
        "3†",
        "2 + 3†",
    ]


def test_a_search_reported_twice_is_one_piece_and_fails_as_one():
    test = claim("a", search=SEARCH)
    valid = claim("b", search={**SEARCH, "metric": "valid_accuracy"})
    other = claim("c", search={**SEARCH, "budget_queries": 31})
    verdicts = [
        Verdict("reproduced", claim=test),
        Verdict("not reproduced", claim=valid),
        Verdict("reproduced", claim=other),
    ]
    found = pieces(verdicts)
    assert (found["reproduced"], found["not reproduced"]) == (Count(1), Count(1))


def test_the_headline_counts_pieces_and_leaves_out_margins_of_ones_own():
    own = claim("own", search=SEARCH, margin={"width": 9.0, "why": "a test"})
    phone = claim("x", needs="a phone", lacks="machine")
    ours = claim("o", search=SEARCH, grade="ours", reason="our guess")
    verdicts = [
        Verdict("reproduced", claim=own),
        Verdict("ours: holds", claim=ours),
        Verdict("blocked", claim=phone),
    ]
    text = headline(verdicts)
    assert text.startswith("Of 1 piece of evidence that was tested, 1 ours (1 claim)")
    told = "1 is blocked (1 claim); counted by claims, 1 for want of the machine of the paper."
    assert told in text
    assert "reproduced (" not in text


def test_scores_that_claims_share_are_priced_once():
    def ranking(id: str, **changes: object) -> Verdict:
        test = {"oracle": "nasbench201", "dataset": "cifar10", "epochs": 200, "scorer": "snip"}
        test |= {"coefficient": "kendall", **changes}
        return Verdict("blocked", claim=claim(id, ranking=test, needs="scores", cpu_s=5400))

    verdicts = [
        ranking("a"),
        ranking("b", coefficient="spearman"),
        ranking("c", dataset="cifar100"),
        ranking("d", setting={"batch": 32}),
        Verdict("blocked", claim=claim("e", needs="wings")),
    ]
    assert blocked(verdicts) == {"scores": Blocked(4, 3, 10800), None: Blocked(1, 1, 0)}
    assert "4 for want of scores of untrained networks (about 3 CPU hours" in headline(verdicts)


def test_claims_name_the_same_search_by_the_same_parameters():
    """Pieces go by the parameters as written, which imports no method; full keys are the truth."""

    def whole(claim: Claim) -> frozenset[object]:
        return frozenset(getattr(need, "search", need.key) for need in claim.results)

    present = [c for c in load_claims() if c.results and not any(n.absent for n in c.results)]
    assert len({piece_of(claim) for claim in present}) == len({whole(claim) for claim in present})
