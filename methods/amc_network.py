"""AMC network: channels pruned and weights refitted, by DDPG (arXiv:1802.03494).

    train a network
    repeat `episodes` times:
        for each layer: a <- share of channels kept, by DDPG;  a <- min(a, what the budget leaves)
        cut the channels of least L1 norm;  refit each layer by least squares;  no training
        R <- accuracy;  DDPG learns from every step with R
    train the network with the highest R

Deviations:
    - The paper's body was not read: all of this is the authors' code (mit-han-lab/amc, commit
      65363c84). `amc` is the same agent where accuracies are looked up.
    - A chain of four convolutions on 8x8 digits; widths are whole numbers, not multiples of 8, and
      the wall counts them, so that the budget holds.
    - 3x3 layers are refitted, from 24 images; theirs refits 1x1 layers from 600 points of 60
      batches.
    - A state has 6 numbers, theirs 10: index, MACs and parameters of the layer, shares of MACs
      saved and in later layers, last action.
    - The reward is accuracy on 300 validation images; 100 episodes, 25 of them random, where theirs
      are 800 and 100, and fewer where the budget does not pay for them.
    - The last training takes what is left of the budget.
    - Counted against the budget: every layer that runs, the agent's too, and `REFIT_S` for cutting
      and refitting a network, which no layer does. CPU seconds of all of it are the workshop's.
    - `choose` "random" draws shares, "uniform" cuts all layers alike, "rewound" trains the widths
      that DDPG found from new weights. Controls.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nasrepro.suite.registry import method

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import nn

    from nasrepro.suite.search import Session

CHOICES = ("ddpg", "random", "uniform", "rewound")
LAYERS = 4
#: Seconds of cutting a network and of its three least-squares fits, without the forward passes:
#: measured beside a step of training, and brought to the rates of `oracles.training.work`.
REFIT_S = 0.01


class Layers:
    """The layers of a chain, cut one after the other: what DDPG sees and does.

    Args:
        macs: of a chain with these widths.
        width: channels of each layer before.
        least: share of its channels that a layer keeps at least.
        preserve: share of the MACs to keep.

    Attributes:
        full: the widths before.
        whole: MACs before.
        most: MACs that the budget leaves.
        widths: those decided in this episode.
    """

    def __init__(
        self, macs: Callable[[list[int]], int], width: int, least: float, preserve: float
    ) -> None:
        self._macs, self._width = macs, width
        self.full = [width] * LAYERS
        self._floor = [max(1, round(least * width))] * LAYERS
        self.whole = macs(self.full)
        self.most = preserve * self.whole
        self._each = [
            self.whole - macs([*self.full[:n], 0, *self.full[n + 1 :]]) for n in range(LAYERS)
        ]
        self.widths: list[int] = []

    def state(self, n: int, last: float) -> np.ndarray:
        """What the agent sees of layer n, after its last action; 6 numbers."""
        saved = 1 - self._macs([*self.widths, *self.full[n:]]) / self.whole
        later = sum(self._each[n + 1 :]) / self.whole
        params = 9 * self._width * (1 if n == 0 else self._width) / (9 * self._width**2)
        return np.array([n / LAYERS, self._each[n] / self.whole, params, saved, later, last])

    def keep(self, action: float) -> float:
        """Keep that share of the next layer's channels, or what the budget leaves."""
        from nasrepro.methods.nets import pruning

        n, floor = len(self.widths), self._floor
        wanted = max(floor[n], min(self._width, int(np.ceil(round(action * self._width, 6)))))
        rest = [*self.widths, wanted, *floor[n + 1 :]]
        self.widths.append(max(floor[n], pruning.widest(self._macs, rest, n, self.most)))
        return self.widths[-1] / self._width


@method(
    "amc_network",
    paper="arXiv:1802.03494; the authors' code",
    workshop=True,
    at_least={"warmup": 0},
    at_most={"least": 1, "preserve": 1, "start": 1, "final": 1},
    choose="ddpg",
    preserve=0.2,
    least=0.2,
    episodes=100,
    warmup=25,
    start=0.3,
    final=0.3,
    width=16,
)
def search(
    session: Session,
    rng: np.random.Generator,
    *,
    choose: str,
    preserve: float,
    least: float,
    episodes: int,
    warmup: int,
    start: float,
    final: float,
    width: int,
) -> nn.Module:
    """A pruned network within a share of its MACs.

    Args:
        session: the search session.
        rng: random generator.
        choose: "ddpg", or a control: "random", "uniform", "rewound".
        preserve: share of the MACs to keep.
        least: share of its channels that a layer keeps at least.
        episodes: networks that are pruned.
        warmup: episodes with random actions.
        start: share of the budget for the first training.
        final: share of the budget that is left for the last training at least.
        width: channels of each layer before.
    """
    from nasrepro.methods.nets import pruning
    from nasrepro.methods.nets.chain import Chain, epochs_left
    from nasrepro.methods.nets.ddpg import DDPG, Settings, episode
    from nasrepro.methods.nets.options import refuse_unknown

    refuse_unknown("amc_network", choice=(choose, CHOICES))
    with session.workshop(rng) as shop:

        def chain(widths: list[int]) -> nn.Module:
            with shop.seeded():
                return Chain(shop.shape, widths, shop.classes)

        def macs(widths: list[int]) -> int:
            return pruning.chain_macs(shop.shape, widths, shop.classes)

        layers = Layers(macs, width, least, preserve)
        network = chain(layers.full)
        shop.train(network, epochs_left(session, shop, network, start))
        images, _ = next(iter(shop.batches("train", 24)))

        def pruned(widths: list[int]) -> nn.Module:
            shop.work(REFIT_S)
            kept = pruning.kept_channels(network, widths, "readers")
            smaller = pruning.narrowed(network, kept)
            pruning.refitted(smaller, network, kept, images)
            return smaller

        agent = DDPG(6, LAYERS, Settings(warmup=episodes if choose == "random" else warmup), rng)
        best, highest = pruning.uniform(macs, layers.full, layers.most), -1.0
        session.keep(pruned(best))
        until_s = (1 - final) * (session.budget.seconds or 0.0)
        for _ in range(episodes if choose != "uniform" else 0):
            if session.clock_s > until_s:
                break
            layers.widths = []
            states, actions = episode(agent, LAYERS, layers.state, layers.keep)
            reward = shop.validate(pruned(layers.widths), images=300)
            if reward > highest:
                best, highest = layers.widths, reward
            if choose != "random":
                agent.learn(states, actions, reward)
        session.log("amc", widths=best, share=macs(best) / layers.whole, accuracy=highest)
        chosen = chain(best) if choose == "rewound" else pruned(best)
        session.keep(chosen)
        shop.train(chosen, epochs_left(session, shop, chosen))
    return chosen
