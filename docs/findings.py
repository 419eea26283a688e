"""README's ten findings: sentences whose every figure, and whose every order, is read in results/.

A finding that results/ shows no longer stops the rendering: it is rewritten by hand, or replaced.
"""

from __future__ import annotations

import csv
import json
import textwrap
from collections.abc import Callable
from pathlib import Path

Row = dict[str, str]

TASK = "nasbench201-cifar10-12ep-12000-s"
#: Where a reader finds what stands in the table of `TASK`.
TABLE = "results/report.md#nasbench201-searched-and-reported-on-cifar10-12000-simulated-s"
REPORT, STUDIES = "results/report.md", "results/report-studies.md"
CLAIMS = "results/report-claims.md"
#: Of NAS-Bench-201.
CELLS = 15_625
#: Of README's lines.
WIDTH = 140


def findings(results: Path) -> str:
    """The numbered list.

    Raises:
        ValueError: a finding is not what results/ shows.
    """
    return "".join(
        textwrap.fill(
            f"{number}. {each(results)}",
            WIDTH,
            subsequent_indent="   ",
            break_long_words=False,
            break_on_hyphens=False,
        )
        + "\n"
        for number, each in enumerate(ALL, 1)
    )


def size_is_unbeaten(results: Path) -> str:
    """No search of NAS-Bench-201 beats a walk by size."""
    arms = _arms(results)
    row = arms["Size walk"]
    walk, ours = _accuracy(row), _accuracy(arms["FLASH-Op"])
    others = [each for label, each in arms.items() if not label.startswith("Size walk")]
    _shown(all(_accuracy(each) <= walk for each in others) and ours == walk)
    return (
        f"On NAS-Bench-201's CIFAR-10, within 12,000 s, none of {len(others)} arms has a better "
        f"mean than the control that trains {_param(row, 'samples')} random cells and then the "
        f"largest ones (Size walk): {walk:.3f} % over {row['seeds']} seeds. FLASH with our "
        f"operator term reaches the same ([table]({TABLE}))."
    )


def simple_predictors_lead(results: Path) -> str:
    """The first three of the ranking, and who cannot be told from them."""
    rows = _rows(results, "overall")
    words = {
        "Graph forest": "a random forest on graph features",
        "GP-BO": "a Gaussian process on plain codes",
        "BANANAS": "BANANAS' ensembles",
    }
    first = [f"{words[row['label']]} ({_rank(row)})" for row in rows[:3]]
    beside = {row["label"]: row for row in rows[3:] if row["group_rank"] == "1"}
    _shown({row["group_rank"] for row in rows[:3]} == {"1"} and "Local search" in beside)
    _shown("Regularized evolution" not in beside and "Random search" not in beside)
    return (
        f"Over {rows[0]['tasks']} tasks, {first[0]}, {first[1]} and {first[2]} have the best "
        "average ranks, but none is significantly better than local search "
        f"({_rank(beside['Local search'])}), which has no model (Holm over all pairs; "
        f"[ranking]({REPORT}))."
    )


def size_is_unbeaten_where_all_run(results: Path) -> str:
    """The walk by size among the methods that can run everywhere."""
    common, overall = _rows(results, "overall-common"), _rows(results, "overall")
    walk, over_all = (
        next(row for row in rows if row["label"] == "Size walk") for rows in (common, overall)
    )
    _shown(walk["group_rank"] == "1" and common[0] is not walk)
    return (
        f"On the {common[0]['tasks']} tasks that all {len(common)} methods can run, none is "
        f"significantly better than Size walk (Holm over all pairs), whose average rank is "
        f"{_rank(walk)}; {common[0]['label']}, the first, has {_rank(common[0])}. Over all "
        f"{overall[0]['tasks']} tasks Size walk has {_rank(over_all)}, since it cannot run "
        f"{_lacking(overall[0], over_all)} of them and counts as last there "
        f"([ranking]({REPORT}))."
    )


def _lacking(most: Row, row: Row) -> int:
    return int(most["tasks"]) - int(row["tasks"])


def one_training_is_not_enough(results: Path) -> str:
    """The mission's methods, pair by pair."""
    pairs = {row["label"]: row for row in _rows(results, "overall-pairs")}
    ours, latent, zico = (pairs[name] for name in ("AutoShrink-Op", "arch2vec-RL", "ZiCo"))
    others = [pairs[name] for name in ("GRAM", "FLASH", "AutoShrink", "ZiCo")]
    chance = float(pairs["Random search"]["beaten_low"])
    _shown(all(float(row["beaten_high"]) < chance for row in others))
    _shown(float(latent["beaten_low"]) > float(pairs["Random search"]["beaten_high"]))
    _shown(zico is min(pairs.values(), key=lambda row: float(row["beaten"])))
    return (
        f"Compared pair by pair, arch2vec (better in {_percent(latent)} of its comparisons) and "
        f"AutoShrink-Op ({_percent(ours)}) do better than random search "
        f"({_percent(pairs['Random search'])}); GRAM, FLASH, AutoShrink and ZiCo do worse "
        f"({', '.join(_percent(row) for row in others)}). ZiCo scores 25 networks and trains one, "
        f"and FLASH trains {float(_arms(results)['FLASH']['queries']):.0f}, where most others "
        f"spend the whole budget ([ranking]({REPORT}))."
    )


