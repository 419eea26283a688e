"""The module hash of NAS-Bench-101, bit for bit, and the hashes of all its cells.

The hash is that of the benchmark's `graph_util.hash_module`: every vertex starts with the MD5 of
(out-degree, in-degree, label) and is hashed again, as often as there are vertices, together with
its sorted neighbours; the module hash is the MD5 of the sorted list. It is over text, so degrees
and labels must be Python integers ("1.0" and "np.int64(1)" hash differently): both are converted
here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from hashlib import md5
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasrepro.oracles.spaces.graph101 import PAIRS, cells, code_of, graph_of
from nasrepro.suite.data import Table, TableSpec, open_table
from nasrepro.suite.errors import DataMissing, InvalidArch


def module_hash(matrix: Any, labels: Sequence[int]) -> str:
    """The benchmark's hash of a pruned module, 32 hexadecimal digits.

    Args:
        matrix: adjacency, (V, V), zeros and ones of any type, upper triangular.
        labels: V integers: -1 for the input, -2 for the output, else the operation's place in
            `graph101.OPS`.
    """
    there = np.asarray(matrix).astype(bool)
    sources = [np.flatnonzero(column).tolist() for column in there.T]
    targets = [np.flatnonzero(row).tolist() for row in there]
    return hash_graph(sources, targets, [int(label) for label in labels])


def hash_graph(
    sources: Sequence[Sequence[int]], targets: Sequence[Sequence[int]], labels: Sequence[int]
) -> str:
    """`module_hash` of a graph given as the sources and the targets of each vertex."""
    vertices = zip(targets, sources, labels, strict=True)
    hashes = [
        md5(str((len(outs), len(ins), label)).encode()).hexdigest() for outs, ins, label in vertices
    ]
    for _ in labels:
        # one neighbour, the usual case, needs no sorting: this is the inner loop of 20 million
        # hashes
        hashes = [
            md5(
                (
                    (hashes[ins[0]] if len(ins) == 1 else "".join(sorted([hashes[i] for i in ins])))
                    + "|"
                    + (
                        hashes[outs[0]]
                        if len(outs) == 1
                        else "".join(sorted([hashes[i] for i in outs]))
                    )
                    + "|"
                    + own
                ).encode()
            ).hexdigest()
            for ins, outs, own in zip(sources, targets, hashes, strict=True)
        ]
    return md5(str(sorted(hashes)).encode()).hexdigest()


def is_hash(text: str) -> bool:
    """Whether `text` has the form of a module hash."""
    return re.fullmatch(r"[0-9a-f]{32}", text) is not None


def find(texts: Sequence[str]) -> NDArray[np.int64]:
    """Indices in `Dag101` of the cells with those module hashes, shape (n,).

    Raises:
        InvalidArch: no cell has one of them.
        DataMissing: the hashes have not been computed; the message has the command.
    """
    table = hashes()
    wanted = pack(texts)
    order = _order()
    places = np.minimum(
        np.searchsorted(table.column("high"), wanted["high"], sorter=order), len(order) - 1
    )
    rows = order[places]
    missing = np.flatnonzero(
        (table.column("high")[rows] != wanted["high"])
        | (table.column("low")[rows] != wanted["low"])
    )
    if len(missing):
        raise InvalidArch(f"dag101: no cell has the module hash {texts[missing[0]]}")
    return rows


def pack(texts: Sequence[str]) -> dict[str, NDArray[np.uint64]]:
    """Module hashes as columns `high` and `low`, shape (n,) each."""
    parts = {"high": slice(16), "low": slice(16, 32)}
    return {
        name: np.array([int(text[part], 16) for text in texts], dtype=np.uint64)
        for name, part in parts.items()
    }


def hash_cells(paths: Mapping[str, Path]) -> tuple[dict[str, NDArray[np.uint64]], dict[str, Any]]:
    """Module hash of each distinct cell, in the order of the enumeration; about a minute.

    A converter without originals.
    """
    texts = list(_hashes())
    return pack(texts), {"rows": len(texts), "row_order": "benchmark's enumeration"}


def _hashes() -> Iterator[str]:
    for _, group in groupby(map(code_of, cells().tolist()), key=lambda code: code[: len(PAIRS)]):
        codes = list(group)
        matrix = graph_of(codes[0][: len(PAIRS)], codes[0][len(PAIRS) :]).adjacency
        sources = [np.flatnonzero(column).tolist() for column in matrix.T]
        targets = [np.flatnonzero(row).tolist() for row in matrix]
        for code in codes:
            yield hash_graph(sources, targets, [-1, *code[len(PAIRS) :][: len(matrix) - 2], -2])


#: Module hash of every cell of `Dag101`, by index, as two numbers of 64 bits.
HASHES = TableSpec(name="dag101_hashes", version=1, files={}, converter=hash_cells)


@cache
def _order() -> NDArray[np.int64]:
    return np.argsort(hashes().column("high"))


@cache
def hashes() -> Table:
    """The table of all module hashes; raises DataMissing with the command that computes it."""
    if not HASHES.path.exists():
        raise DataMissing(
            f"the module hashes of dag101 are not in {HASHES.path.parent}; compute them, with the "
            "table that needs them (about a minute): nasrepro data fetch nasbench101_slice"
        )
    return open_table(HASHES)
