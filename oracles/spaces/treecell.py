"""Tree cells of path-level network transformation (arXiv:1806.02639), in three kinds of networks.

A cell is a tree: a node sends its input along branches and merges what comes back, by addition, by
concatenation, or not at all (one branch); a branch is an operation, and behind it a node or
nothing. The root's branches are copies of the network's grouped 3x3 convolution. A concatenation
splits its input among its branches, but for a root without groups. All of this, the networks, and
the order batch norm, ReLU, convolution are those of the authors' code (han-cai/PathLevel-EAS,
commit 7a6a34fb).

    add(g3>add(conv1>concat(avg3,dw7),max3>add(dw3,dw5)),g3>dw5)     # text: operation>node
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from nasrepro.oracles.spaces.layers import conv, head, norm, pool
from nasrepro.suite.errors import InvalidArch, NasreproError
from nasrepro.suite.space import Arch, Complexity, Graph, Layer, SearchSpace

OPS = ("conv1", "dw3", "dw5", "dw7", "identity", "max3", "avg3")
#: Ways to merge by their option, with the number of branches; the root cannot be absent.
MERGES = (("", 0), ("", 1), ("add", 2), ("add", 3), ("concat", 2))
ROOT = "g3"
#: Decisions of a node: how it merges, and three operations.
_NODE = 4
_CHILDREN = 3
#: The authors' two cells.
TREE_CELL_A = (
    "add(g3>add(conv1>concat(avg3,dw7),max3>add(dw3,dw5)),"
    "g3>add(dw3>add(avg3,dw3),dw5>add(avg3,avg3,dw5)))"
)
TREE_CELL_B = "add(g3>add(avg3>add(conv1,dw7),dw7>avg3),g3>add(conv1>dw5,dw7>avg3))"


class Branch(NamedTuple):
    """An operation, and the node behind it."""

    op: str
    node: Node | None


@dataclass(frozen=True)
class Node:
    """A node; `merge` is "add", "concat", or "" for one branch."""

    merge: str
    branches: tuple[Branch, ...]

    @property
    def option(self) -> int:
        """Index in `MERGES`."""
        return MERGES.index((self.merge, len(self.branches)))


@dataclass(frozen=True)
class _Place:
    """Where a cell stands: channels, side and step, groups of its first convolutions."""

    inputs: int
    outputs: int
    side: int
    stride: int = 1
    groups: int = 1
    norm_before_add: bool = False


class TreeCells(SearchSpace):
    """Cells of depth 3; every cell of a network is the same.

    Thirteen places for nodes: the root, its children, theirs. A code has how the root merges, then
    of each other place how it merges (0: no node) and its operations; what is not used is 0.

    Args:
        family: of networks, "pyramidnet", "densenet" or "condensenet".
        blocks: cells of a group (not CondenseNet).
        alpha: widths that PyramidNet adds from its first block to its last.
        growth: channels of a layer of DenseNet.
        groups: of the root's convolutions.
        classifier: share of its inputs that CondenseNet's classifier keeps.
    """

    name = "treecell"
    cardinalities = (len(MERGES) - 1, *((len(MERGES), *((len(OPS),) * _CHILDREN)) * 12))
    decisions = (
        "root",
        *(
            f"{part} of node {number}"
            for number in range(1, 13)
            for part in ("merge", "branch 1", "branch 2", "branch 3")
        ),
    )

    def __init__(
        self,
        *,
        family: str = "pyramidnet",
        blocks: int = 18,
        alpha: int = 84,
        growth: int = 48,
        groups: int = 2,
        classifier: float = 1.0,
    ) -> None:
        if family not in ("pyramidnet", "densenet", "condensenet"):
            raise NasreproError(
                f"treecell: unknown family {family!r}; accepted: pyramidnet, densenet, condensenet"
            )
        self.family, self.depth, self.alpha, self.growth_rate = family, blocks, alpha, growth
        self.groups, self.classifier = groups, classifier

    # -- trees -------------------------------------------------------------------------------------
    def tree(self, arch: Arch) -> Node:
        """The root of the cell."""
        self.check(arch)
        branches = MERGES[arch.code[0] + 1][1]
        return Node(
            MERGES[arch.code[0] + 1][0],
            tuple(Branch(ROOT, self._node(arch.code, child)) for child in range(branches)),
        )

    def _node(self, code: Sequence[int], place: int) -> Node | None:
        """The node at a place: 0 to 2 below the root, 3 to 11 below those."""
        option, *ops = code[1 + _NODE * place : 1 + _NODE * (place + 1)]
        merge, branches = MERGES[option]
        if not branches:
            return None
        below = _CHILDREN * (place + 1)
        return Node(
            merge,
            tuple(
                Branch(OPS[op], self._node(code, below + number) if place < _CHILDREN else None)
                for number, op in enumerate(ops[:branches])
            ),
        )

    def of_tree(self, root: Node) -> Arch:
        """The architecture of a cell; raises InvalidArch where it is none of this space."""
        code = [root.option - 1] + [0] * (_NODE * 12)
        for number, branch in enumerate(root.branches):
            self._write(code, number, branch.node)
        return self.arch(code)

    def _write(self, code: list[int], place: int, node: Node | None) -> None:
        if node is None:
            return
        if place >= 12:
            raise InvalidArch(f"{self.name}: a cell has at most three nodes on a path")
        at = 1 + _NODE * place
        code[at] = node.option
        for number, branch in enumerate(node.branches):
            code[at + 1 + number] = OPS.index(branch.op)
            below = _CHILDREN * (place + 1) + number if place < _CHILDREN else 12
            self._write(code, below, branch.node)

    def canonical(self, arch: Arch) -> Arch:
        """Branches that are added in the order of their text; unused decisions 0."""
        return self.of_tree(_ordered(self.tree(arch)))

    def sample(self, rng: np.random.Generator) -> Arch:
        """One architecture, uniform over codes, without what it does not use."""
        return self.of_tree(self.tree(super().sample(rng)))

    # -- text --------------------------------------------------------------------------------------
    def format(self, arch: Arch) -> str:
        """The tree as text."""
        return _text(self.tree(arch))

    def parse(self, text: str) -> Arch:
        """Read a tree; a node with one branch is written as the branch."""
        tokens = re.findall(r"[a-z]+\d?|[(),>]", re.sub(r"\s", "", text))
        if "".join(tokens) != re.sub(r"\s", "", text) or not tokens:
            raise InvalidArch(f"{self.name}: {text!r} is no tree such as add(g3>dw3,g3)")
        try:
            root = _read(tokens)
            if tokens or any(branch.op != ROOT for branch in root.branches):
                raise ValueError(tokens[0] if tokens else f"the root's branches are {ROOT}")
            return self.of_tree(root)
        except (ValueError, IndexError) as error:
            raise InvalidArch(
                f"{self.name}: cannot read {text!r} ({error}); operations are {', '.join(OPS)}, "
                f"the root's {ROOT}; merges are add of 2 or 3 and concat of 2"
            ) from error

    # -- what it is --------------------------------------------------------------------------------
    def graph(self, arch: Arch) -> Graph:
        """Operations and merges as nodes."""
        ops: list[str] = ["input"]
        edges: list[tuple[int, int]] = []

        def add(op: str, *sources: int) -> int:
            ops.append(op)
            edges.extend((source, len(ops) - 1) for source in sources)
            return len(ops) - 1

        def walk(node: Node, source: int) -> int:
            ends = []
            for branch in node.branches:
                end = add(branch.op, source)
                ends.append(end if branch.node is None else walk(branch.node, end))
            return add(node.merge, *ends) if node.merge else ends[0]

        add("output", walk(self.tree(arch), 0))
        adjacency = np.zeros((len(ops), len(ops)), dtype=bool)
        for source, target in edges:
            adjacency[source, target] = True
        return Graph(tuple(ops), adjacency)

    def layers(self, arch: Arch, *, classes: int, size: int) -> tuple[Layer, ...]:
        """All layers of the network."""
        root = self.tree(arch)
        if self.family == "pyramidnet":
            return self._pyramidnet(root, classes, size)
        if self.family == "densenet":
            return self._densenet(root, classes, size)
        return self._condensenet(root, classes, size)

    def complexity(self, arch: Arch, *, classes: int, size: int) -> Complexity:
        """Exact parameters and MACs."""
        return Complexity.of(self.layers(arch, classes=classes, size=size))

    def _pyramidnet(self, root: Node, classes: int, size: int) -> tuple[Layer, ...]:
        listed = [conv(3, 16, 3, size), norm(16, size)]
        width, side, planes = 16, size, 16.0
        for block in range(3 * self.depth):
            stride = 2 if block and block % self.depth == 0 else 1
            planes += self.alpha / (3 * self.depth)
            plane = round(planes) - round(planes) % self.groups
            listed += _norm_conv(width, plane, side)
            listed += _cell(root, _Place(plane, plane, side, stride, self.groups))
            if stride == 2:
                listed.append(pool("avg_pool", width, 2, side, stride=2))
                side = -(-side // 2)
            width = 4 * plane
            listed += [*_norm_conv(plane, width, side), norm(width, side)]
        return *listed, norm(width, side), *head(width, side, classes)

    def _densenet(self, root: Node, classes: int, size: int) -> tuple[Layer, ...]:
        growth = self.growth_rate
        width, side = 2 * growth, size
        listed = [conv(3, width, 3, side)]
        for group in range(3):
            if group:
                listed += _norm_conv(width, width // 2, side)
                width //= 2
                listed.append(pool("avg_pool", width, 2, side, stride=2))
                side = -(-side // 2)
            for _ in range(self.depth):
                listed += _norm_conv(width, 4 * growth, side)
                listed += _cell(root, _Place(4 * growth, growth, side, 1, self.groups))
                width += growth
        return *listed, norm(width, side), *head(width, side, classes)

    def _condensenet(self, root: Node, classes: int, size: int) -> tuple[Layer, ...]:
        """ImageNet's: stages 4-6-8-10-8, growth 8 to 128, cells in the last 0-0-6-7-6 layers."""
        width, side = 16, -(-size // 2)
        listed = [conv(3, width, 3, size, stride=2)]
        for stage, (layers, cells) in enumerate(((4, 0), (6, 0), (8, 6), (10, 7), (8, 6))):
            growth = 8 * 2**stage
            if stage:
                listed.append(pool("avg_pool", width, 2, side, stride=2))
                side //= 2
            for layer in range(layers):
                # a learned group convolution: of its weights a quarter is left
                listed += [norm(width, side), conv(width, 4 * growth, 1, side, groups=4)]
                place = _Place(4 * growth, growth, side, 1, self.groups, norm_before_add=True)
                plain = Node("", (Branch(ROOT, None),))
                listed += _cell(root if layer >= layers - cells else plain, place)
                width += growth
        pooled, _ = head(width, side, classes)
        kept = int(self.classifier * width)
        return *listed, norm(width, side), pooled, Layer("linear", kept, classes, bias=True)


def _norm_conv(inputs: int, outputs: int, side: int) -> tuple[Layer, Layer]:
    return norm(inputs, side), conv(inputs, outputs, 1, side)


def _cell(root: Node, place: _Place) -> list[Layer]:
    """Layers of a cell; the root's convolutions take the step."""
    split = root.merge == "concat" and place.groups > 1
    count = len(root.branches)
    inputs = _shares(place.inputs, count) if split else [place.inputs] * count
    joined = root.merge == "concat"
    outputs = _shares(place.outputs, count) if joined else [place.outputs] * count
    groups = place.groups // count if split else place.groups
    listed: list[Layer] = []
    for branch, before, after in zip(root.branches, inputs, outputs, strict=True):
        listed += [
            norm(before, place.side),
            conv(before, after, 3, place.side, stride=place.stride, groups=groups),
        ]
        side = listed[-1].out_side
        if branch.node is not None:
            listed += _below(branch.node, after, side)
        if place.norm_before_add and root.merge == "add":
            listed.append(norm(after, side))
    return listed


def _below(node: Node, width: int, side: int) -> list[Layer]:
    """Layers of a node that keeps the number of channels."""
    count = len(node.branches)
    widths = _shares(width, count) if node.merge == "concat" else [width] * count
    listed: list[Layer] = []
    for branch, own in zip(node.branches, widths, strict=True):
        if branch.op == "conv1":
            listed += _norm_conv(own, own, side)
        elif branch.op.startswith("dw"):
            depthwise = conv(own, own, int(branch.op[2:]), side, groups=own)
            listed += [norm(own, side), depthwise, conv(own, own, 1, side)]
        elif branch.op in ("max3", "avg3"):
            maximum = branch.op == "max3"
            listed.append(pool("max_pool" if maximum else "avg_pool", own, 3, side, stride=1))
        if branch.node is not None:
            listed += _below(branch.node, own, side)
    return listed


def _shares(width: int, parts: int) -> list[int]:
    return [width // parts + (part < width % parts) for part in range(parts)]


def _ordered(node: Node) -> Node:
    branches = [
        Branch(branch.op, None if branch.node is None else _ordered(branch.node))
        for branch in node.branches
    ]
    if node.merge == "add":
        branches.sort(key=_branch_text)
    return Node(node.merge, tuple(branches))


def _text(node: Node) -> str:
    inside = ",".join(map(_branch_text, node.branches))
    return f"{node.merge}({inside})" if node.merge else inside


def _branch_text(branch: Branch) -> str:
    return branch.op if branch.node is None else f"{branch.op}>{_text(branch.node)}"


def _read(tokens: list[str]) -> Node:
    """A node from the front of the tokens, which are used up."""
    if tokens[0] not in ("add", "concat"):
        return Node("", (_read_branch(tokens),))
    merge = tokens.pop(0)
    branches: list[Branch] = []
    mark = "("
    while mark != ")":
        if tokens.pop(0) != ("(" if not branches else mark):
            raise ValueError(f"a bracket of {merge} is missing")
        branches.append(_read_branch(tokens))
        mark = tokens[0]
    tokens.pop(0)
    if (merge, len(branches)) not in MERGES:
        raise ValueError(f"{merge} of {len(branches)} branches")
    return Node(merge, tuple(branches))


def _read_branch(tokens: list[str]) -> Branch:
    op = tokens.pop(0)
    if op not in (*OPS, ROOT):
        raise ValueError(f"unknown operation {op!r}")
    if not tokens or tokens[0] != ">":
        return Branch(op, None)
    tokens.pop(0)
    return Branch(op, _read(tokens))
