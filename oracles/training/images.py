"""Sets of images, and one network trained on them.

What `oracles.training.loop` trains where there is no faster way.

Data sets are looked for in the folders `NASREPRO_DATASETS`, `NASREPRO_DATA`/datasets and
`TORCH_HOME`, under the names of their official archives:

    cifar10         cifar-10-batches-py/, cifar-10-python.tar.gz, cifar-10-batches-bin/ or cifar-10-binary.tar.gz
    cifar100        cifar-100-python/, cifar-100-python.tar.gz, cifar-100-binary/ or cifar-100-binary.tar.gz
    ImageNet16-120  ImageNet16/: the first 120 classes of the 16x16 ImageNet, as NAS-Bench-201 uses
      it
    cifar10_jpeg    cifar10_jpeg.parquet (split, label, jpeg): CIFAR-10 after JPEG compression, so lossy; asked for by this name alone
    digits          comes with scikit-learn
    digits201       the same images, the 384 that digits201's networks were trained on as the training part

The split of CIFAR-10 into two halves is ours, by `ImageRecipe.split_seed`; NAS-Bench-201 published
its own (`cifar-split.txt`).
"""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nasrepro.oracles.training.recipe import ImageRecipe, Recipe
from nasrepro.suite.data import (
    SourceFile,
    atomic_write,
    cache_dir,
    check_file,
    fetch_file,
    sha256_file,
)
from nasrepro.suite.errors import DataCorrupt, DataMissing, NasreproError, UnknownName

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

#: A folder of the user's own data sets.
DATASETS_VARIABLE = "NASREPRO_DATASETS"


# -- where they are --------------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class ImageSet:
    """A data set as its publisher gives it.

    Attributes:
        name: official name.
        classes: number of them.
        side: height and width of an image, pixels.
        channels: 3, or 1 where grey.
        train: training images.
        test: test images.
        places: file or folder names that it is looked for under; the first one found is read.
        note: what a reader of the numbers must know.
    """

    name: str
    classes: int
    side: int
    channels: int
    train: int
    test: int
    places: tuple[str, ...] = ()
    note: str = ""


SETS: Mapping[str, ImageSet] = {
    each.name: each
    for each in (
        ImageSet("digits", 10, 8, 1, 984, 813, note="1,797 grey images of 8x8 pixels; no split of its own, ours is by a seed"),
        ImageSet("digits201", 10, 8, 1, 384, 1413, note="digits, with the training images of the table digits201; the rest as test part"),
        ImageSet(
            "cifar10", 10, 32, 3, 50_000, 10_000,
            ("cifar-10-batches-py", "cifar-10-python.tar.gz", "cifar-10-batches-bin", "cifar-10-binary.tar.gz"),
        ),
        ImageSet(
            "cifar10_jpeg", 10, 32, 3, 50_000, 10_000, ("cifar10_jpeg.parquet",), "lossy: CIFAR-10 after JPEG compression, not the original"
        ),
        ImageSet(
            "cifar100", 100, 32, 3, 50_000, 10_000,
            ("cifar-100-python", "cifar-100-python.tar.gz", "cifar-100-binary", "cifar-100-binary.tar.gz"),
        ),
        ImageSet("ImageNet16-120", 120, 16, 3, 151_700, 6_000, ("ImageNet16",)),
    )
}  # fmt: skip

_KRIZ = "https://www.cs.toronto.edu"
#: Official archives that can be downloaded.
ARCHIVES: Mapping[str, SourceFile] = {
    "cifar10": SourceFile(
        "~kriz/cifar-10-python.tar.gz",
        "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
        170_498_071,
        "no formal licence",
        _KRIZ,
    ),
    "cifar100": SourceFile(
        "~kriz/cifar-100-python.tar.gz",
        "85cd44d02ba6437773c5bbd22e183051d648de2e7d6b014e1ef29b855ba677a7",
        169_001_437,
        "no formal licence",
        _KRIZ,
    ),
}


def image_set(name: str) -> ImageSet:
    """The data set called `name`, in any case; raises UnknownName."""
    for each in SETS.values():
        if each.name.lower() == name.lower():
            return each
    raise UnknownName("data set of images", name, SETS)


def folders() -> list[Path]:
    """Where data sets are looked for."""
    given = [
        os.environ.get(DATASETS_VARIABLE, ""),
        str(cache_dir() / "datasets"),
        os.environ.get("TORCH_HOME", ""),
    ]
    return [Path(each).expanduser() for each in given if each]


