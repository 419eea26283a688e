"""trained_dense: DenseNet-type cells trained on scikit-learn's digits when they are asked for.

FLASH's own kind of space.
"""

from __future__ import annotations

from nasrepro.oracles.spaces.densecell import LINK_SEED, DenseCell
from nasrepro.oracles.training.images import opened
from nasrepro.oracles.training.oracle import METRICS
from nasrepro.oracles.training.recipe import ImageRecipe
from nasrepro.suite.oracle import Dataset, Oracle, OracleInfo
from nasrepro.suite.registry import oracle

#: Raise it whenever the same setting would give another answer.
VERSION = 3  # costs are counted
SEEDS = (0,)
SPACE = DenseCell()
RECIPE = ImageRecipe(
    epochs=8, batch=64, learning_rate=0.05, train_images=384, valid_images=600, flip=False, shift=1
)

INFO = OracleInfo(
    name="trained_dense",
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
    metrics=METRICS,
    objective="valid_accuracy",
    target="test_accuracy",
    citation="""@inproceedings{bhardwaj2021nnmass,
  title = {How does topology influence gradient propagation and model performance of deep networks with {DenseNet}-type skip connections?},
  author = {Kartikeya Bhardwaj and Guihong Li and Radu Marculescu},
  booktitle = {IEEE/CVF Conference on Computer Vision and Pattern Recognition},
  year = {2021},
  note = {arXiv:1910.00780}
}""",  # noqa: E501
    licence="CC BY 4.0 (the digits)",
    resumable=True,  # the epochs are points of one schedule
    trains=True,
    notes=(
        "trains what it is asked for, some seconds for each network, and remembers it",
        "the construction of the cells is NN-Mass's; sizes, images and schedule are ours, to fit "
        "a small machine",
    ),
)


@oracle(INFO)
def load() -> Oracle:
    """The oracle with the table that has grown so far."""
    return opened(INFO, RECIPE, SEEDS, trainer=VERSION, link_seed=LINK_SEED)