def autoshrink_pays_for_its_efficiency(results: Path) -> str:
    """AutoShrink's three rewards and steps beside random search."""
    arms = _arms(results)
    whole, bare, ours, chance = (
        _accuracy(arms[name])
        for name in ("AutoShrink", "AutoShrink-acc", "AutoShrink-Op", "Random search")
    )
    _shown(whole < bare < chance < ours)
    elsewhere = []
    for task, dataset in (
        ("nasbench201-cifar100-12ep-40000-s", "cifar100"),
        ("nasbench201-imagenet16-120-12ep-120000-s", "imagenet16-120"),
    ):
        rows = _arms(results, task, dataset)
        lost = _accuracy(rows["Random search"]) - _accuracy(rows["AutoShrink"])
        _shown(lost > 0 and _surely_behind(rows["AutoShrink"], rows["Random search"]))
        elsewhere.append(f"{lost:.1f}")
    return (
        f"With the efficiency term in its reward, AutoShrink ends {chance - whole:.1f} points "
        f"below random search on NAS-Bench-201's CIFAR-10 ({whole:.2f} against {chance:.2f} %; on "
        f"CIFAR-100 {elsewhere[0]}, on ImageNet16-120 {elsewhere[1]}). Without the term it ends "
        f"{chance - bare:.2f} below, and with our step that also changes operations "
        f"{ours - chance:.2f} above ([table]({TABLE}))."
    )


def prediction_does_not_help_epnas(results: Path) -> str:
    """EPNAS beside its own REINFORCE."""
    arms = _arms(results)
    with_it, without = arms["EPNAS"], arms["EPNAS-REINFORCE"]
    _shown(_surely_behind(with_it, without))
    claims = {row["claim"]: row["verdict"] for row in _rows(results, "claims-epnas")}
    places = ("ecnas-5v", "natsbench-size")
    _shown({claims[f"epnas-prediction-{place}"] for place in places} == {"ours: open"})
    return (
        "EPNAS without its performance prediction (as we reconstruct it), which is plain "
        f"REINFORCE, does better than EPNAS on NAS-Bench-201's CIFAR-10: "
        f"{_accuracy(without):.2f} against {_accuracy(with_it):.2f} %, {with_it['seeds']} seeds "
        f"each. It trains {float(without['unique_queries']):.0f} different cells, EPNAS "
        f"{float(with_it['unique_queries']):.0f} ([table]({TABLE})). On ECNAS and NATS-Bench's "
        f"size space our runs do not tell the two apart ([claims]({CLAIMS}))."
    )


def gram_repeats_itself(results: Path) -> str:
    """What GRAM pays for."""
    arms = _arms(results)
    gram, chance = arms["GRAM"], arms["Random search"]
    _shown(_surely_behind(gram, chance))
    return (
        f"GRAM pays for {float(gram['queries']):.0f} trainings of "
        f"{float(gram['unique_queries']):.0f} different cells, and ends below random search on "
        f"NAS-Bench-201's CIFAR-10 ({_accuracy(gram):.2f} against {_accuracy(chance):.2f} %; "
        "[costs](results/report.md#nasbench201-search-cost))."
    )


def zico_ranks_like_a_count(results: Path) -> str:
    """ZiCo beside SynFlow and two counts of parameters."""
    every = {
        (row["dataset"], row["scorer"], row["setting"]): row
        for row in _rows(results, "ranking-nasbench201-test-accuracy-200-epochs")
    }
    names = {
        "zico": '{"data": "cifar10_jpeg"}',
        "synflow": "{}",
        "params": "{}",
        "live_params": "{}",
    }
    zico, synflow, params, live = (every["cifar10", name, names[name]] for name in names)
    others = [
        [every[dataset, name, names[name]] for name in ("zico", "synflow")]
        for dataset in ("cifar100", "ImageNet16-120")
    ]
    _shown(all(float(ours["kendall"]) > float(theirs["kendall"]) for ours, theirs in others))
    claims = {row["claim"]: row["published"] for row in _rows(results, "claims-zico")}
    for row in (synflow, params):
        _shown(float(zico["kendall_low"]) < float(row["kendall_high"]))
        _shown(float(row["kendall_low"]) < float(zico["kendall_high"]))
    _shown(float(live["kendall_low"]) > float(zico["kendall_high"]))
    ours, theirs = (" and ".join(map(_third, rows)) for rows in zip(*others, strict=True))
    return (
        f"Over {_cells(zico)} of NAS-Bench-201, ZiCo's scores on real images agree with CIFAR-10 "
        f"accuracy by a Kendall's tau of {_third(zico)}: no better than SynFlow "
        f"({_third(synflow)}) or the number of parameters ({_third(params)}), and worse than the "
        f"number of live parameters ({_third(live)}). The paper has "
        f"{claims['zico-tss-zico-c10-kendall']} for ZiCo and "
        f"{claims['zico-tss-synflow-c10-kendall']} for SynFlow "
        "([why](docs/pages/how-to/scores.md)). On CIFAR-100 and ImageNet16-120, scored with "
        f"images of CIFAR-10, ZiCo has {ours}, SynFlow {theirs}."
    )


