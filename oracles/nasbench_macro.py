"""NAS-Bench-Macro (arXiv:2103.11922).

6,561 networks of MobileNetV2 blocks on CIFAR-10, three runs each.

The benchmark has no validation split: its three runs were trained on all 50,000 images and measured
on the 10,000 test images. So that a search does not select on the numbers it is judged by, run 1
selects (`select_accuracy`) and the mean of runs 2 and 3 reports (`test_accuracy`). Both are of the
same images: this keeps the noise of training out of the reported value, not the choice of the test
set.
"""

from __future__ import annotations

from nasrepro.oracles.convert.nasbench_macro import convert
from nasrepro.oracles.spaces.macro import MacroSpace
from nasrepro.suite.data import SourceFile, TableSpec, open_table
from nasrepro.suite.oracle import Dataset, Metric, Oracle, OracleInfo, TableOracle
from nasrepro.suite.registry import oracle

TABLE = TableSpec(
    name="nasbench_macro",
    version=1,
    files={
        "networks": SourceFile(
            "xiusu/NAS-Bench-Macro/61a2bfc2ca0dce04d0997e6cf498047c27d6acf2/data/nas-bench-macro_cifar10.json",
            "686dee8363cc21cca8c1f321ad5749454f2d9b9ca5972682e137e539bc522297",
            1178821,
            "Apache-2.0",
        )
    },
    converter=convert,
)

INFO = OracleInfo(
    name="nasbench_macro",
    space=MacroSpace(),
    datasets=(
        Dataset(
            "cifar10",
            10,
            32,
            "trained on all 50,000 images; every accuracy is of the 10,000 test images",
        ),
    ),
    metrics=(
        Metric(
            "select_accuracy",
            "fraction",
            "valid",
            True,
            (0, 1),
            "of the test images, run 1: the benchmark has no validation accuracy",
        ),
        Metric(
            "test_accuracy", "fraction", "test", True, (0, 1), "runs 2 and 3, which did not select"
        ),
        Metric("params", "param", "none", False, (0, 1e9)),
        Metric("macs", "MAC", "none", False, (0, 1e12), 'what the file calls "flops"'),
    ),
    objective="select_accuracy",
    target="test_accuracy",
    citation="""@inproceedings{su2021prioritized,
  title = {Prioritized Architecture Sampling with {Monto-Carlo} Tree Search},
  author = {Xiu Su and Tao Huang and Yanxi Li and Shan You and Fei Wang and Chen Qian and Changshui Zhang and Chang Xu},
  booktitle = {IEEE/CVF Conference on Computer Vision and Pattern Recognition},
  year = {2021},
  note = {arXiv:2103.11922}
}""",  # noqa: E501
    licence="Apache-2.0",
    cost="",
    table=TABLE,
    notes=(
        "no validation split: run 1 selects, runs 2 and 3 report, all on the same 10,000 test "
        "images",
        "by the authors' training code each accuracy is the best of its 50 epochs on the test "
        "images, so all are optimistic",
        "3,969 networks were trained; the 6,561 rows repeat them where an identity inside a stage "
        "stands elsewhere",
        "the best network by the mean of all three runs, as published, is 22212220 (93.127 %)",
        "no training time: budgets are in queries",
    ),
)


def opened(info: OracleInfo) -> Oracle:
    """The oracle over the converted table, under a description."""
    space = info.space
    return TableOracle(info, open_table(TABLE), row=space.index, archs=lambda: tuple(space))


@oracle(INFO)
def load() -> Oracle:
    """The oracle over the converted table."""
    return opened(INFO)
