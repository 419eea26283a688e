"""Path-level: network transformation, cells grown out of a trained network (arXiv:1806.02639).

    train a chain of plain edges
    repeat until the budget ends:
        10 cells: at each leaf of a tree, merge? how many branches? which operations? go on?  each
          drawn by a tree-LSTM controller
        network <- the chain with the cell's moves applied to every edge, weights inherited; train
          `epochs`;  R <- tan(accuracy * pi / 2)
        b <- b + 0.95 (mean R - b);  controller <- Adam on sum log p (R - b) + 0.01 entropy
    train the network of the best cell

Deviations:
    - The paper's body was not read: moves, controller and numbers are those of the authors' code
      (han-cai/PathLevel-EAS, commit 7a6a34fb), in the order convolution, batch norm, ReLU, where an
      identity can become a convolution without a change of the function.
    - The chain has a stem and three edges on 8x8 digits, not PyramidNet's blocks; the root's edge
      is a plain 3x3 convolution, theirs has two groups. Candidates train 2 epochs, not 20.
    - Where a pooling changes the function, theirs mimics the chain first; here it is just trained.
    - New batch norms take their statistics from one batch of training images, not ten of
      validation.
    - SGD's rate is 0.035 with a cosine, as theirs, and 0.1 for the chain, the last training and
      new weights. The reward is tan(accuracy * pi / 2.01), finite where all images are right.
    - The best cell is trained on from its inherited weights for what is left of the budget
      (`final`); theirs is built larger and trained from new ones.
    - The controller's layers are counted against the budget as the network's are; the arm "random"
      draws by it, too, so that the two arms spend alike.
    - `inherit = False` gives each candidate new weights, the last training too; `choose` "random"
      draws all options alike. Both are controls.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from nasrepro.suite.errors import NasreproError
from nasrepro.suite.registry import method

if TYPE_CHECKING:
    import numpy as np
    from torch import nn

    from nasrepro.methods.nets.tree_controller import Drawn
    from nasrepro.methods.nets.trees import Node
    from nasrepro.suite.search import Session

CHOICES = ("controller", "random")


@method(
    "path_level",
    paper="arXiv:1806.02639; the authors' code",
    workshop=True,
    at_most={"start": 1, "final": 1},
    choose="controller",
    inherit=True,
    epochs=2,
    start=0.15,
    final=0.25,
    width=8,
    noise=6e-3,
)
def search(
    session: Session,
    rng: np.random.Generator,
    *,
    choose: str,
    inherit: bool,
    epochs: int,
    start: float,
    final: float,
    width: int,
    noise: float,
) -> nn.Module:
    """A network whose edges became trees.

    Args:
        session: the search session.
        rng: random generator.
        choose: "controller" or "random".
        inherit: whether candidates start with the chain's weights.
        epochs: of training of a candidate.
        start: share of the budget for the chain.
        final: share of the budget for the last training.
        width: channels of the chain's stem.
        noise: on inherited weights, over their standard deviation.
    """
    from nasrepro.methods.nets.chain import epochs_left
    from nasrepro.methods.nets.tree_controller import Controller
    from nasrepro.methods.nets.trees import Chain, renewed, transformed

    if choose not in CHOICES:
        raise NasreproError(
            f"path_level: unknown choice {choose!r}; accepted: {', '.join(CHOICES)}"
        )

    with session.workshop(rng) as shop:
        with shop.seeded():
            chain, controller = Chain(shop.shape[0], width, shop.classes), Controller()
        shop.train(chain, epochs_left(session, shop, chain, start))
        images, _ = next(iter(shop.batches("train", 128)))
        networks: dict[str, nn.Module] = {}
        accuracies: dict[str, float] = {}

        def measured(cell: Node) -> float:
            """Validation accuracy of a cell; a repeat is not trained again."""
            if str(cell) not in accuracies:
                with shop.seeded():
                    network = transformed(chain, cell, images, noise if inherit else 0.0)
                    if not inherit:
                        renewed(network)
                shop.train(network, epochs, learning_rate=0.035 if inherit else 0.1)
                accuracies[str(cell)] = accuracy = shop.validate(network)
                if accuracy == max(accuracies.values()):
                    networks["best"] = network
                    session.keep(network)
                session.log("path_level", cell=str(cell), accuracy=accuracy)
            return accuracies[str(cell)]

        if session.budget.seconds is None:
            raise NasreproError("path_level needs a budget in seconds; give one")
        until_s = (1 - final) * session.budget.seconds
        while session.clock_s < until_s:
            cells: list[Drawn] = []
            rewards: list[float] = []
            while len(cells) < 10 and session.clock_s < until_s:
                cells.append(controller.sample(lambda p: picked(p, rng, choose)))
                rewards.append(math.tan(measured(cells[-1].cell) * math.pi / 2.01))
            if choose == "controller" and len(cells) == 10:
                controller.learn(cells, rewards)
        network = networks["best"]
        shop.train(network, epochs_left(session, shop, network))
    return network


def picked(chances: list[float], rng: np.random.Generator, choose: str) -> int:
    """An option by its probability, or any."""
    if choose == "random":
        return int(rng.integers(len(chances)))
    threshold = rng.random()
    below = [sum(chances[: option + 1]) > threshold for option in range(len(chances))]
    return below.index(True) if any(below) else len(chances) - 1
