"""AMC: AutoML for model compression by DDPG (arXiv:1802.03494).

    repeat `episodes` times:
        for t = 1..T:
            a <- share of layer t's channels kept, by DDPG from the layer's state
            a <- min(a, what the budget leaves if all later layers keep `least`)        # the wall
            a <- rounded up to the next width
        R <- accuracy of the pruned network;  every step of the episode is remembered with R
        DDPG learns
    return the network with the highest R

Deviations:
    - The paper's body was not read: all of this is the authors' code (mit-han-lab/amc, commit
      65363c84), for 400 episodes where theirs is 800 on ImageNet.
    - A layer is a decision of a space whose options, in order of their MACs, stand for shares of
      channels; theirs are the input channels of every convolution. Accuracy is looked up: training
      from scratch stands for pruning by weight norm and least squares, without fine-tuning.
    - The state has 7 numbers: index, options, MACs and parameters that the layer adds at its
      greatest width, the share of MACs saved so far, the share in later layers, the last action.
      Theirs has 10, with type, kernel and stride; all are scaled to [0, 1] over the layers.
    - Costs between two widths, which the wall needs, are interpolated linearly in each decision.
    - `repair = True` is ours: their rounding comes after the wall and can break the budget. With it
      the wall is over whole widths, and later layers count with the width that `least` rounds to.
    - `skip_first = False` is ours: see `nets.ddpg`.
    - A device's latency may stand for MACs; a network that it has no value for costs more than any.
    - Repeated networks are evaluated again, as theirs are; one that the table does not have earns
      0 and is no query, in at most ten times as many episodes.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nasrepro.methods.nets.ladder import Ladder
from nasrepro.suite.errors import InvalidArch, NasreproError, NotTabulated
from nasrepro.suite.registry import load_devices, load_oracle, method, study
from nasrepro.suite.space import Arch, Complexity


@dataclass
class Wall:
    """The budget, and what an action may be under it.

    Attributes:
        ladder: the decisions.
        cost: of an architecture.
        budget: what it may cost.
        least: share that every decision keeps at least.
        repair: whether the budget holds behind the rounding, too.
    """

    ladder: Ladder
    cost: Callable[[Arch], float]
    budget: float
    least: float = 0.2
    repair: bool = False
    _known: dict[tuple[int, ...], float] = field(default_factory=dict)

    def rounded(self, decision: int, share: float) -> int:
        """The step of a share, rounded up."""
        steps = len(self.ladder.options[decision])
        return min(steps, max(1, math.ceil(round(share * steps, 9)))) - 1

    def share(self, decision: int, step: int) -> float:
        """The share that a step keeps."""
        return (step + 1) / len(self.ladder.options[decision])

    def allowed(self, taken: Sequence[int], share: float) -> int:
        """The step of the next decision: `share`, lowered until the budget holds, rounded up."""
        decision = len(taken)
        steps = len(self.ladder.options[decision])
        lowest = self.rounded(decision, self.least)
        wanted = max(self.rounded(decision, share), lowest)
        if self.repair:
            later = [self.rounded(d, self.least) for d in range(decision + 1, len(self._sizes))]
            fitting = (
                step
                for step in range(wanted, lowest - 1, -1)
                if self.of_steps((*taken, step, *later)) <= self.budget
            )
            return next(fitting, lowest)
        rest = [self.least * size - 1 for size in self._sizes[decision + 1 :]]
        costs = [self.between([*taken, step, *rest]) for step in range(steps)]
        return max(self.rounded(decision, min(share, self._largest(costs))), lowest)

    def _largest(self, costs: Sequence[float]) -> float:
        """The largest share whose interpolated cost is within the budget."""
        for step in range(len(costs) - 1, -1, -1):
            if costs[step] <= self.budget:
                above = costs[step + 1] if step + 1 < len(costs) else math.inf
                part = (self.budget - costs[step]) / (above - costs[step])
                return (step + 1 + part) / len(costs)
        return 0.0

    def between(self, steps: Sequence[float]) -> float:
        """The cost between steps, interpolated linearly in each; at least the first step's."""
        places = np.maximum(steps, 0.0)
        low = np.floor(places).astype(int)
        total = 0.0
        for corner in itertools.product(*((0, 1) if place % 1 else (0,) for place in places)):
            weight = np.prod(np.where(corner, places - low, 1 - (places - low)))
            total += float(weight) * self.of_steps(low + np.array(corner))
        return total

    def of_steps(self, steps: Sequence[int] | Any) -> float:
        """The cost of the architecture on these steps."""
        key = tuple(int(step) for step in steps)
        if key not in self._known:
            self._known[key] = self.cost(self.ladder.arch(key))
        return self._known[key]

    @property
    def _sizes(self) -> list[int]:
        return [len(options) for options in self.ladder.options]


