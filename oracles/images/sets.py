"""The sets of images that this project reads.

Data sets are looked for in the folders `NASREPRO_DATASETS`, `NASREPRO_DATA`/datasets and
`TORCH_HOME`, under the names of their official archives:

    cifar10         cifar-10-batches-py/, cifar-10-python.tar.gz, cifar-10-batches-bin/ or
                    cifar-10-binary.tar.gz
    cifar100        cifar-100-python/, cifar-100-python.tar.gz, cifar-100-binary/ or
                    cifar-100-binary.tar.gz
    ImageNet16-120  ImageNet16/: the first 120 classes of the 16x16 ImageNet, as NAS-Bench-201 uses
                    it
    cifar10_jpeg    cifar10_jpeg.parquet (split, label, jpeg): CIFAR-10 after JPEG compression, so
                    lossy; asked for by this name alone
    digits          comes with scikit-learn; one split, that of the table digits201, for all oracles
    digits201       another name of it, under which scores of digits201's networks are kept
"""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import tarfile
import tempfile
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasrepro.suite.data import (
    SourceFile,
    atomic_write,
    cache_dir,
    check_file,
    fetch_file,
    sha256_file,
)
from nasrepro.suite.errors import DataCorrupt, DataMissing, NasreproError, UnknownName
from nasrepro.suite.oracle import ImageParts, ImageSet, Part, closed_to_methods
from nasrepro.suite.registry import image_set as register

#: A folder of the user's own data sets.
DATASETS_VARIABLE = "NASREPRO_DATASETS"
#: The split of digits: images for training and for validation, the rest for testing; its seed.
DIGITS_TRAIN, DIGITS_VALID, DIGITS_SEED = 384, 600, 201

_SPLIT = "1,797 grey images of 8x8 pixels, in the split of the table digits201, stratified by class"

SETS: Mapping[str, ImageSet] = {
    each.name: each
    for each in (
        ImageSet("digits", 10, 8, 1, DIGITS_TRAIN, 813, DIGITS_VALID, note=_SPLIT),
        ImageSet("digits201", 10, 8, 1, DIGITS_TRAIN, 813, DIGITS_VALID, note=_SPLIT),
        ImageSet(
            "cifar10", 10, 32, 3, 50_000, 10_000, 0,
            (
                "cifar-10-batches-py", "cifar-10-python.tar.gz",
                "cifar-10-batches-bin", "cifar-10-binary.tar.gz",
            ),
        ),
        ImageSet(
            "cifar10_jpeg", 10, 32, 3, 50_000, 10_000, 0, ("cifar10_jpeg.parquet",),
            "lossy: CIFAR-10 after JPEG compression, not the original", copy_of="cifar10"
        ),
        ImageSet(
            "cifar100", 100, 32, 3, 50_000, 10_000, 0,
            (
                "cifar-100-python", "cifar-100-python.tar.gz",
                "cifar-100-binary", "cifar-100-binary.tar.gz",
            ),
        ),
        ImageSet("ImageNet16-120", 120, 16, 3, 151_700, 6_000, 0, ("ImageNet16",)),
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
        f"the images of {known.name} are not installed: none of "
        f"{', '.join(known.places)} is in {', '.join(map(str, folders()))}. "
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
            f"{known.name} cannot be downloaded by this program; put it into {folders()[0]} under "
            f"the name {known.places[0]}"
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


# -- reading them ----------------------------------------------------------------------------------
def _whole(images: NDArray[np.uint8], labels: NDArray[np.int64]) -> Part:
    return Part(labels, lambda chosen: images[chosen])


def _digits() -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    from sklearn.datasets import load_digits

    bunch = load_digits()
    return np.rint(bunch.images * (255 / 16)).astype(np.uint8)[:, None], bunch.target.astype(
        np.int64
    )


def split_digits(
    train_images: int, valid_images: int, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Rows of scikit-learn's digits for training, validation and test, stratified by class."""
    from sklearn.model_selection import train_test_split

    labels = _digits()[1]
    rest, train = train_test_split(
        np.arange(len(labels)), test_size=train_images, stratify=labels, random_state=seed
    )
    test, valid = train_test_split(
        rest, test_size=valid_images, stratify=labels[rest], random_state=seed
    )
    return train, valid, test


def originals(name: str) -> ImageParts:
    """The parts of a data set as published; of digits, those of the one split.

    Raises:
        DataMissing: it is not here.
        DataCorrupt: a file is not what it must be.
    """
    closed_to_methods(f"the set of images {name}")
    known, path = image_set(name), locate(name)
    if path is None:
        images, labels = _digits()
        train, valid, test = (
            _whole(images[rows], labels[rows])
            for rows in split_digits(DIGITS_TRAIN, DIGITS_VALID, DIGITS_SEED)
        )
        return ImageParts(train, test, valid)
    parts = _jpeg(path) if path.suffix == ".parquet" else _archive(known, path)
    for (labels, _), count, which in zip(
        parts, (known.train, known.test), ("training", "test"), strict=True
    ):
        if len(labels) != count or labels.min() < 0 or labels.max() >= known.classes:
            raise DataCorrupt(
                f"{path} has {len(labels):,} {which} images "
                f"of classes {labels.min()}..{labels.max()}, "
                f"{known.name} has {count:,} of 0..{known.classes - 1}; get it again"
            )
    return ImageParts(*parts)


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

        return Part(labels[rows], decoded)

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
            f"{file} has {len(raw):,} bytes, no multiple of {marks + pixels}: no batch of "
            f"{known.name}; get it again"
        )
    rows = raw.reshape(-1, marks + pixels)
    return rows[:, marks:].reshape(-1, known.channels, known.side, known.side), rows[
        :, marks - 1
    ].astype(np.int64)


for _known in SETS.values():
    register(_known, fetch=download if _known.places else None)(partial(originals, _known.name))
