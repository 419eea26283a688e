"""What the interface of `nats_bench` gives for one architecture.

Its trainings, and each of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn, Protocol

from nasrepro.oracles.compat.answer import SETS, WHY, Answer
from nasrepro.suite.errors import NotTabulated, UnknownName
from nasrepro.suite.oracle import Seed


@dataclass(frozen=True)
class ResultsCount:
    """One trial, or the mean over trials, as `query_by_index` gives them by seed.

    Attributes:
        what: its description in messages.
        dataset: official name of the training set.
        seed: of the trial; "mean"; or run1, run2, run3 where the table does not know the seeds.
        epochs: of the training.
        params: in millions.
        flop: MACs in millions, which the benchmark calls flops.
        accuracy: percent, by the official name of the set.
        time: seconds of the whole training, None where the table has no time.
    """

    what: str
    dataset: str
    seed: Seed
    epochs: int
    params: float
    flop: float
    accuracy: Mapping[str, float]
    time: float | None

    def get_total_epoch(self) -> int:
        """Epochs of the training."""
        return self.epochs

    @property
    def eval_names(self) -> list[str]:
        """The sets that the table has accuracies on, without the training set."""
        return [name for name in self.accuracy if name != "train"]

    @property
    def eval_acc1es(self) -> Answer:
        """Percent after the last epoch, by `{set}@{epoch}`."""
        values = {f"{name}@{self.epochs - 1}": self.accuracy[name] for name in self.eval_names}
        return Answer(values, self.what)

    @property
    def train_acc1es(self) -> dict[int, float]:
        """Percent on the training set after the last epoch, by its number; empty if unknown."""
        return {self.epochs - 1: self.accuracy["train"]} if "train" in self.accuracy else {}

    def get_net_param(self) -> NoReturn:
        """Raises NotTabulated."""
        raise NotTabulated(f"{self.what} has no weights: the tables hold numbers alone")

    def get_train(self, iepoch: int | None = None) -> Answer:
        """`accuracy` on the training set and `all_time` in seconds, after the last epoch."""
        return self.get_eval("train", iepoch)

    def get_eval(self, name: str, iepoch: int | None = None) -> Answer:
        """`iepoch` and `accuracy` on the set `name` after the last epoch (the table has no other).

        Raises:
            UnknownName: the networks were not evaluated on that set.
            NotTabulated: an epoch before the last one.
        """
        self.check_epoch(iepoch)
        name = "x-valid" if name == "valid" else name
        if name not in SETS[self.dataset]:
            raise UnknownName(f"set of {self.dataset}:", name, SETS[self.dataset])
        values: dict[str, float] = {"iepoch": self.epochs - 1}
        if name in self.accuracy:
            values["accuracy"] = self.accuracy[name]
        if name == "train" and self.time is not None:
            values["all_time"] = self.time
        return Answer(values, f"{self.what}, set {name},")

    def check_epoch(self, iepoch: int | None) -> None:
        """Raise NotTabulated unless `iepoch` is None or the last epoch, counted from 0."""
        if iepoch not in (None, self.epochs - 1):
            raise NotTabulated(
                f"{self.what} has no epoch {iepoch!r}, only the last one; accepted iepoch: None, "
                f"{self.epochs - 1}"
            )

    def get_times(self) -> Answer:
        """Seconds of training, per epoch and in all."""
        times = (
            {}
            if self.time is None
            else {"T-train@epoch": self.time / self.epochs, "T-train@total": self.time}
        )
        return Answer(times, self.what)

    def get_latency(self) -> NoReturn:
        """Raises NotTabulated; the official answer for a missing latency is -1."""
        raise NotTabulated(f"{self.what} has no latency: {WHY['latency']}")


class BySeed(dict[Seed, ResultsCount]):
    """Trials by seed; reading one that is not there raises NotTabulated with those that are."""

    def __init__(self, trials: Mapping[Seed, ResultsCount], what: str) -> None:
        super().__init__(trials)
        self.what = what

    def __missing__(self, seed: Seed) -> NoReturn:
        trials = ", ".join(map(str, self)) or "none"
        raise NotTabulated(f"{self.what} has no trial with seed {seed!r}; trials: {trials}")


class Trainings(Protocol):
    """What the trainings of architectures are read from: a `NATSBench`."""

    def trials(self, index: int, dataset: str, hp: str | int | None) -> dict[Seed, ResultsCount]:
        """The trials of one training by seed."""

    def training(
        self, index: int, dataset: str, hp: str | int | None, is_random: bool | Seed
    ) -> ResultsCount:
        """One trial or their mean."""

    def costs(self, index: Any, dataset: str, hp: str | int | None) -> Answer:
        """MACs, parameters and training times."""


@dataclass(frozen=True)
class ArchResults:
    """All trainings of one architecture by one `hp`, as `query_meta_info_by_index` gives them."""

    api: Trainings
    arch_index: int
    arch_str: str
    hp: str

    @property
    def arch_idx_str(self) -> str:
        """The index in six digits."""
        return f"{self.arch_index:06d}"

    def get_total_epoch(self, dataset: str | None = None) -> int:
        """Epochs of the trainings."""
        return int(self.hp)

    def get_latency(self, dataset: str) -> NoReturn:
        """Raises NotTabulated."""
        self.api.training(self.arch_index, dataset, self.hp, False).get_latency()

    def get_net_param(self, dataset: str, seed: Seed | None = None) -> NoReturn:
        """Raises NotTabulated."""
        self.api.training(self.arch_index, dataset, self.hp, False).get_net_param()

    def get_dataset_names(self) -> list[str]:
        """Official names of the training sets."""
        return list(SETS)

    def get_dataset_seeds(self, dataset: str) -> list[Seed]:
        """Seeds of the trials that are there; none where the table has the mean alone."""
        return list(self.query(dataset))

    def query(self, dataset: str, seed: Seed | None = None) -> Any:
        """The trials by seed, or that of one seed, as `ResultsCount`."""
        if seed is not None:
            return self.api.training(self.arch_index, dataset, self.hp, seed)
        return self.api.trials(self.arch_index, dataset, self.hp)

    def get_metrics(
        self, dataset: str, setname: str, iepoch: int | None = None, is_random: bool | Seed = False
    ) -> Answer:
        """As `ResultsCount.get_eval`; `is_random` as in `NATSBench.get_more_info`."""
        return self.api.training(self.arch_index, dataset, self.hp, is_random).get_eval(
            setname, iepoch
        )

    def get_compute_costs(self, dataset: str) -> Answer:
        """As `NATSBench.get_cost_info`."""
        return self.api.costs(self.arch_index, dataset, self.hp)

    get_comput_costs = get_compute_costs


class ByIndex(Mapping[int, ArchResults]):
    """The trainings of every architecture by one `hp`, read when they are asked for."""

    def __init__(self, api: Trainings, archs: Sequence[str], hp: str) -> None:
        self._api, self._archs, self._hp = api, archs, hp

    def __getitem__(self, index: int) -> ArchResults:
        if not 0 <= index < len(self._archs):
            raise KeyError(index)
        return ArchResults(self._api, index, self._archs[index], self._hp)

    def __iter__(self) -> Iterator[int]:
        return iter(range(len(self._archs)))

    def __len__(self) -> int:
        return len(self._archs)