def layer_states(wall: Wall, amounts: Callable[[Arch], Sequence[float]]) -> Any:
    """What is known of each decision before an episode, scaled to [0, 1], shape (T, 4)."""
    from nasrepro.methods.nets.ddpg import scaled

    ladder, top = wall.ladder, wall.ladder.top
    whole = amounts(ladder.arch(top))
    rows = []
    for decision, options in enumerate(ladder.options):
        without = amounts(ladder.arch(ladder.moved(top, decision, 0)))
        added = [all_of_it - rest for all_of_it, rest in zip(whole, without, strict=True)]
        rows.append([decision, len(options), *added])
    return scaled(rows)


@method(
    "amc",
    paper="arXiv:1802.03494; the authors' code",
    floating=True,
    at_least={"warmup": 0},
    at_most={"least": 1},
    preserve=0.5,
    device="",
    episodes=400,
    warmup=100,
    least=0.2,
    reward="accuracy",
    repair=False,
    skip_first=True,
)
def search(session, rng, *, preserve, device, episodes, warmup, least, reward, repair, skip_first):
    """Networks within a share of the costliest one's MACs, by DDPG.

    Args:
        session: the search session.
        rng: random generator.
        preserve: share of the MACs (or of the latency) to keep.
        device: whose latency is the cost; MACs where none is named.
        episodes: networks evaluated.
        warmup: episodes with random actions.
        least: share of its options that a decision keeps at least.
        reward: "accuracy", or "accuracy and macs": -error * log(MACs).
        repair: whether the budget holds behind the rounding, too.
        skip_first: whether an episode's first step is never learnt from.
    """
    from nasrepro.methods.nets.ddpg import DDPG, Settings, episode

    if reward not in ("accuracy", "accuracy and macs"):
        raise NasreproError(
            f"amc: unknown reward {reward!r}; accepted: accuracy, accuracy and macs"
        )
    ladder = Ladder(session.space, classes=session.dataset.classes, size=session.dataset.size)

    def size_of(arch: Arch) -> Complexity:
        data = session.dataset
        return ladder.space.complexity(arch, classes=data.classes, size=data.size)

    def cost(arch: Arch) -> float:
        try:
            return float(session.latency(arch, device) if device else size_of(arch).macs)
        except (NotTabulated, InvalidArch):
            return 1e30

    whole = cost(ladder.arch(ladder.top))
    wall = Wall(ladder, cost, preserve * whole, least, repair)
    known = layer_states(wall, lambda arch: (cost(arch), size_of(arch).params))
    horizon = len(ladder.options)
    agent = DDPG(7, horizon, Settings(warmup=warmup, skip_first=skip_first), rng)
    for _ in range(10 * episodes):
        if session.queries == episodes:
            break
        taken: list[int] = []

        def take(action: float, taken: list[int] = taken) -> float:
            taken.append(wall.allowed(taken, action))
            return wall.share(len(taken) - 1, taken[-1])

        def state_of(step: int, last: float, taken: list[int] = taken) -> Any:
            later = [wall.rounded(d, least) for d in range(step, horizon)]
            saved = 1 - wall.of_steps([*taken, *later]) / whole
            rest = (
                1 - wall.of_steps([*ladder.top[: step + 1], *([0] * (horizon - step - 1))]) / whole
            )
            return np.array([*known[step], saved, rest, last])

        states, actions = episode(agent, horizon, state_of, take)
        arch = ladder.arch(taken)
        try:
            done = session.evaluate(arch)
        except (InvalidArch, NotTabulated):  # the table has a part of the space
            agent.learn(states, actions, 0.0)
            continue
        gained = done.score
        if reward == "accuracy and macs":
            gained = -(1 - done.score) * math.log(cost(arch))
        session.rate(done, gained)
        with session.charge("agent"):
            agent.learn(states, actions, gained if math.isfinite(gained) else 0.0)
    session.log("amc", cost=cost(session.best()) / whole)


