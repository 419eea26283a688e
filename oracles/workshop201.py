"""workshop201: NAS-Bench-201 cells on digits, in a workshop.

The table is that of `digits201`, so that whatever architecture a method ends with has been trained
on its own, six times; the workshop has the same images and networks, so that methods which train a
supernet, or a network that they grow, prune or quantise, stand beside those that look trainings up.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, replace

from nasrepro.oracles import digits201
from nasrepro.oracles.images.sets import sha256
from nasrepro.oracles.training.recipe import Recipe
from nasrepro.suite.oracle import Metric, Oracle
from nasrepro.suite.registry import oracle

#: Of a network that was handed back.
HANDED_BACK = (
    Metric("sparsity", "fraction", "none", True, (0, 1), "weights of a network that are zero"),
    Metric(
        "weight_bits",
        "1",
        "none",
        False,
        (0, 32),
        "mean over weights: 32, or those of an index where a layer's values stand twice or more",
    ),
)

INFO = replace(
    digits201.INFO,
    name="workshop201",
    metrics=(*digits201.INFO.metrics, *HANDED_BACK),
    notes=(
        "architectures are answered by the table digits201; networks that a method hands back are "
        "examined on the same test images",
        "seconds of the workshop are counted work, those of the table are measured CPU seconds",
        *digits201.INFO.notes,
    ),
)


@oracle(INFO)
def load() -> Oracle:
    """The table of digits201, with a workshop on its images."""
    from nasrepro.oracles.training.workshop import VERSION, digits_workshops

    opened = digits201.opened(INFO)
    opened.workshops = digits_workshops(digits201.SPACE, Recipe())
    determined_by = repr((opened.table_sha256, asdict(Recipe()), sha256("digits"), VERSION))
    opened.table_sha256 = hashlib.sha256(determined_by.encode()).hexdigest()
    return opened
