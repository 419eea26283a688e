"""NATS-Bench, size space (arXiv:2009.00437).

32,768 width vectors, three data sets, validation accuracy after 90 epochs.

Rows are all width vectors by official index. The extract has one training seed, no test accuracy
and no training time.
"""

from __future__ import annotations

from nasrepro.oracles.convert.natsbench_size import convert
from nasrepro.oracles.spaces.size import SizeSpace
from nasrepro.suite.data import SourceFile, TableSpec, open_table
from nasrepro.suite.oracle import Dataset, Metric, Oracle, OracleInfo, TableOracle
from nasrepro.suite.registry import oracle

_FOLDER = (
    "lightonai/contrastive-embeddings-for-neural-architectures/"
    "8606a4a4d7ea9ed9c01964660e8b2afb1e003480/SearchSpaces/BenchNatsss"
)


def _file(name: str, sha256: str, size: int) -> SourceFile:
    return SourceFile(f"{_FOLDER}/{name}", sha256, size, "MIT")


TABLE = TableSpec(
    name="natsbench_size",
    version=1,
    files={
        "strings": _file(
            "arch_strings.npy",
            "810ffb6d4bbfcdd3a42ffd6b3d39daca53110260715ccd89e63eb3636519ee0a",
            1835136,
        ),
        "cifar10": _file(
            "cifar10_accs.npy",
            "fb28ab473ad084d0360626c58f750e92e237ac4fe253e5a2cc42bab8c9c6c745",
            262272,
        ),
        "cifar100": _file(
            "cifar100_accs.npy",
            "10669ea2ccd27c5532503ea4ca98eff1ea60ae400596232af52780db6cabccca",
            262272,
        ),
        "imagenet": _file(
            "ImageNet16-120.npy",
            "1902b051be94e395e3349c617d5c904220b2d5cb32e5bc6d43aac2a82b6db7bb",
            262272,
        ),
    },
    converter=convert,
)

INFO = OracleInfo(
    name="natsbench_size",
    space=SizeSpace(),
    datasets=(
        Dataset(
            "cifar10", 10, 32, "25,000 images held out of the training set (cifar10-valid, x-valid)"
        ),
        Dataset("cifar100", 100, 32, "half of the official test set (x-valid)"),
        Dataset("ImageNet16-120", 120, 16, "half of the official validation set (x-valid)"),
    ),
    metrics=(
        Metric(
            "valid_accuracy",
            "fraction",
            "valid",
            True,
            (0, 1),
            "CIFAR-10: of the networks trained on 25,000 images",
        ),
        Metric("params", "param", "none", False, (0, 1e9)),
        Metric("macs", "MAC", "none", False, (0, 1e12), 'what the official file calls "flops"'),
    ),
    objective="valid_accuracy",
    target="valid_accuracy",
    citation="""@article{dong2021nats,
  title = {{NATS-Bench}: Benchmarking {NAS} Algorithms for Architecture Topology and Size},
  author = {Xuanyi Dong and Lu Liu and Katarzyna Musial and Bogdan Gabrys},
  journal = {IEEE Transactions on Pattern Analysis and Machine Intelligence},
  year = {2021},
  note = {arXiv:2009.00437}
}""",
    licence="MIT (of the repository that carries the extract)",
    cost="",
    table=TABLE,
    notes=(
        "no test accuracy: results and ranks are by the validation accuracy that the search saw, "
        "so they are optimistic",
        "no training time: budgets are in queries",
        "one training seed (777), so a difference of two widths has the noise of one training",
    ),
)


@oracle(INFO)
def load() -> Oracle:
    """The oracle over the converted table."""
    space = INFO.space
    return TableOracle(INFO, open_table(TABLE), row=space.index, archs=lambda: tuple(space))
