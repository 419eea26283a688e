"""Firefly: neural architecture descent, networks that grow while they train (arXiv:2102.08574).

    train a narrow network
    repeat `rounds` times:
        gate e = 0 for each neuron i split in two,  w_i -> w_i + e v_i, w_i - e v_i,  each read by
            half, and for each of K new neurons a layer, weights d in and e u out
        directions v, d, u <- a few steps on the loss, all gates on, the network frozen
        s <- mean over points e of dLoss/de, gate by gate       # the loss change, to first order
        keep the candidates of most negative s that the size of the round allows;  train

Deviations:
    - The paper's body was not read: rules and numbers are those of the authors' code
      (klightz/Firefly, commit ebb069d7), which grows widths alone; so does this: no new layers.
    - `points` = 1 at e = 1 is their code. With more, e = (2z - 1) / 2n: their text's integral, as
      we recall it. `joint = False` opens the gates of one layer at a time.
    - Theirs adds int(0.35 neurons) + 1 a round (`take_one_more`); here a round ends at a number of
      parameters (`price = "params"`: s over the parameters that it adds), so that all arms are
      equally large, unless `price = "neurons"`.
    - Directions are drawn and trained as in their code; a new neuron reads and is read by what was
      there before the round, and by no other new one.
    - The network is a chain of four convolutions on small images, not VGG-19 or MobileNet; a round
      trains 10 epochs, not 160; the last training takes what is left of the budget.
    - Batch norm in evaluation mode while it grows; a new channel's has mean 0, variance 1, scale 1
      and shift 0; a split copies its parent's: as theirs.
    - `choose` "random" draws splits at random, moved by +-0.01, as one child of their NASH control
      does (theirs trains 8 and, by a slip, keeps the last); "wide" starts at the final size, layers
      as equally wide as it allows, and "rewound" trains the widths that were found from new
      weights. Both are controls.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nasrepro.suite.registry import method

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from torch import nn

    from nasrepro.methods.nets.growing import Candidate, Directions
    from nasrepro.suite.oracle import Workshop
    from nasrepro.suite.search import Session

CHOICES = ("gradient", "random", "wide", "rewound")
MOVES, PRICES = ("both", "split"), ("params", "neurons")
LAYERS = 4


@method(
    "firefly",
    paper="arXiv:2102.08574; the authors' code",
    workshop=True,
    choose="gradient",
    moves="both",
    points=3,
    joint=True,
    price="params",
    size=12_000,
    grow=0.35,
    take_one_more=False,
    rounds=4,
    width=8,
    new=20,
    epochs=10,
)
def search(
    session: Session,
    rng: np.random.Generator,
    *,
    choose: str,
    moves: str,
    points: int,
    joint: bool,
    price: str,
    size: int,
    grow: float,
    take_one_more: bool,
    rounds: int,
    width: int,
    new: int,
    epochs: int,
) -> nn.Module:
    """A network that grows to its size while it trains.

    Args:
        session: the search session.
        rng: random generator.
        choose: how candidates are chosen, "gradient" or "random"; "wide" and "rewound" are
            controls that train a network of the final size from new weights.
        moves: "both", or "split" alone.
        points: of the integral; 1 is the gradient with all gates at 1, as in the authors' code.
        joint: whether all gates open together, or those of a layer at a time.
        price: what a round is limited by, "params" or "neurons".
        size: parameters after the last round, at most.
        grow: share of the neurons that a round adds, where `price` is "neurons".
        take_one_more: as the authors' code does, where `price` is "neurons".
        rounds: of growth.
        width: channels of each layer at the start.
        new: new neurons a layer that are tried in a round.
        epochs: of training at the start and between rounds.
    """
    from nasrepro.methods.nets.chain import Chain, epochs_left, widths_of
    from nasrepro.methods.nets.channels import channel_map
    from nasrepro.methods.nets.growing import Directions, Gated, cheapest, selected
    from nasrepro.methods.nets.options import refuse_unknown

    refuse_unknown("firefly", choose=(choose, CHOICES), moves=(moves, MOVES), price=(price, PRICES))
    with session.workshop(rng) as shop:

        def chain(widths: Sequence[int]) -> nn.Module:
            with shop.seeded():
                return Chain(shop.shape, widths, shop.classes)

        def params(network: nn.Module) -> int:
            return shop.measure(network).params

        network = chain([width] * LAYERS)
        start = params(network)
        for done in range(rounds if choose != "wide" else 0):
            shop.train(network, epochs)
            with shop.seeded():
                directions = Directions(channel_map(network), 0 if moves == "split" else new)
            scores = scored(directions, shop, rng, choose, points, joint)
            if price == "neurons":
                count = int(grow * len(directions.channels.free())) + take_one_more
                chosen = cheapest(scores)[:count]
            else:
                most = int(start * (size / start) ** ((done + 1) / rounds))
                chosen = selected(directions.channels, scores, most)
            network = Gated(directions, chosen).settled()
            session.keep(network)
            session.log("firefly", params=params(network), widths=widths_of(network))
        if choose == "wide":
            fitting = (w for w in range(width, size) if params(chain([w + 1] * LAYERS)) > size)
            widths = [next(fitting)] * LAYERS
            for layer in range(LAYERS):  # a channel more where it fits
                wider = [*widths[:layer], widths[layer] + 1, *widths[layer + 1 :]]
                widths = wider if params(chain(wider)) <= size else widths
            network = chain(widths)
        elif choose == "rewound":
            network = chain(widths_of(network))
        session.keep(network)
        shop.train(network, epochs_left(session, shop, network))
    return network


def scored(
    directions: Directions,
    shop: Workshop,
    rng: np.random.Generator,
    choose: str,
    points: int,
    joint: bool,
) -> dict[Candidate, float]:
    """What each candidate is thought to change the loss by; directions are learnt before."""
    from nasrepro.methods.nets.growing import SPLIT

    if choose == "random":
        for v in directions.v.values():
            v.mul_(0.1)  # +-0.01
        splits = [candidate for candidate in directions.candidates if candidate[1] == SPLIT]
        return dict(zip(splits, (-1.0 - rng.permutation(len(splits))).tolist(), strict=True))
    directions.learn(shop.batches("train", 64))
    at = [(2 * z - 1) / (2 * points) for z in range(1, points + 1)] if points > 1 else [1.0]
    scores = directions.scores(shop.batches("train", 64), at, joint)
    return dict(zip(directions.candidates, scores.tolist(), strict=True))
