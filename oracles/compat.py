"""Drop-in for scripts written for `nats_bench`, `nas_201_api` and `nasbench.api`: their names, arguments, keys and shapes over our tables.

Only the import changes:
    from nats_bench import create                   ->  from oracles.compat import create
    from nas_201_api import NASBench201API as API   ->  from oracles.compat import NASBench201API as API
    from nasbench import api                        ->  from oracles import compat as api               (all cells)
                                                        from oracles.compat import nasbench101_slice as api
                                                        from oracles.compat import ecnas_4v as api      (or ecnas_5v)

Units are theirs: percent, millions and seconds in `nats_bench`, fractions and seconds in `nasbench`. What differs on purpose:
    not in the table        raises NotTabulated with the reason when it is read (an `in` test says False); nothing is made up
    unknown architecture    raises InvalidArch or UnknownName, where `nats_bench` answers -1; numpy integers are indices
    `hp`                    must be given, where `nats_bench` takes 12 epochs in silence
    random trials           by a generator of the object's own (`seed`); the global random state is neither read nor set
    file paths              are accepted and not read: the numbers are those of the oracle's converted table
    printing                never, except `show`; `verbose` and `fast_mode` have no effect

These objects answer whom they are asked by and count no budget but their own; a method of this suite uses its session.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from types import SimpleNamespace
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from oracles.spaces.cell201 import EDGES, OPS, Cell201
from oracles.spaces.dag101 import Dag101
from oracles.spaces.hash101 import module_hash
from oracles.spaces.size import WIDTHS
from suite.errors import InvalidArch, NotTabulated, ProtocolError, UnknownName
from suite.oracle import MEAN, Oracle, Seed
from suite.registry import load_oracle
from suite.space import Arch

#: By the official name of a training set: the sets it was evaluated on, the first word of their keys, and our metric.
_SETS: Mapping[str, Mapping[str, tuple[str, str]]] = {
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
_WHY = {
    "loss": "the table has accuracies and no losses",
    "time": "the table does not have it (NATS-Bench: only training times, of CIFAR-10 only those on 25,000 images)",
    "latency": "latencies are in the tables of devices, see: nasrepro list devices",
    "accuracy": "it was not measured, or the table does not have it at these epochs and for this trial",
}


class Answer(dict[str, Any]):
    """What a table holds, under the official keys; reading any other key raises NotTabulated with the reason."""

    def __init__(self, values: Mapping[str, Any], what: str) -> None:
        super().__init__(values)
        self.what = what

    def __missing__(self, key: str) -> NoReturn:
        kind = "time" if str(key).startswith("T-") else str(key)
        why = next((f": {reason}" for end, reason in _WHY.items() if kind.endswith(end)), "")
        raise NotTabulated(f"{self.what} has no {key!r}{why}; it has: {', '.join(self)}")


def _trials(oracle: Oracle, arch: Arch, dataset: str, epochs: int) -> dict[Seed, dict[str, float]]:
    """The values of every trial of `arch` that the table has, by seed."""
    found = {}
    for seed in oracle.seeds(dataset, epochs):
        try:
            found[seed] = oracle.query(arch, dataset=dataset, epochs=epochs, seed=seed).values
        except NotTabulated:  # this trial of this architecture is missing
            continue
    return found


# -- nats_bench ----------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class ResultsCount:
    """One trial, or the mean over trials, as `query_by_index(index, dataset, hp)` gives them by seed.

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
        if name not in _SETS[self.dataset]:
            raise UnknownName(f"set of {self.dataset}:", name, _SETS[self.dataset])
        values: dict[str, float] = {"iepoch": self.epochs - 1}
        if name in self.accuracy:
            values["accuracy"] = self.accuracy[name]
        if name == "train" and self.time is not None:
            values["all_time"] = self.time
        return Answer(values, f"{self.what}, set {name},")

    def check_epoch(self, iepoch: int | None) -> None:
        """Raise NotTabulated unless `iepoch` is None or the last epoch, counted from 0."""
        if iepoch not in (None, self.epochs - 1):
            raise NotTabulated(f"{self.what} has no epoch {iepoch!r}, only the last one; accepted iepoch: None, {self.epochs - 1}")

    def get_times(self) -> Answer:
        """Seconds of training, per epoch and in all."""
        times = {} if self.time is None else {"T-train@epoch": self.time / self.epochs, "T-train@total": self.time}
        return Answer(times, self.what)

    def get_latency(self) -> NoReturn:
        """Raises NotTabulated; the official answer for a missing latency is -1."""
        raise NotTabulated(f"{self.what} has no latency: {_WHY['latency']}")


