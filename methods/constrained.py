"""Accuracy under a limit of latency or MACs: all methods that can keep one, side by side.

    limit <- a quantile of the cost over the table
    each method searches with the same number of queries; costs are known and free
    what it returns counts only within the limit, against the best network there is within it

Deviations:
    - No paper compares these: FLASH takes the limit as it is; AMC as a share of the costliest
      network (with its repair, as many episodes as queries); CompactNet as a speed-up over that
      network, won in eight steps without its decay. EPNAS limits neither latency nor energy.
    - Random search and evolution draw again until a network is within the limit; evolution has a
      population of ten, tournaments of three, and lets the oldest die.
    - AMC and CompactNet need an order of each decision's options: that of their MACs.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from nasrepro.methods.nets.ladder import Ladder
from nasrepro.suite.errors import BudgetExhausted, NasreproError
from nasrepro.suite.registry import load_devices, load_oracle, methods, study
from nasrepro.suite.search import Budget, Session
from nasrepro.suite.space import Arch

#: Ten devices with latencies of CIFAR-100's networks: two phones, a board, an FPGA, an accelerator,
#: two GPUs, three CPUs.
DEVICES = [
    "hwnasbench/edgegpu",
    "hwnasbench/raspi4",
    "hwnasbench/pixel3",
    "hwnasbench/eyeriss",
    "hwnasbench/fpga",
    "help/1080ti_1",
    "help/titan_rtx_256",
    "help/gold_6226",
    "help/silver_4114",
    "help/samsung_s7",
]


@dataclass(frozen=True)
class Limit:
    """A limit, and what a network costs.

    Attributes:
        device: whose latency is limited; "" for MACs.
        value: the limit.
        whole: cost of the costliest network by MACs.
        cost: of a network; NaN for one that the device does not run.
    """

    device: str
    value: float
    whole: float
    cost: Callable[[Arch], float]

    def holds(self, arch: Arch) -> bool:
        """Whether a network is within it."""
        return bool(self.cost(arch) <= self.value)


def _drawn(limit: Limit, draw: Callable[[], Arch]) -> Arch:
    for _ in range(10_000):
        if limit.holds(arch := draw()):
            return arch
    raise NasreproError(
        f"constrained: none of 10,000 networks is within {limit.value:g} "
        f"({limit.device or 'MACs'}); raise the quantile"
    )


def random_within(session: Session, rng: Any, limit: Limit) -> None:
    """Random networks within the limit."""
    while True:
        session.evaluate(_drawn(limit, lambda: session.space.sample(rng)))


def evolution_within(session: Session, rng: Any, limit: Limit) -> None:
    """Regularised evolution; children beyond the limit are drawn again."""
    population = [
        session.evaluate(_drawn(limit, lambda: session.space.sample(rng))) for _ in range(10)
    ]
    while True:
        rivals = [population[i] for i in rng.choice(10, 3, replace=False)]
        parent = max(rivals, key=lambda done: done.score).arch
        child = _drawn(limit, partial(session.space.mutate, parent, rng))
        population = [*population[1:], session.evaluate(child)]


def _registered(name: str, given: dict[str, Any]) -> Callable[[Session, Any, Limit], Arch | None]:
    """A method of this package with parameters of the limit."""

    def run(session: Session, rng: Any, limit: Limit) -> Arch | None:
        by_method: dict[str, dict[str, Any]] = {
            "flash": {"max_latency": limit.value} if limit.device else {"max_macs": limit.value},
            "amc": {"preserve": limit.value / limit.whole, "episodes": session.budget.queries},
            "compactnet": {"target": limit.whole / limit.value},
        }
        entry = methods.get(name)
        params = entry.params({**given, **by_method[name], "device": limit.device})
        chosen: Arch | None = entry.search(session, rng, **params)
        return chosen

    return run


ARMS: dict[str, Callable[[Session, Any, Limit], Arch | None]] = {
    "random": random_within,
    "evolution": evolution_within,
    "flash": _registered("flash", {"features": "operators", "metric": "nn_degree_operators"}),
    "amc": _registered("amc", {"repair": True, "warmup": 20}),
    "compactnet": _registered("compactnet", {"iterations": 8, "decay": 1.0}),
}


@study(
    "constrained.search",
    paper="none: methods of several papers side by side",
    by=("oracle", "dataset", "device", "quantile", "arm"),
    oracle="nasbench201",
    dataset="cifar100",
    devices=DEVICES,
    quantiles=[0.3],
    queries=50,
    arms=list(ARMS),
)
def searched(
    rng: Any,
    *,
    oracle: str,
    dataset: str,
    devices: list[str],
    quantiles: list[float],
    queries: int,
    arms: list[str],
) -> Iterator[dict[str, Any]]:
    """What each method returns within a limit, and the best there is.

    Columns: objective of what was returned (none where it breaks the limit), how far that is below
    the best within the limit, whether the limit holds (1 or 0), cost over the limit, queries.

    Args:
        rng: random generator.
        oracle: a table.
        dataset: whose networks.
        devices: whose latencies are limited, each in turn; MACs where there is none.
        quantiles: of the cost over the table; the limits.
        queries: that each method has.
        arms: of `ARMS`.
    """
    opened = load_oracle(oracle)
    data, length = opened.info.dataset(dataset), opened.epochs(dataset)[-1]
    objective = opened.info.objective_of(dataset)
    archs = list(opened.archs())
    truth = opened.query_many(dataset=dataset, epochs=length)[objective.name]
    sign = 1 if objective.higher_is_better else -1
    top = Ladder(opened.space, classes=data.classes, size=data.size)
    for device in devices or [""]:
        cost = _cost(opened, device, dataset)
        costs = np.array([cost(arch) for arch in archs])
        for quantile in quantiles:
            value = float(np.nanquantile(costs, quantile))
            limit = Limit(device, value, cost(top.arch(top.top)), cost)
            best = float(np.nanmax(np.where(costs <= value, sign * truth, np.nan)))
            for arm in arms:
                session = Session(
                    opened,
                    dataset=dataset,
                    epochs=length,
                    budget=Budget(queries=queries),
                    devices=load_devices,
                )
                chosen: Arch | None = None
                with contextlib.suppress(BudgetExhausted):
                    chosen = ARMS[arm](session, rng, limit)
                chosen = chosen or session.best()
                holds = limit.holds(chosen)
                read = opened.query(chosen, dataset=dataset, epochs=length).values
                reached = sign * read[objective.name]
                yield {
                    "oracle": oracle,
                    "dataset": dataset,
                    "device": device or "MACs",
                    "quantile": quantile,
                    "arm": arm,
                    "objective": reached if holds else None,
                    "below_best": best - reached if holds else None,
                    "holds": int(holds),
                    "cost_over_limit": cost(chosen) / value,
                    "queries": session.queries,
                }


def _cost(opened: Any, device: str, dataset: str) -> Callable[[Arch], float]:
    """Latency or MACs of a network."""
    space, data = opened.space, opened.info.dataset(dataset)
    if device:
        values = load_devices(device).values(device, dataset)
        return lambda arch: float(values[space.index(arch)])
    return lambda arch: float(space.complexity(arch, classes=data.classes, size=data.size).macs)
