"""Cells crafted and evaluated, as the abstracts of AutoShrink and SwiftNet mean it.

    search a small proxy network with each method, within one number of trainings
    beside what they found: the released cell, the complete graph, the cell without edges, random
      cells of as many MACs as the first method's
    train each as a whole network, over its whole schedule, with several seeds; read the test part
      of each once

Deviations:
    - Ours, of no paper: AutoShrink's final networks were trained on ImageNet and on words of the
      Penn Treebank, SwiftNet's on tasks of its authors.
    - AutoShrink ends by itself, when its last trajectory has no edge left to remove, before it has
      made as many trainings as the others; how many each made stands in the table.
    - The complete graph has the first operation at every node.
    - A front is what a search evaluated and nothing else of it beat in validation and MACs; points
      of it are taken evenly by rank of MACs.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from nasrepro.suite.errors import NasreproError
from nasrepro.suite.oracle import Oracle
from nasrepro.suite.registry import load_oracle, methods, study
from nasrepro.suite.search import Budget, Session
from nasrepro.suite.space import Arch, SearchSpace

#: Random cells that are drawn to find one of equal MACs.
DRAWN = 20_000


@study(
    "crafting.final",
    paper="arXiv:1911.09251 and arXiv:1906.08305, abstracts",
    by=("cell",),
    oracles=["shrinkcnn", "shrinkcnn_final"],
    methods=["autoshrink", "gram", "random_search"],
    options={"autoshrink": {"trajectories": 1}},
    fronts=["gram", "random_search"],
    points=3,
    epochs=2,
    queries=240,
    finals=3,
    released="",
    random_cells=3,
    tolerance=0.05,
)
def final(
    rng, *, oracles, methods, options, fronts, points, epochs, queries, finals, released,
    random_cells, tolerance
):  # fmt: skip
    """The whole networks of what each method found, beside controls.

    Args:
        rng: random generator; every search gets one of its own, and so do the random cells.
        oracles: names of the proxy's and of the whole networks' oracle.
        methods: names; equal MACs are those of the first one's cell.
        options: parameters of a method that differ from its defaults, by its name.
        fronts: methods whose fronts are trained, too.
        points: of a front.
        epochs: training length of an evaluation.
        queries: evaluations of a search.
        finals: seeds of the whole trainings.
        released: the authors' cell, as a string; none if empty.
        random_cells: of equal MACs.
        tolerance: in MACs.
    """
    proxy, whole = map(load_oracle, oracles)
    *streams, draws = rng.spawn(len(methods) + 1)
    cells: dict[str, tuple[Arch, Session | None]] = {}
    for name, stream in zip(methods, streams, strict=True):
        session = searched(proxy, name, options.get(name, {}), epochs, queries, stream)
        cells[name] = session.best(), session
        if name in fronts:
            for place, arch in enumerate(front(session, points), start=1):
                cells[f"{name}, point {place} of its front"] = arch, session
    space = whole.space
    if released:
        cells["released"] = proxy.space.parse(released), None
    topology = proxy.space.topology()
    everything = range(len(topology.edges))
    cells["complete graph"] = proxy.space.wired(everything, [0] * topology.places), None
    cells["no edges"] = proxy.space.wired((), [0] * topology.places), None
    dataset = whole.info.datasets[0]
    size = {"classes": dataset.classes, "size": dataset.size}
    aim = space.complexity(cells[methods[0]][0], **size).macs
    for place, arch in enumerate(of_equal_macs(space, aim, tolerance, size, draws), start=1):
        if place > random_cells:
            break
        cells[f"random cell of equal MACs, {place}"] = arch, None
    for name, (arch, by) in cells.items():
        spent = (by.queries, by.clock_s) if by else (0, 0.0)
        yield {
            "cell": name,
            **evaluated(whole, arch, finals),
            "trainings": spent[0],
            "search_s": spent[1],
        }


def searched(
    oracle: Oracle, name: str, options: dict[str, Any], epochs: int, queries: int, rng: Any
) -> Session:
    """The session of a search that has ended."""
    session = Session(
        oracle,
        dataset=oracle.info.datasets[0].name,
        epochs=epochs,
        budget=Budget(queries=queries),
        seed=0,
    )
    methods.get(name).run(session, rng, **options)
    return session


def front(session: Session, points: int) -> list[Arch]:
    """Points of the front of score and MACs, by MACs, of what a search evaluated."""
    cheapest = sorted(
        session.ledger.evaluations,
        key=lambda done: (session.complexity(done.arch).macs, -done.score, done.arch.code),
    )
    kept: list[Arch] = []
    best = -math.inf
    for done in cheapest:
        if done.score > best:
            best = done.score
            kept.append(done.arch)
    places = np.unique(np.linspace(0, len(kept) - 1, min(points, len(kept))).astype(int))
    return [kept[place] for place in places]


def of_equal_macs(
    space: SearchSpace, aim: int, tolerance: float, size: dict[str, int], rng: Any
) -> Iterator[Arch]:
    """Random cells whose network has as many MACs as `aim`, up to a tolerance.

    Raises:
        NasreproError: none is among many that were drawn.
    """
    for _ in range(DRAWN):
        arch = space.sample(rng)
        if abs(space.complexity(arch, **size).macs / aim - 1) <= tolerance:
            yield arch
    raise NasreproError(
        f"crafting: too few of {DRAWN:,} random cells of {space.name} have {aim:,} MACs "
        f"(within {tolerance:.0%}); give a larger tolerance"
    )


def evaluated(oracle: Oracle, arch: Arch, seeds: int) -> dict[str, float]:
    """What a whole network gives: means over seeds, their spread, counts and costs."""
    info, dataset = oracle.info, oracle.info.datasets[0]
    epochs = oracle.epochs(dataset.name)[-1]
    rows = [
        oracle.query(arch, dataset=dataset.name, epochs=epochs, seed=seed).values
        for seed in oracle.seeds(dataset.name, epochs)[:seeds]
    ]
    test = np.array([row[info.target] for row in rows])
    return {
        "test": float(test.mean()),
        "test_sd": float(test.std(ddof=1)) if len(test) > 1 else math.nan,
        "valid": float(np.mean([row[info.objective] for row in rows])),
        "params": rows[0]["params"],
        "macs": rows[0]["macs"],
        "final_s": math.fsum(row[info.cost] for row in rows),
    }
