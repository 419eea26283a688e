"""workshop_size: width vectors of NATS-Bench's size space on digits, trained when asked for.

Where methods grow, prune and quantise networks in a workshop: what they hand back stands beside
width vectors that random search and others had trained from the start, at equal seconds.
"""

from __future__ import annotations

from nasrepro.oracles.spaces.size import SizeSpace
from nasrepro.oracles.training.images import opened
from nasrepro.oracles.training.oracle import METRICS
from nasrepro.oracles.training.recipe import ImageRecipe
from nasrepro.oracles.workshop201 import HANDED_BACK
from nasrepro.suite.oracle import Dataset, Oracle, OracleInfo
from nasrepro.suite.registry import oracle

#: Raise it whenever the same setting would give another answer.
VERSION = 2  # costs are counted
SEEDS = (0, 1, 2)
SPACE = SizeSpace(in_channels=1)
RECIPE = ImageRecipe(epochs=8, batch=64, flip=False, shift=1)

INFO = OracleInfo(
    name="workshop_size",
    space=SPACE,
    datasets=(
        Dataset(
            "digits",
            10,
            8,
            "1,797 grey images of 8x8 pixels: 384 for training, 600 for validation, 813 for "
            "testing",
            images="digits",
        ),
    ),
    metrics=(*METRICS, *HANDED_BACK),
    objective="valid_accuracy",
    target="test_accuracy",
    citation="""@misc{alpaydin1998optical,
  title = {Optical Recognition of Handwritten Digits},
  author = {Alpaydin, E. and Kaynak, C.},
  year = {1998},
  note = {UCI Machine Learning Repository}
}""",
    licence="CC BY 4.0 (the digits)",
    resumable=True,  # the epochs are points of one schedule
    trains=True,
    notes=(
        "trains what it is asked for, seconds for each network, and remembers it",
        "networks that a method hands back are examined on the same test images",
    ),
)


@oracle(INFO)
def load() -> Oracle:
    """The oracle with the table that has grown so far, and its workshop."""
    from nasrepro.oracles.training.workshop import VERSION as WORKSHOP
    from nasrepro.oracles.training.workshop import image_workshops

    trained = opened(INFO, RECIPE, SEEDS, trainer=VERSION, workshop=WORKSHOP)
    trained.workshops = image_workshops(SPACE, "digits", RECIPE)
    return trained