@dataclass(frozen=True)
class ArchResults:
    """All trainings of one architecture by one `hp`, as `query_meta_info_by_index` gives them."""

    api: NATSBench
    arch_index: int
    arch_str: str
    hp: str

    def get_dataset_names(self) -> list[str]:
        """Official names of the training sets."""
        return list(_SETS)

    def get_dataset_seeds(self, dataset: str) -> list[Seed]:
        """Seeds of the trials that are there; none where the table has the mean alone."""
        return list(self.query(dataset))

    def query(self, dataset: str, seed: Seed | None = None) -> Any:
        """The trials by seed, or that of one seed, as `ResultsCount`."""
        if seed is not None:
            return self.api.training(self.arch_index, dataset, self.hp, seed)
        return self.api.trials(self.arch_index, dataset, self.hp)

    def get_metrics(self, dataset: str, setname: str, iepoch: int | None = None, is_random: bool | Seed = False) -> Answer:
        """As `ResultsCount.get_eval`; `is_random` as in `NATSBench.get_more_info`."""
        return self.api.training(self.arch_index, dataset, self.hp, is_random).get_eval(setname, iepoch)

    def get_compute_costs(self, dataset: str) -> Answer:
        """As `NATSBench.get_cost_info`."""
        return self.api.get_cost_info(self.arch_index, dataset, self.hp)


