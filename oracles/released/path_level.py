"""Networks with the released tree cells (arXiv:1806.02639).

Cells and configurations are those of the authors' code (han-cai/PathLevel-EAS, commit 7a6a34fb).
"""

from __future__ import annotations

from nasrepro.oracles.spaces.treecell import TREE_CELL_A, TREE_CELL_B, TreeCells
from nasrepro.suite.registry import ReleasedNetwork, networks

_CONDENSENET = TreeCells(family="condensenet", groups=8)
#: Space, cell, classes, side of the image.
NETWORKS = {
    "pyramidnet84": (TreeCells(alpha=84), TREE_CELL_A, 10, 32),
    "pyramidnet84_without_cells": (TreeCells(alpha=84), "g3", 10, 32),
    "pyramidnet150": (TreeCells(alpha=150), TREE_CELL_A, 10, 32),
    "densenet": (TreeCells(family="densenet", blocks=16), TREE_CELL_A, 10, 32),
    "condensenet": (_CONDENSENET, TREE_CELL_B, 1000, 224),
    "condensenet_half_classifier": (
        TreeCells(family="condensenet", groups=8, classifier=0.5),
        TREE_CELL_B,
        1000,
        224,
    ),
}

for _name, (_space, _cell, _classes, _side) in NETWORKS.items():
    _full = f"path_level.{_name}"
    networks.add(
        _full,
        ReleasedNetwork(_full, _space, _cell, _classes, _side, "arXiv:1806.02639"),
        __name__,
    )
