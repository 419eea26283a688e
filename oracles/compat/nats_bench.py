"""The interface of `nats_bench`.

In one long file, as its two spaces are one class of the official package, most of it docstrings of
what differs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from nasrepro.oracles.compat.answer import SETS, TOGETHER, Answer, our_name, trials
from nasrepro.oracles.compat.results import ArchResults, BySeed, ResultsCount
from nasrepro.oracles.spaces.cell201 import Cell201
from nasrepro.oracles.spaces.graph201 import EDGES, OPS
from nasrepro.oracles.spaces.size import WIDTHS
from nasrepro.suite.errors import NotTabulated, ProtocolError, UnknownName
from nasrepro.suite.oracle import MEAN, Seed
from nasrepro.suite.registry import load_oracle
from nasrepro.suite.space import Arch


class NATSBench:
    """What both spaces of NATS-Bench answer; see `create`.

    Data sets have their official names, which are training sets:
        cifar10-valid    trained on 25,000 images: validation on the other 25,000 (search here),
        test on the test set
        cifar10          trained on all 50,000: test on the test set (report here), no validation
        cifar100, ImageNet16-120    validation (x-valid) and test (x-test) are halves; `valtest` is
        both together

    Args:
        seed: of the generator that draws trials and random architectures.
        mean_for_missing: give the mean over the trials where one is to be drawn and the table has
            no single ones; else that raises NotTabulated.
    """

    oracle_name: str
    search_space_name: str
    #: (epochs, data set) of which every architecture has one trial, so that the mean is that trial
    trained_once: frozenset[tuple[int, str]] = frozenset()

    def __init__(
        self,
        file_path_or_dict: object = None,
        fast_mode: bool = False,
        verbose: bool = True,
        *,
        seed: int = 0,
        mean_for_missing: bool = False,
    ) -> None:
        self._mean_for_missing = mean_for_missing
        self.oracle = load_oracle(self.oracle_name)
        self.fast_mode, self.verbose, self.filename = fast_mode, verbose, self.oracle_name
        self._rng = np.random.default_rng(seed)
        self._used_time = 0.0

    # -- architectures
    # ---------------------------------------------------------------------------------------
    @cached_property
    def meta_archs(self) -> list[str]:
        """All architecture strings, by official index."""
        return [self.oracle.space.format(arch) for arch in self.oracle.space]

    @property
    def evaluated_indexes(self) -> Sequence[int]:
        """Indices of all architectures.

        `nats_bench` in fast mode lists only those asked for so far.
        """
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
        return (
            f"{type(self).__name__}({len(self)}/{len(self)} architectures, "
            f"oracle={self.oracle_name})"
        )

    def arch(self, index: int) -> str:
        """The string of an official index; raises InvalidArch outside 0..len-1."""
        return self.oracle.space.format(self.oracle.space.at(index))

    def random(self) -> int:
        """A uniformly drawn index, by the object's own generator and not the global one."""
        return int(self._rng.integers(len(self)))

    def query_index_by_arch(self, arch: Any) -> int:
        """Official index of a string, of an object with `tostr()`, of an `Arch`, or of an index.

        Numpy's integers included.

        Raises:
            InvalidArch, UnknownName: it names no architecture. `nats_bench` answers -1 there, for
                `np.int64(284)` too.
        """
        space = self.oracle.space
        if hasattr(arch, "tostr"):
            arch = arch.tostr()
        if isinstance(arch, str):
            arch = space.parse(arch)
        return space.index(
            arch if isinstance(arch, Arch) else space.at(arch)
        )  # `at` refuses what is no index

    # -- schedules
    # -------------------------------------------------------------------------------------------
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
            raise ProtocolError(
                f"hp, the schedule in epochs, must be given: {accepted} (nats_bench takes 12 "
                "epochs where it is left out)"
            )
        if str(hp).lstrip("0") not in self.avaliable_hps:
            raise NotTabulated(
                f"{self.oracle_name} has no trainings with hp={hp!r}; accepted: {accepted}"
            )
        return int(hp)

    # -- trainings
    # -------------------------------------------------------------------------------------------
    def _result(
        self, index: int, dataset: str, epochs: int, seed: Seed, values: Mapping[str, float]
    ) -> ResultsCount:
        # the table's time of CIFAR-10 is that of 25,000 images; on 50,000 it is exactly twice that
        time = values.get("cost_s")
        return ResultsCount(
            what=f"{self.oracle_name}, architecture {index} trained on {dataset} for {epochs} "
            f"epochs, seed {seed},",
            dataset=dataset,
            seed=seed,
            epochs=epochs,
            params=values["params"] / 1e6,
            flop=values["macs"] / 1e6,
            accuracy={
                name: 100 * values[metric]
                for name, (_, metric) in SETS[dataset].items()
                if metric in values
            },
            time=None if time is None else time * (2 if dataset == "cifar10" else 1),
        )

    def _training(self, index: int, dataset: str, epochs: int, seed: Seed = MEAN) -> ResultsCount:
        values = self.oracle.query(
            self.oracle.space.at(index), dataset=our_name(dataset), epochs=epochs, seed=seed
        ).values
        return self._result(index, dataset, epochs, seed, values)

    def trials(self, index: int, dataset: str, hp: str | int | None) -> dict[Seed, ResultsCount]:
        """The trials of one training by seed.

        Without those the table does not have (none where it has the mean alone).
        """
        index, epochs = self.query_index_by_arch(index), self._epochs(hp)
        found = trials(self.oracle, self.oracle.space.at(index), our_name(dataset), epochs)
        results = {
            seed: self._result(index, dataset, epochs, seed, values)
            for seed, values in found.items()
        }
        return BySeed(
            {seed: result for seed, result in results.items() if result.accuracy},
            f"{self.oracle_name}, architecture {index} trained on {dataset} for {epochs} epochs,",
        )

    def training(
        self, index: int, dataset: str, hp: str | int | None, is_random: bool | Seed
    ) -> ResultsCount:
        """One trial or their mean; `is_random` as in `get_more_info`."""
        if isinstance(is_random, (bool, np.bool_)):
            if is_random and (self._epochs(hp), dataset) not in self.trained_once:
                trials = list(self.trials(index, dataset, hp).values())
                if trials:
                    return trials[int(self._rng.integers(len(trials)))]
                if not self._mean_for_missing:
                    raise NotTabulated(
                        f"{self.oracle_name} has no single trials of {dataset} with hp={hp!r} to "
                        "draw "
                        "from; is_random=False gives the mean over them, and an object made with "
                        "mean_for_missing=True always does"
                    )
            is_random = MEAN
        result = self._training(
            self.query_index_by_arch(index), dataset, self._epochs(hp), is_random
        )
        if not result.accuracy:
            there = ", ".join(map(str, self.trials(index, dataset, hp))) or "none"
            raise NotTabulated(f"{result.what} has no accuracies; trials that have: {there}")
        return result

    def get_more_info(
        self,
        index: Any,
        dataset: str,
        iepoch: int | None = None,
        hp: str | int | None = None,
        is_random: bool | Seed = True,
    ) -> Answer:
        """Accuracies in percent and training times in seconds of one training, or their means.

        Accuracies are `train-accuracy`, `valid-accuracy`, `test-accuracy`, `valtest-accuracy`.

        Args:
            index: anything that `query_index_by_arch` takes.
            dataset: official name of a training set, see the class.
            iepoch: None, or the last epoch counted from 0; learning curves are not in the tables.
            hp: schedule in epochs, as text or number; must be given (`nats_bench` takes 12, so that
                all is below 90 %).
            is_random: False for the mean over the trials (as published: for 2,418 cells without a
                trial that is there), a seed for that trial, True for one that the object's own
                generator draws (`nats_bench` uses the global one). CIFAR-10's trials on 50,000
                images have no seeds in the table; theirs are run1, run2, run3.

        Returns:
            A dictionary of what the table has. Losses, evaluation times, per-trial x-valid and
            x-test of CIFAR-100 and ImageNet16-120 are not there: reading them raises NotTabulated.
            Where a trial's x-valid is not there, its validation and test images together stand
            under `valid-and-test-accuracy` in place of `valtest-accuracy`, so that no script falls
            back to them unawares.

        Raises:
            NotTabulated: no such epochs, trial or training; a drawn trial where the table has means
                of several alone (`cifar10-valid` at 12 epochs).
        """
        result = self.training(index, dataset, hp, is_random)
        result.check_epoch(iepoch)
        info: dict[str, Any] = {
            f"{SETS[dataset][name][0]}-accuracy": value for name, value in result.accuracy.items()
        }
        if "valtest-accuracy" in info and "valid-accuracy" not in info:
            info[TOGETHER] = info.pop("valtest-accuracy")
        if result.time is not None:
            info |= {"train-per-time": result.time / result.epochs, "train-all-time": result.time}
        if dataset in ("cifar10-valid", "cifar10"):
            images = "25,000 images" if dataset == "cifar10-valid" else "all 50,000 images"
            info["comment"] = (
                f"networks trained on {images} of CIFAR-10's training set for {result.epochs} "
                "epochs"
            )
        return Answer(info, result.what)

    def simulate_train_eval(
        self,
        arch: Any,
        dataset: str,
        iepoch: int | None = None,
        hp: str | int | None = None,
        account_time: bool = True,
    ) -> tuple[float, None, float, float]:
        """What a search sees of one training.

        (validation accuracy in percent, latency, time cost, total time), times in seconds.

        The accuracy is that of one trial, drawn by the object's own generator, where the table has
        validation accuracies of single trials (CIFAR-10 at the long schedule, the size space), and
        the mean over the trials elsewhere. It is never an accuracy on test images, which
        `nats_bench` falls back to (`valtest`) where validation is missing.

        Args:
            arch: anything that `query_index_by_arch` takes.
            dataset: cifar10 (its validation is that of cifar10-valid), cifar100 or ImageNet16-120.
            iepoch: None, or the last epoch counted from 0.
            hp: schedule in epochs; must be given.
            account_time: add the cost to `used_time`.

        Returns:
            Latency is None, the official answer where there is none. The cost is that of training
            alone: the tables do not have the evaluation that the official cost adds (3 % more for
            the first architecture on CIFAR-10 at 12 epochs).

        Raises:
            UnknownName: another data set.
            NotTabulated: other epochs; the table has no times (size space: use `get_more_info` and
                count queries).
        """
        datasets = [name for name in SETS if name != "cifar10-valid"]
        if dataset not in datasets:
            raise UnknownName("data set of simulate_train_eval:", dataset, datasets)
        trained = "cifar10-valid" if dataset == "cifar10" else dataset
        trials = [
            trial
            for trial in self.trials(arch, trained, hp).values()
            if "x-valid" in trial.accuracy
        ]
        result = (
            trials[int(self._rng.integers(len(trials)))]
            if trials
            else self.training(arch, trained, hp, False)
        )
        result.check_epoch(iepoch)
        if result.time is None:
            raise NotTabulated(
                f"{result.what} has no training time; get_more_info gives its accuracies, count "
                "queries as the budget"
            )
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

    # -- costs -------------------------------------------------------------------------------------
    def get_cost_info(self, index: Any, dataset: str, hp: str | int | None = None) -> Answer:
        """`flops` (MACs) and `params` in millions.

        With `hp`, the training times `T-train@epoch` and `T-train@total`.

        Sizes are those of the network as built, the same at every schedule; the official ones
        differ for 150 cells. Reading `latency` raises NotTabulated, as do times where `hp` is left
        out (`nats_bench` takes 12).
        """
        return self.costs(index, dataset, hp)

    def costs(self, index: Any, dataset: str, hp: str | int | None) -> Answer:
        """`get_cost_info`, by the one signature that all versions share."""
        result = self._training(
            self.query_index_by_arch(index),
            dataset,
            self.full_train_epochs if hp is None else self._epochs(hp),
        )
        times = {} if hp is None else result.get_times()
        return Answer(
            {"flops": result.flop, "params": result.params, **times}, f"{result.what} hp={hp!r},"
        )

    def get_net_param(self, index: Any, dataset: str, seed: Any, hp: Any = None) -> NoReturn:
        """Raises NotTabulated: the tables hold numbers and no weights."""
        self._training(
            self.query_index_by_arch(index), dataset, self.full_train_epochs
        ).get_net_param()

    def reload(self, *_: Any, **__: Any) -> None:
        """Nothing to do: the table is mapped, not loaded record by record."""

    clear_params = reset_fast_mode = reset_archive_dir = reload

    def get_latency(self, index: Any, dataset: str, hp: str | int | None = None) -> NoReturn:
        """Raises NotTabulated: latencies are in the tables of devices."""
        self._training(
            self.query_index_by_arch(index),
            dataset,
            self.full_train_epochs if hp is None else self._epochs(hp),
        ).get_latency()

    # -- everything of one architecture
    # ----------------------------------------------------------------------
    def query_meta_info_by_index(self, arch_index: Any, hp: str | int | None = None) -> ArchResults:
        """All trainings of one architecture; `hp` must be given."""
        index = self.query_index_by_arch(arch_index)
        return ArchResults(self, index, self.arch(index), str(self._epochs(hp)))

    def query_by_index(
        self, arch_index: Any, dataname: str | None = None, hp: str | int | None = None
    ) -> Any:
        """`ArchResults`, or with `dataname` its trials there by seed; `hp` must be given.

        Raises:
            NotTabulated: the table has the mean over the trials and no single one.
        """
        info = self.query_meta_info_by_index(arch_index, hp)
        if dataname is None:
            return info
        trials = info.query(dataname)
        if not trials:
            raise NotTabulated(
                f"{self.oracle_name} has no single trials of {dataname} with hp={hp!r}; "
                "get_more_info gives their mean"
            )
        return trials

    def query_info_str_by_arch(self, arch: Any, hp: str | int | None = None) -> str:
        """A text with sizes and mean accuracies on every data set that the table has."""
        index, epochs = self.query_index_by_arch(arch), self._epochs(hp)
        lines = [self.arch(index), f"datasets : {list(SETS)}, extra-info : {epochs} epochs, means"]
        for dataset in SETS:
            try:
                result = self.training(index, dataset, epochs, False)
            except NotTabulated:  # the size space has nothing trained on all of CIFAR-10
                continue
            size = f"FLOP={result.flop:6.2f} M, Params={result.params:.3f} MB, latency=None ms."
            shown = (
                f"{_SHOWN[name]} : [loss = nan & top1 = {result.accuracy.get(name, np.nan):.2f}%]"
                for name in SETS[dataset]
                if name in _SHOWN and (dataset, name) not in _NOT_SHOWN
            )
            lines += [f"{dataset:14s} {size}", f"{dataset:14s} {', '.join(shown)}"]
        return "\n".join(lines)

    query_by_arch = query_info_str_by_arch

    def get_net_config(self, index: Any, dataset: str) -> dict[str, Any]:
        """What the official package builds the network of an architecture from."""
        classes = {"cifar100": 100, "ImageNet16-120": 120}.get(dataset, 10)
        our_name(dataset)  # refuses other names
        return self._config(self.arch(self.query_index_by_arch(index))) | {"num_classes": classes}

    def _config(self, arch_str: str) -> dict[str, Any]:
        raise NotImplementedError

    def statistics(self, dataset: str, hp: str | int | None = None) -> dict[int, int]:
        """How many architectures have how many trials."""
        counts = Counter(len(self.trials(index, dataset, hp)) for index in range(len(self)))
        return dict(counts)

    def show(self, index: int = -1) -> None:
        """Print `query_info_str_by_arch` at every schedule, or what this object is."""
        print(
            self
            if index < 0
            else "\n".join(self.query_info_str_by_arch(index, hp) for hp in self.avaliable_hps)
        )

    def find_best(
        self,
        dataset: str,
        metric_on_set: str,
        flop_max: float | None = None,
        param_max: float | None = None,
        hp: str | int | None = None,
        enforce_all: bool | None = None,
    ) -> tuple[int, float]:
        """Index and mean accuracy in percent of the best architecture, the first where several tie.

        Args:
            dataset: official name of a training set; `cifar10` with `valid` means `cifar10-valid`.
            metric_on_set: official name of a set, or train, valid, test.
            flop_max: most MACs, in millions.
            param_max: most parameters, in millions.
            hp: schedule in epochs; must be given.
            enforce_all: no effect: all architectures are looked at, not only those asked for so
                far.

        Raises:
            NotTabulated: the table has no such accuracies, or no architecture is within the limits
                (`nats_bench`: -1).
        """
        if (dataset, metric_on_set) == ("cifar10", "valid"):
            dataset = "cifar10-valid"
        ours = our_name(dataset)
        sets = {
            **SETS[dataset],
            **{first: (first, metric) for first, metric in SETS[dataset].values()},
        }
        if metric_on_set not in sets:
            raise UnknownName(f"set of {dataset}:", metric_on_set, sets)
        columns = self.oracle.query_many(dataset=ours, epochs=self._epochs(hp))
        values = columns.get(sets[metric_on_set][1])
        if values is None:
            raise NotTabulated(
                f"{self.oracle_name} has no {dataset} accuracies on {metric_on_set} with hp={hp!r}"
            )
        for name, most in (("macs", flop_max), ("params", param_max)):
            if most is not None:
                values = np.where(columns[name] > most * 1e6, np.nan, values)
        if np.isnan(values).all():
            raise NotTabulated(
                f"{self.oracle_name} has no architecture with at most {flop_max} M MACs and "
                f"{param_max} M parameters"
            )
        best = int(np.nanargmax(values))
        return best, 100 * float(values[best])


