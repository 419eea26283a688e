"""Where a method trains networks of its own: what stands behind `session.workshop`.

Work is counted while networks run: every layer that is called costs so much for the call, for each
multiplication and for each number that it writes, three times as much where gradients are taken.
The three rates are those of `oracles.training.work`.

A network that is handed back leaves the process of the search as data (torch.export: its operations
and weights, none of the method's code). The runner's side alone reads the test part, and counts the
size of that network itself.

The file is long because it is the one boundary that a method's own networks cross: the half that
the method is lent and the half of the runner stand side by side, to be read against each other.
"""

from __future__ import annotations

import contextlib
import io
import json
import math
import sys
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.hub import tqdm  # type: ignore[attr-defined]
from torch.nn.modules.module import register_module_forward_hook
from torch.utils.flop_counter import FlopCounterMode

from nasrepro.oracles.training.digits import load_digits
from nasrepro.oracles.training.images import Images, cropped, read, validated_on
from nasrepro.oracles.training.loop import one_thread
from nasrepro.oracles.training.recipe import ImageRecipe, Recipe
from nasrepro.oracles.training.work import LAYER_S, MAC_S, VALUE_S
from nasrepro.suite.data import atomic_write
from nasrepro.suite.errors import NasreproError, ProtocolError
from nasrepro.suite.oracle import Dataset, answering, closed_to_methods
from nasrepro.suite.registry import original_images
from nasrepro.suite.space import Arch, Complexity, SearchSpace

#: torch reads one graph of operations at a time, and the runner examines in several threads.
_EXAMINING = threading.Lock()
#: Raise it whenever the same calls would give another answer.
VERSION = 2
#: A forward and a backward pass cost as much as so many forward passes.
BACKWARD = 3
#: Seconds of a layer's call, of a multiplication, of a number written; without gradients: the rates
#: of all trainings here.
COUNTED_AT = {
    "call": LAYER_S / BACKWARD,
    "mac": MAC_S / BACKWARD,
    "number": VALUE_S / BACKWARD,
}
#: What torch notes of an operation beside what it computes: paths, lines, addresses of objects.
_TRACED = ("stack_trace", "nn_module_stack", "source_fn_stack", "torch_fn", "from_node")
#: Images of a batch without gradients.
EVAL_BATCH = 200
#: CPU seconds of training between two checkpoints.
KEPT_EVERY_S = 2.0


@dataclass(frozen=True, slots=True, eq=False)
class Parts:
    """The images that a search may see, normalised.

    Attributes:
        train: padded by `shift` on each side, float32, (n, channels, side + 2 shift, the same); and
            labels, (n,).
        valid: not padded; and labels.
        shift: largest shift of a training image, pixels.
        flip: mirror half of the training images, at random.
    """

    train: tuple[Tensor, Tensor]
    valid: tuple[Tensor, Tensor]
    shift: int
    flip: bool


def digits_workshops(space: SearchSpace, recipe: Recipe) -> ImageWorkshops:
    """Workshops on digits, with the images that a recipe of the table digits201 trains on."""

    def parts() -> Parts:
        digits = load_digits(recipe)
        return Parts(digits.train, digits.valid, recipe.shift, flip=False)

    return ImageWorkshops(space, parts, lambda: load_digits(recipe).test, _nothing)


def image_workshops(
    space: SearchSpace, name: str, recipe: ImageRecipe, *, shrunk: int = 1
) -> ImageWorkshops:
    """Workshops on a set of images, as a recipe divides it; their sides are divided by `shrunk`."""
    unpadded = replace(recipe, shift=0)

    def small(images: Images, pixels: Tensor, pad: int = 0) -> Tensor:
        padded = F.pad(F.avg_pool2d(pixels.float(), shrunk), (pad,) * 4)
        return (padded - images.mean) / images.std

    def parts() -> Parts:
        images = read(name, unpadded, tested=False)
        (train, labels), (valid, valid_labels) = images.train, images.valid
        return Parts(
            (small(images, train, recipe.shift), labels),
            (small(images, valid), valid_labels),
            recipe.shift,
            recipe.flip,
        )

    def test() -> tuple[Tensor, Tensor]:
        images = read(name, unpadded)
        return small(images, images.test[0]), images.test[1]

    def held_out(data: str) -> NDArray[np.intp]:
        same = original_images(name) == original_images(data)
        return validated_on(name, recipe) if same else _nothing(data)

    return ImageWorkshops(space, parts, test, held_out, shrunk)


def _nothing(data: str) -> NDArray[np.intp]:
    return np.array([], dtype=np.intp)


