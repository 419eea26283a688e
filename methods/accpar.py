"""AccPar: tensor partitioning for arrays of accelerators (Song et al., HPCA 2020).

The paper's address is 10.1109/HPCA47549.2020.00036.

    # a level splits every layer between two halves of the array: I batch, II inputs, III outputs
    exchange(l, t) <- I: gradient;  II: partial sums of the output;  III: partial sums of the error
    convert(p, t)  <- feature and error between layers of types p and t, see `nets.partition`
    c[0][t] <- exchange(0, t)
    for l = 1..L-1, all t:  c[l][t] <- exchange(l, t) + min over p of (c[l-1][p] + convert(p, t))
    types <- trace back from the least c[L-1][t];  scale each layer's split side by the share
    repeat for both halves until single accelerators are left
    time of a half <- 2 bytes * elements of all its levels / bandwidth + its operations / speed

Deviations:
    - The paper's body was not read: the table of costs, batch 512 and the networks are those of the
      authors' code (linghaosong/AccPar, commit 51515db), which searches for the least
      communication, splits evenly, and knows no computation. Computing, bandwidths and the ratio of
      unequal halves are recalled (abstract: "cost of computation and communication, flexible
      ratio"), so the ratio is set by one of several stated rules and all are reported.
    - With unequal halves the types minimise the seconds of communication of both, summed; the paper
      is not known to say which.
    - A rule with another ratio for each layer is left out: costs hold for one ratio.
    - Residual additions ("shortcuts") end where the authors' code has them end and cost what it
      says. Their programming follows stored predecessors there, so it may miss the optimum; ours
      carries the type at the shortcut's start along (9 states) and is exact. `shortcuts = "code"`
      is theirs, "none" leaves the additions out.
    - Their classifier of ResNet-18 and 34 has 2,048 inputs; 512 here, as the networks have.
    - LeNet is Caffe's (20 and 50 filters of 5x5), which HyPar used [recalled]; HyPar is the search
      over I and II, "one weird trick" is I for convolutions and II for the classifier (their code).
    - Any architecture whose space lists its layers is a chain here: skips and branches are ignored,
      and a grouped convolution exchanges as an ungrouped one does, but for its smaller gradient.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from nasrepro.methods.nets.accelerators import (
    RULES,
    SCHEMES,
    Group,
    Partitioner,
    Plan,
    Shortcuts,
    scaled,
)
from nasrepro.methods.nets.partition import NETWORKS, level_costs, network_of, price
from nasrepro.suite.errors import NasreproError, UnknownName
from nasrepro.suite.registry import load_oracle, study
from nasrepro.suite.statistics import kendall

# -- studies ---------------------------------------------------------------------------------------
#: The paper's accelerators [recalled]: number, TFLOPS, Gb/s.
V2, V3 = [128, 180.0, 8.0], [128, 420.0, 16.0]


def _groups(*arrays: Sequence[float]) -> tuple[Group, ...]:
    groups = tuple(Group(int(number), tflops, gbits) for number, tflops, gbits in arrays)
    for group in groups:
        if group.number < 1 or group.number & (group.number - 1):
            raise NasreproError(f"accpar: {group.number} accelerators are no power of two")
    return groups


def _means(speedups: Mapping[str, Sequence[float]]) -> Iterator[tuple[str, dict[str, float]]]:
    """Geometric and arithmetic means by scheme."""
    yield (
        "geometric mean",
        {name: float(np.exp(np.mean(np.log(s)))) for name, s in speedups.items()},
    )
    yield "arithmetic mean", {name: float(np.mean(s)) for name, s in speedups.items()}


@study(
    "accpar.speedup",
    paper="10.1109/HPCA47549.2020.00036; cost model of the authors' code",
    by=("array", "rule", "network", "scheme"),
    v2=V2,
    v3=V3,
    rules=["even", "compute", "level", "end"],
    batch=512,
    shortcuts="exact",
)
def speedup(
    rng: Any,
    *,
    v2: list[float],
    v3: list[float],
    rules: list[str],
    batch: int,
    shortcuts: Shortcuts,
) -> Iterator[dict[str, Any]]:
    """Speed-up of a training step over data parallelism, on equal and unequal accelerators.

    Columns: time of a step, of it computing and communication (ms), speed-up, the first group's
    share of the work. Means over the networks stand behind them.

    Args:
        rng: not used: nothing is random.
        v2: the slower group: accelerators, TFLOPS and Gb/s of each.
        v3: the faster one.
        rules: for AccPar's share of the first group, see `Partitioner.plan`.
        batch: images.
        shortcuts: how residual additions are searched.
    """
    single, both = _groups(v2), _groups(v2, v3)
    for array, groups, rule in [("v2", single, "even"), *(("v2 + v3", both, r) for r in rules)]:
        speedups: dict[str, list[float]] = {scheme: [] for scheme in SCHEMES}
        for name, network in NETWORKS.items():
            plans = {
                scheme: Partitioner(network, groups, scheme, batch, shortcuts).plan(rule)
                for scheme in SCHEMES
            }
            for scheme, plan in plans.items():
                speedups[scheme].append(plans["data parallelism"].step_s / plan.step_s)
                yield _row(array, rule, name, scheme, speedups[scheme][-1], plan)
        for mean, by_scheme in _means(speedups):
            for scheme, value in by_scheme.items():
                yield _row(array, rule, mean, scheme, value)


def _row(
    array: str, rule: str, network: str, scheme: str, value: float, plan: Plan | None = None
) -> dict[str, Any]:
    return {
        "array": array,
        "rule": rule,
        "network": network,
        "scheme": scheme,
        "speedup": value,
        "step_ms": plan and 1e3 * plan.step_s,
        "compute_ms": plan and 1e3 * plan.compute_s,
        "communication_ms": plan and 1e3 * plan.communication_s,
        "share": plan and plan.share,
    }


@study(
    "accpar.sensitivity",
    paper="10.1109/HPCA47549.2020.00036; cost model of the authors' code",
    by=("varied", "value"),
    v2=V2,
    v3=V3,
)
def sensitivity(rng: Any, *, v2: list[float], v3: list[float]) -> Iterator[dict[str, Any]]:
    """What AccPar's mean speed-up depends on: the rule for the share, the batch, the bandwidths.

    Geometric means over the nine networks; one setting is varied, the others are those of
    `accpar.speedup` with the rule "level". The v3's bandwidth is varied.

    Args:
        rng: not used: nothing is random.
        v2: the slower group.
        v3: the faster one.
    """
    settings = [("rule", rule, rule, 512, v3) for rule in ("0.1", "0.2", "0.3", *RULES)]
    settings += [
        ("batch", str(batch), "level", batch, v3) for batch in (64, 128, 256, 512, 1024, 2048)
    ]
    settings += [
        ("bandwidth ratio", str(ratio), "level", 512, [v3[0], v3[1], ratio * v2[2]])
        for ratio in (1, 2, 3, 4)
    ]
    for varied, value, rule, batch, fast in settings:
        groups = _groups(v2, fast)
        speedups: dict[str, list[float]] = {scheme: [] for scheme in SCHEMES}
        for network in NETWORKS.values():
            seconds = {
                scheme: Partitioner(network, groups, scheme, batch).plan(rule).step_s
                for scheme in SCHEMES
            }
            for scheme in SCHEMES:
                speedups[scheme].append(seconds["data parallelism"] / seconds[scheme])
        _, means = next(_means(speedups))
        columns = {scheme.lower().replace(" ", "_"): mean for scheme, mean in means.items()}
        yield {"varied": varied, "value": value, **columns}


@study(
    "accpar.partition",
    paper="10.1109/HPCA47549.2020.00036; cost model of the authors' code",
    by=("network", "shortcuts", "level"),
    networks=list(NETWORKS),
    accelerators=128,
    batch=512,
)
def partition(
    rng: Any, *, networks: list[str], accelerators: int, batch: int
) -> Iterator[dict[str, Any]]:
    """AccPar's types of every layer on equal accelerators, by the exact search and by the authors'.

    Columns: types (1, 2, 3 for I, II, III), elements that a party receives at the level.

    Args:
        rng: not used: nothing is random.
        networks: names.
        accelerators: a power of two.
        batch: images.
    """
    (group,) = _groups([accelerators, 1.0, 1.0])
    searches: tuple[Shortcuts, ...] = ("exact", "code")
    for name in networks:
        if name not in NETWORKS:
            raise UnknownName("accpar: network", name, NETWORKS)
        network = NETWORKS[name]
        for search in searches if network.shortcuts else searches[:1]:
            sizes = network.sizes(batch)
            plan = Partitioner(network, (group,), "AccPar", batch, search).plan()
            for level, types in enumerate(plan.types, start=1):
                elements = price(*level_costs(network, sizes, 0.5), types, network.shortcuts)
                sizes = scaled(sizes, types, 0.5)
                yield {
                    "network": name,
                    "shortcuts": search,
                    "level": level,
                    "elements": elements,
                    "types": "".join(str(own + 1) for own in types),
                }


@study(
    "accpar.ranking",
    paper="10.1109/HPCA47549.2020.00036; cost model of the authors' code",
    by=("oracle", "dataset", "scheme"),
    oracle="nasbench201",
    dataset="cifar10",
    archs=200,
    accelerators=128,
    batch=512,
)
def ranking(
    rng: Any, *, oracle: str, dataset: str, archs: int, accelerators: int, batch: int
) -> Iterator[dict[str, Any]]:
    """How far the time of a training step on an array orders architectures other than MACs do.

    Columns: Kendall's tau between step time and MACs, and of each with the oracle's validation
    metric (after its longest training); mean speed-up over data parallelism.

    Args:
        rng: draws the architectures.
        oracle: whose space and metric.
        dataset: whose networks.
        archs: how many are drawn.
        accelerators: v2 of the paper, equal ones.
        batch: images.
    """
    opened = load_oracle(oracle)
    data = opened.info.dataset(dataset)
    objective = opened.info.objective_of(dataset)
    (group,) = _groups([accelerators, *V2[1:]])
    whole = list(opened.archs())
    drawn = [whole[i] for i in rng.choice(len(whole), min(archs, len(whole)), replace=False)]
    networks = [
        network_of(opened.space, arch, classes=data.classes, size=data.size) for arch in drawn
    ]
    length = opened.epochs(dataset)[-1]
    values = opened.query_many(drawn, dataset=dataset, epochs=length)[objective.name]
    quality = values if objective.higher_is_better else -values
    macs = [network.macs for network in networks]
    base: list[float] = []
    for scheme in SCHEMES:
        seconds = [
            Partitioner(network, (group,), scheme, batch).plan().step_s for network in networks
        ]
        base = base or seconds
        yield {
            "oracle": oracle,
            "dataset": dataset,
            "scheme": scheme,
            "time_and_macs": kendall(seconds, macs),
            "time_and_accuracy": kendall(seconds, quality),
            "macs_and_accuracy": kendall(macs, quality),
            "speedup": float(np.mean(np.array(base) / np.array(seconds))),
            "n": len(drawn),
        }