class NATSBench:
    """What both spaces of NATS-Bench answer; see `create`.

    Data sets have their official names, which are training sets:
        cifar10-valid    trained on 25,000 images: validation on the other 25,000 (search here), test on the test set
        cifar10          trained on all 50,000: test on the test set (report here), no validation
        cifar100, ImageNet16-120    validation (x-valid) and test (x-test) are halves; `valtest` is both together

    Args:
        seed: of the generator that draws trials and random architectures.
    """

    oracle_name: str
    search_space_name: str
    #: (epochs, data set) of which every architecture has one trial, so that the mean is that trial
    trained_once: frozenset[tuple[int, str]] = frozenset()

    def __init__(self, file_path_or_dict: object = None, fast_mode: bool = False, verbose: bool = True, *, seed: int = 0) -> None:
        self.oracle = load_oracle(self.oracle_name)
        self.fast_mode, self.verbose, self.filename = fast_mode, verbose, self.oracle_name
        self._rng = np.random.default_rng(seed)
        self._used_time = 0.0

    # -- architectures ---------------------------------------------------------------------------------------
    @cached_property
    def meta_archs(self) -> list[str]:
        """All architecture strings, by official index."""
        return [self.oracle.space.format(arch) for arch in self.oracle.space]

    @property
    def evaluated_indexes(self) -> Sequence[int]:
        """Indices of all architectures; `nats_bench` in fast mode lists only those asked for so far."""
        return range(len(self))

    @cached_property
    def archstr2index(self) -> dict[str, int]:
        """Official index of each string."""
        return {text: index for index, text in enumerate(self.meta_archs)}

    def __len__(self) -> int:
        return len(self.oracle.space)

    def __getitem__(self, index: int) -> str:
        return self.meta_archs[index]

    def __iter__(self) -> Iterator[str]:
        return iter(self.meta_archs)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self)}/{len(self)} architectures, oracle={self.oracle_name})"

    def arch(self, index: int) -> str:
        """The string of an official index; raises InvalidArch outside 0..len-1."""
        return self.oracle.space.format(self.oracle.space.at(index))

    def random(self) -> int:
        """A uniformly drawn index, by the object's own generator and not the global one."""
        return int(self._rng.integers(len(self)))

    def query_index_by_arch(self, arch: Any) -> int:
        """Official index of a string, of an object with `tostr()`, of an `Arch`, or of an index, numpy's integers included.

        Raises:
            InvalidArch, UnknownName: it names no architecture. `nats_bench` answers -1 there, for `np.int64(284)` too.
        """
        space = self.oracle.space
        if hasattr(arch, "tostr"):
            arch = arch.tostr()
        if isinstance(arch, str):
            arch = space.parse(arch)
        return space.index(arch if isinstance(arch, Arch) else space.at(arch))  # `at` refuses what is no index

    # -- schedules -------------------------------------------------------------------------------------------
    @property
    def avaliable_hps(self) -> list[str]:
        """Schedules in the table, by their epochs (the name is spelt as in `nats_bench`)."""
        return [str(epochs) for epochs in self.oracle.epochs("cifar10")]

    @property
    def full_train_epochs(self) -> int:
        """Epochs of the longest schedule."""
        return self.oracle.epochs("cifar10")[-1]

    full_epochs_in_paper = full_train_epochs

    def _epochs(self, hp: str | int | None) -> int:
        accepted = " or ".join(map(repr, self.avaliable_hps))
        if hp is None:
            raise ProtocolError(f"hp, the schedule in epochs, must be given: {accepted} (nats_bench takes 12 epochs where it is left out)")
        if str(hp).lstrip("0") not in self.avaliable_hps:
            raise NotTabulated(f"{self.oracle_name} has no trainings with hp={hp!r}; accepted: {accepted}")
        return int(hp)

    # -- trainings -------------------------------------------------------------------------------------------
    def _result(self, index: int, dataset: str, epochs: int, seed: Seed, values: Mapping[str, float]) -> ResultsCount:
        return ResultsCount(
            what=f"{self.oracle_name}, architecture {index} trained on {dataset} for {epochs} epochs, seed {seed},",
            dataset=dataset,
            seed=seed,
            epochs=epochs,
            params=values["params"] / 1e6,
            flop=values["macs"] / 1e6,
            accuracy={name: 100 * values[metric] for name, (_, metric) in _SETS[dataset].items() if metric in values},
            time=None if dataset == "cifar10" else values.get("cost_s"),  # the table's time is that of 25,000 images
        )

    def _training(self, index: int, dataset: str, epochs: int, seed: Seed = MEAN) -> ResultsCount:
        values = self.oracle.query(self.oracle.space.at(index), dataset=_our(dataset), epochs=epochs, seed=seed).values
        return self._result(index, dataset, epochs, seed, values)

    def trials(self, index: int, dataset: str, hp: str | int | None) -> dict[Seed, ResultsCount]:
        """The trials of one training by seed, without those the table does not have (none where it has the mean alone)."""
        index, epochs = self.query_index_by_arch(index), self._epochs(hp)
        found = _trials(self.oracle, self.oracle.space.at(index), _our(dataset), epochs)
        results = {seed: self._result(index, dataset, epochs, seed, values) for seed, values in found.items()}
        return {seed: result for seed, result in results.items() if result.accuracy}

    def training(self, index: int, dataset: str, hp: str | int | None, is_random: bool | Seed) -> ResultsCount:
        """One trial or their mean; `is_random` as in `get_more_info`."""
        if isinstance(is_random, (bool, np.bool_)):
            if is_random and (self._epochs(hp), dataset) not in self.trained_once:
                trials = list(self.trials(index, dataset, hp).values())
                if not trials:
                    raise NotTabulated(
                        f"{self.oracle_name} has no single trials of {dataset} with hp={hp!r} to draw from; "
                        "is_random=False gives the mean over them"
                    )
                return trials[int(self._rng.integers(len(trials)))]
            is_random = MEAN
        result = self._training(self.query_index_by_arch(index), dataset, self._epochs(hp), is_random)
        if not result.accuracy:
            there = ", ".join(map(str, self.trials(index, dataset, hp))) or "none"
            raise NotTabulated(f"{result.what} has no accuracies; trials that have: {there}")
        return result

    def get_more_info(
        self, index: Any, dataset: str, iepoch: int | None = None, hp: str | int | None = None, is_random: bool | Seed = True
    ) -> Answer:
        """Accuracies in percent (`train-`, `valid-`, `test-`, `valtest-accuracy`) and training time in seconds.

        Args:
            index: anything that `query_index_by_arch` takes.
            dataset: official name of a training set, see the class.
            iepoch: None, or the last epoch counted from 0; learning curves are not in the tables.
            hp: schedule in epochs, as text or number; must be given (`nats_bench` takes 12, so that all is below 90 %).
            is_random: False for the mean over the trials (as published: for 2,418 cells without a trial that is there), a seed
                for that trial, True for one that the object's own generator draws (`nats_bench` uses the global one).
                CIFAR-10's trials on 50,000 images have no seeds in the table; theirs are run1, run2, run3.

        Returns:
            A dictionary of what the table has. Losses, evaluation times, per-trial x-valid and x-test of CIFAR-100 and
            ImageNet16-120 and CIFAR-10's time on 50,000 images are not there: reading them raises NotTabulated.

        Raises:
            NotTabulated: no such epochs, trial or training; a drawn trial where the table has means of several alone
                (`cifar10-valid` at 12 epochs).
        """
        result = self.training(index, dataset, hp, is_random)
        result.check_epoch(iepoch)
        info: dict[str, Any] = {f"{_SETS[dataset][name][0]}-accuracy": value for name, value in result.accuracy.items()}
        if result.time is not None:
            info |= {"train-per-time": result.time / result.epochs, "train-all-time": result.time}
        if dataset in ("cifar10-valid", "cifar10"):
            images = "25,000 images" if dataset == "cifar10-valid" else "all 50,000 images"
            info["comment"] = f"networks trained on {images} of CIFAR-10's training set for {result.epochs} epochs"
        return Answer(info, result.what)

    def simulate_train_eval(
        self, arch: Any, dataset: str, iepoch: int | None = None, hp: str | int | None = None, account_time: bool = True
    ) -> tuple[float, None, float, float]:
        """What a search sees of one training: (validation accuracy in percent, latency, time cost, total time), times in seconds.

        The accuracy is that of one trial, drawn by the object's own generator, where the table has validation accuracies of
        single trials (CIFAR-10 at the long schedule, the size space), and the mean over the trials elsewhere. It is never an
        accuracy on test images, which `nats_bench` falls back to (`valtest`) where validation is missing.

        Args:
            arch: anything that `query_index_by_arch` takes.
            dataset: cifar10 (its validation is that of cifar10-valid), cifar100 or ImageNet16-120.
            iepoch: None, or the last epoch counted from 0.
            hp: schedule in epochs; must be given.
            account_time: add the cost to `used_time`.

        Returns:
            Latency is None, the official answer where there is none. The cost is that of training alone: the tables do not
            have the evaluation that the official cost adds (3 % more for the first architecture on CIFAR-10 at 12 epochs).

        Raises:
            UnknownName: another data set.
            NotTabulated: other epochs; the table has no times (size space: use `get_more_info` and count queries).
        """
        datasets = [name for name in _SETS if name != "cifar10-valid"]
        if dataset not in datasets:
            raise UnknownName("data set of simulate_train_eval:", dataset, datasets)
        trained = "cifar10-valid" if dataset == "cifar10" else dataset
        trials = [trial for trial in self.trials(arch, trained, hp).values() if "x-valid" in trial.accuracy]
        result = trials[int(self._rng.integers(len(trials)))] if trials else self.training(arch, trained, hp, False)
        result.check_epoch(iepoch)
        if result.time is None:
            raise NotTabulated(f"{result.what} has no training time; get_more_info gives its accuracies, count queries as the budget")
        if account_time:
            self._used_time += result.time
        return result.get_eval("x-valid")["accuracy"], None, result.time, self._used_time

    @property
    def used_time(self) -> float:
        """Seconds that `simulate_train_eval` has accounted for since the last `reset_time`."""
        return self._used_time

    def reset_time(self) -> None:
        """Set `used_time` to 0."""
        self._used_time = 0.0

    # -- costs -----------------------------------------------------------------------------------------------
    def get_cost_info(self, index: Any, dataset: str, hp: str | int | None = None) -> Answer:
        """`flops` (MACs) and `params` in millions; with `hp`, the training times `T-train@epoch` and `T-train@total`.

        Sizes are those of the network as built, the same at every schedule; the official ones differ for 150 cells.
        Reading `latency` raises NotTabulated, as do times where `hp` is left out (`nats_bench` takes 12).
        """
        result = self._training(self.query_index_by_arch(index), dataset, self.full_train_epochs if hp is None else self._epochs(hp))
        times = {} if hp is None else result.get_times()
        return Answer({"flops": result.flop, "params": result.params, **times}, f"{result.what} hp={hp!r},")

    def get_latency(self, index: Any, dataset: str, hp: str | int | None = None) -> NoReturn:
        """Raises NotTabulated: latencies are in the tables of devices."""
        self._training(self.query_index_by_arch(index), dataset, self.full_train_epochs if hp is None else self._epochs(hp)).get_latency()

    # -- everything of one architecture ----------------------------------------------------------------------
    def query_meta_info_by_index(self, arch_index: Any, hp: str | int | None = None) -> ArchResults:
        """All trainings of one architecture; `hp` must be given."""
        index = self.query_index_by_arch(arch_index)
        return ArchResults(self, index, self.arch(index), str(self._epochs(hp)))

    def query_by_index(self, arch_index: Any, dataname: str | None = None, hp: str | int | None = None) -> Any:
        """`ArchResults`, or with `dataname` its trials there by seed; `hp` must be given.

        Raises:
            NotTabulated: the table has the mean over the trials and no single one.
        """
        info = self.query_meta_info_by_index(arch_index, hp)
        if dataname is None:
            return info
        trials = info.query(dataname)
        if not trials:
            raise NotTabulated(f"{self.oracle_name} has no single trials of {dataname} with hp={hp!r}; get_more_info gives their mean")
        return trials

    def query_info_str_by_arch(self, arch: Any, hp: str | int | None = None) -> str:
        """A text with sizes and mean accuracies on every data set that the table has."""
        index = self.query_index_by_arch(arch)
        lines = [self.arch(index)]
        for dataset in _SETS:
            try:
                result = self.training(index, dataset, self._epochs(hp), False)
            except NotTabulated:  # the size space has nothing trained on all of CIFAR-10
                continue
            shown = ", ".join(f"{_SETS[dataset][name][0]} {value:.2f}%" for name, value in result.accuracy.items())
            lines.append(f"{dataset:14s} FLOP={result.flop:6.2f} M, Params={result.params:.3f} MB, top1: {shown}")
        return "\n".join(lines)

    def show(self, index: int = -1) -> None:
        """Print `query_info_str_by_arch` at every schedule, or what this object is."""
        print(self if index < 0 else "\n".join(self.query_info_str_by_arch(index, hp) for hp in self.avaliable_hps))

    def find_best(
        self,
        dataset: str,
        metric_on_set: str,
        flop_max: float | None = None,
        param_max: float | None = None,
        hp: str | int | None = None,
        enforce_all: bool | None = None,
    ) -> tuple[int, float]:
        """Index and mean accuracy in percent of the best architecture (the first, where several tie).

        Args:
            dataset: official name of a training set; `cifar10` with `valid` means `cifar10-valid`.
            metric_on_set: official name of a set, or train, valid, test.
            flop_max: most MACs, in millions.
            param_max: most parameters, in millions.
            hp: schedule in epochs; must be given.
            enforce_all: no effect: all architectures are looked at, not only those asked for so far.

        Raises:
            NotTabulated: the table has no such accuracies, or no architecture is within the limits (`nats_bench`: -1).
        """
        if (dataset, metric_on_set) == ("cifar10", "valid"):
            dataset = "cifar10-valid"
        ours = _our(dataset)
        sets = {**_SETS[dataset], **{first: (first, metric) for first, metric in _SETS[dataset].values()}}
        if metric_on_set not in sets:
            raise UnknownName(f"set of {dataset}:", metric_on_set, sets)
        columns = self.oracle.query_many(dataset=ours, epochs=self._epochs(hp))
        values = columns.get(sets[metric_on_set][1])
        if values is None:
            raise NotTabulated(f"{self.oracle_name} has no {dataset} accuracies on {metric_on_set} with hp={hp!r}")
        for name, most in (("macs", flop_max), ("params", param_max)):
            if most is not None:
                values = np.where(columns[name] > most * 1e6, np.nan, values)
        if np.isnan(values).all():
            raise NotTabulated(f"{self.oracle_name} has no architecture with at most {flop_max} M MACs and {param_max} M parameters")
        best = int(np.nanargmax(values))
        return best, 100 * float(values[best])