class ImageWorkshops:
    """Workshops of one oracle; see `suite.oracle.Workshops`.

    Args:
        space: the oracle's, with the networks that are built.
        parts: reads what a search may see.
        test: reads the test part: images, not padded, and labels.
        held_out: gives the indices of a set's training part that the workshops validate on.
        shrunk: the sides of the data set's images, over those of the workshop's.
    """

    def __init__(
        self,
        space: SearchSpace,
        parts: Callable[[], Parts],
        test: Callable[[], tuple[Tensor, Tensor]],
        held_out: Callable[[str], NDArray[np.intp]],
        shrunk: int = 1,
    ) -> None:
        self.held_out = held_out
        self._space, self._parts, self._test, self._shrunk = space, parts, test, shrunk

    @contextlib.contextmanager
    def open(
        self,
        dataset: Dataset,
        rng: np.random.Generator,
        spend: Callable[[float, float], None],
        checkpoints: Path | None,
    ) -> Iterator[ImageWorkshop]:
        """A workshop for one search."""
        with answering():
            parts = self._parts()
        with one_thread():
            shop = ImageWorkshop(self._space, dataset.classes, parts, rng, spend, checkpoints)
            hook = register_module_forward_hook(shop.count)
            try:
                yield shop
                shop.book()
            finally:
                hook.remove()

    def packed(self, network: nn.Module, dataset: Dataset) -> bytes:
        """A trained network as data, for batches of `EVAL_BATCH` images."""
        if not isinstance(network, nn.Module):
            raise ProtocolError(
                f"the method returned {network!r:.80}; "
                "return an architecture, a trained network, or None"
            )
        side = dataset.size // self._shrunk
        shape = getattr(self._space, "in_channels", 3), side, side
        file = io.BytesIO()
        # the bars of an interpreted graph would start a thread, which ends the worker
        tqdm.monitor_interval = 0
        try:
            program = torch.export.export(network.eval(), (torch.zeros(EVAL_BATCH, *shape),))
            for node in program.graph.nodes:  # which file, line and object it was traced from
                for name in _TRACED:
                    node.meta.pop(name, None)
            torch.export.save(program, file)
        except Exception as error:  # torch has many ways of saying no
            raise ProtocolError(
                f"the network that the method returned cannot be written as a graph of torch's "
                f"operations ({type(error).__name__}: {str(error).splitlines()[0]})"
            ) from error
        return file.getvalue()

    def examine(self, packed: bytes, dataset: Dataset) -> dict[str, float]:
        """Test accuracy and size of a network that was handed back."""
        closed_to_methods("the test part")
        with _EXAMINING, one_thread(), torch.no_grad():
            program = torch.export.load(io.BytesIO(packed))
            network = program.module()
            images, labels = self._test()
            empty = -len(labels) % EVAL_BATCH
            padded = torch.cat([images, images.new_zeros(empty, *images.shape[1:])])
            logits = torch.cat([network(batch) for batch in padded.split(EVAL_BATCH)])
            right = int((logits[: len(labels)].argmax(1) == labels).sum())
            with FlopCounterMode(display=False) as counter:
                network(padded[:EVAL_BATCH])
        used = [
            program.state_dict[name]
            for node, name in program.graph_signature.inputs_to_parameters.items()
            if next(each for each in program.graph.nodes if each.name == node).users
        ]
        weights = [tensor for tensor in used if tensor.dim() > 1]
        total = max(1, sum(map(Tensor.numel, weights)))
        return {
            "test_accuracy": right / len(labels),
            "params": sum(map(Tensor.numel, used)),
            "macs": counter.get_total_flops() // 2 // EVAL_BATCH,
            "sparsity": sum(int((tensor == 0).sum()) for tensor in weights) / total,
            "weight_bits": sum(_bits(tensor) * tensor.numel() for tensor in weights) / total,
        }


def _bits(weights: Tensor) -> int:
    """Bits of a weight: 32, or those of an index where values stand at least twice each."""
    values = len(weights.unique())
    return 32 if 2 * values > weights.numel() else max(1, math.ceil(math.log2(values)))


