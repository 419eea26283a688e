"""The interfaces of `nas_201_api`: version 2, and version 1 as scripts of 2020 call it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from nasrepro.oracles.compat.answer import Answer
from nasrepro.oracles.compat.nats_bench import NATStopology
from nasrepro.oracles.compat.results import ByIndex
from nasrepro.suite.oracle import Seed


class NASBench201API(NATStopology):
    """The topology space by the constructor of `nas_201_api` 2."""

    def __init__(
        self,
        file_path_or_dict: object = None,
        verbose: bool = True,
        *,
        seed: int = 0,
        mean_for_missing: bool = False,
    ) -> None:
        super().__init__(
            file_path_or_dict, verbose=verbose, seed=seed, mean_for_missing=mean_for_missing
        )

    def find_best(  # type: ignore[override]  # its spelling
        self,
        dataset: str,
        metric_on_set: str,
        FLOP_max: float | None = None,
        Param_max: float | None = None,
        hp: str | int | None = None,
    ) -> tuple[int, float]:
        """As `NATSBench.find_best`."""
        return super().find_best(dataset, metric_on_set, FLOP_max, Param_max, hp)


class NASBench201API1(NASBench201API):
    """Version 1: a bool says whether 12 epochs are meant; 200 where it is left out."""

    @property
    def arch2infos_full(self) -> ByIndex:
        """The trainings of 200 epochs, by index."""
        return ByIndex(self, self.meta_archs, "200")

    @property
    def arch2infos_less(self) -> ByIndex:
        """The trainings of 12 epochs, by index."""
        return ByIndex(self, self.meta_archs, "12")

    def _hp(self, twelve: bool) -> str:
        return "12" if twelve else "200"

    def get_more_info(  # type: ignore[override]  # its arguments
        self,
        index: Any,
        dataset: str,
        iepoch: int | None = None,
        use_12epochs_result: bool = False,
        is_random: bool | Seed = True,
    ) -> Answer:
        """As `NATSBench.get_more_info`."""
        hp = self._hp(use_12epochs_result)
        return super().get_more_info(index, dataset, iepoch, hp, is_random)

    def query_by_index(  # type: ignore[override]
        self, arch_index: Any, dataname: str | None = None, use_12epochs_result: bool = False
    ) -> Any:
        """As `NATSBench.query_by_index`."""
        return super().query_by_index(arch_index, dataname, self._hp(use_12epochs_result))

    def query_meta_info_by_index(  # type: ignore[override]
        self, arch_index: Any, use_12epochs_result: bool = False
    ) -> Any:
        """As `NATSBench.query_meta_info_by_index`."""
        return super().query_meta_info_by_index(arch_index, self._hp(use_12epochs_result))

    def query_by_arch(  # type: ignore[override]
        self, arch: Any, use_12epochs_result: bool = False
    ) -> str:
        """As `NATSBench.query_info_str_by_arch`."""
        return super().query_info_str_by_arch(arch, self._hp(use_12epochs_result))

    def get_cost_info(  # type: ignore[override]
        self, index: Any, dataset: str, use_12epochs_result: bool = False
    ) -> Answer:
        """As `NATSBench.get_cost_info`."""
        return super().get_cost_info(index, dataset, self._hp(use_12epochs_result))

    get_comput_costs = get_cost_info

    def find_best(  # type: ignore[override]
        self,
        dataset: str,
        metric_on_set: str,
        FLOP_max: float | None = None,
        Param_max: float | None = None,
        use_12epochs_result: bool = False,
    ) -> tuple[int, float]:
        """As `NATSBench.find_best`."""
        hp = self._hp(use_12epochs_result)
        return super().find_best(dataset, metric_on_set, FLOP_max, Param_max, hp)

    def statistics(  # type: ignore[override]
        self, dataset: str, use_12epochs_result: bool = False
    ) -> dict[int, int]:
        """As `NATSBench.statistics`."""
        return super().statistics(dataset, self._hp(use_12epochs_result))


#: Stands for the module `nas_201_api`, version 1.
nas_201_api_1 = SimpleNamespace(NASBench201API=NASBench201API1)