def _cells(ranking: Row) -> str:
    """How many cells of NAS-Bench-201 a ranking is of."""
    count = int(ranking["n"])
    return f"all {count:,} cells" if count == CELLS else f"a random sample of {count:,} cells"


def adapting_a_proxy_can_harm(results: Path) -> str:
    """OneProxy, where the proxy is better left alone or left out."""
    rows = {
        row["device"]: row for row in _rows(results, "study-oneproxy-adaptation-hwnasbench-pixel3")
    }
    pi, edge = rows["raspi4"], rows["edgegpu"]
    samples = _param(edge, "samples")
    _shown(float(pi["raw_mean"]) > float(pi["adaproxy_high"]))
    helped = [row for row in rows.values() if float(row["adaproxy_low"]) > float(row["raw_mean"])]
    _shown(len(helped) == len(rows) - 1 and pi not in helped)
    _shown(all(float(row["no_proxy_mean"]) > float(row["adaproxy_low"]) for row in helped))
    return (
        f"On {len(helped)} of {len(rows)} devices, a phone's latencies rank networks better after "
        f"OneProxy has adapted them by {samples} measurements on the device (edge GPU: Spearman "
        f"{float(edge['adaproxy_mean']):.3f} against {float(edge['raw_mean']):.3f}); but on each "
        f"of these {len(helped)} a model of the {samples} measurements alone, without a proxy, "
        f"does as well. On a Raspberry Pi the adaptation makes them worse "
        f"({float(pi['adaproxy_mean']):.3f} against {float(pi['raw_mean']):.3f}); the method's own "
        f"rule says that none is needed there ([study]({STUDIES}))."
    )


def few_claims_can_be_tested(results: Path) -> str:
    """Pieces of evidence, by what became of them."""
    whole = next(
        row for row in _rows(results, "claims") if row["paper"] == "All pieces of evidence"
    )
    count = {name: int(value) for name, value in whole.items() if name != "paper"}
    good, bad, open_, own, against = (
        f"{count[name]} + {count[f'{name}_provisional']}†"
        for name in ("reproduced", "not_reproduced", "inconclusive", "consistent", "inconsistent")
    )
    _shown(count["blocked"] > count["claims"] / 2)
    return (
        f"Of {count['claims']} pieces of evidence in the papers, {count['blocked']} are blocked "
        "because scores, data, trainings or definitions are missing. "
        f"{good} are reproduced, {bad} are not, and {open_} stay open; {own} follow from what the "
        f"paper itself gives, and {against} contradict it; {count['ours']} are about our "
        f"reconstructions (†: the published number was not read in the paper or its code; "
        f"[claims]({CLAIMS}))."
    )


#: In README's order.
ALL: tuple[Callable[[Path], str], ...] = (
    size_is_unbeaten,
    size_is_unbeaten_where_all_run,
    simple_predictors_lead,
    one_training_is_not_enough,
    autoshrink_pays_for_its_efficiency,
    prediction_does_not_help_epnas,
    gram_repeats_itself,
    zico_ranks_like_a_count,
    adapting_a_proxy_can_harm,
    few_claims_can_be_tested,
)


def _rows(results: Path, name: str) -> list[Row]:
    with (results / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _arms(results: Path, task: str = TASK, dataset: str = "cifar10") -> dict[str, Row]:
    """The arms of a task by label, as reported on a data set."""
    return {row["label"]: row for row in _rows(results, f"main-{task}-on-{dataset}")}


def _param(row: Row, name: str) -> object:
    return json.loads(row["params"])[name]


def _accuracy(row: Row) -> float:
    return round(100 * float(row["test_accuracy_mean"]), 6)


def _surely_behind(worse: Row, better: Row) -> bool:
    """Whether the intervals of two arms do not meet."""
    return float(worse["test_accuracy_high"]) < float(better["test_accuracy_low"])


def _rank(row: Row) -> str:
    return f"{float(row['average_rank']):.2f}"


def _percent(row: Row) -> str:
    return f"{100 * float(row['beaten']):.0f} %"


def _third(row: Row) -> str:
    return f"{float(row['kendall']):.3f}"


def _shown(holds: bool) -> None:
    if not holds:
        raise ValueError("results/ shows it no longer: rewrite or replace it in docs/findings.py")
