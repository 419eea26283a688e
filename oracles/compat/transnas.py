"""The interface of TransNAS-Bench-101, over the two tables."""

from __future__ import annotations

from nasrepro.oracles.spaces.tasks_transnas import LAST, TASKS
from nasrepro.suite.errors import NotTabulated, UnknownName
from nasrepro.suite.oracle import Oracle
from nasrepro.suite.registry import load_oracle

_SPACES = {"micro": "transnas101_micro", "macro": "transnas101_macro"}


class TransNASBenchAPI:
    """`api.get_single_metric(arch, task, "valid_top1", mode="best")` and what goes with it.

    Accuracies are in percent, as the benchmark's. Mode `best` is the best over the epochs; `final`
    is the last epoch, which the tables have of validation alone (not of mIoU).

    Args:
        file_path: not read.
    """

    def __init__(self, file_path: object = None, verbose: bool = False) -> None:
        self._oracles: dict[str, Oracle] = {s: load_oracle(name) for s, name in _SPACES.items()}
        self.task_list = list(TASKS)
        self.search_spaces = list(_SPACES)
        self.all_arch_dict = {
            s: [oracle.space.format(arch) for arch in oracle.space]
            for s, oracle in self._oracles.items()
        }
        self.metrics_dict = {
            task: [f"{split}_{m}" for split in ("train", "valid", "test") for m in of.measures]
            for task, of in TASKS.items()
        }

    def get_single_metric(self, arch: str, task: str, metric: str, mode: str = "best") -> float:
        """One value of one architecture.

        Raises:
            UnknownName: no such task, metric or mode.
            NotTabulated: a last epoch that the tables do not have.
        """
        of = TASKS.get(task)
        if of is None:
            raise UnknownName("task", task, TASKS)
        if metric not in self.metrics_dict[task]:
            raise UnknownName(f"metric of {task}:", metric, self.metrics_dict[task])
        if mode not in ("best", "final"):
            raise UnknownName("mode", mode, ("best", "final"))
        split, _, field = metric.partition("_")
        measure = of.measures[field]
        name = f"{split}_{measure}"
        if mode == "final":
            if split != "valid" or LAST[task] != measure:
                raise NotTabulated(
                    f"TransNAS-Bench-101: {metric} of {task} after the last epoch is not in the "
                    f"tables, only valid {LAST[task]}; mode='best' is the best over the epochs"
                )
            name = f"last_{name}"
        oracle = self._oracles["micro" if "_" in arch else "macro"]
        values = oracle.query(oracle.space.parse(arch), dataset=task, epochs=of.epochs).values
        return values[name] * (1 if measure in ("ssim", "neg_loss") else 100)

    def get_best_archs(
        self, task: str, metric: str, search_space: str, topk: int = 1
    ) -> list[tuple[float, str]]:
        """(value, architecture) of the `topk` best over the epochs, best first."""
        if search_space not in _SPACES:
            raise UnknownName("search space", search_space, _SPACES)
        values = (
            (self.get_single_metric(arch, task, metric), arch)
            for arch in self.all_arch_dict[search_space]
        )
        return sorted(values, key=lambda pair: -pair[0])[:topk]
