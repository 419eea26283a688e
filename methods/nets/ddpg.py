"""DDPG with one action in [0, 1], as AMC and HAQ run it (arXiv:1509.02971; arXiv:1802.03494).

a <- random in the first `warmup` + 1 episodes, then truncated normal around actor(s)
at the end of an episode every step is remembered with the episode's reward R; then, a step each:
    draw a batch (s, a, R, s', alive);  b <- b + (mean R - b) / 2
    critic <- Adam on (critic(s, a) - (R - b) - alive * critic'(s', actor'(s')))^2
    actor <- Adam on -critic(s, actor(s));  actor', critic' follow by `tau`
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import stats
from torch import nn

State = NDArray[np.float64]


@dataclass(frozen=True)
class Settings:
    """Parameters of the agent; the defaults are those of AMC's code.

    Attributes:
        hidden: units of both hidden layers.
        actor_rate, critic_rate: of Adam.
        tau: how far the targets follow in an update.
        batch: transitions of an update.
        warmup: episodes with random actions (and one more, as their code counts).
        noise, decay: standard deviation of the noise, and what it is multiplied by each episode.
        skip_first: whether the first step of an episode is never drawn, as in AMC's code, whose
            memory takes it for what follows a reset; HAQ appends a step for that, which is drawn
            in no one's place.
    """

    hidden: int = 300
    actor_rate: float = 1e-4
    critic_rate: float = 1e-3
    tau: float = 0.01
    batch: int = 64
    warmup: int = 100
    noise: float = 0.5
    decay: float = 0.95
    skip_first: bool = True


class _Network(nn.Module):
    """Two hidden layers; the action, if there is one, enters the first by weights of its own."""

    def __init__(self, inputs: int, hidden: int, *, action: bool) -> None:
        super().__init__()
        self.state = nn.Linear(inputs, hidden)
        self.action = nn.Linear(1, hidden) if action else None
        self.second, self.last = nn.Linear(hidden, hidden), nn.Linear(hidden, 1)

    def forward(self, state: torch.Tensor, action: torch.Tensor | None = None) -> torch.Tensor:
        first = self.state(state)
        if self.action is None or action is None:
            return torch.sigmoid(self.last(torch.relu(self.second(torch.relu(first)))))
        inner = torch.relu(first + self.action(action))
        last: torch.Tensor = self.last(torch.relu(self.second(inner)))
        return last


class DDPG:
    """The agent.

    Args:
        states: numbers of a state.
        steps: of an episode; the memory holds 100 episodes.
        settings: parameters.
        rng: of the actions, the noise and the batches; the weights' seed is drawn from it.
    """

    def __init__(self, states: int, steps: int, settings: Settings, rng: Any) -> None:
        self.settings, self.rng, self.room = settings, rng, 100 * steps
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(rng.integers(2**31)))
            self.actor = _Network(states, settings.hidden, action=False)
            self.critic = _Network(states, settings.hidden, action=True)
            self.actor_target = _Network(states, settings.hidden, action=False)
            self.critic_target = _Network(states, settings.hidden, action=True)
        self.actor_target.load_state_dict(self.actor.state_dict())
        self.critic_target.load_state_dict(self.critic.state_dict())
        self.optimisers = (
            torch.optim.Adam(self.actor.parameters(), lr=settings.actor_rate),
            torch.optim.Adam(self.critic.parameters(), lr=settings.critic_rate),
        )
        self.memory: list[tuple[State, float, float, State, float]] = []
        self.average: float | None = None
        self.episode = 0

    def act(self, state: State) -> float:
        """An action in [0, 1]."""
        if self.episode <= self.settings.warmup:
            return float(self.rng.uniform())
        with torch.no_grad():
            mean = float(self.actor(_tensor([state]))[0, 0])
        spread = self.settings.noise * self.settings.decay ** (self.episode - self.settings.warmup)
        low, high = -mean / spread, (1 - mean) / spread
        drawn = stats.truncnorm.rvs(low, high, loc=mean, scale=spread, random_state=self.rng)
        return float(np.clip(drawn, 0, 1))

    def learn(self, states: Sequence[State], actions: Sequence[float], reward: float) -> None:
        """Remember an episode and, behind the warm-up, update once a step."""
        following = [*states[1:], states[-1]]
        for step, (state, action, after) in enumerate(zip(states, actions, following, strict=True)):
            alive = float(step < len(states) - 1)
            if step or not self.settings.skip_first or not self.memory:
                self.memory.append((state, action, reward, after, alive))
            if self.episode > self.settings.warmup:
                self.update()
        del self.memory[: -self.room]
        self.episode += 1

    def update(self) -> None:
        """One step of Adam for the critic and one for the actor."""
        drawn = self.rng.integers(len(self.memory), size=self.settings.batch)
        batch = [self.memory[place] for place in drawn]
        states, actions, rewards, after, alive = (
            np.array([row[i] for row in batch]) for i in range(5)
        )
        mean = float(rewards.mean())
        self.average = mean if self.average is None else (self.average + mean) / 2
        now, then = _tensor(states), _tensor(after)
        with torch.no_grad():
            value = self.critic_target(then, self.actor_target(then))
            goal = _tensor(rewards - self.average)[:, None] + _tensor(alive)[:, None] * value
        actor, critic = self.optimisers
        critic.zero_grad()
        guess = self.critic(now, _tensor(actions)[:, None])
        nn.functional.mse_loss(guess, goal).backward()
        critic.step()
        actor.zero_grad()
        (-self.critic(now, self.actor(now)).mean()).backward()
        actor.step()
        with torch.no_grad():
            for target, source in (
                (self.actor_target, self.actor),
                (self.critic_target, self.critic),
            ):
                for slow, fast in zip(target.parameters(), source.parameters(), strict=True):
                    slow.lerp_(fast, self.settings.tau)


def episode(
    agent: DDPG, steps: int, state_of: Callable[[int, float], State], take: Callable[[float], float]
) -> tuple[list[State], list[float]]:
    """States and actions of one episode.

    Args:
        agent: who acts.
        steps: how many.
        state_of: the state of a step, given the action last taken (1 before the first).
        take: takes an action and says what was taken.
    """
    states: list[State] = []
    actions: list[float] = []
    last = 1.0
    for step in range(steps):
        states.append(state_of(step, last))
        actions.append(agent.act(states[-1]))
        last = take(actions[-1])
    return states, actions


def scaled(rows: Sequence[Sequence[float]]) -> State:
    """Each column scaled to [0, 1]; a constant one stays."""
    table = np.asarray(rows, dtype=np.float64)
    low, span = table.min(axis=0), np.ptp(table, axis=0)
    result: State = np.where(span > 0, (table - low) / np.where(span > 0, span, 1), table)
    return result


def _tensor(values: Any) -> torch.Tensor:
    return torch.from_numpy(np.asarray(values, dtype=np.float32))
