"""What is measured of a latent space of architectures.

Decoded graphs, isomorphism, walks of edits. No torch.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from nasrepro.methods.nets.graphs import Graphs
from nasrepro.suite.errors import NasreproError
from nasrepro.suite.space import Arch, SearchSpace


def live_part(adjacency: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Nodes on a path from the first to the last one, in order; none where there is no path.

    `adjacency`: (V, V), upper triangular.
    """
    size = len(adjacency)
    forward, backward = np.zeros(size, dtype=bool), np.zeros(size, dtype=bool)
    forward[0] = backward[-1] = True
    for node in range(1, size):
        forward[node] = (adjacency[:node, node] & forward[:node]).any()
        last = size - 1 - node
        backward[last] = (adjacency[last, last + 1 :] & backward[last + 1 :]).any()
    return np.flatnonzero(forward & backward) if forward[-1] else np.array([], dtype=np.intp)


def fingerprint(adjacency: NDArray[np.bool_], ops: Sequence[int]) -> tuple[int, ...]:
    """Equal for isomorphic labelled graphs, different for almost all others.

    Colours refined by those of the neighbours, V times.

    Args:
        adjacency: shape (V, V).
        ops: number of each node's operation.
    """
    into = [np.flatnonzero(column).tolist() for column in adjacency.T]
    out = [np.flatnonzero(row).tolist() for row in adjacency]
    colours = [hash((op, len(a), len(b))) for op, a, b in zip(ops, into, out, strict=True)]
    for _ in colours:
        colours = [
            hash((own, tuple(sorted(colours[i] for i in a)), tuple(sorted(colours[i] for i in b))))
            for own, a, b in zip(colours, into, out, strict=True)
        ]
    return tuple(sorted(colours))


class Judge:
    """Says which decoded graphs are valid, and which are cells of the space.

    The authors' check of NAS-Bench-101 is the benchmark's own: prune, then look at operations,
    vertices and edges; so valid ones are cells. Theirs of NAS-Bench-201 looks at operations alone,
    all but that of node 1, and at no edge.

    Args:
        space: a search space.
        graphs: all its architectures.
    """

    def __init__(self, space: SearchSpace, graphs: Graphs) -> None:
        self._read = getattr(space.whole, "from_spec", None)
        self._vocabulary = graphs.vocabulary
        self._known = (
            set()
            if self._read
            else {
                self._bytes(a, o)
                for a, o in zip(graphs.adjacency > 0, graphs.ops.argmax(-1), strict=True)
            }
        )

    def valid(self, adjacency: NDArray[np.bool_], ops: NDArray[np.intp]) -> bool:
        """Whether the authors' code would call it valid.

        `adjacency` (V, V), `ops` (V,) by their numbers in the vocabulary.
        """
        if self._read:
            return self.cell(adjacency, ops)
        last = len(self._vocabulary) - 1
        return bool(
            ops[0] == 0 and ops[-1] == last and ((ops[2:-1] > 0) & (ops[2:-1] < last)).all()
        )

    def cell(self, adjacency: NDArray[np.bool_], ops: NDArray[np.intp]) -> bool:
        """Whether it is a cell of the (whole) space."""
        if not self._read:
            return self._bytes(adjacency, ops) in self._known
        live = live_part(adjacency)
        if not len(live):
            return False
        try:
            self._read(
                adjacency[np.ix_(live, live)], [self._vocabulary[ops[node]] for node in live]
            )
        except NasreproError:
            return False
        return True

    @staticmethod
    def _bytes(adjacency: NDArray[np.bool_], ops: NDArray[np.intp]) -> bytes:
        return np.packbits(adjacency).tobytes() + ops.astype(np.uint8).tobytes()


def walk(space: SearchSpace, start: Arch, steps: int, rng: np.random.Generator) -> Iterator[Arch]:
    """Cells met on a random walk that changes one decision at a time, each decision at most once.

    So the k-th cell is k edits from the start. It ends early where no such step leads to another
    architecture.
    """
    whole = space.whole
    arch, fixed = start, [False] * len(start.code)
    for _ in range(steps):
        near = [
            each
            for each in whole.neighbours(arch)
            if not any(
                done and old != new
                for done, old, new in zip(fixed, arch.code, each.code, strict=True)
            )
        ]
        if not near:
            return
        following = near[int(rng.integers(len(near)))]
        fixed = [
            done or old != new
            for done, old, new in zip(fixed, arch.code, following.code, strict=True)
        ]
        arch = following
        yield arch
