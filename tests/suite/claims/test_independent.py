"""Claims judged a second time by other code: a small judge of its own, from stored records.

It shares nothing with `suite.claims` but the files: its own arithmetic of intervals (t in place of
the bootstrap), its own coefficients (scipy), its own reading of the records. Verdicts at the very
edge of a band may differ between two kinds of intervals; those are inconclusive by either.
"""

from __future__ import annotations

import math
import os
import random
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from nasrepro.suite.claims import Claim, Verdict, judge_all, load_claims
from nasrepro.suite.claims.repeats import bare
from nasrepro.suite.experiments.kinds.search import RunRecord
from nasrepro.suite.experiments.store import Store
from nasrepro.suite.registry import load_devices, load_oracle, methods, oracles, scorers

#: A store of the plan `reproduce`; read here, because each test starts without it.
STORE = os.environ.get("NASREPRO_STORE", "")
CLAIMS = 60
Z = 1.96


def shuffled(claims: Iterable[Claim]) -> list[Claim]:
    """The claims in a random order, the same each time."""
    ordered = sorted(claims, key=lambda claim: claim.id)
    return random.Random(20261128).sample(ordered, len(ordered))


def judge(claim: Claim, runs: Sequence[RunRecord]) -> str:
    """The verdict of a claim that is tested, by this file's own means; "" where it has none."""
    how = claim.how
    kind = "blocked" if how is None else how.kind
    found = {"search": _search, "ranking": _ranking, "devices": _devices, "lookup": _lookup}.get(
        kind, lambda *_: ""
    )(claim, how, runs)
    own = {"reproduced": "consistent", "not reproduced": "inconsistent"}
    return own.get(found, found) if kind in ("devices", "lookup") else found


def _between(low: float, high: float, least: float, most: float) -> str:
    if least <= low and high <= most:
        return "reproduced"
    return "not reproduced" if high < least or low > most else "inconclusive"


def _search(claim: Claim, how: Any, runs: Sequence[RunRecord]) -> str:
    entry = methods.get(how.method)
    params = {**entry.defaults, **how.params}
    count = 20 if claim.long else 100 if claim.n is None else min(claim.n, 500)
    values = [
        run.reports[how.dataset].metrics[how.metric] * 100
        for run in runs
        if run.key.method == how.method
        and run.key.params == params
        and run.key.method_sha256 == entry.source_sha256
        and (run.key.oracle, run.key.dataset) == (how.oracle, how.searched_on)
        and (run.key.budget.seconds, run.key.budget.queries) == (how.budget_s, how.budget_queries)
        and run.key.protocol.report_epochs == how.epochs
        and run.key.protocol.search_epochs == how.search_epochs
        and run.key.seed < count
        and how.dataset in run.reports
    ]
    if len(values) < count:
        return ""
    mean, sd = float(np.mean(values)), float(np.std(values, ddof=1))
    half = float(stats.t.ppf(0.975, len(values) - 1)) * sd / math.sqrt(len(values))
    published = sd if claim.spread is None else claim.spread
    wide = math.hypot(half, Z * published / math.sqrt(claim.n or 1))
    value = claim.value or 0.0
    return _between(mean - wide, mean + wide, value - published / 2, value + published / 2)


def _ranking(claim: Claim, how: Any, runs: Sequence[RunRecord]) -> str:
    """Of counts over a whole table alone: the coefficient is a point."""
    if how.over or how.coefficient not in ("kendall", "spearman") or claim.n is not None:
        return ""
    if scorers.get(how.scorer).needs_network or oracles.get(how.oracle).info.table is None:
        return ""
    oracle = load_oracle(how.oracle)
    data = oracle.info.dataset(how.dataset)
    target = how.metric or oracle.info.target_of(how.dataset).name
    values = oracle.query_many(dataset=how.dataset, epochs=how.epochs)[target]
    scores = _counts(how.oracle, how.scorer, data.name)
    coefficient = {"kendall": stats.kendalltau, "spearman": stats.spearmanr}[how.coefficient]
    ours = float(coefficient(scores, values).statistic)
    n, half = len(scores), 0.0
    if n < oracle.info.space.count and how.oracle.endswith("_slice"):  # a part of a table
        # Fieller and Pearson, Biometrika 48, 1961; Bonett and Wright, Psychometrika 65, 2000
        error = 0.437 / (n - 4) if how.coefficient == "kendall" else (1 + ours**2 / 2) / (n - 3)
        half = Z * (1 - ours**2) * math.sqrt(error)
    ours = abs(ours) if how.absolute else ours
    value = claim.value or 0.0
    return _between(ours - half, ours + half, value - 0.02, value + 0.02)


