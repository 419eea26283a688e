"""CPU seconds of a cell of digits201 at an earlier commit and now, on equal work, in turns.

Each side trains the same cells and seeds by the table's recipe in a process of its own, and the
sides take turns after each cell, so that what else the machine does falls on all alike. Beside it:
how many accuracies are equal to the last bit.

    python tests/bench/training_before.py --commit c5076c2 --cells 8
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[2]
#: What the table's workers had at the earlier commit, and nothing else that trained.
ALLOCATOR = {
    "MALLOC_MMAP_THRESHOLD_": "1000000000",
    "MALLOC_TRIM_THRESHOLD_": "2000000000",
    "MALLOC_TOP_PAD_": "67108864",
}
#: Trains the cell whose number is on a line, by groups of seeds, and answers with a line.
WORKER = """
import json, sys, time
import torch
{imports}
torch.set_num_threads(1)
data = load_digits(Recipe())
for line in sys.stdin:
    number, groups = json.loads(line)
    started = time.process_time()
    with one_thread():
        made = [train(Cell201().numbered(number), group, Recipe(), data) for group in groups]
    seconds = time.process_time() - started
    test = [float(value) for each in made for value in each.test_accuracy]
    valid = [float(value) for each in made for value in each.valid_accuracy[:, -1]]
    print(json.dumps([seconds, test, valid]), flush=True)
"""
IMPORTS = """
from {root}oracles.spaces.cell201 import Cell201
from {root}oracles.training.digits import load_digits, train
from {root}oracles.training.recipe import Recipe
{one_thread}
"""
#: Now it also keeps the process's memory; the earlier commit has no such thing.
ONE_THREAD = {
    "": "from contextlib import nullcontext as one_thread",
    "nasrepro.": "from nasrepro.oracles.training.loop import one_thread",
}


@dataclass
class Side:
    """One way of training: its process, how seeds are grouped, and what it gave by cell."""

    name: str
    process: subprocess.Popen[str]
    groups: list[list[int]]
    seconds: list[float]
    accuracies: list[list[float]]

    def train(self, number: int) -> None:
        """One cell."""
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(json.dumps([number, self.groups]) + "\n")
        self.process.stdin.flush()
        seconds, test, valid = json.loads(self.process.stdout.readline())
        self.seconds.append(seconds)
        self.accuracies.append(test + valid)


def opened(name: str, tree: Path, root: str, groups: list[list[int]], **variables: str) -> Side:
    """A side whose modules are below `root` ("" or "nasrepro.") in a tree."""
    code = WORKER.format(imports=IMPORTS.format(root=root, one_thread=ONE_THREAD[root]))
    environment = {**os.environ, "PYTHONPATH": str(tree), "OMP_NUM_THREADS": "1", **variables}
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=tree,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    return Side(name, process, groups, [], [])


def compared(commit: str, cells: int) -> list[Side]:
    """All sides, with what they gave; the first is the earlier commit as most trainings ran."""
    from nasrepro.oracles.training.digits201.shards import work_order

    threes, six, ones = [[0, 1, 2], [3, 4, 5]], [list(range(6))], [[seed] for seed in range(6)]
    with tempfile.TemporaryDirectory() as folder:
        archive = subprocess.run(
            ["git", "archive", commit, "oracles", "suite"],
            cwd=ROOT,
            capture_output=True,
            check=True,
        )
        subprocess.run(["tar", "-x", "-C", folder], input=archive.stdout, check=True)
        before = Path(folder)
        sides = [
            opened(f"{commit}, two groups of three", before, "", threes),
            opened(f"{commit}, the table's allocator", before, "", threes, **ALLOCATOR),
            opened("now, two groups of three", ROOT, "nasrepro.", threes),
            opened("now, six seeds in one group", ROOT, "nasrepro.", six),
            opened("now, six seeds, the table's allocator", ROOT, "nasrepro.", six, **ALLOCATOR),
            opened("now, one seed at a time", ROOT, "nasrepro.", ones),
        ]
        numbers = [int(number) for number in work_order()[:cells]]
        for number in [numbers[0], *numbers]:  # the first one warms up
            for side in sides:
                side.train(number)
        for side in sides:
            side.process.communicate()
            del side.seconds[0], side.accuracies[0]
    return sides


def main() -> None:
    """Print what each side took, beside the first."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--commit", default="c5076c2")
    parser.add_argument("--cells", type=int, default=8)
    given = parser.parse_args()
    sides = compared(given.commit, given.cells)
    first = sides[0]
    for side in sides:
        ratio = np.sum(first.seconds) / np.sum(side.seconds)
        by_cell = np.divide(first.seconds, side.seconds)
        equal = np.equal(side.accuracies, first.accuracies)
        apart = np.abs(np.subtract(side.accuracies, first.accuracies)).mean()
        print(
            f"{side.name}: {np.mean(side.seconds):.2f} CPU s a cell of six seeds, {ratio:.2f} x "
            f"({by_cell.min():.2f} to {by_cell.max():.2f} by cell); "
            f"{equal.sum()} of {equal.size} accuracies equal, mean difference {apart:.4f}"
        )


if __name__ == "__main__":
    main()
