"""Workshops: where a method builds, trains and validates networks of its own.

The engine knows the door alone; what stands behind it imports torch (`oracles.training.workshop`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor, nn

    from nasrepro.suite.oracle.description import Dataset
    from nasrepro.suite.space import Arch, Complexity


class Workshop(Protocol):
    """The tools of a method inside a block `with session.workshop(rng) as shop:`.

    Everything random comes from the method's `rng`. Every network is an ordinary torch module from
    images (n, *shape), normalised float32, to logits (n, classes). Work is counted layer by layer,
    whoever calls the network, and recorded at a reference rate against the budget in seconds, so
    that a budget buys the same on every machine; what does not fit raises BudgetExhausted, which
    the method lets pass. Nothing of the test part is in this process: the runner alone examines the
    network that the method returns.

    Attributes:
        classes: outputs of a network.
        shape: of an image: channels, height, width.
        images: how many there are in the training and in the validation part.
    """

    classes: int
    shape: tuple[int, int, int]
    images: Mapping[Literal["train", "valid"], int]

    def seeded(self) -> AbstractContextManager[None]:
        """While this is open, torch draws initial weights by a seed from the method's `rng`."""

    def build(self, arch: Arch) -> nn.Module:
        """The network of an architecture of the oracle's space, with new weights."""

    def supernet(self) -> Any:
        """The supernet of the oracle's space, with new weights; see `SearchSpace.supernet`."""

    def batches(
        self, part: Literal["train", "valid"], size: int, *, epochs: int = 1
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Images and labels in a new order each epoch; training images come augmented.

        For the method's own training loops: the forward and backward passes between two batches
        are recorded when the next batch is requested.
        """

    def train(
        self,
        network: nn.Module,
        epochs: int,
        *,
        learning_rate: float = 0.1,
        schedule: Literal["cosine", "constant"] = "cosine",
        weight_decay: float = 5e-4,
        batch: int = 64,
        frozen: Collection[str] = (),
        masks: Mapping[str, Tensor] | None = None,
        penalty: Callable[[nn.Module], Tensor] | None = None,
        before: Callable[[], None] | None = None,
    ) -> list[float]:
        """Train in place by SGD with Nesterov momentum 0.9 on cross-entropy.

        A killed run resumes from the last epoch of its last training, so `penalty` and `before`
        must keep their state in the network and in `rng` only.

        Args:
            network: what is trained.
            epochs: passes over the training images.
            learning_rate: at the first epoch.
            schedule: to 0 along a cosine over these epochs, or constant.
            weight_decay: of all parameters that are trained.
            batch: images of a step.
            frozen: parameters that stay as they are: whole names or their beginnings
                ("cells.0.").
            masks: by names of parameters; entries where the mask is 0 stay 0.
            penalty: added to the loss of each step.
            before: called before each step (draws a path of a supernet).

        Returns:
            Mean loss of each epoch, nats.
        """

    def validate(
        self, network: nn.Module, *, images: int = 0, statistics: Literal["own", "batch"] = "own"
    ) -> float:
        """Fraction of validation images that are classified correctly.

        Args:
            network: left unchanged.
            images: the first so many of the part; 0 is all of it.
            statistics: of batch norms: their own running ones, or those of each batch of 200.
        """

    def calibrate(self, network: nn.Module, *, images: int = 0) -> None:
        """Re-estimate the running statistics of all batch norms on training images.

        Args:
            network: its statistics become the mean over batches of 200.
            images: so many, not augmented; 0 is all of the part.
        """

    def measure(self, network: nn.Module) -> Complexity:
        """Parameters and MACs of one forward pass of one image; free."""

    def work(self, seconds: float) -> None:
        """Record work that no layer does, such as a least-squares fit.

        Args:
            seconds: at the reference rate, stated by the method; the same on every machine.

        Raises:
            NasreproError: negative or not finite.
        """


class Workshops(Protocol):
    """The workshops of an oracle."""

    def open(
        self,
        dataset: Dataset,
        rng: np.random.Generator,
        spend: Callable[[float, float], None],
        checkpoints: Path | None,
    ) -> AbstractContextManager[Workshop]:
        """A workshop for one search.

        Args:
            dataset: searched on.
            rng: the method's own.
            spend: records counted seconds and CPU seconds; raises BudgetExhausted.
            checkpoints: a folder of this run alone, from which a killed run resumes.
        """

    def held_out(self, data: str) -> NDArray[np.intp]:
        """Indices of the training part of the images `data` that the workshops validate on."""

    def packed(self, network: nn.Module, dataset: Dataset) -> bytes:
        """A trained network as data: its operations and weights, none of the method's code."""

    def examine(self, packed: bytes, dataset: Dataset) -> dict[str, float]:
        """Test metrics and size of a network that was handed back; on the runner's side alone.

        Raises:
            ProtocolError: a search runs.
        """
