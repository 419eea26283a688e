"""shrinkcnn.

Cells of AutoShrink's convolutional space (arXiv:1911.09251) trained when asked for, by a reduced
form of its proxy.

The network is the authors' proxy: 3x3 stem of 32 channels, three stages of one cell with 16 filters
a node (the default of their script; their README widens the stages by 1, 2, 4), max-pooling before
the second and the third, residual connections, linear classifier. So are Adam at 4e-3, L2 1e-5, 20
epochs where asked for, and the best validation accuracy of all epochs. Reduced is the data: 384
digits of 8x8 grey pixels, not 5,000 CIFAR-10 images of 32x32, so that 20 epochs take 6 CPU seconds
for the complete cell and 3 for the released one. Batches are of 64, not 128. Theirs validates on
test images; here the three parts are disjoint.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from functools import cache
from typing import TYPE_CHECKING, Any

from nasrepro.oracles.images.sets import sha256
from nasrepro.oracles.spaces.nodedag import NodeDag
from nasrepro.oracles.training.oracle import TrainedOracle, Training
from nasrepro.oracles.training.recipe import Recipe
from nasrepro.suite.oracle import Dataset, Metric, Oracle, OracleInfo
from nasrepro.suite.registry import oracle

if TYPE_CHECKING:
    from nasrepro.oracles.training.nodedag import Images

#: What determines a training besides cell, epochs and seed; another one begins another table.
SPACE = NodeDag(in_channels=1)
RECIPE: dict[str, Any] = {"batch": 64, "learning_rate": 4e-3, "decay": 1e-5}
EPOCHS = (2, 10, 20)

INFO = OracleInfo(
    name="shrinkcnn",
    space=SPACE,
    datasets=(
        Dataset(
            "digits",
            10,
            8,
            "1,797 grey images of 8x8 pixels: 384 for training, 600 for validation, 813 for "
            "testing",
        ),
    ),
    metrics=(
        Metric(
            "valid_accuracy",
            "fraction",
            "valid",
            True,
            (0, 1),
            "best of all epochs; NaN where the training diverged",
        ),
        Metric("test_accuracy", "fraction", "test", True, (0, 1), "after the last epoch"),
        Metric(
            "cost_s",
            "s",
            "none",
            False,
            (0, 1e6),
            "CPU seconds of training and validation on one thread",
        ),
        Metric("params", "param", "none", False, (0, 1e9)),
        Metric("macs", "MAC", "none", False, (0, 1e12)),
    ),
    objective="valid_accuracy",
    target="test_accuracy",
    citation="""@inproceedings{zhang2020autoshrink,
  title = {{AutoShrink}: A Topology-aware {NAS} for Discovering Efficient Neural Architecture},
  author = {Tunhou Zhang and Hsin-Pai Cheng and Zhenwen Li and Feng Yan and Chengyu Huang and Hai Li and Yiran Chen},
  booktitle = {AAAI},
  year = {2020},
  note = {arXiv:1911.09251}
}""",  # noqa: E501
    licence="CC BY 4.0 (the digits)",
    trains=True,
    notes=(
        "the authors' proxy network and schedule on smaller data: 384 digits and not 5,000 "
        "CIFAR-10 images",
        "seconds depend on the machine and on what else runs on it",
    ),
)


@oracle(INFO)
def load() -> Oracle:
    """The oracle; trains nothing before it is asked."""
    return TrainedOracle(
        INFO,
        train,
        epochs=EPOCHS,
        seeds=(0, 1, 2),
        determined_by={
            "data": sha256("digits"),
            "split": asdict(Recipe()),
            "trainer": 1,
            **RECIPE,
        },
    )


def train(training: Training) -> Mapping[tuple[int, int], Mapping[str, float]]:
    """Train one cell."""
    from nasrepro.oracles.training.nodedag import train

    training.tell(0, training.epochs)
    images = digits()
    measured = train(
        SPACE,
        training.arch,
        images,
        classes=10,
        epochs=training.epochs,
        seed=training.seed,
        **RECIPE,
    )
    size = INFO.space.complexity(training.arch, classes=10, size=8)
    return {
        (training.epochs, training.seed): {**measured, "params": size.params, "macs": size.macs}
    }


@cache
def digits() -> Images:
    """The digits of `digits201`, the same three parts."""
    from nasrepro.oracles.training.digits import load_digits
    from nasrepro.oracles.training.nodedag import Images

    recipe = Recipe()
    found = load_digits(recipe)
    return Images(found.train, found.valid, found.test, recipe.shift)
