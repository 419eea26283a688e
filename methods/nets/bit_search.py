"""Searches of bit widths under a budget, as HAQ runs them (arXiv:1811.08886; the authors' code)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from nasrepro.methods.nets.bit_costs import MOST, Policy, Score, Values

LEAST = 2


def bits_of(action: float, least: int = LEAST, most: int = MOST) -> int:
    """Bits of an action in [0, 1]: equal parts for each number of bits."""
    return int(np.clip(np.round((most - least + 1) * action + least - 0.5), least, most))


def cost_of(costs: Values, policy: Policy) -> float:
    """Sum over the layers of `costs[layer, weight bits - 1, activation bits - 1]`."""
    return float(sum(layer[w - 1, a - 1] for layer, (w, a) in zip(costs, policy, strict=True)))


def fixed_ends(policy: Policy) -> Policy:
    """First and last layer at 8 bits."""
    return [(8, 8), *policy[1:-1], (8, 8)]


def walled(costs: Values, policy: Policy, budget: float, least: int = LEAST) -> Policy:
    """Bits lowered one by one, from the last layer to the first, until the cost is in the budget.

    Where even the least bits cost more, those: the floor.
    """
    lowered = fixed_ends(policy)
    while cost_of(costs, lowered) > budget:
        before = list(lowered)
        for layer in range(len(lowered) - 2, 0, -1):
            for part in (1, 0):  # activations, then weights
                pair = list(lowered[layer])
                pair[part] = max(pair[part] - 1, least)
                lowered[layer] = pair[0], pair[1]
                if cost_of(costs, lowered) <= budget:
                    return lowered
        if lowered == before:
            break
    return lowered


@dataclass(frozen=True)
class Problem:
    """What a search of bits sees.

    Attributes:
        costs: by layer, weight bits and activation bits, shape (L, 8, 8).
        budget: of the whole.
        score: of a policy, higher is better.
        layers: numbers that describe each layer, shape (L, n), for the agent.
    """

    costs: Values
    budget: float
    score: Score
    layers: Values

    def keep(self, policy: Policy) -> Policy:
        """The policy behind the wall."""
        return walled(self.costs, policy, self.budget)


Found = tuple[Policy, float]


def ddpg(problem: Problem, episodes: int, rng: Any, warmup: int = 20) -> Iterator[Found]:
    """The agent of the paper: weights, then activations of each layer.

    Yields:
        The best policy so far, after each episode.
    """
    from nasrepro.methods.nets.ddpg import DDPG, Settings, episode, scaled

    states = scaled([[index, *row] for index, row in enumerate(problem.layers)])
    horizon = 2 * len(states)
    settings = Settings(warmup=min(warmup, episodes // 3), decay=0.99, skip_first=False)
    agent = DDPG(states.shape[1] + 2, horizon, settings, rng)
    best: Found | None = None
    for _ in range(episodes):
        bits: list[int] = []

        def take(action: float, bits: list[int] = bits) -> float:
            bits.append(bits_of(action))
            return bits[-1] / MOST

        def state_of(step: int, last: float) -> Values:
            return np.array([*states[step // 2], last, 1 - step % 2])

        visited, actions = episode(agent, horizon, state_of, take)
        policy = problem.keep(list(zip(bits[::2], bits[1::2], strict=True)))
        score = problem.score(policy)
        agent.learn(visited, actions, 0.1 * score)
        best = better(best, policy, score)
        yield best


def better(best: Found | None, policy: Policy, score: float) -> Found:
    """The policy with the higher score; the first of equal ones."""
    return (policy, score) if best is None or score > best[1] else best


def random_bits(problem: Problem, episodes: int, rng: Any) -> Iterator[Found]:
    """Bits drawn uniformly, behind the wall; the best so far, after each episode."""
    best: Found | None = None
    for _ in range(episodes):
        drawn = rng.integers(LEAST, MOST + 1, size=(len(problem.costs), 2))
        policy = problem.keep([(int(w), int(a)) for w, a in drawn])
        best = better(best, policy, problem.score(policy))
        yield best


def last(
    search: Callable[[Problem, int, Any], Iterator[Found]],
) -> Callable[[Problem, int, Any], Found]:
    """The search that gives the best of all its episodes."""
    return lambda problem, episodes, rng: list(search(problem, episodes, rng))[-1]


def uniform(problem: Problem, episodes: int, rng: Any) -> Found:
    """The most bits that all layers can have, else the wall from the least."""
    layers = len(problem.costs)
    for bits in range(MOST, LEAST, -1):
        policy = fixed_ends([(bits, bits)] * layers)
        if cost_of(problem.costs, policy) <= problem.budget:
            return policy, problem.score(policy)
    policy = problem.keep([(LEAST, LEAST)] * layers)
    return policy, problem.score(policy)
