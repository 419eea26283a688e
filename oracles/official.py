"""NATS-Bench and NAS-Bench-201 from the official files, one oracle per schedule.

NATS-Bench (arXiv:2009.00437) and NAS-Bench-201 (arXiv:2001.00326), read from the official files
where a user has them. There is one oracle per schedule: in `natsbench_tss_200`, 12 epochs are the
first 12 of a training of 200, in `natsbench_tss_12` they are a whole training, which is what
NATS-Bench calls hp="12". So epochs name a point of one learning curve, never two things. How the
files are read is in `oracles.convert.official`.
"""

from __future__ import annotations

import math
from functools import partial

from nasrepro.oracles.convert import official as convert
from nasrepro.oracles.nasbench201 import INFO as CELLS
from nasrepro.oracles.natsbench_size import INFO as SIZES
from nasrepro.oracles.spaces.pool import row_among
from nasrepro.suite.data import TableSpec, open_table
from nasrepro.suite.oracle import Metric, Oracle, OracleInfo, TableOracle
from nasrepro.suite.registry import oracle
from nasrepro.suite.space import ConfinedSpace

_TRAINED_50K = "CIFAR-10: of the networks trained on 50,000 images"
_TRAINED_25K = "CIFAR-10: of the networks trained on 25,000 images"
_ONLY_25K = "CIFAR-10 only: of the networks trained on 25,000 images"
_BOTH = "CIFAR-100 and ImageNet16-120: validation and test images together"
_SPENT = "evaluations after every epoch so far"
_LOSS = (0.0, math.inf)
_TIME = (0.0, 1e7)

METRICS = (
    Metric("valid_accuracy", "fraction", "valid", True, (0, 1), _TRAINED_25K),
    Metric("valid_loss", "1", "valid", False, _LOSS, _TRAINED_25K),
    Metric("valid_eval_s", "s", "valid", False, _TIME, _SPENT),
    Metric("test_accuracy", "fraction", "test", True, (0, 1), _TRAINED_50K),
    Metric("test_loss", "1", "test", False, _LOSS, _TRAINED_50K),
    Metric("test_eval_s", "s", "test", False, _TIME, _SPENT),
    Metric("test_accuracy_25k", "fraction", "test", True, (0, 1), _ONLY_25K),
    Metric("test_loss_25k", "1", "test", False, _LOSS, _ONLY_25K),
    Metric("test_eval_s_25k", "s", "test", False, _TIME, _SPENT),
    Metric("valid_test_accuracy", "fraction", "test", True, (0, 1), _BOTH),
    Metric("valid_test_loss", "1", "test", False, _LOSS, _BOTH),
    Metric("valid_test_eval_s", "s", "test", False, _TIME, _SPENT),
    Metric("train_accuracy", "fraction", "train", True, (0, 1), _TRAINED_50K),
    Metric("train_loss", "1", "train", False, _LOSS, _TRAINED_50K),
    Metric("train_accuracy_25k", "fraction", "train", True, (0, 1), _ONLY_25K),
    Metric("train_loss_25k", "1", "train", False, _LOSS, _ONLY_25K),
    Metric(
        "cost_s",
        "s",
        "none",
        False,
        _TIME,
        "training time on one GPU (CIFAR-10: on 25,000 images), without evaluations",
    ),
    Metric(
        "cost_s_50k", "s", "none", False, _TIME, "CIFAR-10 only: training time on 50,000 images"
    ),
    Metric("latency_s", "s", "none", False, _TIME, "of one batch of 256 images, as recorded"),
    Metric(
        "latency_s_50k",
        "s",
        "none",
        False,
        _TIME,
        "the same in the records of the networks trained on 50,000 images",
    ),
    Metric("params", "param", "none", False, (0, 1e9), "of the network as built"),
    Metric("macs", "MAC", "none", False, (0, 1e12), "of the network as built"),
    Metric("recorded_params", "param", "none", False, (0, 1e9), "what the official reader gives"),
    Metric(
        "recorded_params_50k",
        "param",
        "none",
        False,
        (0, 1e9),
        "the same of the networks trained on 50,000 images",
    ),
    Metric(
        "recorded_macs",
        "MAC",
        "none",
        False,
        (0, 1e12),
        'what the official reader gives, which calls it "flops"',
    ),
    Metric(
        "recorded_macs_50k",
        "MAC",
        "none",
        False,
        (0, 1e12),
        "the same of the networks trained on 50,000 images",
    ),
)