def locate(name: str) -> Path | None:
    """Where a data set is; None for digits, which needs no place.

    Raises:
        UnknownName: there is no such data set.
        DataMissing: it is nowhere; the message says where it was looked for and how to get it.
    """
    known = image_set(name)
    if not known.places:
        return None
    for folder in folders():
        for place in known.places:
            if (folder / place).exists():
                return folder / place
    how = f"; or download it: nasrepro data fetch {known.name}" if known.name in ARCHIVES else ""
    raise DataMissing(
        f"the images of {known.name} are not here: none of {', '.join(known.places)} is in {', '.join(map(str, folders()))}. "
        f"Put it there, or set {DATASETS_VARIABLE} to the folder that has it{how}"
    )


def sha256(name: str) -> str:
    """Hash of the files that a data set is read from (of the images themselves, for digits)."""
    path = locate(name)
    if path is None:
        images, labels = _digits()
        return hashlib.sha256(images.tobytes() + labels.tobytes()).hexdigest()
    if path.is_file():
        return sha256_file(path)
    lines = [
        f"{file.name} {sha256_file(file)}" for file in sorted(path.iterdir()) if file.is_file()
    ]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def download(name: str) -> Path:
    """Put the official archive into the cache folder, from the mirror or downloaded, checked.

    Raises:
        NasreproError: this one cannot be downloaded.
        DataMissing, DataCorrupt: as for `suite.data.fetch_file`.
    """
    known = image_set(name)
    if known.name not in ARCHIVES:
        raise NasreproError(
            f"{known.name} cannot be downloaded by this program; put it into {folders()[0]} under the name {known.places[0]}"
        )
    file = ARCHIVES[known.name]
    target = cache_dir() / "datasets" / Path(file.path).name
    if target.exists():
        check_file(target, file)
        return target
    found = fetch_file(file)
    with atomic_write(target) as temporary:
        shutil.copyfile(found, temporary)
    if found.is_relative_to(cache_dir() / "sources"):  # downloaded: one copy is enough
        found.unlink()
    return target


# -- reading them ----------------------------------------------------------------------------------------------------------
#: Labels (n,), and the images (k, channels, side, side), uint8, of chosen indices (k,).
Part = tuple[NDArray[np.int64], Callable[[NDArray[np.intp]], NDArray[np.uint8]]]


def _whole(images: NDArray[np.uint8], labels: NDArray[np.int64]) -> Part:
    return labels, lambda chosen: images[chosen]


def _digits() -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    from sklearn.datasets import load_digits

    bunch = load_digits()
    return np.rint(bunch.images * (255 / 16)).astype(np.uint8)[:, None], bunch.target.astype(
        np.int64
    )


def originals(name: str) -> tuple[Part, Part]:
    """Training and test part of a data set as published.

    Raises:
        DataMissing: it is not here.
        DataCorrupt: a file is not what it must be.
    """
    known, path = image_set(name), locate(name)
    if path is None:
        images, labels = _digits()
        if known.name == "digits201":
            from nasrepro.oracles.training.digits import split

            train, *rest = split(Recipe())
            test = np.concatenate(rest)
        else:
            order = np.random.default_rng(201).permutation(
                len(labels)
            )  # the published order is by writer
            train, test = order[: known.train], order[known.train :]
        return _whole(images[train], labels[train]), _whole(images[test], labels[test])
    parts = _jpeg(path) if path.suffix == ".parquet" else _archive(known, path)
    for (labels, _), count, which in zip(
        parts, (known.train, known.test), ("training", "test"), strict=True
    ):
        if len(labels) != count or labels.min() < 0 or labels.max() >= known.classes:
            raise DataCorrupt(
                f"{path} has {len(labels):,} {which} images of classes {labels.min()}..{labels.max()}, "
                f"{known.name} has {count:,} of 0..{known.classes - 1}; get it again"
            )
    return parts


def _jpeg(path: Path) -> tuple[Part, Part]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path, columns=["split", "label", "jpeg"])
    except (pa.ArrowException, OSError, KeyError) as error:
        raise DataCorrupt(
            f"{path} is not the Parquet file of CIFAR-10 as JPEG ({error}); get it again"
        ) from error
    split = np.array(table["split"].to_pylist())
    labels, files = table["label"].to_numpy().astype(np.int64), table["jpeg"]

    def part(which: str) -> Part:
        rows = np.flatnonzero(split == which)

        def decoded(chosen: NDArray[np.intp]) -> NDArray[np.uint8]:
            from PIL import Image

            return np.stack(
                [
                    np.asarray(Image.open(io.BytesIO(files[int(row)].as_py())).convert("RGB"))
                    for row in rows[chosen]
                ]
            ).transpose(0, 3, 1, 2)

        return labels[rows], decoded

    return part("train"), part("test")


