"""The interface of `nasbench.api`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasrepro.oracles.compat.answer import Answer, trials
from nasrepro.oracles.spaces.dag101 import Dag101
from nasrepro.oracles.spaces.graph101 import OPS
from nasrepro.oracles.spaces.hash101 import module_hash
from nasrepro.suite.errors import InvalidArch, NotTabulated, UnknownName
from nasrepro.suite.registry import load_oracle
from nasrepro.suite.space import Arch


class OutOfDomainError(InvalidArch):
    """A specification outside the search space, or a cell that the table does not have."""


class ModelSpec:
    """A cell of NAS-Bench-101 as the field writes it.

    Pruned to the vertices between input and output.

    The matrix may have numbers of any type: the hash is over integers (`nasbench` hashes a matrix
    of floats differently, so that its look-up fails).

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
        InvalidArch: not a square matrix of zeros and ones with a name per vertex, or not upper
            triangular.
    """

    def __init__(self, matrix: Any, ops: Sequence[str], data_format: str = "channels_last") -> None:
        given = np.array(matrix)
        self.original_ops = list(ops)
        size = len(self.original_ops)
        if given.shape != (size, size) or not np.isin(given, (0, 1)).all() or np.tril(given).any():
            raise InvalidArch(
                f"adjacency matrix {given.tolist()} for {size} operations, expected zeros and "
                f"ones, ({size}, {size}), upper triangular"
            )
        self.original_matrix = given.astype(int)
        reach = np.linalg.matrix_power(np.eye(size, dtype=int) + self.original_matrix, size) > 0
        live = np.flatnonzero(reach[0] & reach[:, -1])
        self.valid_spec = bool(reach[0, -1])
        self.matrix: NDArray[np.int_] | None = (
            self.original_matrix[np.ix_(live, live)] if self.valid_spec else None
        )
        self.ops: list[str] | None = (
            [self.original_ops[vertex] for vertex in live] if self.valid_spec else None
        )
        self.data_format = data_format

    def hash_spec(self, canonical_ops: Sequence[str]) -> str:
        """The module hash; `canonical_ops` numbers the operations.

        As in the benchmark's configuration.

        Raises:
            OutOfDomainError: no path from input to output.
            UnknownName: an operation is not among them.
        """
        if self.matrix is None or self.ops is None:
            raise OutOfDomainError(
                "no path leads from input to output, so the specification has no hash"
            )
        for op in self.ops[1:-1]:
            if op not in canonical_ops:
                raise UnknownName("operation", op, canonical_ops)
        return module_hash(
            self.matrix, [-1, *(list(canonical_ops).index(op) for op in self.ops[1:-1]), -2]
        )


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
        dataset_file: not read: the table is made once from the official file, see `nasrepro data
            info nasbench101`.
        seed: of the generator that draws runs; `nasbench` seeds Python's global one instead.
        oracle: a table of this space.
    """

    def __init__(
        self, dataset_file: object = None, seed: int = 0, *, oracle: str = "nasbench101"
    ) -> None:
        self.oracle = load_oracle(oracle)
        if not isinstance(self.oracle.info.space, Dag101):
            raise UnknownName(
                "oracle of NAS-Bench-101's space",
                oracle,
                ("nasbench101", "nasbench101_slice", "ecnas_4v", "ecnas_5v"),
            )
        self._space = self.oracle.info.space
        self._rng = np.random.default_rng(seed)
        self.reset_budget_counters()

    @property
    def config(self) -> dict[str, Any]:
        """The benchmark's configuration of cells."""
        return {
            "available_ops": list(OPS),
            "module_vertices": 7,
            "max_edges": 9,
            "num_repeats": 3,
        }

    @property
    def training_time_spent(self) -> float:
        """Seconds that queries have spent."""
        return self._training_time

    @property
    def total_epochs_spent(self) -> int:
        """Epochs that queries have spent."""
        return self._epochs_spent

    @property
    def fixed_statistics(self) -> Mapping[str, Answer]:
        """The first half of `get_metrics_from_hash`, by module hash."""
        return _ByHash(self, 0)

    @property
    def computed_statistics(self) -> Mapping[str, Any]:
        """The second half of `get_metrics_from_hash`, by module hash."""
        return _ByHash(self, 1)

    @property
    def valid_epochs(self) -> set[int]:
        """Training lengths in the table."""
        return set(self.oracle.epochs("cifar10"))

    def is_valid(self, model_spec: Any) -> bool:
        """Whether `query` would answer.

        In the space and, where the table is a part of it, in that part.
        """
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
            `module_adjacency`, `module_operations` (of the trained graph), `trainable_parameters`,
            `training_time` in seconds and `train_accuracy`, `validation_accuracy`, `test_accuracy`
            as fractions. Reading what the table does not have (the slice: train and test accuracy)
            raises NotTabulated.

        Raises:
            OutOfDomainError: outside the space or the table.
            NotTabulated: no trainings of that length, or no half-way values in the table.
        """
        arch = self._arch(model_spec)
        if epochs not in self.valid_epochs:
            raise NotTabulated(
                f"{self.oracle.name} has no trainings of {epochs!r} epochs; accepted: "
                f"{sorted(self.valid_epochs)}"
            )
        runs = list(trials(self.oracle, arch, "cifar10", epochs).values())
        if not runs:
            raise NotTabulated(
                f"{self.oracle.name} has no run of {epochs} epochs of {self._space.format(arch)}"
            )
        values = runs[int(self._rng.integers(len(runs)))]
        before = "halfway_" if stop_halfway else ""
        measured = {
            name: values[before + metric]
            for name, metric in _NASBENCH.items()
            if before + metric in values
        }
        if "training_time" not in measured:
            raise NotTabulated(
                f"{self.oracle.name} has no {before}training time at {epochs} epochs"
            )
        self._training_time += measured["training_time"]
        self._epochs_spent += int(epochs) // 2 if stop_halfway else int(epochs)
        return Answer(
            {**self._fixed(arch), **measured},
            f"{self.oracle.name}, {epochs} epochs{', half-way' if stop_halfway else ''},",
        )

    def get_budget_counters(self) -> tuple[float, int]:
        """Seconds of training and epochs that queries cost since `reset_budget_counters`."""
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
            `fixed` as in `query`; `computed[epochs]` has a dictionary for each run, whose keys are
            those of `query`'s measured values with `halfway_` or `final_` before them.

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
                for run, values in trials(self.oracle, arch, "cifar10", epochs).items()
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
        return {
            "module_adjacency": graph.adjacency.astype(int),
            "module_operations": list(graph.ops),
            "trainable_parameters": params,
        }


class _ByHash(Mapping[str, Any]):
    """What `get_metrics_from_hash` gives, read when it is asked for."""

    def __init__(self, api: NASBench, half: int) -> None:
        self._api, self._half = api, half

    def __getitem__(self, module_hash: str) -> Any:
        return self._api.get_metrics_from_hash(module_hash)[self._half]

    def __iter__(self) -> Iterator[str]:
        return self._api.hash_iterator()

    def __len__(self) -> int:
        return len(self._api.oracle.archs())


def _is_full_dag(matrix: NDArray[np.int_]) -> bool:
    """Whether every vertex but the last has a way out, and every one but the first a way in."""
    return bool(
        np.asarray(matrix)[:-1].any(axis=1).all() and np.asarray(matrix)[:, 1:].any(axis=0).all()
    )


def _gen_is_edge_fn(bits: int) -> Any:
    """Whether the graph numbered `bits` has an edge, for `np.fromfunction`.

    Bits are those of the upper triangle, column by column.
    """
    return np.vectorize(lambda x, y: int(x < y and bits >> int(x + y * (y - 1) // 2) & 1))


#: Stands for `nasbench.lib.graph_util`.
graph_util = SimpleNamespace(
    gen_is_edge_fn=_gen_is_edge_fn,
    hash_module=module_hash,
    num_edges=lambda matrix: int(np.asarray(matrix).sum()),
    is_full_dag=_is_full_dag,
)


def _module(oracle: str) -> SimpleNamespace:
    """What stands for the module `nasbench.api` over one oracle."""
    return SimpleNamespace(
        NASBench=partial(NASBench, oracle=oracle),
        ModelSpec=ModelSpec,
        OutOfDomainError=OutOfDomainError,
    )


#: The names of `nasbench.api` over a part of the space: `from oracles.compat import
#: nasbench101_slice as api`.
nasbench101_slice, ecnas_4v, ecnas_5v = map(_module, ("nasbench101_slice", "ecnas_4v", "ecnas_5v"))
