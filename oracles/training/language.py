"""Training of language models.

Truncated back-propagation over parallel streams of one text, SGD with clipped gradients.

On one machine the same seed gives the same bits, also when a killed training goes on from its
checkpoint.
"""

from __future__ import annotations

import io
import math
import pickle
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from nasrepro.oracles.spaces.netrnn import LanguageModel
from nasrepro.oracles.training.loop import one_thread
from nasrepro.oracles.training.text import LanguageRecipe, Text
from nasrepro.suite.data import atomic_write
from nasrepro.suite.oracle import closed_to_methods
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


def train_epoch(
    network: LanguageModel, optimiser: torch.optim.Optimizer, text: Tensor, recipe: LanguageRecipe
) -> float:
    """Mean training loss, nats a token; NaN as soon as it is not finite."""
    network.train()
    total, state = 0.0, None
    for tokens, following in pieces(text, recipe.length):
        logits, state = network(tokens, state)
        state = state.detach()
        loss = F.cross_entropy(logits.flatten(0, 1), following.flatten())
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), recipe.clip)
        optimiser.step()
        total += loss.item() * following.numel()
        if not math.isfinite(total):
            return math.nan
    return total / text[1:].numel()


def train(
    space: SearchSpace,
    arch: Arch,
    text: Text,
    recipe: LanguageRecipe,
    *,
    seed: int,
    until: int | None = None,
    checkpoint: Path | None = None,
    tell: Callable[[float, int], None] = lambda done, total: None,
) -> dict[int, dict[str, float]]:
    """Train a cell on one thread for the first `until` epochs of the schedule.

    All epochs are trained if `until` is not given.

    Args:
        space: builds the language model.
        arch: the cell.
        text: what is modelled.
        recipe: the schedule.
        seed: of the initial weights; the order of the text is fixed.
        until: epochs.
        checkpoint: where the state after each epoch is kept; a training that finds one goes on from
            it. Left there at the end.
        tell: called with (epochs done, epochs in all), at the start too.

    Returns:
        By number of epochs: `valid_perplexity`, `train_loss` (nats a token), `cost_s` (CPU seconds
            of all epochs so far, without the
        evaluations); at the end of the schedule `test_perplexity`. NaN from the epoch on in which
          the training diverged.
    """
    closed_to_methods("a trainer")
    length = recipe.epochs if until is None else until
    with one_thread(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = space.build(arch, classes=len(text.vocabulary))
        assert isinstance(network, LanguageModel)  # what the recurrent space builds
        optimiser = torch.optim.SGD(network.parameters(), lr=recipe.learning_rate)
        lines = streams(text.train, recipe.batch, recipe.train_tokens)
        valid, test = (
            streams(part, recipe.eval_batch, recipe.eval_tokens) for part in (text.valid, text.test)
        )
        done = _resume(checkpoint, network, length)
        tell(len(done), length)
        for epoch in range(len(done), length):
            before = done[-1] if done else (math.nan, 0.0, 0.0)
            if done and math.isnan(before[0]):
                done.append(
                    before
                )  # it has diverged: nothing more is trained, nothing more is paid
                continue
            optimiser.param_groups[0]["lr"] = recipe.rate(epoch)
            started = time.process_time()
            loss = train_epoch(network, optimiser, lines, recipe)
            spent = time.process_time() - started
            found = (
                perplexity(evaluate(network, valid, recipe.length))
                if math.isfinite(loss)
                else math.nan
            )
            done.append((found, loss, before[2] + spent))
            _keep(checkpoint, network, done)
            tell(epoch + 1, length)
        rows = {
            epoch: dict(zip(("valid_perplexity", "train_loss", "cost_s"), row, strict=True))
            for epoch, row in enumerate(done, start=1)
        }
        if length == recipe.epochs:
            sound = math.isfinite(rows[length]["valid_perplexity"])
            rows[length]["test_perplexity"] = (
                perplexity(evaluate(network, test, recipe.length)) if sound else math.nan
            )
    return rows


# -- checkpoints -----------------------------------------------------------------------------------
_Rows = list[tuple[float, float, float]]


def _keep(path: Path | None, network: LanguageModel, done: _Rows) -> None:
    """Write weights and curve, whole or not at all.

    Plain SGD has no state, and the text no order to remember.
    """
    if path is None:
        return
    file = io.BytesIO()
    torch.save({"network": network.state_dict(), "done": done}, file)
    with atomic_write(path) as temporary:
        temporary.write_bytes(file.getbuffer())


def _resume(path: Path | None, network: LanguageModel, length: int) -> _Rows:
    """Take up a checkpoint, and give what was measured so far.

    That is nothing where there is no checkpoint, it cannot be read, or it is past `length`.
    """
    if path is None or not path.exists():
        return []
    try:
        state = torch.load(path, weights_only=True)
        done: _Rows = [tuple(row) for row in state["done"]]
        if len(done) <= length:
            network.load_state_dict(state["network"])
            return done
    except (OSError, RuntimeError, EOFError, KeyError, pickle.UnpicklingError) as error:
        print(
            f"checkpoint {path} cannot be read ({type(error).__name__}); the training starts anew",
            file=sys.stderr,
        )
    return []
