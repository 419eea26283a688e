"""trained201_cifar10.

NAS-Bench-201 cells in a reduced skeleton, trained on a part of CIFAR-10 when they are asked for.

One cell per stage and 8 channels instead of 5 and 16, 5,000 training images and 12 epochs: 17 to 90
CPU seconds a cell, for searches on real images where there is no table, and for the check of the
fallback (`methods/fallback.py`). The images are read where a user has them
(`oracles.training.images`).

Over 20 random cells (2026-11-21, lossy images, seed 0, 943 CPU seconds) Kendall's tau-b of its test
accuracy with NAS-Bench-201's was 0.61 [0.26, 0.91] (12 epochs, validation; the number of
parameters: 0.37 [-0.01, 0.71]) and 0.41 [0.03, 0.76] (200 epochs, test; parameters: 0.67 [0.39,
0.90]). With 2,000 images and 6 epochs the latter was 0.03 [-0.39, 0.45]. So it ranks as a short
training does, and no better than the size does for long ones. More cells: nasrepro study
fallback.transfer --param cells=100.
"""

from __future__ import annotations

from nasrepro.oracles.spaces.cell201 import Cell201
from nasrepro.oracles.training.images import opened
from nasrepro.oracles.training.oracle import METRICS
from nasrepro.oracles.training.recipe import ImageRecipe
from nasrepro.suite.oracle import Dataset, Oracle, OracleInfo
from nasrepro.suite.registry import oracle

#: Raise it whenever the same setting would give another answer.
VERSION = 2  # costs are counted
SEEDS = (0, 1, 2)
SPACE = Cell201(channels=8, cells=1)
RECIPE = ImageRecipe(epochs=12, batch=64, train_images=5000, valid_images=1000, test_images=2000)


def described(name: str, dataset: str, note: str) -> OracleInfo:
    """The description of the oracle on one copy of CIFAR-10."""
    return OracleInfo(
        name=name,
        space=SPACE,
        datasets=(Dataset(dataset, 10, 32, note),),
        metrics=METRICS,
        objective="valid_accuracy",
        target="test_accuracy",
        citation="""@techreport{krizhevsky2009learning,
  title = {Learning Multiple Layers of Features from Tiny Images},
  author = {Krizhevsky, Alex},
  institution = {University of Toronto},
  year = {2009}
}""",
        licence="CIFAR-10 has no formal licence",
        resumable=True,  # the epochs are points of one schedule
        trains=True,
        notes=(
            note,
            f"a reduced setting: C = {SPACE.channels}, N = {SPACE.cells}, {RECIPE.train_images:,} "
            f"training images, {RECIPE.epochs} epochs",
            "the split of CIFAR-10 is ours, not the benchmark's",
            "over 20 cells it ranks as NAS-Bench-201's 12 epochs do, less as its 200: see the "
            "study fallback.transfer",
            "functionally equal cells are trained once: the cell with the smallest number of each "
            "class",
        ),
    )


INFO = described("trained201_cifar10", "cifar10", "the official archive")


@oracle(INFO)
def load() -> Oracle:
    """The oracle on the official images."""
    return opened(INFO, RECIPE, SEEDS, trainer=VERSION)
