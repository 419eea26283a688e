"""Language models as `oracles.training.loop` trains them.

Truncated back-propagation over parallel streams of one text.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from nasrepro.oracles.spaces.netrnn import LanguageModel
from nasrepro.oracles.training.text import LanguageRecipe, Text
from nasrepro.suite.space import Arch, SearchSpace

#: From this loss on (nats a token) a training has diverged, as in AutoShrink's code; its perplexity
#: is then NaN.
DIVERGED = 30.0


def streams(tokens: NDArray[np.int64], count: int, limit: int = 0) -> Tensor:
    """The text cut into `count` parallel streams, (tokens each, count).

    What is left over at the end is dropped.

    Args:
        tokens: the text.
        count: of streams; fewer where the text is too short for them.
        limit: tokens that are used, from the start; 0 is all.
    """
    used = torch.from_numpy(tokens[:limit] if limit else tokens)
    count = min(count, max(1, len(used) // 2))
    each = len(used) // count
    return used[: each * count].view(count, each).t().contiguous()


def pieces(text: Tensor, length: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Pieces of at most `length` tokens and the tokens that follow each, in order.

    Both have shape (length, streams).
    """
    for first in range(0, len(text) - 1, length):
        last = min(first + length, len(text) - 1)
        yield text[first:last], text[first + 1 : last + 1]


def perplexity(loss: float) -> float:
    """Perplexity of a loss in nats a token, its exponential; NaN where the training diverged."""
    return math.exp(loss) if loss < DIVERGED else math.nan


@torch.no_grad()
def evaluate(network: LanguageModel, text: Tensor, length: int) -> float:
    """Mean loss over all predicted tokens, nats a token; the state runs through."""
    network.eval()
    total, state = 0.0, None
    for tokens, following in pieces(text, length):
        logits, state = network(tokens, state)
        total += F.cross_entropy(logits.flatten(0, 1), following.flatten(), reduction="sum").item()
    return total / text[1:].numel()


class LanguageLearner:
    """A language model of one seed, see `oracles.training.loop.Learner`.

    The seed is of the initial weights; the order of the text is fixed.

    Args:
        space: builds the language model.
        arch: the cell.
        text: what is modelled.
        recipe: the schedule.
        seed: of the initial weights.
    """

    seeds, metric = 1, "perplexity"
    buffers: tuple[Tensor, ...] = ()
    streams: tuple[torch.Generator, ...] = ()

    def __init__(
        self, space: SearchSpace, arch: Arch, text: Text, recipe: LanguageRecipe, seed: int
    ) -> None:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            network = space.build(arch, classes=len(text.vocabulary))
        assert isinstance(network, LanguageModel)  # what the recurrent space builds
        self.network, self._length = network, recipe.length
        self.parameters: list[Tensor] = list(network.parameters())
        self._train = streams(text.train, recipe.batch, recipe.train_tokens)
        self._held_out = {
            part: streams(tokens, recipe.eval_batch, recipe.eval_tokens)
            for part, tokens in (("valid", text.valid), ("test", text.test))
        }
        self.examples = self._train[1:].numel()
        self._state: Tensor | None = None

    def batches(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Pieces of the text and the tokens that follow, in order; the state begins anew."""
        self._state = None
        return pieces(self._train, self._length)

    def losses(self, tokens: Tensor, following: Tensor) -> Tensor:
        """Cross-entropy, (tokens, 1); the gradient does not run into the piece before."""
        self.network.train()
        logits, state = self.network(tokens, self._state)
        self._state = state.detach()
        return F.cross_entropy(logits.flatten(0, 1), following.flatten(), reduction="none")[:, None]

    def measure(self, part: str) -> NDArray[np.float64]:
        """Perplexity, (1,); NaN where the training diverged."""
        return np.array([perplexity(evaluate(self.network, self._held_out[part], self._length))])
