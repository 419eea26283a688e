"""workshop_macro: the NAS-Bench-Macro table, with a workshop on reduced CIFAR-10.

What a supernet of narrow networks on few small images says of an architecture is held against the
benchmark's own trainings of the whole network on all images. The images are those of CIFAR-10 after
JPEG compression, at half their side.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, replace

from nasrepro.oracles import nasbench_macro
from nasrepro.oracles.images.sets import sha256
from nasrepro.oracles.training.recipe import ImageRecipe
from nasrepro.oracles.workshop201 import HANDED_BACK
from nasrepro.suite.oracle import Oracle
from nasrepro.suite.registry import oracle

IMAGES = "cifar10_jpeg"
RECIPE = ImageRecipe(batch=64, train_images=3000, valid_images=1000, test_images=2000, shift=2)
#: Networks of the workshop: a quarter of the benchmark's channels.
NARROW = {"channels": 8, "head": 160}

INFO = replace(
    nasbench_macro.INFO,
    name="workshop_macro",
    metrics=(*nasbench_macro.INFO.metrics, *HANDED_BACK),
    notes=(
        "architectures are answered by the table of NAS-Bench-Macro; the workshop has "
        f"{RECIPE.train_images:,} lossy images of 16x16 pixels and networks of a quarter of the "
        "channels, so a network that is handed back is not comparable with the table",
        *nasbench_macro.INFO.notes,
    ),
)


@oracle(INFO)
def load() -> Oracle:
    """The table of NAS-Bench-Macro with a workshop; DataMissing where the images are not here."""
    from nasrepro.oracles.training.workshop import VERSION, image_workshops

    opened = nasbench_macro.opened(INFO)
    space = INFO.space.with_network(**NARROW)
    opened.workshops = image_workshops(space, IMAGES, RECIPE, shrunk=2)
    determined_by = (opened.table_sha256, asdict(RECIPE), NARROW, sha256(IMAGES), VERSION)
    opened.table_sha256 = hashlib.sha256(repr(determined_by).encode()).hexdigest()
    return opened
