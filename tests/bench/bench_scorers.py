"""ZiCo per cell: ours against the authors' procedure.

Both run on the same cells, weights, batches and machine, with one thread each.

    tox -e bench        or: pytest tests/bench/bench_scorers.py --benchmark-only
    by itself:          python tests/bench/bench_scorers.py CELLS

The baseline is their procedure in our words: one network as it is written down, dead parts
included; a backward pass for each batch; the weights' gradients go to the host as arrays; mean and
standard deviation by numpy. Cells are a random sample of NAS-Bench-201, which has 15,625 cells of
which 5,044 are functionally distinct: the last figure spreads the cost of these over all. Seconds
are of the process's CPU: another program on the machine still slows them down, but both alike.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import numpy as np

#: Random cells that are scored.
CELLS = 12
SETTING = {"batch": 128, "batches": 2}


def authors_zico(network: Any, batches: Any) -> float:
    """ZiCo as its authors compute it."""
    import torch
    from torch import nn

    network.train()
    gradients: dict[str, list[Any]] = {}
    for images, labels in batches:
        network.zero_grad()
        nn.functional.cross_entropy(network(images), labels).backward()
        for name, module in network.named_modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                # torch >= 2 gives each backward pass new gradients, so that nothing is overwritten
                gradients.setdefault(name, []).append(
                    module.weight.grad.data.cpu().reshape(-1).numpy()
                )
    score = 0.0
    for found in gradients.values():
        stacked = np.array(found)
        deviation, mean = np.std(stacked, axis=0), np.mean(np.absolute(stacked), axis=0)
        kept = np.nonzero(deviation)[0]
        total = np.sum(mean[kept] / deviation[kept])
        score += np.log(total) if total != 0 else 0
    assert torch.get_num_threads() == 1
    return float(score)


def measured(cells: int) -> dict[str, Any]:
    """CPU seconds per cell of both, and how far their scores are apart."""
    from nasrepro.oracles.spaces.cell201 import Cell201
    from nasrepro.suite.registry import scorers
    from nasrepro.suite.scoring import Batches, score_one, seeded

    space, zico = Cell201(), scorers.get("zico")
    rng = np.random.default_rng(7)
    rows = []
    with seeded(0) as torch:
        batches = Batches(
            [
                (
                    torch.randn(SETTING["batch"], 3, 32, 32),
                    torch.randint(0, 10, (SETTING["batch"],)),
                )
                for _ in range(2)
            ]
        )
        for arch in [space.at(0), *(space.sample(rng) for _ in range(cells))]:
            times, scores = [], []
            for run in (
                lambda network: authors_zico(network, list(batches)),
                lambda network: zico.score(network, list(batches)),
            ):
                with seeded(1):
                    network = space.build(arch, classes=10)
                started = time.process_time()
                scores.append(run(network))
                times.append(time.process_time() - started)
            started = time.process_time()
            score_one(space, space.canonical(arch), 10, [zico], batches, 1)
            times.append(time.process_time() - started)
            rows.append((*times, *scores))
    table = np.array(rows[1:])  # the first one warmed up
    theirs, ours, distinct = table[:, :3].mean(axis=0)
    apart = np.abs(table[:, 3] - table[:, 4]) / np.maximum(1, np.abs(table[:, 3]))
    share = len({space.canonical(arch) for arch in space}) / len(space)
    return {
        "cells": cells,
        "baseline_s": theirs,
        "same_network_s": ours,
        "distinct_cell_s": distinct,
        "space_s": distinct * share,
        "speedup_same_network": theirs / ours,
        "speedup_distinct_cell": theirs / distinct,
        "speedup_space": theirs / (distinct * share),
        "largest_relative_difference": float(apart.max()),
    }


def test_zico_against_the_authors_procedure(benchmark, note):
    found = benchmark.pedantic(measured, args=(CELLS,), rounds=1)
    benchmark.extra_info.update(found)
    assert found["largest_relative_difference"] < 0.02
    note("ZiCo per cell, the authors' procedure", found["baseline_s"])
    note("ZiCo per cell, ours, the same network", found["same_network_s"])
    note(
        "ZiCo per cell of the space, ours, distinct cells once",
        found["space_s"],
        found["baseline_s"] / 3,
    )


if __name__ == "__main__":
    print(json.dumps(measured(int(sys.argv[1])), indent=1))
