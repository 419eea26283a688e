"""Orders, rankings, studies, look-ups and formulas, each put to its rule."""

from __future__ import annotations

import dataclasses
import math
import platform
import types
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import toys
from claimed import RANKING, SETTING, claim, held, rank_of, run_of, verdict
from scipy.stats import wilcoxon

from nasrepro.suite.claims import (
    Claim,
    Verdict,
    by_resampling,
    by_seeds,
    first_verdicts,
    missing,
    tabulated,
)
from nasrepro.suite.claims.rules import Finding
from nasrepro.suite.claims.wording import published
from nasrepro.suite.errors import DataMissing, NasreproError, UnknownName
from nasrepro.suite.experiments.identity import environment
from nasrepro.suite.experiments.kind import Record
from nasrepro.suite.experiments.kinds.ranking import RankRecord
from nasrepro.suite.experiments.kinds.study import CROWDED, StudyKey, StudyRecord
from nasrepro.suite.experiments.store import Store
from nasrepro.suite.registry import load_oracle, studies
from nasrepro.suite.statistics import holm

pytestmark = pytest.mark.usefixtures("few_seeds_count")


def order(
    id: str = "paper-order",
    *,
    better: str = "regularized_evolution",
    worse: str = "random_search",
    **fields: Any,
) -> Claim:
    return claim(
        **{
            "id": id,
            "order": {"search": {**SETTING, "method": better}, "than": worse},
            "seeds": 12,
            **fields,
        }
    )


def pairs(difference: float, noise: float = 1.0) -> list[Record]:
    """Twelve seeds of both methods: evolution is better by `difference` points, give or take."""
    rng = np.random.default_rng(1)
    base, steps = rng.normal(90, 2, 12), rng.permutation(np.linspace(-noise, noise, 12))
    evolved = [
        run_of(seed, base[seed] + difference + steps[seed], method="regularized_evolution")
        for seed in range(12)
    ]
    return [*evolved, *(run_of(seed, base[seed]) for seed in range(12))]


@pytest.mark.parametrize(
    ("difference", "margin", "expected"),
    [
        (1.0, None, "reproduced"),
        (-1.0, None, "not reproduced"),
        (0.1, None, "inconclusive"),
        (0.1, 2.0, "not reproduced"),  # whatever it is, it is less than 2
        (0.5, 2.0, "not reproduced"),  # significant, but less than what would count
    ],
)
def test_orders(difference, margin, expected):
    found = verdict(pairs(difference), order(margin=margin))
    assert found.verdict == expected and found.ours == pytest.approx(difference) and found.n == 12
    assert (found.needed is None) == (expected != "inconclusive")


def test_an_order_of_two_arms_names_what_sets_them_apart():
    search = {**SETTING, "method": "epnas", "params": {"batch": 8}}
    arms = claim(order={"search": search, "than": "epnas", "than_params": {"arm": "reinforce"}})
    assert published(arms) == "epnas (batch=8) > epnas (arm=reinforce)"
    assert published(order()) == "regularized_evolution > random_search"


def test_an_order_whose_mean_and_ranks_point_in_two_directions_is_inconclusive():
    """Worse in eleven of twelve seeds by a little, better in one by much.

    The mean is up, the test is significant the other way.
    """
    differences = [50.0, *np.linspace(-2, -1, 11)]
    assert wilcoxon(differences).pvalue < 0.05 and np.mean(differences) > 0
    runs = [
        run_of(seed, 50 + difference, method="regularized_evolution")
        for seed, difference in enumerate(differences)
    ]
    found = verdict([*runs, *(run_of(seed, 50.0) for seed in range(12))], order())
    assert (
        found.verdict == "inconclusive"
        and found.needed is None
        and "opposite directions" in found.why
    )


def test_orders_are_corrected_over_the_paper_and_only_over_it():
    one, other, foreign = (
        order(),
        order("paper-order2", better="random_search", worse="regularized_evolution"),
        order("x", paper="arXiv:1"),
    )
    alone = verdict(pairs(0.35), one)
    raw = wilcoxon(
        0.35 + np.random.default_rng(1).permutation(np.linspace(-1, 1, 12))
    ).pvalue  # the same differences, shuffled otherwise
    assert alone.p_value == pytest.approx(raw, abs=0.05)
    assert verdict(pairs(0.35), one, foreign).p_value == alone.p_value
    assert verdict(pairs(0.35), one, other).p_value == pytest.approx(
        holm([alone.p_value or 0] * 2)[0]
    )
    assert "Holm over 2" in verdict(pairs(0.35), one, other).why


