"""HAQ: mixed-precision quantisation by DDPG under a cost of hardware (arXiv:1811.08886).

    repeat `episodes` times:
        for each layer: bits of its weights, then of its activations <- DDPG, from the layer's state
        while cost > budget: from the last layer to the first, activations and then weights lose a
          bit, until the budget holds                                                    # the wall
        calibrate the thresholds, train one epoch;  R <- 0.1 (accuracy - accuracy before)
        DDPG learns from every step with R
    return the bits with the highest R

Deviations:
    - The paper's body was not read: the rules, the quantisers and the agent are the authors' code
      (mit-han-lab/haq, commit 8228d126); networks and data are ours.
    - Accuracy is of images held out of the training; theirs is of the training epoch itself
      (`reward_on = "train"`).
    - Their index -1 for the first layer's activations reads the 7-bit column of the table
      (`haq.table` shows both readings); here the input keeps 8 bits.
    - Their wall never ends where the budget is below the floor; ours stops there, and a study says
      so.
    - On their table for MobileNetV2 no accuracy can be had: a proxy of ours stands for it, the
      weights' and activations' quantisation noise in decibels, 6 a bit, by layers' shares.
    - The other cost is an analytic model of ours: MACs * bits * bits on an array of multipliers, or
      the bits moved over a bandwidth, whichever takes longer, layer by layer.
    - On digits: four convolutions and a classifier; an episode trains one epoch, as theirs does. No
      learning rate is lowered across episodes, which theirs is (0.8 an episode).
    - Episodes are fewer than their 600, and `warmup` is their 20.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from nasrepro.methods.nets.bit_costs import (
    MOST,
    Policy,
    analytic_costs,
    described,
    noise_score,
    weighted,
)
from nasrepro.methods.nets.bit_search import (
    LEAST,
    Found,
    Problem,
    better,
    cost_of,
    ddpg,
    fixed_ends,
    last,
    random_bits,
    uniform,
)
from nasrepro.suite.errors import NasreproError
from nasrepro.suite.registry import load_devices, study

# -- the authors' policies -------------------------------------------------------------------------
#: README, MobileNetV2 at 60 % of the latency: weights and activations of 53 layers.
README_WEIGHTS = "87545557447547547547446647657657666566567477477477478"
README_ACTIVATIONS = "-7666764667663773777774774774774774774777777777777778"
#: README, ResNet-50 at 10 % of its size, K-means.
README_KMEANS = "665555455455555535435434442543353253243253253425234234"


# -- searches --------------------------------------------------------------------------------------
def evolution(problem: Problem, episodes: int, rng: Any) -> Found:
    """The best policy so far with a tenth of its bits drawn anew, behind the wall."""
    best = last(random_bits)(problem, max(1, episodes // 5), rng)
    for _ in range(episodes - max(1, episodes // 5)):
        changed = np.array(best[0])
        places = rng.random(changed.shape) < max(0.1, 1 / changed.size)
        changed[places] = rng.integers(LEAST, MOST + 1, size=int(places.sum()))
        policy = problem.keep([(int(w), int(a)) for w, a in changed])
        best = better(best, policy, problem.score(policy))
    return best


def greedy(problem: Problem, episodes: int, rng: Any) -> Found:
    """Halve the bits where it hurts least for what it saves, one by one, until the budget holds.

    How much each hurts is measured alone, all others at 8 bits: an episode each.
    """
    full = [(MOST, MOST)] * len(problem.costs)
    base, spent = problem.score(full), cost_of(problem.costs, full)
    ranked = []
    for layer in range(1, len(full) - 1):
        for part in (0, 1):
            pair = [MOST, MOST]
            pair[part] = MOST // 2
            tried = [*full[:layer], (pair[0], pair[1]), *full[layer + 1 :]]
            saved = spent - cost_of(problem.costs, tried)
            hurt = max(base - problem.score(tried), 0.0)
            ranked.append((hurt / saved if saved > 0 else np.inf, layer, part))
    policy = list(full)
    for _, layer, part in sorted(ranked):
        if cost_of(problem.costs, policy) <= problem.budget:
            break
        pair = list(policy[layer])
        pair[part] = MOST // 2
        policy[layer] = pair[0], pair[1]
    policy = problem.keep(policy)
    return policy, problem.score(policy)


ARMS: dict[str, Callable[[Problem, int, Any], Found]] = {
    "ddpg": last(ddpg),
    "random": last(random_bits),
    "evolution": evolution,
    "uniform": uniform,
    "greedy": greedy,
}


# -- studies ---------------------------------------------------------------------------------------
def _table(devices: str) -> Any:
    table = load_devices(devices)
    if not hasattr(table, "costs"):
        raise NasreproError(f"haq: {devices} has no costs by bits; give haq")
    return table


@study(
    "haq.table",
    paper="arXiv:1811.08886; table and policy of mit-han-lab/haq",
    by=("policy",),
    devices="haq",
)
def released(rng: Any, *, devices: str) -> Iterator[dict[str, Any]]:
    """What the released policy, and uniform ones, cost on the authors' table, over all 8 bits.

    Columns: share of the latency and speed-up, as their code reads the table (the first layer's
    activations, -1, by the column before the last); share with them at 8 bits.

    Args:
        rng: not used: nothing is random.
        devices: the table.
    """
    costs = _table(devices).costs
    policies = {f"uniform, {bits} bits": [(bits, bits)] * len(costs) for bits in (8, 6, 4, 2)}
    policies["README, 60 %"] = readme_policy()
    full = cost_of(costs, [(MOST, MOST)] * len(costs))
    for name, policy in policies.items():
        first = policy[0]
        coded = [(first[0], 7), *policy[1:]] if name.startswith("README") else policy
        yield {
            "policy": name,
            "share": cost_of(costs, coded) / full,
            "speedup": full / cost_of(costs, coded),
            "share_first_at_8": cost_of(costs, policy) / full,
        }


def readme_policy() -> Policy:
    """The README's policy for MobileNetV2, the first layer's activations at 8 bits."""
    activations = README_ACTIVATIONS.replace("-", "8")
    return [(int(w), int(a)) for w, a in zip(README_WEIGHTS, activations, strict=True)]


@study(
    "haq.kmeans",
    paper="arXiv:1811.08886; policy of mit-han-lab/haq",
    by=("policy",),
)
def compressed(rng: Any) -> Iterator[dict[str, Any]]:
    """How much smaller the released K-means policy makes ResNet-50's weights than 32 bits each.

    Columns: weights (M), share of the size, times smaller.

    Args:
        rng: not used: nothing is random.
    """
    weights = resnet50_weights()
    bits = [int(digit) for digit in README_KMEANS]
    share = sum(b * w for b, w in zip(bits, weights, strict=True)) / (32 * sum(weights))
    yield {
        "policy": "README, 10 %",
        "weights": sum(weights) / 1e6,
        "share": share,
        "times_smaller": 1 / share,
    }


def resnet50_weights() -> list[int]:
    """Weights of ResNet-50's 53 convolutions and its classifier, in PyTorch's order."""
    counts, inputs = [3 * 64 * 49], 64
    for blocks, width in zip((3, 4, 6, 3), (64, 128, 256, 512), strict=True):
        for block in range(blocks):
            counts += [inputs * width, 9 * width**2, 4 * width**2]
            if block == 0:
                counts.append(inputs * 4 * width)  # the shortcut
            inputs = 4 * width
    return [*counts, 2048 * 1000]


@study(
    "haq.search",
    paper="arXiv:1811.08886",
    by=("cost", "budget", "arm"),
    devices="haq",
    cost="analytic",
    budgets=[0.4, 0.6, 0.8],
    episodes=60,
    reward_on="valid",
    arms=list(ARMS),
)
def searched(
    rng: Any,
    *,
    devices: str,
    cost: str,
    budgets: list[float],
    episodes: int,
    reward_on: str,
    arms: list[str],
) -> Iterator[dict[str, Any]]:
    """Searches of bits at equal episodes: what they score, and whether the budget holds.

    With cost "analytic" a small network on digits, trained for real (score: points of accuracy
    over the network before quantisation); with "table" MobileNetV2 on the authors' table (score:
    decibels of the noise proxy). Columns: score, share of the cost at 8 bits, share at the floor,
    "met" or "floor".

    Args:
        rng: random generator.
        devices: the authors' table, for its cost.
        cost: "analytic" or "table".
        budgets: shares of the cost at 8 bits.
        episodes: policies scored by each search.
        reward_on: "valid" or "train", of the network on digits.
        arms: searches, of `ARMS`.
    """
    if cost == "table":
        table = _table(devices)
        space = table.info.space
        layers = weighted(space.layers(space.of_policy(readme_policy()), classes=1000, size=224))
        costs, score = table.costs, noise_score(layers)
    elif cost == "analytic":
        from nasrepro.methods.nets.quantised import QuantisedDigits

        network = QuantisedDigits(int(rng.integers(2**31)), reward_on)
        layers, score = list(network.layers), network.score
        costs = analytic_costs(layers, multipliers=64 * 64, bandwidth=512)
    else:
        raise NasreproError(f"haq: unknown cost {cost!r}; accepted: analytic, table")
    full = cost_of(costs, [(MOST, MOST)] * len(costs))
    floor = cost_of(costs, fixed_ends([(LEAST, LEAST)] * len(costs))) / full
    for budget in budgets:
        problem = Problem(costs, budget * full, score, described(layers))
        for arm in arms:
            policy, reached = ARMS[arm](problem, episodes, rng)
            share = cost_of(costs, policy) / full
            yield {
                "cost": cost,
                "budget": budget,
                "arm": arm,
                "score": reached,
                "share": share,
                "floor": floor,
                "budget_is": "met" if share <= budget * (1 + 1e-9) else "floor",
            }
