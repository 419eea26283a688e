"""One network trained on a set of images.

What `oracles.training.loop` trains where there is no faster way.

Where a set has no validation part of its own, ours is drawn from its training part, by
`ImageRecipe.split_seed`; NAS-Bench-201 published its own split of CIFAR-10 (`cifar-split.txt`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nasrepro.oracles.images.sets import image_set, originals, sha256
from nasrepro.oracles.training.oracle import TrainedOracle, Training
from nasrepro.oracles.training.recipe import AdamRecipe, ImageRecipe, ImageSplit
from nasrepro.oracles.training.work import counted
from nasrepro.suite.errors import NasreproError
from nasrepro.suite.oracle import OracleInfo, closed_to_methods
from nasrepro.suite.registry import original_images
from nasrepro.suite.space import Arch, SearchSpace

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn


@dataclass(frozen=True, slots=True, eq=False)
class Images:
    """The three parts, and what normalises them.

    Attributes:
        train: images padded by the recipe's shift with black, uint8, (n, channels, side + 2 shift,
            side + 2 shift); and labels, (n,).
        valid: images, uint8, (n, channels, side, side); and labels.
        test: likewise.
        mean: of the training images, per channel, 0..255, (channels, 1, 1).
        std: likewise.
    """

    train: tuple[Tensor, Tensor]
    valid: tuple[Tensor, Tensor]
    test: tuple[Tensor, Tensor]
    mean: Tensor
    std: Tensor


def load(name: str, recipe: ImageSplit, device: str = "cpu") -> Images:
    """The parts of a data set that a recipe asks for, as `_load` gives them."""
    closed_to_methods(f"the set of images {name}")
    return _load(name, recipe, device)


@cache
def _load(name: str, recipe: ImageSplit, device: str = "cpu") -> Images:
    """As `read`; kept for the life of the process."""
    return read(name, recipe, device)


def read(name: str, recipe: ImageSplit, device: str = "cpu", *, tested: bool = True) -> Images:
    """The parts of a data set that a recipe asks for; without `tested`, no test image is read.

    Where the data set has a validation part, training and validation images are drawn each from its
    own; else both are drawn from its training part.

    Raises:
        DataMissing, DataCorrupt: as `originals`.
        NasreproError: the recipe asks for more images than there are.
    """
    import torch

    parts, rng = originals(name), np.random.default_rng(recipe.split_seed)
    pool, own = parts.train, parts.valid or parts.train
    half = len(pool.labels) // 2
    asked = (
        recipe.train_images or (len(pool.labels) if parts.valid else half),
        recipe.valid_images or (len(own.labels) if parts.valid else len(pool.labels) - half),
        recipe.test_images or len(parts.test.labels),
    )
    from_pool = asked[0] + (asked[1] if own is pool else 0)
    if (
        from_pool > len(pool.labels)
        or asked[1] > len(own.labels)
        or asked[2] > len(parts.test.labels)
    ):
        raise NasreproError(
            f"{asked[0]:,} training and {asked[1]:,} validation images of {name}'s "
            f"{len(pool.labels):,}, {asked[2]:,} test images of its {len(parts.test.labels):,}: "
            "that is more than there are; ask for fewer"
        )
    order = rng.permutation(len(pool.labels))
    train, valid = order[: asked[0]], order[asked[0] : asked[0] + asked[1]]
    if own is not pool:
        valid = rng.permutation(len(own.labels))[: asked[1]]
    test = np.sort(rng.permutation(len(parts.test.labels))[: asked[2] if tested else 0])
    images, labels = pool.images, pool.labels
    seen = images(train)
    mean, std = (
        torch.tensor(value, dtype=torch.float32, device=device)
        for value in (seen.mean((0, 2, 3)), seen.std((0, 2, 3)))
    )
    edge = recipe.shift
    padded = np.pad(seen, ((0, 0), (0, 0), (edge, edge), (edge, edge)))

    def part(pixels: NDArray[np.uint8], target: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
        return torch.from_numpy(np.ascontiguousarray(pixels)).to(device), torch.from_numpy(
            target
        ).to(device)

    return Images(
        part(padded, labels[train]),
        part(own.images(valid), own.labels[valid]),
        part(parts.test.images(test) if tested else seen[:0], parts.test.labels[test]),
        mean[:, None, None],
        std[:, None, None],
    )


def validated_on(name: str, recipe: ImageSplit) -> NDArray[np.intp]:
    """Indices of a set's training part that a recipe validates on.

    None where it has a part for it.
    """
    parts = originals(name)
    if parts.valid is not None:
        return np.array([], dtype=np.intp)
    order = np.random.default_rng(recipe.split_seed).permutation(len(parts.train.labels))
    first = recipe.train_images or len(order) // 2
    return order[first : first + (recipe.valid_images or len(order))]


def cropped(padded: Tensor, offsets: Tensor, side: int) -> Tensor:
    """Crop each image at its own offset.

    Args:
        padded: (n, channels, height, width).
        offsets: row and column of the crop's corner, (n, 2).
        side: of the crop.

    Returns:
        (n, channels, side, side).
    """
    import torch

    n, channels = padded.shape[:2]
    reach = torch.arange(side, device=padded.device)
    rows = (offsets[:, 0, None] + reach)[:, None, :, None]
    columns = (offsets[:, 1, None] + reach)[:, None, None, :]
    first, second = (
        torch.arange(n, device=padded.device),
        torch.arange(channels, device=padded.device),
    )
    return padded[first[:, None, None, None], second[None, :, None, None], rows, columns]


class ImageLearner:
    """One network with the initial weights, batches, crops and flips of one seed.

    See `oracles.training.loop.Learner`.

    Args:
        build: makes the network, with PyTorch's global generator seeded.
        seed: of everything random.
        recipe: the recipe.
        data: the images.
    """

    seeds, metric = 1, "accuracy"
    #: Images of an evaluation batch.
    eval_batch = 500

    def __init__(
        self,
        build: Callable[[], nn.Module],
        seed: int,
        recipe: ImageRecipe | AdamRecipe,
        data: Images,
    ) -> None:
        import torch

        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            network = build()
        self.network = network.to(data.mean.device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stub
        self.parameters: list[Tensor] = list(self.network.parameters())
        self.buffers: list[Tensor] = list(self.network.buffers())
        self.streams: list[torch.Generator] = [
            torch.Generator().manual_seed(1_000_003 * (seed + 1))
        ]  # apart from the weights
        self._recipe, self._data = recipe, data
        self.examples = len(data.train[1])

    def batches(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Images (batch, channels, side, side) and labels (batch, 1)."""
        import torch

        (padded, labels), edge, (stream,) = self._data.train, self._recipe.shift, self.streams
        order = torch.randperm(len(labels), generator=stream)
        offsets = torch.randint(0, 2 * edge + 1, (len(labels), 2), generator=stream)
        flips = torch.rand(len(labels), generator=stream) < (0.5 if self._recipe.flip else 0.0)
        device, side = padded.device, padded.shape[-1] - 2 * edge
        for start in range(0, len(labels), self._recipe.batch):
            step = slice(start, start + self._recipe.batch)
            chosen = order[step].to(device)
            images = cropped(padded[chosen], offsets[step].to(device), side)
            images = torch.where(
                flips[step].to(device)[:, None, None, None], images.flip(3), images
            )
            yield self._normalised(images), labels[chosen][:, None]

    def _normalised(self, images: Tensor) -> Tensor:
        import torch

        return ((images - self._data.mean) / self._data.std).contiguous(
            memory_format=torch.channels_last
        )

    def losses(self, images: Tensor, labels: Tensor) -> Tensor:
        """Cross-entropy, (batch, 1)."""
        import torch.nn.functional as F

        self.network.train()
        return F.cross_entropy(self.network(images), labels[:, 0], reduction="none")[:, None]

    def measure(self, part: str) -> NDArray[np.float32]:
        """Fraction of correct predictions, (1,)."""
        import torch

        images, labels = self._data.valid if part == "valid" else self._data.test
        self.network.eval()
        correct = 0
        with torch.no_grad():
            for x, y in zip(
                images.split(self.eval_batch), labels.split(self.eval_batch), strict=True
            ):
                correct += int((self.network(self._normalised(x)).argmax(1) == y).sum())
        return np.array([correct / len(labels)], np.float32)