def test_an_order_needs_the_runs_of_both():
    found = verdict(pairs(1.0)[:20], order())
    assert found.verdict == "not judged" and "8 of the 12 runs" in found.why


def test_the_interval_of_a_ranking_counts_over_a_sample_not_over_a_whole_space():
    about = claim(ranking=RANKING, value=0.55, margin=0.02)
    sample = verdict([rank_of(0.54, half=0.02)], about)
    assert (
        sample.verdict == "inconclusive"
        and sample.needed == 4000
        and "4,000 architectures would settle it" in sample.why
    )
    for tau, margin in (
        (0.54, 0.02),
        (0.55, 0.0),
    ):  # by the interval's width 9,000 would, or no number
        more = verdict([rank_of(tau)], claim(ranking=RANKING, value=0.55, margin=margin))
        assert (more.verdict, more.needed) == (
            "inconclusive",
            5_044,
        ) and "; all 5,044 architectures would settle it" in more.why
    unsure = verdict([rank_of(0.54)], about.model_copy(update={"spread": 0.1, "n": 2}))
    assert unsure.needed is None and "would settle" not in unsure.why, (
        "the published error is there over all, too"
    )
    whole = verdict([rank_of(0.54, n=5_044)], about)
    assert (whole.verdict, whole.low, whole.n) == ("reproduced", None, 5_044)
    assert verdict([rank_of(0.45)], about).verdict == "not reproduced"


def test_all_the_architectures_there_are(monkeypatch):
    """One for equal cells where the table has one; a slice of a published space is a part of it."""
    assert tabulated("digits201") == len(load_oracle("digits201").archs()) == 5_044
    assert tabulated("trained201") == 15_625, "it has no table"
    part = types.SimpleNamespace(space=object(), archs=lambda: range(30_001))
    monkeypatch.setattr("nasrepro.suite.claims.evidence.load_oracle", lambda name: part)
    assert tabulated("nasbench101_slice") == 423_624

    def gone(name: str) -> Any:
        raise DataMissing("no table")

    monkeypatch.setattr("nasrepro.suite.claims.evidence.load_oracle", gone)
    assert tabulated("digits201") == 15_625


def test_a_ranking_of_an_oracle_that_nobody_has_is_passed_over():
    ours, claimed = rank_of(0.54), claim(ranking=RANKING, value=0.55, margin=0.1)
    foreign = dataclasses.replace(
        ours, key=dataclasses.replace(ours.key, oracle="of_a_plug_in", sample=50)
    )
    assert verdict([foreign, ours], claimed) == verdict([ours], claimed)


def test_of_several_samples_the_largest_counts_and_other_networks_do_not():
    about = claim(ranking={**RANKING, "scorer": "zico"}, value=0.5, margin=0.1)

    def of(tau: float, sample: int, **setting: Any) -> RankRecord:
        record = rank_of(tau, scorer="zico", n=sample)
        return dataclasses.replace(
            record, key=dataclasses.replace(record.key, setting=setting, sample=sample)
        )

    found = verdict(
        [of(0.9, 299), of(0.52, 2000), of(0.9, 1000), of(0.1, 9000, network={"channels": 8})], about
    )
    assert (found.verdict, found.n, found.ours) == ("reproduced", 2000, 0.52)
    assert "over a random sample of 2,000 of the 5,044 architectures" in found.why
    assert verdict([of(0.9, 299)], about).verdict == "not judged", "too few"
    assert verdict([of(0.9, 300)], about).verdict == "not reproduced"
    reduced = claim(
        ranking={**RANKING, "scorer": "zico", "setting": {"network": {"channels": 8}}},
        value=0.1,
        margin=0.1,
    )
    assert verdict([of(0.52, 2000), of(0.1, 9000, network={"channels": 8})], reduced).n == 9000


def test_a_ranking_of_a_sample_is_judged_by_other_samples_and_one_of_a_whole_table_is_not():
    near = claim(ranking=RANKING, value=0.55, margin=0.05)
    for n, times in ((1000, 20), (5_044, 0)):
        with Store(Path(":memory:")) as store:
            store.add(rank_of(0.54, n=n, half=0.03))
            first = first_verdicts([near], [near], store)
            found = by_resampling(first, [near], store, 20)
        assert len(found) == times and not any(each.first != "reproduced" for each in found)


