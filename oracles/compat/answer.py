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
    "time": "the table does not have it (NATS-Bench: only training times)",
    "latency": "latencies are in the tables of devices, see: nasrepro list devices",
    "accuracy": "it was not measured, or the table does not have it at these epochs and for this "
    "trial",
}
#: Validation and test images together, of a trial whose validation is not in the table: under the
#: official key a script that falls back to it would search on test images.
TOGETHER = "valid-and-test-accuracy"


class Answer(dict[str, Any]):
    """What a table holds, under the official keys.

    Reading any other key raises NotTabulated with the reason; so do `get`, `pop` and `setdefault`
    for a key that an official answer has, whatever their default.
    """

    def __init__(self, values: Mapping[str, Any], what: str) -> None:
        super().__init__(values)
        self.what = what

    def get(self, key: str, default: Any = None) -> Any:
        """As a dictionary's, but for official keys that are absent: those raise NotTabulated."""
        self._official(key)
        return super().get(key, default)

    def pop(self, key: str, *default: Any) -> Any:
        """Likewise."""
        self._official(key)
        return super().pop(key, *default)

    def setdefault(self, key: str, default: Any = None) -> Any:
        """Likewise."""
        self._official(key)
        return super().setdefault(key, default)

    def _official(self, key: str) -> None:
        if key not in self and _why(key):
            self.__missing__(key)

    def __missing__(self, key: str) -> NoReturn:
        why = _why(key)
        if key == "valtest-accuracy" and TOGETHER in self:
            why = (
                ": this trial's validation is not in the table, and this value has test images in "
                "it; "
                f"where that is meant, read {TOGETHER!r}"
            )
        raise NotTabulated(f"{self.what} has no {key!r}{why}; it has: {', '.join(self)}")


def _why(key: object) -> str:
    """Why an official key may be absent; "" for a key that no official answer has."""
    kind = "time" if str(key).startswith("T-") else str(key)
    return next((f": {reason}" for end, reason in WHY.items() if kind.endswith(end)), "")


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
