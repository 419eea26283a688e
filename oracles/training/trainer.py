"""The trainer of images.

It trains one network of any space on any data set that `oracles.training.images` reads.

NAS-Bench-201 cells on digits are trained as those of the table `digits201` are (grouped seeds, its
images and its skeleton, unless asked otherwise); everything else one seed after the other. Each
epoch is kept in a checkpoint.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from nasrepro.oracles.images import sets
from nasrepro.oracles.spaces.cell201 import Cell201
from nasrepro.oracles.training.recipe import ImageRecipe, Recipe
from nasrepro.oracles.training.work import counted
from nasrepro.suite.errors import NasreproError
from nasrepro.suite.oracle import ImageSet
from nasrepro.suite.registry import trainer
from nasrepro.suite.space import Arch, SearchSpace

#: Raise it whenever the same setting would give another answer.
VERSION = 1


@trainer("images", datasets=tuple(sets.SETS))
def train(
    space: SearchSpace,
    arch: Arch,
    dataset: str,
    seeds: Sequence[int],
    *,
    folder: Path,
    tell: Callable[[float, int], None] = lambda done, total: None,
    device: str = "cpu",
    **options: Any,
) -> Mapping[tuple[int, int], Mapping[str, float]]:
    """Train one network, once per seed.

    Args:
        space: the space, as an oracle describes it; the options channels, cells and stages change
            it, where it has them.
        arch: the architecture.
        dataset: name of the images.
        seeds: training seeds.
        folder: for checkpoints; what a killed training left there is gone on from.
        tell: called with (epochs done, epochs in all), over all seeds.
        device: "cpu", "cuda" ...
        options: epochs, batch, learning_rate, and settings of the space; None stands for the
            default.

    Raises:
        NasreproError: an option that the space does not have, a device that is not there.
        DataMissing: the images are not here.
    """
    known = sets.image_set(dataset)
    _check_device(device)
    given = {name: value for name, value in options.items() if value is not None}
    recipe_options: dict[str, Any] = {
        name: given.pop(name) for name in ("epochs", "batch", "learning_rate") if name in given
    }
    space = space.with_network(
        **{"in_channels": known.channels, **_as_in_digits201(space, known.name, given)}
    )
    if (
        isinstance(space, Cell201)
        and known.name == "digits"
        and space.stages == 1
        and device == "cpu"
    ):
        return _grouped(space, arch, seeds, recipe_options, folder, tell)
    return _one_by_one(space, arch, known, seeds, recipe_options, folder, tell, device)


def _check_device(device: str) -> None:
    import torch

    try:
        torch.zeros(1, device=device)
    except (
        RuntimeError,
        AssertionError,
    ) as error:  # torch's ways of saying that it has no such device
        raise NasreproError(
            f"torch cannot use the device {device!r} ({str(error).splitlines()[0]}); give "
            "--device cpu"
        ) from error


def _as_in_digits201(space: SearchSpace, dataset: str, given: Mapping[str, int]) -> dict[str, int]:
    small = isinstance(space, Cell201) and dataset == "digits"
    return {
        **(
            {name: getattr(Recipe(), name) for name in ("channels", "cells", "stages")}
            if small
            else {}
        ),
        **given,
    }


def _grouped(
    space: Cell201,
    arch: Arch,
    seeds: Sequence[int],
    options: Mapping[str, Any],
    folder: Path,
    tell: Callable[[float, int], None],
) -> dict[tuple[int, int], dict[str, float]]:
    from nasrepro.oracles.training.digits import CLASSES, SIDE, DigitsLearner, load_digits
    from nasrepro.oracles.training.loop import measured

    recipe = Recipe(channels=space.channels, cells=space.cells, stages=space.stages, **options)
    learner = DigitsLearner(arch, seeds, recipe, load_digits(recipe))
    checkpoint = _checkpoint(
        folder,
        [
            "grouped",
            space.name,
            space.format(arch),
            sets.sha256("digits"),
            asdict(recipe),
            list(seeds),
        ],
    )
    rows = measured(
        learner,
        recipe,
        seeds,
        counted(space, arch, classes=CLASSES, size=SIDE),
        until=recipe.epochs,
        checkpoint=checkpoint,
        tell=tell,
    )
    checkpoint.unlink(missing_ok=True)
    return rows


def _checkpoint(folder: Path, determined_by: Sequence[Any]) -> Path:
    """The file of a training's state, named by all that determines the training."""
    digest = hashlib.sha256(json.dumps([*determined_by, VERSION], sort_keys=True).encode())
    return folder / f"{digest.hexdigest()[:24]}.pt"


def _one_by_one(
    space: SearchSpace,
    arch: Arch,
    known: ImageSet,
    seeds: Sequence[int],
    options: Mapping[str, Any],
    folder: Path,
    tell: Callable[[float, int], None],
    device: str,
) -> dict[tuple[int, int], dict[str, float]]:
    from nasrepro.oracles.training import images

    # No mirror images of digits: they are no digits. Shifts as in the table digits201.
    recipe = replace(
        ImageRecipe(flip=False, shift=1) if known.name == "digits" else ImageRecipe(), **options
    )
    setting = [
        space.name,
        space.network,
        space.format(arch),
        known.name,
        sets.sha256(known.name),
        asdict(recipe),
        device,
    ]
    checkpoints = [_checkpoint(folder, [*setting, seed]) for seed in seeds]
    rows: dict[tuple[int, int], dict[str, float]] = {}
    for k, (seed, checkpoint) in enumerate(zip(seeds, checkpoints, strict=True)):

        def tell_all(done: float, total: int, before: int = k) -> None:
            tell(before * total + done, len(seeds) * total)

        rows |= images.train(
            space,
            arch,
            known.name,
            recipe,
            seed,
            until=recipe.epochs,
            checkpoint=checkpoint,
            tell=tell_all,
            device=device,
        )
    for checkpoint in checkpoints:  # only now: a kill during the last seed costs none of the others
        checkpoint.unlink(missing_ok=True)
    return rows