def _our(dataset: str) -> str:
    """Our name of an official training set, where one data set has both of CIFAR-10's; raises UnknownName."""
    if dataset not in _SETS:
        raise UnknownName("data set", dataset, _SETS)
    return "cifar10" if dataset == "cifar10-valid" else dataset


class NATStopology(NATSBench):
    """The topology space: 15,625 cells, 12 and 200 epochs."""

    oracle_name, search_space_name = "nasbench201", "topology"
    is_size, is_topology = False, True
    # version 1.1 of the benchmark; cifar10-valid has two trials of 12 epochs
    trained_once = frozenset((12, dataset) for dataset in ("cifar10", "cifar100", "ImageNet16-120"))

    def get_unique_str(self, arch: Any) -> str:
        """The benchmark's isomorphism string: 6,466 distinct ones."""
        return Cell201().unique_string(Cell201().at(self.query_index_by_arch(arch)))

    @staticmethod
    def str2lists(arch_str: str) -> list[tuple[tuple[str, int], ...]]:
        """(operation, source) of the edges into each of the nodes 1 to 3; raises InvalidArch, UnknownName for no cell."""
        edges = list(zip(Cell201().parse(arch_str).code, EDGES, strict=True))
        return [tuple((OPS[option], source) for option, (source, to) in edges if to == node) for node in (1, 2, 3)]

    @staticmethod
    def str2matrix(arch_str: str, search_space: Sequence[str] = OPS) -> NDArray[np.float64]:
        """Number in `search_space` of the operation on the edge source -> node at [node, source], (4, 4)."""
        matrix = np.zeros((4, 4))
        for node, edges in enumerate(NATStopology.str2lists(arch_str), start=1):
            for op, source in edges:
                if op not in search_space:
                    raise UnknownName("operation", op, search_space)
                matrix[node, source] = list(search_space).index(op)
        return matrix