def describe(name: str, *, family: str, epochs: int, hp: str, notes: tuple[str, ...]) -> OracleInfo:
    """The oracle over one schedule of a release.

    Args:
        name: of the oracle.
        family: tss, sss or pth: the release, and the names in `oracles.convert.official`.
        epochs: of the schedule.
        hp: what the official reader calls the schedule.
        notes: what is special about it.
    """
    known = SIZES if family == "sss" else CELLS
    return OracleInfo(
        name=name,
        space=known.space,
        datasets=CELLS.datasets,
        metrics=METRICS,
        objective="valid_accuracy",
        target="test_accuracy",
        citation=CELLS.citation if family == "pth" else SIZES.citation,
        licence="MIT (of the benchmark's repository; none stated with the files)",
        resumable=True,  # within one schedule a longer training continues a shorter one
        table=TableSpec(
            name=name,
            version=1,
            files={},
            converter=getattr(convert, f"{family}_{epochs}"),
            local=getattr(convert, f"find_{family}"),
        ),
        notes=(
            f"one schedule ({hp}): an epoch e is the state after e of {epochs} epochs (the "
            "official reader's iepoch e - 1), "
            "not a training of e epochs",
            "of the official files, where they are in TORCH_HOME (if not set, ~/.torch) or in the "
            "cache folder; never downloaded",
            "a part of the official folder will do: rows are the architectures it has, and "
            "searches stay inside",
            "a seed labels the training on 25,000 and the one on 50,000 CIFAR-10 images alike; "
            "either may be missing, none is filled in",
            "means are over the seeds there are, separately for each metric",
            *notes,
        ),
    )


#: At 200 and 90 epochs the official records differ in what was evaluated when.
SPARSE = (
    "every epoch has train_*, CIFAR-10's valid_* and test_*, and the others' valid_test_*; the "
    "others' valid_* and test_* and CIFAR-10's "
    "test_*_25k are there after the last epoch alone"
)


def open_official(info: OracleInfo) -> Oracle:
    """The oracle over a converted table.

    Confined to what the table has where that is not all of the space.
    """
    if info.table is None:
        raise TypeError(f"{info.name} has no table")
    table, space = open_table(info.table), info.space
    indices = table.column("index").tolist()
    if len(indices) == len(space):
        return TableOracle(info, table, row=space.index, archs=lambda: tuple(space))
    rows = {space.at(index): row for row, index in enumerate(indices)}
    row = row_among(rows, info.name, space, "architectures that the official files had")
    return TableOracle(
        info, table, row=row, archs=lambda: tuple(rows), space=ConfinedSpace(space, tuple(rows))
    )


_ONE_SEED = "one seed (777), so a difference of two widths has the noise of one training"
_TWO_SEEDS = "seeds are 111 and, for CIFAR-10's training on 25,000 images, also 777"
_ONE_FILE = (
    "the whole file is opened once, which takes about 28 GB of memory; "
    "NATS-Bench's folder has the same cells and takes little"
)
#: Name, release, length of the schedule, what the official reader calls it, notes.
SCHEDULES: tuple[tuple[str, str, int, str, tuple[str, ...]], ...] = (
    ("natsbench_tss_12", "tss", 12, 'hp="12"', (_TWO_SEEDS,)),
    ("natsbench_tss_200", "tss", 200, 'hp="200"', (SPARSE,)),
    ("natsbench_sss_1", "sss", 1, 'hp="01"', (_ONE_SEED,)),
    ("natsbench_sss_12", "sss", 12, 'hp="12"', ()),
    ("natsbench_sss_90", "sss", 90, 'hp="90"', (_ONE_SEED,)),
    ("nasbench201_pth_12", "pth", 12, '"less", hp="12"', (_ONE_FILE,)),
    ("nasbench201_pth_200", "pth", 200, '"full", hp="200"', (SPARSE, _ONE_FILE)),
)

for _name, _family, _epochs, _hp, _notes in SCHEDULES:
    _info = describe(_name, family=_family, epochs=_epochs, hp=_hp, notes=_notes)
    oracle(_info)(partial(open_official, _info))