def test_a_scorer_that_draws_has_its_own_scatter_and_no_best_of_one_draw():
    """Of a whole table nothing was sampled: SynFlow's draws move nothing, ZiCo's too much."""

    def of(scorer: str, tau: float, **changed: Any) -> RankRecord:
        record = rank_of(tau, scorer=scorer, n=5_044, **changed)
        return dataclasses.replace(record, key=dataclasses.replace(record.key, sample=5_044))

    def judged(scorer: str, tau: float) -> Verdict:
        return verdict([of(scorer, tau)], claim(ranking={**RANKING, "scorer": scorer}, value=0.5))

    assert judged("synflow", 0.51).verdict == "reproduced"
    assert judged("synflow", 0.53).verdict == "not reproduced"
    assert judged("zico", 0.51).verdict == judged("zico", 0.53).verdict == "inconclusive"
    assert judged("zico", 0.56).verdict == "not reproduced"
    half = judged("zico", 0.5).high - 0.5
    assert half == pytest.approx(4.302653 * 0.006)
    best = claim(
        ranking={**RANKING, "scorer": "zico", "coefficient": "best_value"}, value=90.2, margin=0.5
    )
    for reached in (0.9, 0.8):
        found = verdict([of("zico", 0.5, best=reached)], best)
        assert found.verdict == "inconclusive" and "of one draw" in found.why


@pytest.mark.parametrize(
    ("scorer", "dataset", "data", "why"),
    [
        ("zico", "cifar10", "cifar10", ""),
        ("zico", "cifar10", "cifar10_jpeg", ""),
        ("zico", "cifar100", "cifar10_jpeg", "zico was given images of cifar10_jpeg, not cifar100"),
        ("zico", "cifar10", "", "zico was given noise, not cifar10"),
        ("zico", "cifar10", "random", "zico was given noise, not cifar10"),
        ("synflow", "cifar100", "", ""),
        ("params", "cifar100", "", ""),
    ],
)
def test_what_a_scorer_says_of_other_images_decides_nothing(scorer, dataset, data, why):
    fields = {**RANKING, "oracle": "nasbench201", "dataset": dataset, "scorer": scorer}
    test = claim(ranking={**fields, "setting": {"data": data} if data else {}}, value=0.5)
    assert test.how.others_images == why
    for verdict_, tau in (("reproduced", 0.5), ("not reproduced", 0.1)):
        found = Finding(verdict_, tau, why="by the rule")
        judged = test.how._as_far_as_images_go(found)
        assert judged.verdict == ("inconclusive" if why else verdict_) and why in judged.why


def test_images_that_ship_with_a_table_are_its_own():
    assert not claim(ranking={**RANKING, "scorer": "zico"}, value=0.5).how.others_images
    foreign = {**RANKING, "scorer": "zico", "setting": {"data": "cifar10_jpeg"}}
    fields = {"value": 0.5, "needs": "images of digits", "recorded": "blocked"}
    record = rank_of(0.1, scorer="zico")
    key = dataclasses.replace(record.key, setting={"data": "cifar10_jpeg"})
    record = dataclasses.replace(record, key=key)
    assert verdict([record], claim(ranking=foreign, **fields)).verdict == "inconclusive"
    lacking = claim(ranking=foreign, lacks="data", **fields)
    assert verdict([record], lacking).verdict == "blocked"


def test_what_the_best_scored_reaches_and_differences_and_absolute_values():
    best = claim(ranking={**RANKING, "coefficient": "best_value"}, value=90.2, margin=0.5)
    whole = verdict([rank_of(0.5, n=5_044)], best)
    assert (whole.verdict, whole.ours) == (
        "reproduced",
        pytest.approx(90.0),
    ) and "best-scored of" not in whole.why
    assert verdict([rank_of(0.5, n=5_044, best=0.8)], best).verdict == "not reproduced"
    for reached in (0.9, 0.8):
        part = verdict([rank_of(0.5, best=reached)], best)
        assert (part.verdict, part.needed) == (
            "inconclusive",
            5_044,
        ) and "the best-scored of the 1,000 of 5,044" in part.why
    tied = dataclasses.replace(rank_of(0.5, n=5_044), best_tied=64)
    assert "(the mean of the 64 that tie at the top)" in verdict([tied], best).why
    constant = dataclasses.replace(tied, best_value=None)
    assert verdict([constant], best).verdict == "not judged", "all alike: none is the best"
    over = claim(
        ranking={**RANKING, "scorer": "live_params", "over": "params"}, value=0, test="at least"
    )
    all_of = [rank_of(0.6, n=5_044, scorer="live_params"), rank_of(0.5, n=5_044)]
    apart = verdict(all_of, over)
    assert (apart.verdict, apart.ours, apart.low) == ("reproduced", pytest.approx(0.1), None)
    assert verdict([rank_of(0.6, scorer="live_params")], over).verdict == "not judged"
    absolute = claim(ranking={**RANKING, "absolute": True}, value=0.5, margin=0.1)
    turned = verdict([rank_of(-0.5)], absolute)
    assert turned.verdict == "reproduced" and (turned.low or 0) < (turned.ours or 0) < (
        turned.high or 0
    )
    around = verdict(
        [rank_of(0.01)], claim(ranking={**RANKING, "absolute": True}, value=0.03, margin=0.015)
    )
    assert (around.low, around.high) == (0.0, pytest.approx(0.04)), (
        "an interval over zero begins at zero"
    )
    assert (
        verdict([rank_of(math.nan)], claim(ranking=RANKING, value=0.5, margin=0.1)).verdict
        == "not judged"
    )


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[Record]]:
    """A study of a user's file; gives records of it, one per seed."""
    toys.registered_apart(monkeypatch, studies)
    text = (
        "from nasrepro.suite.registry import study\n"
        '@study("mine.speed", paper="none", by=("what",), size=3, traineds=[0])\n'
        "def m(rng, *, size, traineds):\n    yield {}\n"
    )
    (tmp_path / "mine.py").write_text(text)
    entry = studies.from_file(tmp_path / "mine.py")
    studies.add(entry.name, entry, __name__)

    def made(
        *tables: Sequence[Mapping[str, Any]], size: int = 3, traineds: Sequence[int] = (0,)
    ) -> list[Record]:
        params = {"size": size, "traineds": [*traineds]}
        keys = [
            StudyKey("mine.speed", entry.source_sha256, params, {}, seed)
            for seed in range(len(tables))
        ]
        return [
            StudyRecord(key, "done", ("what",), tuple(rows))
            for key, rows in zip(keys, tables, strict=True)
        ]

    return made