@lru_cache
def _counts(oracle_name: str, scorer_name: str, dataset: str) -> list[float]:
    """Counts of all architectures of a table."""
    oracle, scorer = load_oracle(oracle_name), scorers.get(scorer_name)
    data = oracle.info.dataset(dataset)
    return [scorer.score(oracle.space, arch, data) for arch in oracle.archs()]


def _printed(claim: Claim, ours: float) -> str:
    """By the printed digit, rounded or cut."""
    value = claim.value or 0.0
    places = claim.digits
    if places is None:
        places = len(f"{value:.10g}".partition(".")[2])
    unit = 10.0**-places
    cut = math.trunc(abs(ours) / unit + 1e-9) * unit
    good = abs(round(ours / unit) * unit - value) < unit / 100 or (
        abs(cut - abs(value)) < unit / 100 and ours * value > 0
    )
    return "reproduced" if good else "not reproduced"


def _devices(claim: Claim, how: Any, runs: Sequence[RunRecord]) -> str:
    first, second = (
        np.asarray(load_devices(name).values(name, how.dataset)) for name in (how.first, how.second)
    )
    both = np.isfinite(first) & np.isfinite(second)
    return _printed(claim, float(stats.spearmanr(first[both], second[both]).statistic))


def _lookup(claim: Claim, how: Any, runs: Sequence[RunRecord]) -> str:
    oracle = load_oracle(how.oracle)
    values = oracle.query_many(dataset=how.dataset, epochs=how.epochs)[how.metric]
    if how.arch:
        wanted = oracle.space.parse(how.arch)
        row = next(row for row, arch in enumerate(oracle.archs()) if arch == wanted)
        return _printed(claim, 100 * float(values[row]))
    return _printed(claim, 100 * float(np.nanmax(values)))


def compared(store: Store) -> list[tuple[Verdict, str]]:
    """Both verdicts on the first claims of a random order that both can judge."""
    claims = bare(load_claims())
    runs = list(store.runs())
    testable = shuffled(claim for claim in claims if claim.how is not None and not claim.needs)
    others: dict[str, str] = {}
    for claim in testable:
        if len(others) < CLAIMS and (other := judge(claim, runs)):
            others[claim.id] = other
    verdicts = judge_all([each for each in testable if each.id in others], store, claims=claims)
    return [(each, others[each.claim.id]) for each in verdicts if each.ours is not None]


@pytest.mark.nightly
@pytest.mark.skipif(not STORE, reason="NASREPRO_STORE names a store of the plan reproduce")
def test_another_judge_says_the_same_of_sixty_claims():
    with Store(Path(STORE), read_only=True) as store:
        pairs = compared(store)
    different = [
        (verdict.claim.id, verdict.verdict, other)
        for verdict, other in pairs
        if verdict.verdict != other
    ]
    assert len(pairs) > CLAIMS // 2 and different == []


def test_the_other_judge_knows_a_printed_digit():
    claims = {claim.id: claim for claim in load_claims()}
    best = claims["nasbench201-optimal-cifar10-test"]
    assert [_printed(best, ours) for ours in (94.372, 94.366, 94.379, 94.38, 94.36)] == [
        "reproduced",
        "reproduced",
        "reproduced",
        "not reproduced",
        "not reproduced",
    ]