def _archive(known: ImageSet, path: Path) -> tuple[Part, Part]:
    """Python or binary batches, in a folder or in their archive."""
    if path.is_dir():
        return _batches(known, path)
    with tempfile.TemporaryDirectory() as folder:
        try:
            with tarfile.open(path) as archive:
                for member in archive:
                    file = archive.extractfile(member) if member.isfile() else None
                    if file is not None:
                        (Path(folder) / Path(member.name).name).write_bytes(file.read())
        except (tarfile.TarError, OSError, EOFError) as error:
            raise DataCorrupt(f"{path} is not a whole archive ({error}); get it again") from error
        return _batches(known, Path(folder))


def _batches(known: ImageSet, folder: Path) -> tuple[Part, Part]:
    def part(names: Sequence[str]) -> Part:
        files = [folder / name for name in names]
        for file in files:
            if not file.exists():
                raise DataCorrupt(f"{known.name} has no file {file.name} in {folder}; get it again")
        read = [
            _binary(known, file) if file.suffix == ".bin" else _pickled(known, file)
            for file in files
        ]
        return _whole(
            np.concatenate([images for images, _ in read]),
            np.concatenate([labels for _, labels in read]),
        )

    if known.name == "ImageNet16-120":
        return part([f"train_data_batch_{k}" for k in range(1, 11)]), part(["val_data"])
    ending = ".bin" if any(folder.glob("*.bin")) else ""
    if known.name == "cifar100":
        return part([f"train{ending}"]), part([f"test{ending}"])
    return part([f"data_batch_{k}{ending}" for k in range(1, 6)]), part([f"test_batch{ending}"])


def _pickled(known: ImageSet, file: Path) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    from nasrepro.oracles.convert.pickles import load_pickle

    batch: Any = load_pickle(file)
    try:
        images = np.asarray(batch["data"], np.uint8).reshape(
            -1, known.channels, known.side, known.side
        )
        labels = np.asarray(
            batch["fine_labels" if known.name == "cifar100" else "labels"], np.int64
        )
    except (KeyError, TypeError, ValueError) as error:
        raise DataCorrupt(
            f"{file} is no batch of {known.name} ({error!r}); get it again"
        ) from error
    if known.name == "ImageNet16-120":
        inside = labels <= known.classes  # counted from 1
        return images[inside], labels[inside] - 1
    return images, labels


def _binary(known: ImageSet, file: Path) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    marks, pixels = (
        (2 if known.name == "cifar100" else 1),
        known.channels * known.side**2,
    )  # CIFAR-100: coarse label, fine label
    raw = np.fromfile(file, np.uint8)
    if len(raw) % (marks + pixels):
        raise DataCorrupt(
            f"{file} has {len(raw):,} bytes, no multiple of {marks + pixels}: no batch of {known.name}; get it again"
        )
    rows = raw.reshape(-1, marks + pixels)
    return rows[:, marks:].reshape(-1, known.channels, known.side, known.side), rows[
        :, marks - 1
    ].astype(np.int64)


# -- as a training sees them -----------------------------------------------------------------------------------------------
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


@cache
def load(name: str, recipe: ImageRecipe, device: str = "cpu") -> Images:
    """The parts of a data set that a recipe asks for; kept for the life of the process.

    Raises:
        DataMissing, DataCorrupt: as `originals`.
        NasreproError: the recipe asks for more images than there are.
    """
    import torch

    (labels, images), (test_labels, test_images) = originals(name)
    half = len(labels) // 2
    asked = (
        recipe.train_images or half,
        recipe.valid_images or len(labels) - half,
        recipe.test_images or len(test_labels),
    )
    if asked[0] + asked[1] > len(labels) or asked[2] > len(test_labels):
        raise NasreproError(
            f"{asked[0]:,} training and {asked[1]:,} validation images of {name}'s {len(labels):,}, "
            f"{asked[2]:,} test images of its {len(test_labels):,}: that is more than there are; ask for fewer"
        )
    rng = np.random.default_rng(recipe.split_seed)
    order = rng.permutation(len(labels))
    train, valid = order[: asked[0]], order[asked[0] : asked[0] + asked[1]]
    test = np.sort(rng.permutation(len(test_labels))[: asked[2]])
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
        part(images(valid), labels[valid]),
        part(test_images(test), test_labels[test]),
        mean[:, None, None],
        std[:, None, None],
    )


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

    seeds = 1
    #: Images of an evaluation batch.
    eval_batch = 500

    def __init__(
        self, build: Callable[[], nn.Module], seed: int, recipe: ImageRecipe, data: Images
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

    def accuracy(self, part: str) -> NDArray[np.float32]:
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