#: As the official text calls the sets, and what it leaves out.
_SHOWN = {"train": "train", "x-valid": "valid", "x-test": "test", "ori-test": "test "}
_NOT_SHOWN = {(name, "ori-test") for name in ("cifar10-valid", "cifar100", "ImageNet16-120")}
#: The cell in which the size space searches widths.
_SIZE_CELL = (
    "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|"
    "nor_conv_3x3~2|"
)


class NATStopology(NATSBench):
    """The topology space: 15,625 cells, 12 and 200 epochs."""

    oracle_name, search_space_name = "nasbench201", "topology"
    is_size, is_topology = False, True
    # version 1.1 of the benchmark; cifar10-valid has two trials of 12 epochs
    trained_once = frozenset((12, dataset) for dataset in ("cifar10", "cifar100", "ImageNet16-120"))

    def _config(self, arch_str: str) -> dict[str, Any]:
        return {"name": "infer.tiny", "C": 16, "N": 5, "arch_str": arch_str}

    def get_unique_str(self, arch: Any) -> str:
        """The benchmark's isomorphism string: 6,466 distinct ones."""
        return Cell201().unique_string(Cell201().at(self.query_index_by_arch(arch)))

    @staticmethod
    def str2lists(arch_str: str) -> list[tuple[tuple[str, int], ...]]:
        """(operation, source) of the edges into each of the nodes 1 to 3.

        Raises InvalidArch, UnknownName for no cell.
        """
        edges = list(zip(Cell201().parse(arch_str).code, EDGES, strict=True))
        return [
            tuple((OPS[option], source) for option, (source, to) in edges if to == node)
            for node in (1, 2, 3)
        ]

    @staticmethod
    def str2matrix(arch_str: str, search_space: Sequence[str] = OPS) -> NDArray[np.float64]:
        """Operations by their numbers in `search_space`, shape (4, 4), at [node, source]."""
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

    def _config(self, arch_str: str) -> dict[str, Any]:
        return {"name": "infer.shape.tiny", "channels": arch_str, "genotype": _SIZE_CELL}