class NATSsize(NATSBench):
    """The size space: 32,768 width vectors, validation accuracy after 90 epochs and no times."""

    oracle_name, search_space_name = "natsbench_size", "size"
    is_size, is_topology = True, False


class NASBench201API(NATStopology):
    """The topology space by the constructor of `nas_201_api`."""

    def __init__(self, file_path_or_dict: object = None, verbose: bool = True, *, seed: int = 0) -> None:
        super().__init__(file_path_or_dict, verbose=verbose, seed=seed)


def create(file_path_or_dict: object, search_space: str, fast_mode: bool = False, verbose: bool = True, *, seed: int = 0) -> NATSBench:
    """The object that `nats_bench.create` gives, over our tables.

    Args:
        file_path_or_dict: not read, see the module.
        search_space: tss or topology, sss or size.
        fast_mode: no effect.
        verbose: no effect.
        seed: of the generator that draws trials and random architectures.
    """
    kinds = {"tss": NATStopology, "topology": NATStopology, "sss": NATSsize, "size": NATSsize}
    if search_space not in kinds:
        raise UnknownName("search space", search_space, kinds)
    return kinds[search_space](file_path_or_dict, fast_mode, verbose, seed=seed)


def search_space_info(main_tag: str, aux_tag: str | None = None) -> dict[str, Any]:
    """Operations and nodes of the topology space, or widths and layers of the size space, as `nats_bench` has them."""
    spaces: dict[tuple[str, str | None], dict[str, Any]] = {
        **{("nats-bench", tag): {"candidates": list(WIDTHS), "num_layers": 5} for tag in ("sss", "size")},
        **{key: {"op_names": list(OPS), "num_nodes": 4} for key in (("nats-bench", "tss"), ("nats-bench", "topology"))},
        ("nas-bench-201", None): {"op_names": list(OPS), "num_nodes": 4},
    }
    if (main_tag, aux_tag) not in spaces:
        raise UnknownName("search space", (main_tag, aux_tag), spaces)
    return spaces[main_tag, aux_tag]


