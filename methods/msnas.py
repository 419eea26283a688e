"""MSNAS-inspired: a wiring search; of MSNAS (doi:10.1109/ICCVW.2019.00254), the abstract is known.

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
from nasrepro.suite.registry import load_oracle, method, study

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from nasrepro.suite.search import Session
    from nasrepro.suite.space import Arch, SearchSpace, Topology

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


def sampled(
    space: SearchSpace, edges: NDArray[np.intp], w: Any, v: Any, rng: Any, indegree: int
) -> tuple[tuple[int, ...], NDArray[Any], Arch]:
    """Live edges, operations, and their architecture.

    Args:
        space: of subgraphs of one DAG.
        edges: that may be kept.
        w: weights, (edges of the DAG, operations or 1).
        v: weights of operations on vertices, (vertices or 0, operations).
        rng: random generator.
        indegree: inputs that a vertex keeps; 0 for all.
    """
    topology = space.topology()
    sources = np.array([source for source, _ in topology.edges])
    strengths = strength(w, False)
    p = chances(strengths[edges], sources[edges])
    rows = softmax(w if topology.on_edges else v).cumsum(axis=1)
    for tries in range(1, TRIES + 1):
        kept = set(edges[p > rng.random(len(p))].tolist())
        drawn = (rows < rng.random((len(rows), 1))).sum(axis=1)
        ops = np.minimum(drawn, rows.shape[1] - 1)
        if indegree:
            kept = strongest(topology, kept, strengths, indegree)
        live = topology.live(kept)
        with contextlib.suppress(InvalidArch):
            if live:
                return live, ops, space.wired(live, ops.tolist())
        if tries % 1000 == 0:
            assigned(topology, "balanced", rng)  # as GRAM does
    raise NasreproError(
        f"msnas: {TRIES:,} samples in a row are no architectures of {space.name}; its wiring "
        "leaves too few connected cells"
    )


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

    while True:
        live, ops, arch = sampled(space, edges, w, v, rng, indegree if wiring == "indegree" else 0)
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


@study(
    "msnas.memory",
    paper="inspired by Cheng et al. 2019 (MSNet); a question of ours",
    by=("wiring",),
    oracle="shrinkcnn",
    samples=60,
)
def memory(rng: np.random.Generator, *, oracle: str, samples: int) -> Iterator[dict[str, Any]]:
    """Peak memory of random graphs under each wiring, at equal MACs, without training.

    Columns: median peak (KiB, one byte a number), median MACs (M), and the median over a wiring's
    graphs of their peak over the mean peak of unwired graphs within 5 % of their MACs, in how many
    of them there is one.

    Args:
        rng: draws the graphs.
        oracle: whose space; its networks must be buildable.
        samples: graphs of each wiring.
    """
    from nasrepro.methods.nets.memory import peak_memory

    info = load_oracle(oracle).info
    space, topology, data = info.space, info.space.topology(), info.datasets[0]
    w = np.ones((len(topology.edges), len(topology.ops) if topology.on_edges else 1))
    v = np.ones((0 if topology.on_edges else topology.places, len(topology.ops)))
    shape = getattr(space, "in_channels", 3), data.size, data.size
    unwired: list[tuple[int, int]] = []
    for wiring, branches, indegree in (
        ("none", 1, 0),
        ("branches", 2, 0),
        ("branches", 3, 0),
        ("indegree", 1, 1),
        ("indegree", 1, 2),
    ):
        edges = guide(topology, wiring, branches)
        archs = [sampled(space, edges, w, v, rng, indegree)[2] for _ in range(samples)]
        rows = [
            (
                space.complexity(arch, classes=data.classes, size=data.size).macs,
                peak_memory(space, arch, classes=data.classes, shape=shape),
            )
            for arch in archs
        ]
        unwired = unwired or rows
        ratios = []
        for macs, peak in rows:
            near = [other for known, other in unwired if abs(known / macs - 1) <= 0.05]
            ratios += [peak / float(np.mean(near))] if near else []
        yield {
            "wiring": wiring if wiring == "none" else f"{wiring} {max(branches, indegree)}",
            "peak_kib": float(np.median([peak for _, peak in rows])) / 1024,
            "macs": float(np.median([macs for macs, _ in rows])) / 1e6,
            "peak_over_unwired": float(np.median(ratios)) if ratios else None,
            "matched": len(ratios),
        }
