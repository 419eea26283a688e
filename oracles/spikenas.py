"""SpikeNAS-Bench: 15,625 spiking cells on CIFAR-10, with the accuracy after every epoch.

14,935 cells were trained for 100 epochs, and searches stay among them. The other 690 have 200
epochs
of a schedule twice as long, whose first half is no training of 100 epochs: of them the table keeps
the end, apart (`valid_accuracy_200`, `test_accuracy_200`).
"""

from __future__ import annotations

from nasrepro.oracles.convert.spikenas import convert
from nasrepro.oracles.spaces.spikecell import SpikeCell
from nasrepro.suite.data import SourceFile, TableSpec, open_table
from nasrepro.suite.oracle import Dataset, Metric, Oracle, OracleInfo, TableOracle
from nasrepro.suite.registry import oracle
from nasrepro.suite.space import ConfinedSpace

_REPOSITORY, _COMMIT = "tju-sun-lab/SpikeNAS-Bench", "9994ce3999eded92c104fa7ce7082d4747cce3c3"
_LICENCE = "none stated in the repository"

TABLE = TableSpec(
    name="spikenas",
    version=1,
    files={
        "logs": SourceFile(
            f"{_REPOSITORY}/{_COMMIT}/data-CIFAR10.tar.xz",
            "3dacff3a5aaa56b40f8cee1a004b08cb60df841c398d5abad6de4cf1a3d958c6",
            10018140,
            _LICENCE,
            archive=SourceFile(
                f"{_REPOSITORY}/archive/{_COMMIT}.tar.gz",
                "",
                2**28,
                _LICENCE,
                origin="https://github.com",
            ),
        )
    },
    converter=convert,
)

INFO = OracleInfo(
    name="spikenas",
    space=SpikeCell(),
    datasets=(
        Dataset(
            "cifar10",
            10,
            32,
            "25,000 training images, 25,000 for validation, 10,000 for test, once at the end",
        ),
    ),
    metrics=(
        Metric(
            "valid_accuracy",
            "fraction",
            "valid",
            True,
            (0, 1),
            "after each epoch, of images read through the augmenting transform",
        ),
        Metric("test_accuracy", "fraction", "test", True, (0, 1), "at 100 epochs alone"),
        Metric("train_accuracy", "fraction", "train", True, (0, 1)),
        Metric(
            "cost_s",
            "s",
            "none",
            False,
            (0, 1e7),
            "of the whole training, by epochs: an equal share for each, an estimate",
        ),
        Metric(
            "valid_accuracy_200",
            "fraction",
            "valid",
            True,
            (0, 1),
            "690 cells that were trained for 200 epochs, at their end",
        ),
        Metric(
            "test_accuracy_200",
            "fraction",
            "test",
            True,
            (0, 1),
            "690 cells that were trained for 200 epochs, at their end",
        ),
        Metric("params", "param", "none", False, (0, 1e9), "exactly those of every log"),
        Metric(
            "macs",
            "MAC",
            "none",
            False,
            (0, 1e12),
            "of one time step, every input counted; the order of convolution and pooling between "
            "the cells is inferred",
        ),
    ),
    objective="valid_accuracy",
    target="test_accuracy",
    citation="""@misc{spikenasbench,
  title = {{SpikeNAS-Bench}},
  author = {{tju-sun-lab}},
  howpublished = {github.com/tju-sun-lab/SpikeNAS-Bench}
}""",
    licence=_LICENCE,
    resumable=True,
    table=TABLE,
    notes=(
        "regrets under 0.4 points mean nothing: functionally equal cells differ by .34 points "
        "(standard deviation; all connected cells: 1.38), and there is one seed a cell",
        "not for the order among the best: Kendall's tau of validation and test is .83 over all "
        "cells "
        "and never above .18 among the best 300",
        "690 of 15,625 cells have 200 epochs in place of 100, another schedule: searches leave "
        "them out",
        "operations are spiking neurons with a threshold, not NAS-Bench-201's; numbers are not its "
        "official indices either",
        "validation images went through the training's random crops and flips",
        "validation after 1, 5, 10, 20, 40, 60, 100 epochs against the final test, over the cells "
        "that are searched: tau .23, .39, .49, .60, .71, .81, .83",
    ),
)


@oracle(INFO)
def load() -> Oracle:
    """The oracle over the converted table."""
    space, table = INFO.space, open_table(TABLE)
    trained = table.column("cifar10/100/one/valid_accuracy")  # a search holds no test column
    archs = tuple(space)
    searched = [arch for arch, value in zip(archs, trained, strict=True) if value == value]
    return TableOracle(
        INFO, table, row=space.index, archs=lambda: archs, space=ConfinedSpace(space, searched)
    )
