"""What digits201 is made of: space, data, shards, seeds."""

from __future__ import annotations

from nasrepro.oracles.spaces.cell201 import Cell201

# Torch is imported by what trains, and not by reading this file: all files of this folder are read
# to find the oracles.
SPACE = Cell201()

NAME, DATASET = "digits201", "digits"

CLASSES, SIDE = 10, 8

#: Cells per shard file: what a killed worker loses at most.
SHARD = 16

#: Seeds of the table, and how many of them are trained together as one grouped network.
SEEDS, GROUP = (0, 1, 2, 3, 4, 5), 3

#: Seed of `work_order`.
ORDER_SEED = 0

#: Functionally distinct cells, and images in the data set.
DISTINCT, DIGITS = 5044, 1797

ABOUT = {
    "name": NAME,
    "what": "NAS-Bench-201 cells trained on scikit-learn's digits",
    "space": SPACE.name,
    "row_order": "base-5 number of the canonical cell",
    "distinct_cells": DISTINCT,
    "work_order_seed": ORDER_SEED,
    "licence": "numbers: that of this project; digits: UCI Machine Learning Repository, CC BY 4.0",
}