class ImageWorkshop:
    """A workshop on images; see `suite.oracle.Workshop`.

    Args:
        space: with the networks that are built.
        classes: outputs of a network.
        parts: what the search may see.
        rng: the method's own.
        spend: books counted seconds and CPU seconds; raises BudgetExhausted.
        checkpoints: a folder of this run alone, or None.
    """

    def __init__(
        self,
        space: SearchSpace,
        classes: int,
        parts: Parts,
        rng: np.random.Generator,
        spend: Callable[[float, float], None],
        checkpoints: Path | None,
    ) -> None:
        self._space, self._parts, self._rng, self._spend = space, parts, rng, spend
        self._checkpoints, self._trainings, self._work_s = checkpoints, 0, 0.0
        self._cpu_s = time.process_time()
        self.classes = classes
        channels, side = parts.valid[0].shape[1:3]
        self.shape = (int(channels), int(side), int(side))
        self.images: Mapping[Literal["train", "valid"], int] = {
            "train": len(parts.train[1]),
            "valid": len(parts.valid[1]),
        }

    # -- counting ----------------------------------------------------------------------------------
    def count(self, module: nn.Module, inputs: Any, output: Any) -> None:
        """Count the call of a layer; called after each."""
        if not isinstance(output, Tensor) or next(module.children(), None) is not None:
            return
        macs = 0
        if isinstance(module, nn.Conv2d | nn.Linear):
            places = output.numel() // output.shape[1 if isinstance(module, nn.Conv2d) else -1]
            macs = module.weight.numel() * places
        seconds = (
            COUNTED_AT["call"] + COUNTED_AT["mac"] * macs + COUNTED_AT["number"] * output.numel()
        )
        self._work_s += seconds * (BACKWARD if output.requires_grad else 1)

    def book(self) -> float:
        """Book what was counted since the last time; counted seconds.

        Raises:
            BudgetExhausted: it does not fit.
        """
        work_s, self._work_s = self._work_s, 0.0
        now_s = time.process_time()
        cpu_s, self._cpu_s = now_s - self._cpu_s, now_s
        self._spend(work_s, cpu_s)
        return work_s

    # -- networks ----------------------------------------------------------------------------------
    @contextlib.contextmanager
    def seeded(self) -> Iterator[None]:
        """While this is open, torch draws by a seed from the method's generator."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(self._rng.integers(2**63)))
            yield

    def build(self, arch: Arch) -> nn.Module:
        """The network of an architecture, with new weights."""
        with self.seeded():
            return self._space.build(arch, classes=self.classes)

    def supernet(self) -> Any:
        """The supernet of the space, with new weights."""
        with self.seeded():
            return self._space.supernet(classes=self.classes)

    def measure(self, network: nn.Module) -> Complexity:
        """Parameters and MACs."""
        counted = self._work_s
        with (
            _modes_kept(network),
            torch.no_grad(),
            FlopCounterMode(display=False) as counter,
        ):
            network.eval()
            network(torch.zeros(1, *self.shape))
        self._work_s = counted
        params = sum(parameter.numel() for parameter in network.parameters())
        return Complexity(params, counter.get_total_flops() // 2)

    def work(self, seconds: float) -> None:
        """Record work that no layer does."""
        if not 0 <= seconds < math.inf:
            raise NasreproError(f"work of {seconds} s; give 0 or a positive number")
        self._work_s += seconds

    # -- images ------------------------------------------------------------------------------------
    def batches(
        self, part: Literal["train", "valid"], size: int, *, epochs: int = 1
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Images and labels in a new order each epoch."""
        images, labels = self._parts.train if part == "train" else self._parts.valid
        for _ in range(epochs):
            order = torch.from_numpy(self._rng.permutation(len(labels)))
            for chosen in order.split(size):
                batch = images[chosen]
                yield self._augmented(batch) if part == "train" else batch, labels[chosen]
                self.book()

    def _augmented(self, padded: Tensor) -> Tensor:
        offsets = self._rng.integers(2 * self._parts.shift + 1, size=(len(padded), 2))
        images = cropped(padded, torch.from_numpy(offsets), self.shape[-1])
        if not self._parts.flip:
            return images
        flips = torch.from_numpy(self._rng.random(len(padded)) < 0.5)
        return torch.where(flips[:, None, None, None], images.flip(3), images)

    # -- training ----------------------------------------------------------------------------------
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
        """Train in place; mean loss of each epoch."""
        named = dict(network.named_parameters())
        for name in (*frozen, *(masks or {})):
            if not any(each.startswith(name) for each in named):
                raise NasreproError(f"the network has no parameter {name}, nor one that begins so")
        still = tuple(frozen)
        learned = {n: p for n, p in named.items() if not n.startswith(still)} if still else named
        optimiser = torch.optim.SGD(
            learned.values(), learning_rate, 0.9, weight_decay=weight_decay, nesterov=True
        )
        self._trainings += 1
        checkpoint = self._checkpoints and self._checkpoints / f"{self._trainings}.pt"
        losses: list[float] = []
        spent_s, kept_s = 0.0, time.process_time()
        if checkpoint and checkpoint.exists():
            losses, spent_s = self._resumed(checkpoint, network, optimiser)
        self._masked(named, masks)
        with _modes_kept(network):
            network.train()
            for name, module in network.named_modules():
                if still and f"{name}.".startswith(still):
                    module.eval()
            for epoch in range(len(losses), epochs):
                share = 0.5 * (1 + math.cos(math.pi * epoch / epochs))
                optimiser.param_groups[0]["lr"] = learning_rate * (
                    share if schedule == "cosine" else 1
                )
                total = 0.0
                for images, labels in self.batches("train", batch):
                    if before is not None:
                        before()
                    loss = F.cross_entropy(network(images), labels)
                    total += loss.item() * len(labels)
                    if penalty is not None:
                        loss = loss + penalty(network)
                    optimiser.zero_grad()
                    loss.backward()
                    optimiser.step()
                    self._masked(named, masks)
                    spent_s += self.book()
                losses.append(total / self.images["train"])
                if checkpoint and time.process_time() - kept_s > KEPT_EVERY_S:
                    self._keep(checkpoint, network, optimiser, losses, spent_s)
                    kept_s = time.process_time()
        return losses

    @staticmethod
    def _masked(named: Mapping[str, nn.Parameter], masks: Mapping[str, Tensor] | None) -> None:
        with torch.no_grad():
            for name, mask in (masks or {}).items():
                named[name].mul_(mask)

    def validate(
        self, network: nn.Module, *, images: int = 0, statistics: Literal["own", "batch"] = "own"
    ) -> float:
        """Fraction of validation images that are classified right."""
        pixels, labels = (tensor[: images or None] for tensor in self._parts.valid)
        norms = list(_norms(network)) if statistics == "batch" else []
        tracked = [norm.track_running_stats for norm in norms]
        with _modes_kept(network), torch.no_grad():
            network.eval()
            for norm in norms:
                norm.train()
                norm.track_running_stats = False  # the batch's own, and nothing is remembered
            logits = torch.cat([network(batch) for batch in pixels.split(EVAL_BATCH)])
            for norm, before in zip(norms, tracked, strict=True):
                norm.track_running_stats = before
        self.book()
        return int((logits.argmax(1) == labels).sum()) / len(labels)

    def calibrate(self, network: nn.Module, *, images: int = 0) -> None:
        """Estimate the running statistics of all batch norms anew."""
        edge, side = self._parts.shift, self.shape[-1]
        pixels = self._parts.train[0][: images or None]
        pixels = pixels[:, :, edge : edge + side, edge : edge + side]
        norms = list(_norms(network))
        momenta = [norm.momentum for norm in norms]
        with _modes_kept(network), torch.no_grad():
            network.eval()
            for norm in norms:
                norm.reset_running_stats()
                norm.momentum = None  # the mean over batches
                norm.train()
            for batch in pixels.split(EVAL_BATCH):
                network(batch)
            for norm, momentum in zip(norms, momenta, strict=True):
                norm.momentum = momentum
        self.book()

    # -- checkpoints -------------------------------------------------------------------------------
    def _keep(
        self,
        path: Path,
        network: nn.Module,
        optimiser: torch.optim.Optimizer,
        losses: list[float],
        spent_s: float,
    ) -> None:
        """Write the state after an epoch, whole or not at all."""
        file = io.BytesIO()
        state = {
            "network": network.state_dict(),
            "optimiser": optimiser.state_dict(),
            "losses": losses,
            "spent_s": spent_s,
            "rng": json.dumps(self._rng.bit_generator.state),
            "torch": torch.get_rng_state(),
        }
        torch.save(state, file)
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(path) as temporary:
            temporary.write_bytes(file.getbuffer())

    def _resumed(
        self, path: Path, network: nn.Module, optimiser: torch.optim.Optimizer
    ) -> tuple[list[float], float]:
        """Take up a checkpoint: the losses of the epochs that it has, and what they cost."""
        try:
            state = torch.load(path, weights_only=True)
            network.load_state_dict(state["network"])
        except Exception as error:  # damaged, or of another network: train anew
            print(f"checkpoint {path} cannot be used ({error}); trained anew", file=sys.stderr)
            return [], 0.0
        optimiser.load_state_dict(state["optimiser"])
        self._rng.bit_generator.state = json.loads(state["rng"])
        torch.set_rng_state(state["torch"])
        self._work_s += state["spent_s"]
        self.book()
        return state["losses"], state["spent_s"]


def _norms(network: nn.Module) -> Iterator[nn.modules.batchnorm._BatchNorm]:
    return (
        module
        for module in network.modules()
        if isinstance(module, nn.modules.batchnorm._BatchNorm)
    )


@contextlib.contextmanager
def _modes_kept(network: nn.Module) -> Iterator[None]:
    """Afterwards each module is in training or evaluation mode as before."""
    modes = [(module, module.training) for module in network.modules()]
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training