# -- nasbench ------------------------------------------------------------------------------------------------
class OutOfDomainError(InvalidArch):
    """A specification outside the search space, or a cell that the table does not have."""


class ModelSpec:
    """A cell of NAS-Bench-101 as the field writes it, pruned to the vertices between input and output.

    The matrix may have numbers of any type: the hash is over integers (`nasbench` hashes a matrix of floats differently,
    so that its look-up fails).

    Args:
        matrix: adjacency, (V, V), zeros and ones, strictly upper triangular.
        ops: V names, from "input" to "output".
        data_format: no effect.

    Attributes:
        original_matrix: as given, integers.
        original_ops: as given.
        matrix: pruned; None where no path leads from input to output.
        ops: pruned; None likewise.
        valid_spec: whether there is such a path.

    Raises:
        InvalidArch: not a square matrix of zeros and ones with a name per vertex, or not upper triangular.
    """

    def __init__(self, matrix: Any, ops: Sequence[str], data_format: str = "channels_last") -> None:
        given = np.array(matrix)
        self.original_ops = list(ops)
        size = len(self.original_ops)
        if given.shape != (size, size) or not np.isin(given, (0, 1)).all() or np.tril(given).any():
            raise InvalidArch(
                f"adjacency matrix {given.tolist()} for {size} operations, expected zeros and ones, ({size}, {size}), upper triangular"
            )
        self.original_matrix = given.astype(int)
        reach = np.linalg.matrix_power(np.eye(size, dtype=int) + self.original_matrix, size) > 0
        live = np.flatnonzero(reach[0] & reach[:, -1])
        self.valid_spec = bool(reach[0, -1])
        self.matrix: NDArray[np.int_] | None = self.original_matrix[np.ix_(live, live)] if self.valid_spec else None
        self.ops: list[str] | None = [self.original_ops[vertex] for vertex in live] if self.valid_spec else None
        self.data_format = data_format

    def hash_spec(self, canonical_ops: Sequence[str]) -> str:
        """The module hash; `canonical_ops` numbers the operations, as in the benchmark's configuration.

        Raises:
            OutOfDomainError: no path from input to output.
            UnknownName: an operation is not among them.
        """
        if self.matrix is None or self.ops is None:
            raise OutOfDomainError("no path leads from input to output, so the specification has no hash")
        for op in self.ops[1:-1]:
            if op not in canonical_ops:
                raise UnknownName("operation", op, canonical_ops)
        return module_hash(self.matrix, [-1, *(list(canonical_ops).index(op) for op in self.ops[1:-1]), -2])