# -- the authors' networks and logs ----------------------------------------------------------------
#: What the README's table says: MACs in millions.
README_MACS = {"mobilenet": 569, "0.75mobilenet": 325, "0.5flops": 285, "0.5time": 272}


@study(
    "amc.logs",
    paper="arXiv:1802.03494; logs and networks of mit-han-lab/amc-models",
    by=("network",),
    devices="amc",
)
def logs(rng: Any, *, devices: str) -> Iterator[dict[str, Any]]:
    """The authors' MobileNets: what they cost by counting, and how long their logs say they take.

    Columns: latency on a Pixel 1 (ms, mean of three runs), speed-up over the whole network, least
    and greatest of a run over the mean of the whole one's, MACs (M), their share, the README's MACs
    (M).

    Args:
        rng: not used: nothing is random.
        devices: the logs.
    """
    table: Any = load_devices(devices)
    space, networks = table.info.space, table.released()
    (device,) = (device.name for device in table.info.devices)
    base = table.value(networks["mobilenet"], device)
    macs = {
        name: space.complexity(arch, classes=1000, size=224).macs / 1e6
        for name, arch in networks.items()
    }
    for name, arch in networks.items():
        runs = table.runs(arch, device)
        yield {
            "network": name,
            "latency_ms": table.value(arch, device),
            "speedup": base / table.value(arch, device),
            "least": base / max(runs),
            "greatest": base / min(runs),
            "macs": macs[name],
            "share": macs[name] / macs["mobilenet"],
            "readme_macs": README_MACS[name],
        }


@study(
    "amc.rounding",
    paper="arXiv:1802.03494; the authors' code",
    by=("oracle", "preserve", "repair"),
    oracle="natsbench_size",
    preserves=[0.3, 0.5, 0.7],
    episodes=500,
)
def rounding(
    rng: Any, *, oracle: str, preserves: list[float], episodes: int
) -> Iterator[dict[str, Any]]:
    """How often rounding behind the wall breaks the budget, with random actions.

    Columns: share of strategies over the budget, mean and greatest share of the whole network's
    MACs; for the figure, the shares.

    Args:
        rng: draws the actions.
        oracle: whose space.
        preserves: shares of the MACs to keep.
        episodes: strategies.
    """
    opened = load_oracle(oracle)
    data = opened.info.datasets[0]
    ladder = Ladder(opened.space, classes=data.classes, size=data.size)

    def cost(arch: Arch) -> float:
        return opened.space.complexity(arch, classes=data.classes, size=data.size).macs

    whole = cost(ladder.arch(ladder.top))
    for preserve in preserves:
        actions = rng.uniform(size=(episodes, len(ladder.options)))
        for repair in (False, True):
            wall = Wall(ladder, cost, preserve * whole, repair=repair)
            shares = []
            for strategy in actions:
                taken: list[int] = []
                for action in strategy:
                    taken.append(wall.allowed(taken, float(action)))
                shares.append(wall.of_steps(taken) / whole)
            yield {
                "oracle": oracle,
                "preserve": preserve,
                "repair": str(repair),
                "over": float(np.mean(np.array(shares) > preserve * (1 + 1e-9))),
                "mean_share": float(np.mean(shares)),
                "greatest_share": float(np.max(shares)),
                "_shares": sorted(shares),
            }
