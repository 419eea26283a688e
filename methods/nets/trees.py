"""Tree cells as moves on a trained edge, each of which keeps the function (arXiv:1806.02639).

A node sends its input along edges and merges what comes back; an edge has an operation and, behind
it, a node or nothing. The root's edges are copies of a trained convolution; an identity becomes
another operation that begins as an identity on what it reads.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from nasrepro.methods.nets.surgery import Averaged, Joined, dealt, identity_conv, replicated

OPS = ("conv1", "dw3", "dw5", "dw7", "identity", "max3", "avg3")
MERGES = ("none", "add", "concat")
#: The edge that is replaced, and its copies or shares.
ROOT, COPY = "root", "copy"
#: Nodes on a path from the root.
DEPTH = 3


@dataclass
class Edge:
    """An operation, and the node behind it."""

    op: str
    node: Node | None = None

    def __str__(self) -> str:
        return self.op if self.node is None else f"{self.op}>{self.node}"


@dataclass
class Node:
    """A way to merge, and its edges: one for "none", two or three for "add", two for "concat"."""

    merge: str = "none"
    edges: list[Edge] = field(default_factory=list)

    def __str__(self) -> str:
        return f"{self.merge}({','.join(map(str, self.edges))})"

    @property
    def height(self) -> int:
        """Nodes on the longest path."""
        return 1 + max((edge.node.height for edge in self.edges if edge.node), default=0)


#: Draws an option: (kind of decision, the tree so far, the edge that it is about) -> option.
Draw = Callable[[str, Edge, Edge], int]


def drawn(draw: Draw, depth: int = DEPTH) -> Node:
    """A whole cell, decision by decision, depth first.

    Args:
        draw: "merge" of 3, "branches" of 2, "op" of 7, "insert" of 2.
        depth: nodes on a path from the root, at most.
    """
    root = Edge(ROOT)

    def expand(leaf: Edge, level: int) -> Node:
        merge = MERGES[draw("merge", root, leaf)]
        count = 1 + (merge != "none")
        if merge == "add":
            count += draw("branches", root, leaf)
        node = leaf.node = Node(
            merge, [Edge(COPY if level == 1 else "identity") for _ in range(count)]
        )
        for edge in node.edges:
            if level > 1:
                edge.op = OPS[draw("op", root, edge)]
            if level < depth and draw("insert", root, edge):
                expand(edge, level + 1)
        return node

    return expand(root, 1)


# -- networks --------------------------------------------------------------------------------------
class Separable(nn.Module):
    """Depthwise and 1x1 convolution, batch norm, ReLU."""

    def __init__(self, width: int, kernel: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(
            width, width, kernel, padding=kernel // 2, groups=width, bias=False
        )
        self.pointwise, self.norm = nn.Conv2d(width, width, 1, bias=False), nn.BatchNorm2d(width)
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """(batch, width, H, W) -> the same shape."""
        out: Tensor = self.relu(self.norm(self.pointwise(self.depthwise(x))))
        return out


class ConvNormReLU(nn.Module):
    """Convolution without bias, batch norm, ReLU."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)
        self.norm, self.relu = nn.BatchNorm2d(outputs), nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """(batch, inputs, H, W) -> (batch, outputs, H / stride, W / stride)."""
        out: Tensor = self.relu(self.norm(self.conv(x)))
        return out