def test_studies(study):
    rows = [{"what": "ours", "fast_s": 2.0}, {"what": "theirs", "fast_s": 1.0}]
    wanted = {"study": "mine.speed", "where": {"what": "ours"}, "column": "fast_s"}
    once = claim(study=wanted, value=1.5, test="at least", seeds=2)
    found = verdict(study(rows, rows), once)
    assert (found.claim.kind, found.verdict, found.ours, found.low, found.n) == (
        "study",
        "reproduced",
        2.0,
        2.0,
        2,
    )
    here = [dataclasses.replace(each, environment=environment()) for each in study(rows)]
    timed = claim(study=wanted, unit="s", value=2, margin=1, seeds=1)
    assert (
        f"on {platform.machine()} {platform.system()}, Python {platform.python_version()}"
        in verdict(here, timed).why
    )
    busy = [dataclasses.replace(each, environment={"load": CROWDED}) for each in study(*[rows] * 5)]
    for value, quiet, crowded in (
        (0.5, "not reproduced", "inconclusive"),
        (2.0, "reproduced", "reproduced"),
        (9.0, "not reproduced", "not reproduced"),
    ):
        five = timed.model_copy(update={"value": value, "margin": None, "replicates": None})
        five = five.model_copy(update={"long": True})
        assert verdict(study(*[rows] * 5), five).verdict == quiet
        found = verdict(busy, five)
        assert found.verdict == crowded and "5 of 5 beside other work" in found.why
    for value, expected in ((2.0, "consistent"), (3.0, "inconsistent")):
        fixed = claim(study={**wanted, "fixed": True}, value=value, seeds=1)
        assert verdict(study(rows), fixed).verdict == expected, "held against the printed digits"
    assert (
        "; measured on " in verdict(here, timed).why
        and "measured on" not in verdict(here, timed.model_copy(update={"unit": ""})).why
    )
    assert verdict(study(rows, size=4), once).verdict == "not judged", (
        "other parameters are another measurement"
    )
    several = claim(
        study={**wanted, "column": "fast_s", "scale": 10}, value=20, margin=0.5, seeds=3
    )
    assert verdict(study(rows, rows), several).verdict == "not judged"
    assert verdict(study(rows, rows, rows), several).verdict == "reproduced"
    with pytest.raises(UnknownName, match="column of study"):
        verdict(
            study(rows), claim(study={**wanted, "column": "no_such"}, value=1, margin=1, seeds=1)
        )
    with pytest.raises(NasreproError, match="2 rows of study"):
        verdict(study(rows), claim(study={**wanted, "where": {}}, value=1, margin=1, seeds=1))