def create(
    file_path_or_dict: object,
    search_space: str,
    fast_mode: bool = False,
    verbose: bool = True,
    *,
    seed: int = 0,
    mean_for_missing: bool = False,
) -> NATSBench:
    """The object that `nats_bench.create` gives, over our tables.

    Args:
        file_path_or_dict: not read, see the module.
        search_space: tss or topology, sss or size.
        fast_mode: no effect.
        verbose: no effect.
        seed: of the generator that draws trials and random architectures.
        mean_for_missing: as in `NATSBench`.
    """
    kinds = {"tss": NATStopology, "topology": NATStopology, "sss": NATSsize, "size": NATSsize}
    if search_space not in kinds:
        raise UnknownName("search space", search_space, kinds)
    return kinds[search_space](
        file_path_or_dict, fast_mode, verbose, seed=seed, mean_for_missing=mean_for_missing
    )


def search_space_info(main_tag: str, aux_tag: str | None = None) -> dict[str, Any]:
    """Operations and nodes of the topology space, or widths and layers of the size space.

    As `nats_bench` has them.
    """
    spaces: dict[tuple[str, str | None], dict[str, Any]] = {
        **{
            ("nats-bench", tag): {"candidates": list(WIDTHS), "num_layers": 5}
            for tag in ("sss", "size")
        },
        **{
            key: {"op_names": list(OPS), "num_nodes": 4}
            for key in (("nats-bench", "tss"), ("nats-bench", "topology"))
        },
        ("nas-bench-201", None): {"op_names": list(OPS), "num_nodes": 4},
    }
    if (main_tag, aux_tag) not in spaces:
        raise UnknownName("search space", (main_tag, aux_tag), spaces)
    return spaces[main_tag, aux_tag]
