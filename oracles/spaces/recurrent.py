"""AutoShrink's recurrent cells (arXiv:1911.09251, and its authors' code).

DAGs with an activation on each node, for language models.

A cell reads the embedded token x and the last state h. Its input node is

    s_0 = h + sigmoid(c) * (tanh(u) - h),      [c, u] = [x; h] W_0,

an edge i -> j gives s_ij = s_i + sigmoid(c) * (f_j(u) - s_i) with [c, u] = s_i W_ij and f_j the
activation of node j, a node is the mean of what its edges bring, and the next state is the mean of
the leaves. The language model is an embedding, one cell, and a linear decoder with a bias, which by
default shares the embedding's weights, as the authors' does.

The authors draw the activations once and search the edges alone; here both are decisions, and
`wired` fixes them for whoever wants that.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from nasrepro.oracles.spaces.leafdag import LeafDag
from nasrepro.suite.errors import NasreproError
from nasrepro.suite.space import Arch, Complexity, Layer

if TYPE_CHECKING:
    from torch import nn

#: Initial weights are uniform in plus and minus this (authors' code).
INIT_RANGE = 0.04
ACTIVATIONS = ("relu", "sigmoid", "tanh", "identity")
#: The released ShrinkRNN cell (authors' code, evaluation/rnn/test_final.py): 12 of the 15 edges.
SHRINKRNN = "0-1,0-2,0-3,0-4,0-5,1-3,1-4,1-5,2-4,2-5,3-4,3-5;identity,sigmoid,sigmoid,tanh,identity"


class RecurrentSpace(LeafDag):
    """2^15 x 4^5 cells of 6 nodes; the defaults are the authors' proxy model.

    Every code is a cell, without edges h becomes s_0.

    Args:
        nodes: N, the input node included.
        embedding: width of the embedding.
        hidden: width of the state.
        tied: whether decoder and embedding share their weights; their widths must be equal then.
        init_range: initial weights are uniform in plus and minus this. The authors' 0.04 is for 100
            and 745 units; with few units it shrinks what passes through a cell, edge by edge, so
            that deep cells hardly learn.
    """

    #: It reads text and no images.
    in_channels = 0
    settings = ("nodes", "embedding", "hidden", "tied", "init_range")

    def __init__(
        self,
        *,
        nodes: int = 6,
        embedding: int = 100,
        hidden: int = 100,
        tied: bool = True,
        init_range: float = INIT_RANGE,
    ) -> None:
        super().__init__("recurrent" if nodes == 6 else f"recurrent{nodes}", nodes, ACTIVATIONS)
        if tied and embedding != hidden:
            raise NasreproError(
                f"{self.name}: a tied decoder needs equal widths, got embedding {embedding} and "
                f"hidden {hidden}; or tied=False"
            )
        self.embedding, self.hidden, self.tied, self.init_range = (
            embedding,
            hidden,
            tied,
            init_range,
        )

    def complexity(self, arch: Arch, *, classes: int, size: int) -> Complexity:
        """Exact parameters and MACs of the language model.

        MACs count the cell's and the decoder's products, without biases.

        Args:
            arch: a cell; dead parts are not built.
            classes: size of the vocabulary.
            size: length of the text, tokens; 1 gives MACs per token.
        """
        into, edge, out = (
            (self.embedding + self.hidden) * 2 * self.hidden,
            2 * self.hidden**2,
            self.hidden * classes,
        )
        cell = into + len(self.live_edges(arch)) * edge
        return Complexity(
            cell + out + classes + (0 if self.tied else self.embedding * classes),
            size * (cell + out),
        )

    def layers(self, arch: Arch, *, classes: int, size: int) -> tuple[Layer, ...]:
        """The products of one token: of x, of h, out of each node of the cell, the decoder.

        `size` is of no matter.
        """
        fed = Counter(source for source, _ in self.live_edges(arch))
        gated = 2 * self.hidden
        return (
            Layer("linear", self.embedding, gated),
            Layer("linear", self.hidden, gated),
            *(Layer("linear", self.hidden, gated * fed[node]) for node in sorted(fed)),
            Layer("linear", self.hidden, classes, bias=True),
        )

    def build(self, arch: Arch, *, classes: int) -> nn.Module:
        """The language model for a vocabulary of `classes`; the bias begins at 0."""
        from nasrepro.oracles.spaces.netrnn import LanguageModel

        graph = self.graph(arch)
        return LanguageModel(
            graph.adjacency[:-1, :-1],
            graph.ops[1:-1],
            vocabulary=classes,
            embedding=self.embedding,
            hidden=self.hidden,
            tied=self.tied,
            init_range=self.init_range,
        )