#: by the official key of one training; half-way ones have `halfway_` before the metric
_NASBENCH = {
    "training_time": "cost_s",
    "train_accuracy": "train_accuracy",
    "validation_accuracy": "valid_accuracy",
    "test_accuracy": "test_accuracy",
}


class NASBench:
    """NAS-Bench-101 as `nasbench.api` has it, over the oracle `nasbench101` or one of its parts.

    Args:
        dataset_file: not read: the table is made once from the official file, see `nasrepro data info nasbench101`.
        seed: of the generator that draws runs; `nasbench` seeds Python's global one instead.
        oracle: a table of this space.
    """

    def __init__(self, dataset_file: object = None, seed: int = 0, *, oracle: str = "nasbench101") -> None:
        self.oracle = load_oracle(oracle)
        if not isinstance(self.oracle.info.space, Dag101):
            raise UnknownName("oracle of NAS-Bench-101's space", oracle, ("nasbench101", "nasbench101_slice", "ecnas_4v", "ecnas_5v"))
        self._space = self.oracle.info.space
        self._rng = np.random.default_rng(seed)
        self.reset_budget_counters()

    @property
    def valid_epochs(self) -> set[int]:
        """Training lengths in the table."""
        return set(self.oracle.epochs("cifar10"))

    def is_valid(self, model_spec: Any) -> bool:
        """Whether `query` would answer: in the space and, where the table is a part of it, in that part."""
        try:
            self._arch(model_spec)
        except OutOfDomainError:
            return False
        return True

    def query(self, model_spec: Any, epochs: int = 108, stop_halfway: bool = False) -> Answer:
        """One run of a cell, drawn by the object's own generator, charged to the budget counters.

        Args:
            model_spec: `ModelSpec`, or an object with its attributes `matrix` and `ops`.
            epochs: 4, 12, 36 or 108.
            stop_halfway: the values half-way through that training, for half the epochs.

        Returns:
            `module_adjacency`, `module_operations` (of the trained graph), `trainable_parameters`, `training_time` in seconds
            and `train_accuracy`, `validation_accuracy`, `test_accuracy` as fractions. Reading what the table does not
            have (the slice: train and test accuracy) raises NotTabulated.

        Raises:
            OutOfDomainError: outside the space or the table.
            NotTabulated: no trainings of that length, or no half-way values in the table.
        """
        arch = self._arch(model_spec)
        if epochs not in self.valid_epochs:
            raise NotTabulated(f"{self.oracle.name} has no trainings of {epochs!r} epochs; accepted: {sorted(self.valid_epochs)}")
        runs = list(_trials(self.oracle, arch, "cifar10", epochs).values())
        if not runs:
            raise NotTabulated(f"{self.oracle.name} has no run of {epochs} epochs of {self._space.format(arch)}")
        values = runs[int(self._rng.integers(len(runs)))]
        before = "halfway_" if stop_halfway else ""
        measured = {name: values[before + metric] for name, metric in _NASBENCH.items() if before + metric in values}
        if "training_time" not in measured:
            raise NotTabulated(f"{self.oracle.name} has no {before}training time at {epochs} epochs")
        self._training_time += measured["training_time"]
        self._epochs_spent += int(epochs) // 2 if stop_halfway else int(epochs)
        return Answer({**self._fixed(arch), **measured}, f"{self.oracle.name}, {epochs} epochs{', half-way' if stop_halfway else ''},")

    def get_budget_counters(self) -> tuple[float, int]:
        """(seconds of training, epochs) that queries have spent since the last `reset_budget_counters`."""
        return self._training_time, self._epochs_spent

    def reset_budget_counters(self) -> None:
        """Set both counters to 0."""
        self._training_time, self._epochs_spent = 0.0, 0

    def hash_iterator(self) -> Iterator[str]:
        """Module hashes of all cells of the table, computed as they are asked for (0.3 ms each)."""
        return (self._space.module_hash(arch) for arch in self.oracle.archs())

    def get_metrics_from_hash(self, module_hash: str) -> tuple[Answer, dict[int, list[Answer]]]:
        """Everything of a cell by its module hash: (fixed, computed), not charged to the budget.

        Returns:
            `fixed` as in `query`; `computed[epochs]` has one dictionary per run with the keys of `query`'s measured values
            after `halfway_` and `final_`.

        Raises:
            OutOfDomainError: no cell of the table has that hash.
            DataMissing: the table of hashes has not been computed; the message has the command.
        """
        try:
            arch = self._space.parse(module_hash)
            self.oracle.space.check(arch)
        except InvalidArch as error:
            raise OutOfDomainError(str(error)) from error
        computed = {
            epochs: [
                Answer(
                    {
                        f"{when}_{name}": values[before + metric]
                        for when, before in (("halfway", "halfway_"), ("final", ""))
                        for name, metric in _NASBENCH.items()
                        if before + metric in values
                    },
                    f"{self.oracle.name}, {epochs} epochs, run {run},",
                )
                for run, values in _trials(self.oracle, arch, "cifar10", epochs).items()
            ]
            for epochs in self.oracle.epochs("cifar10")
        }
        return Answer(self._fixed(arch), self.oracle.name), computed

    def get_metrics_from_spec(self, model_spec: Any) -> tuple[Answer, dict[int, list[Answer]]]:
        """`get_metrics_from_hash` of a specification."""
        return self.get_metrics_from_hash(self._space.module_hash(self._arch(model_spec)))

    def _arch(self, model_spec: Any) -> Arch:
        if model_spec.matrix is None or model_spec.ops is None:
            raise OutOfDomainError("no path leads from input to output of the specification")
        try:
            arch = self._space.from_spec(model_spec.matrix, model_spec.ops)
            self.oracle.space.check(arch)
        except (InvalidArch, UnknownName) as error:
            raise OutOfDomainError(str(error)) from error
        return arch

    def _fixed(self, arch: Arch) -> dict[str, Any]:
        graph = self._space.graph(self._space.canonical(arch))
        params = self._space.complexity(arch, classes=10, size=32).params
        return {"module_adjacency": graph.adjacency.astype(int), "module_operations": list(graph.ops), "trainable_parameters": params}


def _module(oracle: str) -> SimpleNamespace:
    """What stands for the module `nasbench.api` over one oracle."""
    return SimpleNamespace(NASBench=partial(NASBench, oracle=oracle), ModelSpec=ModelSpec, OutOfDomainError=OutOfDomainError)


#: The names of `nasbench.api` over a part of the space: `from oracles.compat import nasbench101_slice as api`.
nasbench101_slice, ecnas_4v, ecnas_5v = map(_module, ("nasbench101_slice", "ecnas_4v", "ecnas_5v"))