def train(
    space: SearchSpace,
    arch: Arch,
    dataset: str,
    recipe: ImageRecipe | AdamRecipe,
    seed: int,
    *,
    until: int,
    checkpoint: Path | None = None,
    tell: Callable[[float, int], None] = lambda done, total: None,
    device: str = "cpu",
) -> dict[tuple[int, int], dict[str, float]]:
    """Train one network on a set of images; arguments and result as `loop.measured` has them."""
    from nasrepro.oracles.training.loop import measured

    known = image_set(dataset)
    learner = ImageLearner(
        lambda: space.build(arch, classes=known.classes),
        seed,
        recipe,
        load(known.name, recipe, device),
    )
    network = counted(space, arch, classes=known.classes, size=known.side)
    return measured(learner, recipe, [seed], network, until=until, checkpoint=checkpoint, tell=tell)


def opened(
    info: OracleInfo,
    recipe: ImageRecipe | AdamRecipe,
    seeds: Sequence[int],
    **determined_by: Any,
) -> TrainedOracle:
    """An oracle that trains the networks of its space on its data set, epoch by epoch.

    Args:
        info: its description; networks are trained on its first data set.
        recipe: of all trainings; every epoch of its schedule can be asked for.
        seeds: as in `TrainedOracle`.
        determined_by: what else determines an answer, the trainer's version first.
    """
    dataset = info.datasets[0].name

    def made(training: Training) -> Mapping[tuple[int, int], Mapping[str, float]]:
        return train(
            info.space,
            training.arch,
            dataset,
            recipe,
            training.seed,
            until=training.epochs,
            checkpoint=training.checkpoint,
            tell=training.tell,
        )

    def validation() -> NDArray[np.intp]:
        return validated_on(dataset, recipe)

    return TrainedOracle(
        info,
        made,
        epochs=range(1, recipe.epochs + 1),
        seeds=seeds,
        determined_by={"recipe": asdict(recipe), "data": sha256(dataset), **determined_by},
        held_out={original_images(dataset): validation},
    )
