"""A wiring search inspired by MSNAS (doi:10.1109/ICCVW.2019.00254), of which the abstract is known.

    w <- 1 for each edge (and operation) of the guide: the complete DAG, or its wired part
    repeat until the budget ends:
        graph <- edges from the input on, each by the softmax of w over its source's edges
        `wiring` "indegree": each vertex keeps its inputs of largest w
        mu <- accuracy - lam log10(MACs in M) - kappa log2(peak memory in KiB)
        w <- w exp(alpha (mu - mean of the five best mu before)) for the edges in it
    return the graph of highest mu

Deviations:
    - This is no reproduction of MSNAS: its body was not read, and no code of it is known. Data set,
      wiring rule, update, sizes and what its peak memory counts are unknown. The abstract speaks of
      a meta-graph, and of a structural wiring that makes nodes depend on each other less.
    - The meta-graph's rule is GRAM's here, by the same authors' later reader (see `gram`); with
      `wiring` "none" and `kappa` 0 the searches are the same, evaluation by evaluation.
    - "branches" is the one trace of a wiring in their code (ShrinkCNN's cell): vertices dealt to
      branches that no edge joins; "indegree" reads "less dependency" as fewer inputs.
    - Peak memory is that of the built network's activations in the best order of its operations,
      one byte a number (`nets.memory`); `kappa` is ours.
"""

from __future__ import annotations

import contextlib
import math
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from nasrepro.methods.nets.metagraph import chances, earned, softmax, strength
from nasrepro.methods.nets.operations import assigned
from nasrepro.suite.errors import InvalidArch, NasreproError
from nasrepro.suite.registry import method

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nasrepro.suite.search import Session
    from nasrepro.suite.space import Arch, Topology

WIRINGS = ("none", "branches", "indegree")
#: Samples in a row that may be no architectures.
TRIES = 100_000


def guide(topology: Topology, wiring: str, branches: int) -> NDArray[np.intp]:
    """The edges that a graph may have, indices into `topology.edges`."""
    inner = topology.vertices - 1 - (topology.output is not None)

    def branch(vertex: int) -> int:
        return (vertex - 1) * branches // inner

    def allowed(source: int, target: int) -> bool:
        free = wiring != "branches" or source == 0 or target == topology.output
        return free or branch(source) == branch(target)

    return np.array([edge for edge, ends in enumerate(topology.edges) if allowed(*ends)])


def strongest(topology: Topology, kept: Any, strengths: Any, indegree: int) -> set[int]:
    """The kept edges without all but the `indegree` strongest into each vertex."""
    left: dict[int, list[int]] = {}
    for edge in sorted(kept, key=lambda edge: (-round(strengths[edge], 9), edge)):
        into = left.setdefault(topology.edges[edge][1], [])
        if len(into) < indegree:
            into.append(edge)
    return {edge for into in left.values() for edge in into}


@method(
    "msnas",
    paper="inspired by Cheng et al. 2019 (MSNet), of which the abstract is known",
    wiring="branches",
    branches=2,
    indegree=1,
    lam=0.0,
    kappa=0.0,
    alpha=1.0,
    clip=1.0,
)
def search(
    session: Session,
    rng: np.random.Generator,
    *,
    wiring: str,
    branches: int,
    indegree: int,
    lam: float,
    kappa: float,
    alpha: float,
    clip: float,
) -> None:
    """GRAM's meta-graph under a wiring, with peak memory in the score.

    Args:
        session: the search session.
        rng: random generator.
        wiring: "none", "branches" or "indegree".
        branches: of the guide, with `wiring` "branches".
        indegree: most inputs of a vertex, with `wiring` "indegree".
        lam: score per factor of ten in MACs.
        kappa: score per halving of the peak memory.
        alpha: learning rate of the weights, per unit of score.
        clip: largest exponent of an update.
    """
    if wiring not in WIRINGS:
        raise NasreproError(f"msnas: unknown wiring {wiring!r}; accepted: {', '.join(WIRINGS)}")
    space, topology = session.space, session.space.topology()
    edges = guide(topology, wiring, branches)
    sources = np.array([source for source, _ in topology.edges])
    targets = np.array([target for _, target in topology.edges])
    w = np.ones((len(sources), len(topology.ops) if topology.on_edges else 1))
    v = np.ones((0 if topology.on_edges else topology.places, len(topology.ops)))
    seen: list[float] = []
    assigned(topology, "balanced", rng)  # GRAM draws fixed operations first, and uses none

    @cache
    def peak(arch: Arch) -> int:
        from nasrepro.methods.nets.memory import peak_memory

        data, channels = session.dataset, getattr(space, "in_channels", 3)
        shape = channels, data.size, data.size
        return peak_memory(space, arch, classes=data.classes, shape=shape)

    def operations() -> NDArray[Any]:
        """One for every place, by the softmax of its weights."""
        rows = softmax(w if topology.on_edges else v).cumsum(axis=1)
        drawn = (rows < rng.random((len(rows), 1))).sum(axis=1)
        return np.asarray(np.minimum(drawn, rows.shape[1] - 1))

    def sample() -> tuple[tuple[int, ...], NDArray[Any], Arch]:
        """Live edges, operations, and their architecture."""
        strengths = strength(w, False)
        p = chances(strengths[edges], sources[edges])
        for tries in range(1, TRIES + 1):
            kept = set(edges[p > rng.random(len(p))].tolist())
            ops = operations()
            if wiring == "indegree":
                kept = strongest(topology, kept, strengths, indegree)
            live = topology.live(kept)
            with contextlib.suppress(InvalidArch):
                if live:
                    return live, ops, space.wired(live, ops.tolist())
            if tries % 1000 == 0:
                assigned(topology, "balanced", rng)
        raise NasreproError(
            f"msnas: {TRIES:,} samples in a row are no architectures of {space.name}; its wiring "
            "leaves too few connected cells"
        )

    while True:
        live, ops, arch = sample()
        done = session.evaluate(arch)
        mu = done.score - lam * math.log10(session.complexity(arch).macs / 1e6)
        if kappa:
            with session.charge("peak memory"):
                mu -= kappa * math.log2(peak(arch) / 1024)
        mu = session.rate(done, mu)
        if seen:
            factor, chosen = earned(mu, seen, alpha, clip), np.array(live)
            w[chosen, ops[chosen] if topology.on_edges else 0] *= factor
            if len(v):
                vertices = np.unique(targets[chosen]) - 1
                v[vertices, ops[vertices]] *= factor
                v /= v.mean(axis=1, keepdims=True)
            w /= (np.bincount(sources, w.mean(axis=1)) / np.bincount(sources))[sources, None]
        seen.append(mu)
