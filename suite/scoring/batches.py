"""Batches that several scorers share, and what is computed once for all of them."""

from __future__ import annotations

import contextlib
import importlib
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar, overload
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from nasrepro.suite.scoring.setting import Inputs

if TYPE_CHECKING:
    from nasrepro.suite.registry import Scorer

T = TypeVar("T")

Images = NDArray[np.float32]

Labels = NDArray[np.int64]


class Batches(Sequence[Any]):
    """Batches (images, labels) that several scorers read of the same network.

    What one has computed, the next is given.

    Args:
        batches: of tensors (batch, channels, H, W) and (batch,).
        reads: what all of those scorers read of the first pass, so that one pass gathers it
            (`@scorer(..., reads=...)`).

    Attributes:
        reads: as given.
        spent_s: CPU seconds spent on what is shared.
        used_s: CPU seconds of what was asked for, each time: what the scorers would have spent one
            by one.
    """

    def __init__(self, batches: Iterable[tuple[Any, Any]], reads: Iterable[str] = ()) -> None:
        self._batches = list(batches)
        self.reads = frozenset(reads)
        self.spent_s = self.used_s = 0.0
        self._known: WeakKeyDictionary[Any, dict[Any, tuple[Any, float]]] = WeakKeyDictionary()

    @overload
    def __getitem__(self, index: int) -> tuple[Any, Any]: ...
    @overload
    def __getitem__(self, index: slice) -> list[tuple[Any, Any]]: ...
    def __getitem__(self, index: int | slice) -> Any:
        return self._batches[index]

    def __len__(self) -> int:
        return len(self._batches)

    def __reduce__(self) -> tuple[type[Batches], tuple[list[tuple[Any, Any]], frozenset[str]]]:
        return Batches, (
            self._batches,
            self.reads,
        )  # what is known stays with the networks it is of

    def memo(self, compute: Callable[..., T], network: Any, *args: Any) -> T:
        """`compute(network, self, *args)`, computed at most once for each network."""
        known = self._known.setdefault(network, {})
        if (compute, args) not in known:
            started = time.process_time()
            value = compute(network, self, *args)
            known[compute, args] = value, time.process_time() - started
            self.spent_s += known[compute, args][1]
        value, cost_s = known[compute, args]
        self.used_s += cost_s
        return value


def shared(compute: Callable[..., T], network: Any, batches: Sequence[Any], *args: Any) -> T:
    """`compute(network, batches, *args)`.

    At most once for each network where `batches` are `Batches`.
    """
    return (
        batches.memo(compute, network, *args)
        if isinstance(batches, Batches)
        else compute(network, batches, *args)
    )


@contextlib.contextmanager
def seeded(seed: int, threads: int = 1) -> Iterator[Any]:
    """Torch, its generator seeded and its threads counted; both are as before afterwards."""
    torch = importlib.import_module("torch")  # networks are the only thing here that needs it
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            yield torch
    finally:
        torch.set_num_threads(before)


def batches_of(
    draw: Callable[..., list[tuple[Images, Labels]]], inputs: Inputs, scorers: Iterable[Scorer] = ()
) -> Batches:
    """The batches of a setting as tensors, for these scorers.

    `draw` is `Oracle.batches` of a data set, or `Session.batch`.
    """
    torch = importlib.import_module("torch")
    drawn = draw(size=inputs.batch, count=inputs.batches, seed=inputs.seed, data=inputs.data)
    reads = {each for scorer in scorers for each in scorer.reads}
    return Batches(
        [(torch.from_numpy(images), torch.from_numpy(labels)) for images, labels in drawn], reads
    )
