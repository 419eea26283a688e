"""DDPG: what is remembered, how an update moves, and that it learns a bandit of one step."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from nasrepro.methods.nets.ddpg import DDPG, Settings, episode, scaled

SMALL = Settings(hidden=32, warmup=15, actor_rate=1e-3, batch=32)


def test_first_steps_are_left_out_as_in_the_authors_memory():
    states = [np.array([float(step)]) for step in range(3)]
    for skip, expected in ((True, 1 + 2 * 3), (False, 9)):
        agent = DDPG(1, 3, Settings(skip_first=skip), np.random.default_rng(0))
        for _ in range(3):
            agent.learn(states, [0.1, 0.2, 0.3], 1.0)
        # all but the very first episode lose their first step
        assert len(agent.memory) == (expected if skip else 9)
        state, action, reward, after, alive = agent.memory[-1]
        assert (state[0], action, reward, after[0], alive) == (2.0, 0.3, 1.0, 2.0, 0.0)
        assert agent.memory[-2][4] == 1.0 and agent.memory[-2][3][0] == 2.0


def test_memory_holds_a_hundred_episodes():
    agent = DDPG(1, 2, Settings(skip_first=False), np.random.default_rng(0))
    for _ in range(101):
        agent.learn([np.zeros(1), np.ones(1)], [0.5, 0.5], 0.0)
    assert len(agent.memory) == 200


def test_targets_follow_by_tau():
    agent = DDPG(1, 1, Settings(tau=0.25, skip_first=False), np.random.default_rng(0))
    before = agent.actor_target.last.weight.detach().clone()
    agent.learn([np.zeros(1)], [0.5], 1.0)
    agent.update()
    expected = before + 0.25 * (agent.actor.last.weight - before)
    assert torch.allclose(agent.actor_target.last.weight, expected)


def test_moving_average_of_rewards():
    agent = DDPG(1, 1, Settings(skip_first=False), np.random.default_rng(0))
    agent.learn([np.zeros(1)], [0.5], 4.0)
    agent.update()
    assert agent.average == 4.0
    agent.memory = [(*agent.memory[0][:2], 2.0, *agent.memory[0][3:])]
    agent.update()
    assert agent.average == 3.0


@pytest.mark.parametrize("goal", [0.3, 0.8])
def test_it_learns_a_bandit(goal):
    given = Settings(
        hidden=64, warmup=60, actor_rate=3e-4, critic_rate=1e-2, decay=0.99, skip_first=False
    )
    agent = DDPG(1, 1, given, np.random.default_rng(0))
    for _ in range(300):
        states, actions = episode(agent, 1, lambda step, last: np.ones(1), lambda action: action)
        agent.learn(states, actions, -10 * (actions[0] - goal) ** 2)
    with torch.no_grad():
        assert abs(float(agent.actor(torch.ones(1, 1))) - goal) < 0.1


def test_global_generators_are_untouched():
    torch.manual_seed(3)
    state = torch.random.get_rng_state()
    DDPG(2, 2, SMALL, np.random.default_rng(0))
    assert torch.equal(state, torch.random.get_rng_state())


def test_scaled_columns():
    assert scaled([[0, 5], [2, 5], [4, 5]]).tolist() == [[0, 5], [0.5, 5], [1, 5]]
