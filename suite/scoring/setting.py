"""How networks are scored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from nasrepro.suite.data import stable_hash
from nasrepro.suite.errors import NasreproError
from nasrepro.suite.oracle import RANDOM
from nasrepro.suite.space import Arch, SearchSpace

if TYPE_CHECKING:
    from nasrepro.suite.oracle import Dataset, Oracle

#: Raised whenever networks, data or passes change what a scorer gives, so that old scores are not
#: taken for new ones.
VERSION = 1


@dataclass(frozen=True, slots=True)
class ScoringSetting:
    """How networks are scored; the defaults are ZiCo's (arXiv:2301.11300, Sec. 4.5).

    Attributes:
        batch: images in a batch.
        batches: number of batches, the same ones for all networks.
        data: "random" (images and labels drawn at random), or a set of images such as "cifar10" or
            "cifar10_jpeg"; "" for the data set's own where it ships with the package, else
            "random".
        seed: of the data, of the initial weights, and of what a scorer draws.
        network: parameters of the space's network that differ from the benchmark's own
            ({"channels": 8, "cells": 1}).
        dataset: for whose images and classes networks are built; "" for the oracle's first: one
            score of a network then stands for all data sets, which is our choice (they differ in
            the classifier, and in ImageNet16-120's smaller images).
        as_built: score networks with their dead parts, as the authors' codes do; else functionally
            equal ones have one score, that of the network without them. Few scorers see a
            difference (`zen`, `l2_norm`).
    """

    batch: int = 128
    batches: int = 2
    data: str = ""
    seed: int = 0
    network: Mapping[str, int] = field(default_factory=dict)
    dataset: str = ""
    as_built: bool = False

    def __post_init__(self) -> None:
        """Refuse an empty batch."""
        for name, value, least in (
            ("batch", self.batch, 1),
            ("batches", self.batches, 1),
            ("seed", self.seed, 0),
        ):
            if value < least:
                raise NasreproError(f"setting of scores: {name} = {value} must be at least {least}")

    @property
    def changed(self) -> dict[str, Any]:
        """What differs from the defaults."""
        return {
            name: value for name, value in asdict(self).items() if value != getattr(_DEFAULT, name)
        }

    @property
    def options(self) -> str:
        """The command line's options for what differs from the defaults, a space before each."""
        words = {"dataset": "network-dataset", "as_built": "as-built"}
        given = []
        for name, value in self.changed.items():
            values = [f"{size}={n}" for size, n in value.items()] if name == "network" else [value]
            for each in values:
                given.append(f" --{words.get(name, name)}" + ("" if each is True else f" {each}"))
        return "".join(given)


_DEFAULT = ScoringSetting()


@dataclass(frozen=True, slots=True)
class Inputs:
    """Everything that determines a score but the architecture and the scorer."""

    space: str
    network: Mapping[str, Any]
    classes: int
    size: int
    data: str
    batch: int
    batches: int
    seed: int
    version: int = VERSION
    as_built: bool = False

    @property
    def id(self) -> str:
        """Hash of all of it; `as_built` counts where it is true."""
        values = asdict(self)
        if not self.as_built:
            del values["as_built"]
        return stable_hash(values)

    def scored_as(self, space: SearchSpace, arch: Arch) -> Arch:
        """What is built to score an architecture: its canonical form, or itself."""
        return arch if self.as_built else space.canonical(arch)

    def __str__(self) -> str:
        network = ", ".join(f"{name} {value}" for name, value in self.network.items())
        return (
            f"{self.batches} x {self.batch} {self.data} images of {self.size} pixels, "
            f"{self.classes} classes, {network}, seed {self.seed}"
            f"{', dead parts included' if self.as_built else ''}"
        )


def inputs_of(space: SearchSpace, dataset: Dataset, setting: ScoringSetting) -> Inputs:
    """The setting for networks of a space and a data set, with every default filled in."""
    space, data = space_of(space, setting), setting.data or dataset.images or RANDOM
    return Inputs(
        space.name,
        space.network,
        dataset.classes,
        dataset.size,
        data,
        setting.batch,
        setting.batches,
        setting.seed,
        as_built=setting.as_built,
    )


def dataset_of(oracle: Oracle, setting: ScoringSetting) -> Dataset:
    """The data set for which networks are built."""
    return oracle.info.dataset(setting.dataset) if setting.dataset else oracle.info.datasets[0]


def space_of(space: SearchSpace, setting: ScoringSetting) -> SearchSpace:
    """The whole space, with the network of the setting."""
    return space.with_network(**setting.network) if setting.network else space.whole