def test_rows_of_one_measurement_are_the_replicates(study):
    rows = [{"what": "ours", "trained": n, "right": 0.9 + 0.01 * n} for n in range(5)]
    rows += [{"what": "theirs", "trained": n, "right": 0.5} for n in range(5)]
    wanted = {"study": "mine.speed", "where": {"what": "ours"}, "column": "right", "scale": 100}
    over = {**wanted, "params": {"traineds": [*range(5)]}, "over": "trained"}
    five = claim(study=over, value=92, unit="%", margin=5, long=True)
    study = partial(study, traineds=range(5))
    found = verdict(study(rows), five)
    assert (found.verdict, round(found.ours, 6), found.n, len(found.runs)) == (
        "reproduced", 92, 5, 1,
    )  # fmt: skip
    assert "too few for an interval" in verdict(study(rows[1:]), five).why
    with pytest.raises(NasreproError, match=r"expected some that differ by trained"):
        verdict(study([*rows, rows[0]]), five)
    alone = claim(study={**over, "over": ""}, value=92, unit="%", margin=5, seeds=1)
    with pytest.raises(NasreproError, match="expected one"):
        verdict(study(rows), alone)


def test_other_blocks_have_other_replicates_of_one_measurement(study):
    """Else the same five trainings would be judged in every block, and no verdict could flip."""
    wanted = {"study": "mine.speed", "where": {}, "column": "right", "over": "trained"}
    five = claim(
        study={**wanted, "params": {"traineds": [1, 2, 3, 4, 5]}},
        value=92,
        unit="%",
        margin=5,
        long=True,
    )
    blocks = [five.in_block(number) for number in range(3)]
    assert blocks[0] == five
    seeds = [each.how.params["traineds"] for each in blocks]  # type: ignore[union-attr]
    assert seeds == [[1, 2, 3, 4, 5], [6, 7, 8, 9, 10], [11, 12, 13, 14, 15]]
    assert len({need.key for each in blocks for need in each.results}) == 3
    rows = [{"what": "ours", "trained": n, "right": 92} for n in seeds[0]]
    others = [{"what": "ours", "trained": n, "right": 20 + n} for n in seeds[1]]
    records = [*study(rows, traineds=seeds[0]), *study([], others, traineds=seeds[1])]
    with Store(Path(":memory:")) as runs:
        for each in records:
            runs.add(each)
        first = first_verdicts([five], [five], runs)
        assert first[five.id].verdict == "reproduced"
        assert not by_resampling(first, [five], runs, 3), "nothing is drawn of one measurement"
        (found,), _ = by_seeds(first, [five], runs, 1, long=True)
    assert (found.varied, found.verdict) == ("seeds", "not reproduced")
    for params in ({}, {"traineds": 5}, {"traineds": [0.5]}):
        with pytest.raises(ValueError, match="traineds = "):
            claim(study={**wanted, "params": params}, value=92, unit="%", margin=5)


def test_values_of_tables_are_exact():
    best = {"oracle": "digits201", "dataset": "digits", "epochs": 30, "metric": "test_accuracy"}
    found = verdict([], claim(lookup=best, value=50))
    assert found.verdict == "inconsistent" and 90 < (found.ours or 0) < 100
    assert verdict([], claim(lookup=best, value=round(found.ours or 0, 2))).verdict == "consistent"


def test_without_its_table_nothing_is_judged(monkeypatch, tmp_path):
    monkeypatch.setenv("NASREPRO_DATA", str(tmp_path))
    monkeypatch.setattr("nasrepro.suite.registry.loading._open", {})
    looked = claim(
        lookup={
            "oracle": "nasbench201",
            "dataset": "cifar10",
            "epochs": 200,
            "metric": "test_accuracy",
        },
        value=94.37,
    )
    found = verdict([], looked)
    assert (
        found.verdict == "not judged"
        and "nasrepro data fetch nasbench201" in found.why
        and not found.changed
    )
    away = claim(
        search={
            **SETTING,
            "oracle": "nasbench201",
            "dataset": "cifar10",
            "searched_on": "cifar10",
        },
        value=94,
        margin=1,
    )
    assert "nasrepro data fetch nasbench201" in verdict([], away).why
    with Store(Path(":memory:")) as store:
        cells, left_out = missing([away], held(store, [away]), [away])
    assert cells == [] and list(left_out) == ["nasbench201"]


def test_derived_figures_are_as_sure_as_their_digits():
    figures = {"ours": {"value": 3.6, "where": "Table 1"}, "theirs": {"claim": "paper-y"}}
    theirs = claim(id="paper-y", value=6.9, needs="a phone")
    text = "100 * (1 - ours / theirs)"
    for value, expected in ((48, "consistent"), (45, "inconsistent")):
        found = verdict([], claim(formula={"text": text, "figures": figures}, value=value), theirs)
        assert (
            found.verdict == expected
            and found.ours == pytest.approx(47.83, abs=0.01)
            and "theirs = 6.9" in found.why
        )
