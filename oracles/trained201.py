"""trained201: NAS-Bench-201 cells trained on scikit-learn's digits when they are asked for.

The setting and the trainer are those of the table `digits201` that ships, so that each can be
checked against the other: on the processor that the table was made on they agree to the last bit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace

from nasrepro.oracles import digits201
from nasrepro.oracles.images.sets import sha256
from nasrepro.oracles.training.oracle import METRICS, TrainedOracle, Training
from nasrepro.oracles.training.recipe import Recipe
from nasrepro.oracles.training.work import counted
from nasrepro.suite.oracle import Oracle
from nasrepro.suite.registry import oracle

#: Raise it whenever the same setting would give another answer.
VERSION = 2  # costs are counted
#: Seeds that are trained together as one grouped network, as the table's were.
GROUPS = ((0, 1, 2), (3, 4, 5))
RECIPE = Recipe()

INFO = replace(
    digits201.INFO,
    name="trained201",
    metrics=METRICS,
    trains=True,
    notes=(
        "trains what it is asked for, a second or so for each cell, and remembers it; the table "
        "digits201 holds the same for all cells",
        "functionally equal cells are trained once: the cell with the smallest number of each "
        "class",
    ),
)


def train(training: Training) -> Mapping[tuple[int, int], Mapping[str, float]]:
    """The whole schedule of the three seeds that belong together.

    Too short to need a checkpoint.
    """
    from nasrepro.oracles.training.digits import DigitsLearner, load_digits
    from nasrepro.oracles.training.loop import measured

    (seeds,) = (group for group in GROUPS if training.seed in group)
    learner = DigitsLearner(training.arch, seeds, RECIPE, load_digits(RECIPE))
    network = counted(digits201.SPACE, training.arch, classes=10, size=8)
    return measured(learner, RECIPE, seeds, network, until=RECIPE.epochs, tell=training.tell)


@oracle(INFO)
def load() -> Oracle:
    """The oracle with the table that has grown so far."""
    return TrainedOracle(
        INFO,
        train,
        epochs=range(1, RECIPE.epochs + 1),
        seeds=[seed for group in GROUPS for seed in group],
        determined_by={"recipe": asdict(RECIPE), "data": sha256("digits"), "trainer": VERSION},
    )
