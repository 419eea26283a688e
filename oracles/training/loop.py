"""The training loop of everything here: images and texts, by whatever optimiser a recipe names.

What is trained comes as a `Learner`: one network, or those of several seeds side by side. Its state
is kept after each epoch. On one machine and with the same number of threads the same seed gives the
same bits, also when a killed training goes on from its checkpoint. (On a GPU `measured` asks for
cuDNN's deterministic algorithms; that was not tested on one.)
"""

from __future__ import annotations

import contextlib
import io
import math
import pickle
import sys
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nasrepro.oracles.training.recipe import Schedule
from nasrepro.oracles.training.work import Network
from nasrepro.suite.data import atomic_write
from nasrepro.suite.memory import keep_memory
from nasrepro.suite.oracle import closed_to_methods


class Learner(Protocol):
    """What is trained: the networks of one or more seeds."""

    @property
    def seeds(self) -> int:
        """How many."""

    @property
    def parameters(self) -> Sequence[Tensor]:
        """All of them, each a leaf with a gradient."""

    @property
    def buffers(self) -> Sequence[Tensor]:
        """What else a step changes: running statistics."""

    @property
    def streams(self) -> Sequence[torch.Generator]:
        """The generators that batches are drawn from."""

    @property
    def metric(self) -> str:
        """What `measure` gives: "accuracy", "perplexity"."""

    @property
    def examples(self) -> int:
        """Training examples of an epoch: images, or tokens."""

    def batches(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Inputs and targets of one epoch, drawn anew from `streams`."""

    def losses(self, inputs: Tensor, targets: Tensor) -> Tensor:
        """Loss of each example of each seed in training mode, (batch, seeds), nats."""

    def measure(self, part: str) -> NDArray[np.floating[Any]]:
        """The metric on "valid" or "test", (seeds,)."""


@dataclass(frozen=True, slots=True, eq=False)
class Curves:
    """What a training gave; where it diverged, losses are NaN, and where all seeds did, all is.

    Attributes:
        valid: the learner's metric after each epoch, float32, (seeds, epochs).
        train_loss: mean loss over the epoch's examples, nats, float32, (seeds, epochs).
        epoch_s: seconds of each epoch of training of all seeds together, without the evaluations,
            float64, (epochs,): of the processor; on an accelerator, of the clock. 0 where nothing
            was trained any more.
    """

    valid: NDArray[np.float32]
    train_loss: NDArray[np.float32]
    epoch_s: NDArray[np.float64]


def train(
    learner: Learner,
    recipe: Schedule,
    *,
    until: int | None = None,
    validated: Collection[int] | None = None,
    checkpoint: Path | None = None,
    tell: Callable[[float, int], None] = lambda done, total: None,
) -> Curves:
    """Train for the first `until` epochs of the recipe's schedule (all of them if not given).

    It ends where no seed's loss is finite any more.

    Args:
        learner: what is trained; it is changed.
        recipe: the optimiser and its schedule.
        until: epochs.
        validated: the epochs, counted from 1, after which the validation part is measured, NaN
            elsewhere; all of them if not given.
        checkpoint: where the state after each epoch is kept; a training that finds one goes on from
            it. Left there at the end.
        tell: called with (epochs done, epochs in all), at the start too.
    """
    closed_to_methods("a trainer")
    optimiser = recipe.optimiser(learner.parameters)
    length = recipe.epochs if until is None else until
    valid, loss_of = np.full((2, learner.seeds, length), np.nan, np.float32)
    seconds = np.zeros(length)
    first = (
        0
        if checkpoint is None
        else _resume(checkpoint, learner, optimiser, (valid, loss_of, seconds))
    )
    device = learner.parameters[0].device
    tell(first, length)
    for epoch in range(first, length):
        if epoch and not np.isfinite(loss_of[:, epoch - 1]).any():
            break
        started = _clock(device)
        optimiser.param_groups[0]["lr"] = recipe.rate(epoch)
        loss_of[:, epoch] = _epoch(learner, optimiser, recipe.clip)
        seconds[epoch] = _clock(device) - started
        if validated is None or epoch + 1 in validated:
            valid[:, epoch] = learner.measure("valid")
        if checkpoint is not None:
            _keep(checkpoint, learner, optimiser, epoch + 1, (valid, loss_of, seconds))
        tell(epoch + 1, length)
    return Curves(valid, loss_of, seconds)


def _epoch(learner: Learner, optimiser: torch.optim.Optimizer, clip: float) -> NDArray[np.float64]:
    """One epoch of training: the mean loss of each seed, nats, (seeds,)."""
    device = learner.parameters[0].device
    total, examples = torch.zeros(learner.seeds, dtype=torch.float64, device=device), 0
    for inputs, targets in learner.batches():
        losses = learner.losses(inputs, targets)
        optimiser.zero_grad()
        # a sum over seeds: each gets the gradient of its own mean
        losses.mean(0).sum().backward()
        if clip:
            torch.nn.utils.clip_grad_norm_(learner.parameters, clip)
        optimiser.step()
        total += losses.detach().sum(0)
        examples += len(losses)
    return (total / examples).cpu().numpy()  # waits for an accelerator


def _clock(device: torch.device) -> float:
    """Seconds: of the processor, so that other processes cost nothing.

    On an accelerator, of the wall.
    """
    return time.process_time() if device.type == "cpu" else time.perf_counter()


def measured(
    learner: Learner,
    recipe: Schedule,
    seeds: Sequence[int],
    network: Network,
    *,
    until: int,
    checkpoint: Path | None = None,
    tell: Callable[[float, int], None] = lambda done, total: None,
) -> dict[tuple[int, int], dict[str, float]]:
    """Train on one thread, and give what was measured by (epochs, seed).

    The result is what `oracles.training.oracle.Train` wants: the learner's metric on validation and
    test, `train_loss`, `cost_s` (counted), `cpu_s` (measured), `params` and `macs`.

    The metric is NaN from the epoch on in which a training diverged. What was tested belongs to the
    end of the schedule. A seed's measured seconds are its share of those of all, its counted ones
    those of a training of its own.

    Args:
        learner: what is trained; it is changed.
        recipe: the optimiser and its schedule.
        seeds: of the learner.
        network: that is trained, counted.
        until: as in `train`.
        checkpoint: as in `train`.
        tell: as in `train`.
    """
    with (
        one_thread(),
        torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True),
    ):
        curves = train(learner, recipe, until=until, checkpoint=checkpoint, tell=tell)
        test = learner.measure("test") if until == recipe.epochs else None
    cpu_s = curves.epoch_s.cumsum() / len(seeds)
    cost_s = network.epoch_s(learner.examples, recipe.batch) * (curves.epoch_s > 0).cumsum()
    rows = {}
    for k, seed in enumerate(seeds):
        for epoch in range(until):
            loss = float(curves.train_loss[k, epoch])
            sound = 1.0 if math.isfinite(loss) else math.nan
            values = {
                f"valid_{learner.metric}": sound * float(curves.valid[k, epoch]),
                "train_loss": loss,
                "cost_s": float(cost_s[epoch]),
                "cpu_s": float(cpu_s[epoch]),
                "params": network.params,
                "macs": network.macs,
            }
            if test is not None and epoch + 1 == until:
                values[f"test_{learner.metric}"] = sound * float(test[k])
            rows[epoch + 1, seed] = values
    return rows


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Sums in another order would give another rounding.

    A training has one thread, whatever the process has.
    """
    keep_memory()
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


# -- checkpoints -----------------------------------------------------------------------------------
_Measured = tuple[NDArray[Any], ...]


def _keep(
    path: Path, learner: Learner, optimiser: torch.optim.Optimizer, done: int, measured: _Measured
) -> None:
    """Write the state after `done` epochs, whole or not at all."""
    file = io.BytesIO()
    torch.save(
        {
            "parameters": [parameter.detach() for parameter in learner.parameters],
            "buffers": list(learner.buffers),
            "streams": [stream.get_state() for stream in learner.streams],
            "optimiser": optimiser.state_dict(),
            "measured": [torch.from_numpy(values[..., :done].copy()) for values in measured],
        },
        file,
    )
    with atomic_write(path) as temporary:
        temporary.write_bytes(file.getbuffer())


def _resume(
    path: Path, learner: Learner, optimiser: torch.optim.Optimizer, measured: _Measured
) -> int:
    """Take up the state of a checkpoint.

    The epochs it has, 0 where there is none or it cannot be read.
    """
    if not path.exists():
        return 0
    try:
        state = torch.load(path, weights_only=True, map_location="cpu")
        done = state["measured"][-1].shape[-1]
    except (OSError, RuntimeError, EOFError, KeyError, pickle.UnpicklingError) as error:
        print(
            f"checkpoint {path} cannot be read ({type(error).__name__}); the training starts anew",
            file=sys.stderr,
        )
        return 0
    if done > measured[-1].shape[-1]:
        return 0  # of a longer training: its state is past what is asked for
    with torch.no_grad():
        for ours, kept in zip(
            [*learner.parameters, *learner.buffers],
            [*state["parameters"], *state["buffers"]],
            strict=True,
        ):
            ours.copy_(kept)
    for stream, kept in zip(learner.streams, state["streams"], strict=True):
        stream.set_state(kept)
    optimiser.load_state_dict(state["optimiser"])
    for values, kept in zip(measured, state["measured"], strict=True):
        values[..., :done] = kept.numpy()
    return int(done)