class Chain(nn.Module):
    """Stem, three plain edges (the second halves the image), pooling, classifier.

    Args:
        channels: of the images.
        width: of the stem; twice as many behind the second edge.
        classes: outputs.
    """

    def __init__(self, channels: int, width: int, classes: int) -> None:
        super().__init__()
        self.stem = ConvNormReLU(channels, width, 3)
        shapes = ((width, width, 1), (width, 2 * width, 2), (2 * width, 2 * width, 1))
        self.edges = nn.ModuleList(ConvNormReLU(a, b, 3, stride) for a, b, stride in shapes)
        self.classifier = nn.Linear(2 * width, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Images (batch, channels, H, W) -> logits (batch, classes)."""
        x = self.stem(x)
        for edge in self.edges:
            x = edge(x)
        out: Tensor = self.classifier(x.mean((2, 3)))
        return out


def transformed(chain: Chain, cell: Node, images: Tensor, noise: float = 0.0) -> nn.Module:
    """The chain with the cell in place of each edge, its weights inherited.

    In evaluation mode it computes what the chain did, up to the noise, but for poolings.

    Args:
        chain: trained.
        cell: to apply.
        images: a sample, from which new batch norms take their statistics.
        noise: standard deviation of the noise on copied and new weights, over that of the weights.
    """
    network = copy.deepcopy(chain).eval()
    with torch.no_grad():
        x = network.stem(images)
        for number, edge in enumerate(list(network.edges)):
            assert isinstance(edge, ConvNormReLU)
            module = _root(edge, cell, x, noise)
            network.edges[number] = module
            x = module(x)
    return network


def _root(edge: ConvNormReLU, cell: Node, x: Tensor, noise: float) -> nn.Module:
    """The cell at its root: copies of the edge, or shares of it, each with what is behind."""
    width = edge.conv.out_channels
    edges = _fed(cell, width)
    count = len(edges)
    made: Averaged | Joined
    made = dealt(edge, width, count) if cell.merge == "concat" else replicated(edge, count)
    for number, (branch, child) in enumerate(zip(made.branches, edges, strict=True)):
        if count > 1:
            _disturb(branch, noise)
        if child.node is not None:
            made.branches[number] = nn.Sequential(branch, _below(child.node, branch(x), noise))
    return made


def _fed(node: Node, width: int) -> list[Edge]:
    """The edges of a node that have channels: a concatenation deals each `width` once."""
    return node.edges[:width] if node.merge == "concat" else node.edges


def _below(node: Node, x: Tensor, noise: float) -> nn.Module:
    """A node that reads `x` and begins as an identity, but for poolings."""
    edges = _fed(node, x.shape[1])
    made: Averaged | Joined = replicated(nn.Identity(), len(edges))
    if node.merge == "concat":
        made = dealt(nn.Identity(), x.shape[1], len(edges))
    for number, edge in enumerate(edges):
        places = made.places[number] if isinstance(made, Joined) else None
        read = x if places is None else x[:, places]
        module = _operation(edge.op, read)
        _disturb(module, noise)
        if edge.node is not None:
            module = nn.Sequential(module, _below(edge.node, module(read), noise))
        made.branches[number] = module
    return made.eval()


def _operation(op: str, read: Tensor) -> nn.Module:
    """An operation that is an identity on what is read, unless it is a pooling."""
    width = read.shape[1]
    if op == "identity":
        return nn.Identity()
    if op == "max3":
        return nn.MaxPool2d(3, 1, 1)
    if op == "avg3":
        return nn.AvgPool2d(3, 1, 1, count_include_pad=False)
    if op == "conv1":
        conv = ConvNormReLU(width, width, 1).to(read).eval()
        identity_conv(conv.conv, conv.norm, read)
        return conv
    pair = Separable(width, int(op[2:])).to(read).eval()
    identity_conv(pair.depthwise, pair.norm, read)
    identity_conv(pair.pointwise, pair.norm, read)
    return pair


def _disturb(module: nn.Module, noise: float) -> None:
    """Normal noise on each weight of a convolution."""
    for conv in module.modules():
        if noise and isinstance(conv, nn.Conv2d):
            spread = float(conv.weight.std()) if conv.weight.numel() > 1 else 0.0
            with torch.no_grad():
                conv.weight.add_(torch.randn_like(conv.weight), alpha=noise * spread)


def renewed(network: nn.Module) -> None:
    """New weights everywhere, by PyTorch's default."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear | nn.BatchNorm2d):
            module.reset_parameters()
