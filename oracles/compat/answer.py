"""Answers of a table to questions that were put to another interface."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

from nasrepro.suite.errors import NotTabulated, UnknownName
from nasrepro.suite.oracle import Oracle, Seed
from nasrepro.suite.space import Arch

#: By the official name of a training set: the sets it was evaluated on, the first word of their
#: keys, and our metric.
SETS: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "cifar10-valid": {
        "train": ("train", "train_accuracy_25k"),
        "x-valid": ("valid", "valid_accuracy"),
        "ori-test": ("test", "test_accuracy_25k"),
    },
    "cifar10": {"train": ("train", "train_accuracy"), "ori-test": ("test", "test_accuracy")},
    **{
        name: {
            "train": ("train", "train_accuracy"),
            "x-valid": ("valid", "valid_accuracy"),
            "x-test": ("test", "test_accuracy"),
            "ori-test": ("valtest", "valid_test_accuracy"),
        }
        for name in ("cifar100", "ImageNet16-120")
    },
}

#: Why something is not there, by how its key ends.
WHY = {
    "loss": "the table has accuracies and no losses",
    "time": "the table does not have it (NATS-Bench: only training times, of CIFAR-10 only those on 25,000 images)",
    "latency": "latencies are in the tables of devices, see: nasrepro list devices",
    "accuracy": "it was not measured, or the table does not have it at these epochs and for this trial",
}


class Answer(dict[str, Any]):
    """What a table holds, under the official keys.

    Reading any other key raises NotTabulated with the reason.
    """

    def __init__(self, values: Mapping[str, Any], what: str) -> None:
        super().__init__(values)
        self.what = what

    def __missing__(self, key: str) -> NoReturn:
        kind = "time" if str(key).startswith("T-") else str(key)
        why = next((f": {reason}" for end, reason in WHY.items() if kind.endswith(end)), "")
        raise NotTabulated(f"{self.what} has no {key!r}{why}; it has: {', '.join(self)}")


def trials(oracle: Oracle, arch: Arch, dataset: str, epochs: int) -> dict[Seed, dict[str, float]]:
    """The values of every trial of `arch` that the table has, by seed."""
    found = {}
    for seed in oracle.seeds(dataset, epochs):
        try:
            found[seed] = oracle.query(arch, dataset=dataset, epochs=epochs, seed=seed).values
        except NotTabulated:  # this trial of this architecture is missing
            continue
    return found


def our_name(dataset: str) -> str:
    """Our name of an official training set, where one data set has both of CIFAR-10's.

    Raises UnknownName.
    """
    if dataset not in SETS:
        raise UnknownName("data set", dataset, SETS)
    return "cifar10" if dataset == "cifar10-valid" else dataset
