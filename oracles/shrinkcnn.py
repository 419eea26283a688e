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

import math
from collections.abc import Mapping
from dataclasses import asdict, replace

from nasrepro.oracles.images.sets import sha256
from nasrepro.oracles.spaces.nodedag import NodeDag
from nasrepro.oracles.training.oracle import COSTS, TrainedOracle, Training
from nasrepro.oracles.training.recipe import AdamRecipe
from nasrepro.suite.oracle import Dataset, Metric, Oracle, OracleInfo
from nasrepro.suite.registry import oracle

#: Raise it whenever the same setting would give another answer.
VERSION = 2
SPACE = NodeDag(in_channels=1)
RECIPE = AdamRecipe(train_images=384, valid_images=600, flip=False, shift=1)
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
        *COSTS,
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
        determined_by={"recipe": asdict(RECIPE), "data": sha256("digits"), "trainer": VERSION},
    )


def train(training: Training) -> Mapping[tuple[int, int], Mapping[str, float]]:
    """Train one cell for so many epochs; its validation accuracy is the best of all of them."""
    from nasrepro.oracles.training import images

    rows = images.train(
        SPACE,
        training.arch,
        "digits",
        replace(RECIPE, epochs=training.epochs),
        training.seed,
        until=training.epochs,
        checkpoint=training.checkpoint,
        tell=training.tell,
    )
    last = training.epochs, training.seed
    best = max(row["valid_accuracy"] for row in rows.values())
    sound = math.isfinite(rows[last]["valid_accuracy"])
    return {last: {**rows[last], "valid_accuracy": best if sound else math.nan}}
