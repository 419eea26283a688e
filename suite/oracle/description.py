"""Description of an oracle, known without opening it: metrics, data sets, provenance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from nasrepro.suite.errors import UnknownName
from nasrepro.suite.space import SearchSpace, write_with

if TYPE_CHECKING:
    from nasrepro.suite.data import TableSpec

Split = Literal["train", "valid", "test", "none"]

Unit = Literal["fraction", "s", "MAC", "param", "ms", "mJ", "1"]

#: A training seed of the table, or `MEAN`: the mean over the seeds that are there.
Seed = int | str

MEAN = "mean"


@dataclass(frozen=True, slots=True)
class Metric:
    """One number an oracle gives.

    Attributes:
        name: for example `valid_accuracy`.
        unit: unit of the value; accuracies are fractions.
        split: part of the data it was measured on; `none` where there is none (costs, sizes).
        higher_is_better: direction.
        bounds: smallest and largest possible value.
        note: what a reader must know (how it was estimated, which networks it belongs to).
    """

    name: str
    unit: Unit
    split: Split
    higher_is_better: bool
    bounds: tuple[float, float]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Dataset:
    """A data set as an oracle knows it.

    Attributes:
        name: official name.
        classes: outputs of the network.
        size: height and width of its images, pixels.
        note: where the numbers come from.
        objective: what a search on it optimises, where that is not the oracle's objective.
        target: what its results are reported in, where that is not the oracle's target.
        images: the set of images that stands for it and ships with the package ("digits"); "" where
            none does.
    """

    name: str
    classes: int
    size: int
    note: str = ""
    objective: str = ""
    target: str = ""
    images: str = ""


@dataclass(frozen=True, slots=True)
class OracleInfo:
    """Description of an oracle, known without opening its table.

    Attributes:
        name: as in `nasrepro list oracles`.
        space: its search space.
        datasets: data sets, by their official names.
        metrics: all metrics that a reading may hold.
        objective: the metric that a search optimises (never of the test split).
        target: the metric that is reported.
        citation: BibTeX of the paper behind the numbers.
        licence: of the data.
        cost: the metric that prices one training, or "" if the table has no times.
        resumable: a longer training continues a shorter one (one schedule), so it costs only the
            difference.
        table: how to fetch and convert the originals; None if the table ships with the package
            or does not exist.
        trains: each answer is a training on request: no architectures to list, no best one, no
            regret.
        notes: one line per trap that a reader of the numbers must know.
    """

    name: str
    space: SearchSpace
    datasets: tuple[Dataset, ...]
    metrics: tuple[Metric, ...]
    objective: str
    target: str
    citation: str
    licence: str
    cost: str = "cost_s"
    resumable: bool = False
    table: TableSpec | None = None
    trains: bool = False
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Architectures of a described space are shown in its own string."""
        write_with(self.space.name, self.space.format)

    def metric(self, name: str) -> Metric:
        """The metric called `name`; raises UnknownName."""
        for metric in self.metrics:
            if metric.name == name:
                return metric
        raise UnknownName(f"metric of {self.name}:", name, (metric.name for metric in self.metrics))

    def dataset(self, name: str) -> Dataset:
        """The data set called `name`, in any case; raises UnknownName."""
        for dataset in self.datasets:
            if dataset.name.lower() == str(name).lower():
                return dataset
        raise UnknownName(
            f"data set of {self.name}:", name, (dataset.name for dataset in self.datasets)
        )

    def objective_of(self, dataset: str) -> Metric:
        """The metric that a search on `dataset` optimises."""
        return self.metric(self.dataset(dataset).objective or self.objective)

    def target_of(self, dataset: str) -> Metric:
        """The metric that results on `dataset` report."""
        return self.metric(self.dataset(dataset).target or self.target)
