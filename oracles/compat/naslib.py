"""What NASLib's search spaces query: its `get_dataset_api`, over our tables.

    from naslib.utils import get_dataset_api   ->   from nasrepro.oracles.compat import
    get_dataset_api

Its NAS-Bench-201 files have one training of each cell; ours are means. Its validation and its test
accuracy are read under one key, `eval_acc1es`: here it is validation, so nothing of the test part
is reached.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, overload

from nasrepro.oracles.compat import nasbench
from nasrepro.oracles.compat.answer import Answer, our_name
from nasrepro.oracles.compat.nats_bench import NATStopology
from nasrepro.oracles.compat.transnas import TransNASBenchAPI
from nasrepro.suite.errors import NotTabulated, UnknownName

_DATASETS = ("cifar10", "cifar100", "ImageNet16-120")
_EPOCHS = "200"


class Curve(Sequence[float]):
    """A learning curve of which the table has the last point."""

    def __init__(self, epochs: int, last: float, what: str) -> None:
        self._epochs, self._last, self._what = epochs, last, what

    def __len__(self) -> int:
        return self._epochs

    @overload
    def __getitem__(self, index: int) -> float: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[float]: ...
    def __getitem__(self, index: int | slice) -> Any:
        """The last point, by -1 or its number; NotTabulated for any other."""
        if index not in (-1, self._epochs - 1):
            raise NotTabulated(
                f"{self._what} has no learning curve, only its last point; accepted: -1, "
                f"{self._epochs - 1}, not {index!r}"
            )
        return self._last


class Cells(Mapping[str, Any]):
    """`nb201_data[arch_str][dataset]`: `train_acc1es`, `eval_acc1es` (percent), `cost_info`."""

    def __init__(self, api: NATStopology) -> None:
        self._api = api

    def __getitem__(self, arch: str) -> Mapping[str, Answer]:
        return _Trainings(self._api, self._api.query_index_by_arch(arch))

    def __iter__(self) -> Iterator[str]:
        return iter(self._api)

    def __len__(self) -> int:
        return len(self._api)


class _Trainings(Mapping[str, Answer]):
    """What NASLib has of one cell, by training set."""

    _SETS = ("cifar10-valid", "cifar100", "ImageNet16-120")

    def __init__(self, api: NATStopology, index: int) -> None:
        self._api, self._index = api, index

    def __getitem__(self, dataset: str) -> Answer:
        our_name(dataset)  # refuses other names
        trained = self._api.training(self._index, dataset, _EPOCHS, False)
        values: dict[str, Any] = {
            key: Curve(trained.epochs, trained.accuracy[name], trained.what)
            for key, name in (("train_acc1es", "train"), ("eval_acc1es", "x-valid"))
            if name in trained.accuracy
        }
        costs = {"flops": trained.flop, "params": trained.params, "train_time": trained.time}
        return Answer(values | {"cost_info": Answer(costs, trained.what)}, trained.what)

    def __iter__(self) -> Iterator[str]:
        return iter(self._SETS)

    def __len__(self) -> int:
        return len(self._SETS)


def get_dataset_api(
    search_space: str | None = None, dataset: str | None = None, *, oracle: str = "nasbench101"
) -> dict[str, Any]:
    """What NASLib's search space of that name queries.

    Args:
        search_space: nasbench101, nasbench201, transbench101_micro or transbench101_macro.
        dataset: as NASLib calls it; of TransNAS-Bench-101 the task.
        oracle: the table of NAS-Bench-101 cells, see `compat.NASBench`.

    Raises:
        UnknownName: another space; nasbench301's queries are of surrogates that are not here.
    """
    if search_space == "nasbench101":
        return {"api": nasbench, "nb101_data": nasbench.NASBench(oracle=oracle)}
    if search_space == "nasbench201":
        if dataset not in _DATASETS:
            raise UnknownName("data set of NASLib's nasbench201:", dataset, _DATASETS)
        return {"nb201_data": Cells(NATStopology())}
    if search_space in ("transbench101", "transbench101_micro", "transbench101_macro"):
        return {"api": TransNASBenchAPI(), "task": dataset}
    raise UnknownName(
        "search space of NASLib with tables here:",
        search_space,
        ("nasbench101", "nasbench201", "transbench101_micro", "transbench101_macro"),
        "nasbench301's queries are of its authors' surrogates, see: nasrepro data info nasbench301",
    )
