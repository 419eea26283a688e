"""shrinkcnn_final, and shrinkcnn_cifar10_jpeg with its own: AutoShrink's cells in whole networks.

What a search on a small proxy found is trained here as a network of full size for its data, over a
whole schedule (the study `crafting.final`). Stages widen by 1, 2 and 4 as in the authors' README,
and have two cells each; the schedule is NAS-Bench-201's, since their ImageNet schedule was not
read. CIFAR-10 is the lossy copy, and its networks halve the side in the stem.

On digits a trivial control wins: the complete graph has the best test accuracy, see the study's
table in results/report-studies.md (plan `crafting_small`). The smallest cells, the one without
edges above all, diverge by this schedule; the table says of how many seeds a mean is.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from nasrepro.oracles import shrinkcnn
from nasrepro.oracles.images.sets import SETS
from nasrepro.oracles.spaces.nodedag import NodeDag
from nasrepro.oracles.training.images import opened
from nasrepro.oracles.training.oracle import METRICS
from nasrepro.oracles.training.recipe import AdamRecipe, ImageRecipe
from nasrepro.suite.oracle import Dataset, Oracle
from nasrepro.suite.registry import oracle

#: Raise it whenever the same setting would give another answer.
VERSION = 1
SEEDS = (0, 1, 2)
_WHOLE: dict[str, Any] = {"repeats": (2, 2, 2), "scales": (1, 2, 4)}

RECIPE = ImageRecipe(epochs=30, batch=64, train_images=384, valid_images=600, flip=False, shift=1)
INFO = replace(
    shrinkcnn.INFO,
    name="shrinkcnn_final",
    space=NodeDag(in_channels=1, **_WHOLE),
    metrics=METRICS,
    resumable=True,
    notes=("whole networks of the cells that are searched on shrinkcnn",),
)

SMALL: dict[str, Any] = {"train_images": 2000, "valid_images": 1000, "test_images": 2000}
PROXY_RECIPE = AdamRecipe(epochs=2, **SMALL)
PROXY = replace(
    shrinkcnn.INFO,
    name="shrinkcnn_cifar10_jpeg",
    space=NodeDag(stem_stride=2),
    datasets=(Dataset("cifar10_jpeg", 10, 32, SETS["cifar10_jpeg"].note),),
    metrics=METRICS,
    licence="CIFAR-10 has no formal licence",
    resumable=True,
    notes=(
        SETS["cifar10_jpeg"].note,
        "the authors' proxy network and optimiser on 2,000 of 50,000 images, for 2 epochs",
    ),
)
CIFAR_RECIPE = ImageRecipe(epochs=12, batch=64, **{**SMALL, "train_images": 5000})
CIFAR = replace(
    PROXY,
    name="shrinkcnn_cifar10_jpeg_final",
    space=NodeDag(stem_stride=2, **_WHOLE),
    notes=(
        SETS["cifar10_jpeg"].note,
        "whole networks of the cells that are searched on shrinkcnn_cifar10_jpeg",
    ),
)


@oracle(INFO)
def load() -> Oracle:
    """Whole networks on digits."""
    return opened(INFO, RECIPE, SEEDS, trainer=VERSION)


@oracle(PROXY)
def load_proxy() -> Oracle:
    """The proxy on a part of CIFAR-10."""
    return opened(PROXY, PROXY_RECIPE, SEEDS, trainer=VERSION)


@oracle(CIFAR)
def load_cifar() -> Oracle:
    """Whole networks on a part of CIFAR-10."""
    return opened(CIFAR, CIFAR_RECIPE, SEEDS, trainer=VERSION)
