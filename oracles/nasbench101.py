"""NAS-Bench-101 (arXiv:1902.09635).

All 423,624 cells, three runs, from the official file where a user has it.

Rows are all cells in the order of the benchmark's enumeration. `nasbench101_slice` is the part that
is public in git.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import overload

from nasrepro.oracles.convert.nasbench101 import convert, official
from nasrepro.oracles.nasbench101_slice import INFO as SLICE
from nasrepro.oracles.spaces.dag101 import Dag101
from nasrepro.suite.data import TableSpec, open_table
from nasrepro.suite.oracle import Dataset, Metric, Oracle, OracleInfo, TableOracle
from nasrepro.suite.registry import oracle
from nasrepro.suite.space import Arch

TABLE = TableSpec(
    name="nasbench101",
    version=1,
    files={},
    converter=convert,
    local=official,
)

INFO = OracleInfo(
    name="nasbench101",
    space=Dag101(),
    datasets=(
        Dataset("cifar10", 10, 32, "40,000 training, 10,000 validation and 10,000 test images"),
    ),
    metrics=(
        Metric("valid_accuracy", "fraction", "valid", True, (0, 1)),
        Metric("test_accuracy", "fraction", "test", True, (0, 1)),
        Metric("train_accuracy", "fraction", "train", True, (0, 1), "on 10,000 training images"),
        Metric("cost_s", "s", "none", False, (0, 1e7), "training time, without evaluation"),
        Metric(
            "halfway_valid_accuracy",
            "fraction",
            "valid",
            True,
            (0, 1),
            "half-way through the same training",
        ),
        Metric(
            "halfway_test_accuracy",
            "fraction",
            "test",
            True,
            (0, 1),
            "half-way through the same training",
        ),
        Metric(
            "halfway_train_accuracy",
            "fraction",
            "train",
            True,
            (0, 1),
            "half-way through the same training",
        ),
        Metric("halfway_cost_s", "s", "none", False, (0, 1e7), "training time of the first half"),
        Metric("params", "param", "none", False, (0, 1e9)),
        Metric("macs", "MAC", "none", False, (0, 1e12)),
    ),
    objective="valid_accuracy",
    target="test_accuracy",
    citation=SLICE.citation,
    licence="Apache-2.0",
    resumable=False,  # every budget is a training of its own, with its own cosine schedule
    table=TABLE,
    notes=(
        "made from nasbench_full.tfrecord (4, 12, 36, 108 epochs) or nasbench_only108.tfrecord, "
        "found by NASBENCH101_PATH, in TORCH_HOME "
        "or in the cache folder; never downloaded by itself",
        "run1, run2, run3 are in the order of the file; the benchmark's own searches see one of "
        "them at random",
    ),
)


@dataclass(frozen=True)
class _Cells(Sequence[Arch]):
    """All cells by index, made when asked for: 423,624 at once take 130 MB."""

    space: Dag101

    def __len__(self) -> int:
        return len(self.space)

    @overload
    def __getitem__(self, index: int) -> Arch: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Arch]: ...
    def __getitem__(self, index: int | slice) -> Arch | Sequence[Arch]:
        if isinstance(index, slice):
            return [self.space.at(i) for i in range(*index.indices(len(self)))]
        if not -len(self) <= index < len(self):
            raise IndexError(index)
        return self.space.at(index % len(self))


@oracle(INFO)
def load() -> Oracle:
    """The oracle over the converted table."""
    space = Dag101()
    return TableOracle(INFO, open_table(TABLE), row=space.index, archs=lambda: _Cells(space))
