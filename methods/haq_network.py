"""HAQ network: bits of each layer by DDPG, quantised and fine-tuned (arXiv:1811.08886).

    train a network
    repeat `episodes` times:
        bits of each layer's weights and activations <- DDPG;  lower them, last layer first, until
          the cost is in the budget
        quantise the trained network, fine-tune an epoch;  R <- accuracy less that before
        DDPG learns from every step with R
    quantise the network with the bits of the highest R, train on

Deviations:
    - The paper's body was not read: rules, quantisers and agent are those of the authors' code
      (mit-han-lab/haq, commit 8228d126). `haq` is the same search on their table, and on a network
      outside a workshop.
    - A chain of four convolutions with batch norm on 8x8 digits; batch norms have 32 bits.
    - The cost is `nets.bit_costs.analytic_costs`: an array of multipliers, or the bits moved,
      whichever takes longer, layer by layer. The budget is what `bits` everywhere cost, first and
      last layer at 8: so the control has the same budget to the bit.
    - The first layer reads the images as they are.
    - The reward is accuracy on 300 validation images; theirs is of training images. 60 episodes,
      20 of them random, and fewer where the budget does not pay for them; theirs are 600.
    - The last training takes what is left of the budget, with the bits of the search.
    - Counted against the budget: every layer that runs, the agent's too, and `RANGES_S` for the
      ranges of a network's weights and activations, which no layer looks for. CPU seconds of all of
      it are the workshop's.
    - `choose` "random" draws bits, "uniform" gives all layers the same. Controls.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nasrepro.suite.errors import NasreproError
from nasrepro.suite.registry import method

if TYPE_CHECKING:
    import numpy as np
    from torch import nn

    from nasrepro.methods.nets.bit_costs import Policy
    from nasrepro.suite.search import Session

CHOICES = ("ddpg", "random", "uniform")
LAYERS = 4
#: Seconds of looking for the ranges of a network of few bits, without the forward pass: measured
#: beside a step of training, and brought to the rates of `oracles.training.work`.
RANGES_S = 0.025


@method(
    "haq_network",
    paper="arXiv:1811.08886; the authors' code",
    workshop=True,
    at_most={"start": 1, "final": 1},
    choose="ddpg",
    bits=3,
    episodes=60,
    start=0.3,
    final=0.3,
    width=16,
)
def search(
    session: Session,
    rng: np.random.Generator,
    *,
    choose: str,
    bits: int,
    episodes: int,
    start: float,
    final: float,
    width: int,
) -> nn.Module:
    """A quantised network within the cost of equal bits.

    Args:
        session: the search session.
        rng: random generator.
        choose: "ddpg", or a control: "random", "uniform".
        bits: whose cost, in each layer but the first and the last, is the budget.
        episodes: networks that are quantised, at most.
        start: share of the budget for the first training.
        final: share of the budget for the last training, at least.
        width: channels of each layer.
    """
    from nasrepro.methods.nets.bit_costs import MOST, analytic_costs, described
    from nasrepro.methods.nets.bit_search import (
        LEAST,
        Problem,
        cost_of,
        ddpg,
        fixed_ends,
        random_bits,
    )
    from nasrepro.methods.nets.chain import Chain, epochs_left
    from nasrepro.methods.nets.options import refuse_unknown
    from nasrepro.methods.nets.quantised_chain import layers_of, quantised, settled

    refuse_unknown("haq_network", choice=(choose, CHOICES))
    if not LEAST <= bits <= MOST:
        raise NasreproError(f"haq_network: bits {bits}; give {LEAST} to {MOST}")
    with session.workshop(rng) as shop:
        with shop.seeded():
            network = Chain(shop.shape, [width] * LAYERS, shop.classes)
        layers = layers_of(network, shop.shape)
        costs = analytic_costs(layers, multipliers=64 * 64, bandwidth=512)
        policy = fixed_ends([(bits, bits)] * len(layers))
        most = cost_of(costs, policy)
        shop.train(network, epochs_left(session, shop, network, start))
        images, _ = next(iter(shop.batches("train", 128)))
        before = shop.validate(network, images=300)

        def made_of(policy: Policy) -> Chain:
            shop.work(RANGES_S)
            return quantised(network, policy, images)

        def score(policy: Policy) -> float:
            """Points of accuracy over the network in full precision, after an epoch."""
            made = made_of(policy)
            shop.train(made, 1, learning_rate=0.01)
            return round(100 * (shop.validate(made, images=300) - before), 6)

        problem = Problem(costs, most, score, described(layers))
        if choose != "uniform":
            until_s = (1 - final) * (session.budget.seconds or 0.0)
            search_bits = random_bits if choose == "random" else ddpg
            for best in search_bits(problem, episodes, rng):
                policy, reached = best
                if session.clock_s > until_s:
                    break
            session.log("haq", policy=policy, share=cost_of(costs, policy) / most, score=reached)
        chosen = made_of(policy)
        session.keep(settled(chosen))
        shop.train(chosen, epochs_left(session, shop, chosen), learning_rate=0.035)
    return settled(chosen)
