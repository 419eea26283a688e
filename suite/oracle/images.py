"""Sets of images: what an untrained network is scored on, and a trained one is trained on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nasrepro.suite.errors import NasreproError


class Part(NamedTuple):
    """Some images of a set, read when they are asked for.

    Attributes:
        labels: (n,).
        images: those of chosen indices (k,), uint8, (k, channels, side, side).
    """

    labels: NDArray[np.int64]
    images: Callable[[NDArray[np.intp]], NDArray[np.uint8]]


class ImageParts(NamedTuple):
    """The parts of a set; `valid` is None where its publisher has no validation part."""

    train: Part
    test: Part
    valid: Part | None = None


@dataclass(frozen=True, slots=True)
class ImageSet:
    """Description of a set of images, known without reading it.

    Attributes:
        name: official name.
        classes: number of them.
        side: height and width of an image, pixels.
        channels: 3, or 1 where grey.
        train: training images.
        test: test images.
        valid: validation images, where it has such a part; else 0.
        places: file or folder names that it is looked for under; the first one found is read.
        note: what a reader of the numbers must know.
        copy_of: the data set whose images these are, in another form; "" if their own.
    """

    name: str
    classes: int
    side: int
    channels: int
    train: int
    test: int
    valid: int = 0
    places: tuple[str, ...] = ()
    note: str = ""
    copy_of: str = ""


def drawn(
    name: str,
    part: Part,
    held_out: NDArray[np.intp],
    *,
    size: int,
    count: int,
    rng: np.random.Generator,
) -> list[tuple[NDArray[np.float32], NDArray[np.int64]]]:
    """Batches drawn from a training part without replacement, normalised per channel.

    Args:
        name: of the set.
        part: its training part.
        held_out: indices of it that must not be drawn.
        size: images in a batch.
        count: number of batches.
        rng: of the draw.

    Raises:
        NasreproError: there are too few images.
    """
    rows = np.setdiff1d(np.arange(len(part.labels)), held_out)
    if len(rows) < size * count:
        raise NasreproError(
            f"{name} has {len(rows):,} training images, {count} batches of {size} need more"
        )
    rows = rows[rng.permutation(len(rows))[: size * count]]
    pixels = part.images(rows).astype(np.float32)
    pixels = (pixels - pixels.mean((0, 2, 3), keepdims=True)) / pixels.std((0, 2, 3), keepdims=True)
    return [
        (pixels[first : first + size], part.labels[rows[first : first + size]])
        for first in range(0, size * count, size)
    ]
