"""The training loop and the sets of images.

Interrupted and killed trainings go on bit by bit, archives are read as published.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import os
import pickle
import signal
import subprocess
import sys
import tarfile
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import nasrepro
from nasrepro.oracles import digits201, trained201, trained201_cifar10, trained201_cifar10_jpeg
from nasrepro.oracles.images import sets
from nasrepro.oracles.images.sets import DATASETS_VARIABLE, locate, originals
from nasrepro.oracles.spaces.cell201 import Cell201
from nasrepro.oracles.spaces.size import SizeSpace
from nasrepro.oracles.training import images, loop
from nasrepro.oracles.training import trainer as trained_images
from nasrepro.oracles.training.images import ImageLearner, cropped
from nasrepro.oracles.training.recipe import ImageRecipe, Recipe, Sgd
from nasrepro.oracles.training.work import LAYER_S, MAC_S, VALUE_S, counted
from nasrepro.oracles.training.workshop import image_workshops
from nasrepro.suite.errors import (
    BudgetExhausted,
    DataCorrupt,
    DataMissing,
    NasreproError,
    UnknownName,
)
from nasrepro.suite.registry import load_images
from nasrepro.suite.registry import oracles as registered
from nasrepro.suite.space import SearchSpace

SPACE = Cell201(channels=4, cells=1, in_channels=1)
ARCH = SPACE.parse(
    "|nor_conv_3x3~0|+|nor_conv_1x1~0|avg_pool_3x3~1|+|skip_connect~0|none~1|nor_conv_3x3~2|"
)
TINY = ImageRecipe(
    epochs=4, batch=32, train_images=96, valid_images=64, test_images=50, shift=1, flip=False
)
NETWORK = counted(SPACE, ARCH, classes=10, size=8)


@pytest.fixture(autouse=True)
def empty_handed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No data set of the user's."""
    for name in (DATASETS_VARIABLE, "TORCH_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NASREPRO_DATA", str(tmp_path / "cache"))
    images._load.cache_clear()


def learner(seed: int = 0, recipe: ImageRecipe = TINY) -> ImageLearner:
    return ImageLearner(
        lambda: SPACE.build(ARCH, classes=10), seed, recipe, images.load("digits", recipe)
    )


def trained(seed: int = 0, recipe: ImageRecipe = TINY, **given: Any) -> tuple[Any, ...]:
    """All that a training gives but its seconds."""
    made = learner(seed, recipe)
    with loop.one_thread():
        curves = loop.train(made, recipe, **given)
    return (
        curves.valid.tolist(),
        curves.train_loss.tolist(),
        [p.detach().numpy().tobytes() for p in made.parameters],
    )


# -- the loop
# --------------------------------------------------------------------------------------------------
def test_the_same_seed_gives_the_same_bits_and_another_seed_others() -> None:
    before = torch.get_rng_state()
    assert trained() == trained() != trained(1)
    assert torch.equal(torch.get_rng_state(), before)


def test_it_learns() -> None:
    recipe = replace(TINY, epochs=8, train_images=384)
    valid, loss, _ = trained(0, recipe)
    assert loss[0][-1] < 0.8 * loss[0][0] and valid[0][-1] > 0.3


@pytest.mark.parametrize("after", [1, 2, 3])
def test_a_training_interrupted_after_an_epoch_goes_on_bit_by_bit(
    tmp_path: Path, after: int
) -> None:
    def stop(done: float, total: int) -> None:
        if done == after:
            raise BudgetExhausted

    checkpoint, begun = tmp_path / "state.pt", []
    with pytest.raises(BudgetExhausted):
        trained(checkpoint=checkpoint, tell=stop)
    assert trained(checkpoint=checkpoint, tell=lambda done, total: begun.append(done)) == trained()
    assert begun == list(range(after, 5))


def test_fewer_epochs_are_the_beginning_of_the_same_schedule(tmp_path: Path) -> None:
    whole = trained()
    short = trained(until=2, checkpoint=tmp_path / "state.pt")
    assert short[:2] == tuple([row[:2] for row in curve] for curve in whole[:2])
    assert trained(checkpoint=tmp_path / "state.pt") == whole
    assert trained(until=2, checkpoint=tmp_path / "state.pt") == short, (
        "a longer training's state is of no use to a shorter one"
    )


@pytest.mark.parametrize("damage", [b"", b"no checkpoint", None])
def test_a_damaged_checkpoint_is_named_and_the_training_starts_anew(
    tmp_path: Path, damage: bytes | None, capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoint = tmp_path / "state.pt"
    trained(until=2, checkpoint=checkpoint)
    checkpoint.write_bytes(checkpoint.read_bytes()[:-2000] if damage is None else damage)
    assert trained(checkpoint=checkpoint) == trained()
    assert "state.pt cannot be read" in capsys.readouterr().err


KILLED = """
import sys
from pathlib import Path
sys.path.insert(0, {tests!r})
import os
os.environ.pop("NASREPRO_DATASETS", None)
from test_training import trained
def tell(done, total):
    if done == 2:
        Path(sys.argv[1]).touch()
        import time; time.sleep(60)
trained(checkpoint=Path(sys.argv[2]), tell=tell)
"""


def test_a_training_killed_in_the_middle_goes_on_bit_by_bit(tmp_path: Path) -> None:
    mark, checkpoint = tmp_path / "two", tmp_path / "state.pt"
    here = os.pathsep.join(
        [str(Path(nasrepro.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    )
    script = KILLED.format(tests=str(Path(__file__).parent))
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(mark), str(checkpoint)],
        env={**os.environ, "PYTHONPATH": here},
    )
    try:
        while not mark.exists():
            assert process.poll() is None
            time.sleep(0.02)
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    begun: list[float] = []
    assert trained(checkpoint=checkpoint, tell=lambda done, total: begun.append(done)) == trained()
    assert begun[0] == 2


def test_a_checkpoint_that_cannot_be_written_is_an_error_that_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(NasreproError, match="cannot write to"):
        trained(checkpoint=tmp_path / "file" / "state.pt")


def test_divergence_is_recorded() -> None:
    recipe = replace(TINY, epochs=2, learning_rate=1e30)
    found = loop.measured(learner(0, recipe), recipe, [0], NETWORK, until=2)
    last = found[2, 0]
    assert (
        math.isnan(last["train_loss"])
        and math.isnan(last["valid_accuracy"])
        and math.isnan(last["test_accuracy"])
    )
    assert last["cost_s"] == found[1, 0]["cost_s"] > 0, "after it, nothing is trained or paid"


def test_what_is_measured_grows_with_the_epochs_and_ends_with_the_test() -> None:
    threads = torch.get_num_threads()
    found = loop.measured(learner(), TINY, [7], NETWORK, until=4)
    assert sorted(found) == [(epoch, 7) for epoch in (1, 2, 3, 4)]
    assert ["test_accuracy" in found[epoch, 7] for epoch in (1, 2, 3, 4)] == [False] * 3 + [True]
    assert found[4, 7]["cost_s"] == pytest.approx(4 * NETWORK.epoch_s(96, 32))
    assert found[4, 7]["cpu_s"] > found[1, 7]["cpu_s"] > 0
    assert torch.get_num_threads() == threads


def test_the_work_of_a_training_by_hand() -> None:
    """Of a cell that is one skip, 4 channels, on images of 8x8 pixels.

    Layers: convolution and norm of the stem, norm, pooling, classifier.
    """
    text = "|none~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|"
    space = Cell201(channels=4, cells=1, stages=1, in_channels=1)
    network = counted(space, space.parse(text), classes=10, size=8)
    assert network.layers == 5 and network.macs == 9 * 4 * 64 + 4 * 10 + 10
    assert network.values == 3 * 4 * 64 + 4 + 10
    by_hand = 2 * 5 * LAYER_S + 50 * (network.macs * MAC_S + network.values * VALUE_S)
    assert network.epoch_s(50, 32) == pytest.approx(by_hand)


def test_the_optimiser_is_the_benchmark_s() -> None:
    """Two steps by hand.

    Nesterov momentum 0.9, weight decay 5e-4 (arXiv:2001.00326, Table 1; PyTorch's definition of
    SGD).
    """

    class Line:
        seeds, streams, buffers = 1, (), ()
        metric, examples = "accuracy", 1

        def __init__(self) -> None:
            self.parameters = [torch.tensor([1.0], dtype=torch.float64, requires_grad=True)]

        def batches(self) -> Any:
            return [(torch.ones(1, 1, dtype=torch.float64), torch.zeros(1, 1))]

        def losses(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
            return self.parameters[0] ** 2 * x

        def measure(self, part: str) -> np.ndarray[Any, Any]:
            return np.zeros(1, np.float32)

    line, recipe = Line(), Sgd(epochs=2)
    loop.train(line, recipe)
    weight, momentum = 1.0, 0.0
    for rate in (0.1, 0.05):
        gradient = 2 * weight + 5e-4 * weight
        momentum = 0.9 * momentum + gradient
        weight -= rate * (gradient + 0.9 * momentum)
    assert line.parameters[0].item() == pytest.approx(weight)


# -- images ----------------------------------------------------------------------------------------
def test_parts_do_not_overlap_and_are_normalised_by_the_training_images() -> None:
    whole = ImageRecipe(shift=0)
    data = images.load("digits", whole)
    assert [len(part[1]) for part in (data.train, data.valid, data.test)] == [384, 600, 813]
    pixels = torch.cat([part[0] for part in (data.train, data.valid, data.test)])
    parts = originals("digits")
    published = np.concatenate([part.images(np.arange(len(part.labels))) for part in parts])
    assert sorted(map(bytes, pixels.numpy())) == sorted(map(bytes, published))
    seen = (data.train[0] - data.mean) / data.std
    assert seen.mean().item() == pytest.approx(0, abs=1e-4) and seen.std().item() == pytest.approx(
        1, abs=1e-3
    )
    other = images.load("digits", replace(whole, split_seed=1))
    assert not torch.equal(other.train[0], data.train[0])


def test_more_images_than_there_are_cannot_be_asked_for() -> None:
    with pytest.raises(
        NasreproError,
        match=r"900 training and 100 validation images of digits's 384.*ask for fewer",
    ):
        images.load("digits", ImageRecipe(train_images=900, valid_images=100))


def test_crops_are_where_they_are_asked_for() -> None:
    pixels = torch.arange(2 * 3 * 5 * 5).view(2, 3, 5, 5)
    found = cropped(pixels, torch.tensor([[0, 2], [1, 0]]), 3)
    assert torch.equal(found[0], pixels[0, :, 0:3, 2:5]) and torch.equal(
        found[1], pixels[1, :, 1:4, 0:3]
    )


def test_batches_hold_every_image_once_cropped_and_flipped_anew() -> None:
    recipe = replace(TINY, flip=True, shift=0)
    made = learner(0, recipe)
    (pixels, labels), mean, std = made._data.train, made._data.mean, made._data.std
    kept = {bytes(image.numpy()) for image in pixels}
    flipped = {bytes(image.flip(2).contiguous().numpy()) for image in pixels}
    epochs = []
    for _ in range(2):
        seen = [(x, y) for x, y in made.batches()]
        assert [len(x) for x, _ in seen] == [32, 32, 32]
        back = torch.cat(
            [torch.round(x * std + mean).to(torch.uint8).contiguous() for x, _ in seen]
        )
        each = [bytes(image.contiguous().numpy()) for image in back]
        assert all(image in kept or image in flipped for image in each)
        assert 20 < sum(image in kept and image not in flipped for image in each) < 76
        assert sorted(torch.cat([y for _, y in seen]).flatten().tolist()) == sorted(labels.tolist())
        epochs.append(each)
    assert epochs[0] != epochs[1]


def fake_cifar(
    rng: np.random.Generator, count: int, classes: int
) -> tuple[np.ndarray[Any, Any], list[int]]:
    return rng.integers(0, 256, (count, 3072), dtype=np.uint8), rng.integers(
        0, classes, count
    ).tolist()


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sets of 50 training and 10 test images instead of 50,000 and 10,000."""
    reduced = {name: replace(each, train=50, test=10) for name, each in sets.SETS.items()}
    monkeypatch.setattr(sets, "SETS", reduced)


@pytest.mark.parametrize("form", ["folder", "tar", "binary"])
@pytest.mark.parametrize("name", ["cifar10", "cifar100"])
def test_archives_are_read_in_each_of_their_forms(
    name: str, form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small: None
) -> None:
    rng, classes, hundred = np.random.default_rng(0), sets.SETS[name].classes, name == "cifar100"
    files = (
        {"train": 50, "test": 10}
        if hundred
        else {**{f"data_batch_{k}": 10 for k in range(1, 6)}, "test_batch": 10}
    )
    made = {file: fake_cifar(rng, count, classes) for file, count in files.items()}
    folder = tmp_path / sets.SETS[name].places[2 if form == "binary" else 0]
    folder.mkdir()
    for file, (pixels, labels) in made.items():
        if form == "binary":
            marks = [np.zeros((len(labels), 1), np.uint8)] * hundred + [
                np.array(labels, np.uint8)[:, None]
            ]
            np.hstack([*marks, pixels]).tofile(folder / f"{file}.bin")
        else:
            (folder / file).write_bytes(
                pickle.dumps(
                    {"data": pixels, "fine_labels" if hundred else "labels": labels}, protocol=2
                )
            )
    if form == "tar":
        with tarfile.open(tmp_path / sets.SETS[name].places[1], "w:gz") as archive:
            archive.add(folder, folder.name)
        for file in folder.iterdir():
            file.unlink()
        folder.rmdir()
    monkeypatch.setenv(DATASETS_VARIABLE, str(tmp_path))
    (train_labels, train), (test_labels, test), _ = originals(name)
    *batches, last = made.values()
    assert (
        train_labels.tolist() == [label for _, labels in batches for label in labels]
        and test_labels.tolist() == last[1]
    )
    assert np.array_equal(
        train(np.arange(50)).reshape(50, -1), np.concatenate([pixels for pixels, _ in batches])
    )
    assert test(np.arange(10)).shape == (10, 3, 32, 32)


def test_the_first_120_classes_of_the_small_imagenet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small: None
) -> None:
    folder = tmp_path / "ImageNet16"
    folder.mkdir()
    pixels = np.random.default_rng(0).integers(0, 256, (10, 768), dtype=np.uint8)
    for name in [*(f"train_data_batch_{k}" for k in range(1, 11)), "val_data"]:
        labels = [1, 120, 121, 1000, 60] + ([5] * 5 if name == "val_data" else [999] * 3 + [2, 3])
        (folder / name).write_bytes(pickle.dumps({"data": pixels, "labels": labels}))
    monkeypatch.setattr(
        sets,
        "SETS",
        {**sets.SETS, "ImageNet16-120": replace(sets.SETS["ImageNet16-120"], train=50, test=8)},
    )
    monkeypatch.setenv(DATASETS_VARIABLE, str(tmp_path))
    (labels, chosen), (test_labels, _), _ = originals("imagenet16-120")
    assert labels[:5].tolist() == [0, 119, 59, 1, 2] and len(test_labels) == 8
    assert np.array_equal(chosen(np.array([2]))[0].ravel(), pixels[4])


def jpeg_file(path: Path, count: int = 60) -> np.ndarray[Any, Any]:
    import pyarrow as pa
    import pyarrow.parquet as pq
    from PIL import Image

    colours = np.random.default_rng(0).integers(0, 256, (count, 1, 1, 3), dtype=np.uint8)
    coded = []
    for colour in colours:
        file = io.BytesIO()
        Image.fromarray(np.broadcast_to(colour, (32, 32, 3))).save(file, "JPEG")
        coded.append(file.getvalue())
    split = ["test" if k % 6 == 0 else "train" for k in range(count)]
    pq.write_table(
        pa.table(
            {
                "split": split,
                "label": pa.array([k % 10 for k in range(count)], pa.int8()),
                "jpeg": coded,
            }
        ),
        path,
    )
    return colours


def test_the_lossy_copy_is_read_by_its_own_name_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small: None
) -> None:
    colours = jpeg_file(tmp_path / "cifar10_jpeg.parquet")
    monkeypatch.setenv(DATASETS_VARIABLE, str(tmp_path))
    (labels, train), (test_labels, test), _ = originals("CIFAR10_jpeg")
    assert (len(labels), len(test_labels)) == (50, 10) and labels[:6].tolist() == [1, 2, 3, 4, 5, 7]
    assert np.abs(train(np.array([0, 5])).mean((2, 3)) - colours[[1, 7], 0, 0]).max() < 4
    assert test(np.array([1])).shape == (1, 3, 32, 32)
    assert "lossy" in sets.SETS["cifar10_jpeg"].note
    assert (
        sets.sha256("cifar10_jpeg")
        == hashlib.sha256((tmp_path / "cifar10_jpeg.parquet").read_bytes()).hexdigest()
    )
    with pytest.raises(DataMissing, match="images of cifar10 are not installed"):
        locate("cifar10")


def test_batches_leave_out_what_an_oracle_validates_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small: None
) -> None:
    """CIFAR-10 has no validation part; the oracle's is drawn from the images to train on."""
    jpeg_file(tmp_path / "cifar10_jpeg.parquet")
    monkeypatch.setenv(DATASETS_VARIABLE, str(tmp_path))
    recipe = ImageRecipe(train_images=20, valid_images=15, split_seed=3)
    monkeypatch.setattr(trained201_cifar10, "RECIPE", recipe)
    oracle = registered.get("trained201_cifar10_jpeg").load()
    oracle.read_images = load_images
    held_out = oracle.held_out("cifar10_jpeg", "CIFAR10_JPEG")
    valid = images.load("cifar10_jpeg", recipe).valid
    train = originals("cifar10_jpeg").train
    assert np.array_equal(train.images(held_out), valid[0].numpy())
    assert sorted(train.labels[held_out]) == sorted(valid[1].tolist())
    ((_, labels),) = oracle.batches("cifar10_jpeg", size=35, data="cifar10_jpeg")
    rest = np.delete(train.labels, held_out)
    assert sorted(labels.tolist()) == sorted(rest.tolist())
    with pytest.raises(NasreproError, match="has 35 training images, 1 batches of 36 need more"):
        oracle.batches("cifar10_jpeg", size=36, data="cifar10_jpeg")


def test_batches_leave_out_what_a_workshop_validates_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small: None
) -> None:
    jpeg_file(tmp_path / "cifar10_jpeg.parquet")
    monkeypatch.setenv(DATASETS_VARIABLE, str(tmp_path))
    recipe = ImageRecipe(train_images=20, valid_images=15, split_seed=3)
    workshops = image_workshops(Cell201(), "cifar10_jpeg", recipe)
    held_out = workshops.held_out("CIFAR10_JPEG")
    assert np.array_equal(held_out, workshops.held_out("cifar10"))  # the same images
    valid = images.load("cifar10_jpeg", recipe).valid
    assert np.array_equal(originals("cifar10_jpeg").train.images(held_out), valid[0].numpy())
    assert not workshops.held_out("digits").size
    oracle = registered.get("digits201").load()
    oracle.workshops = workshops
    assert np.array_equal(oracle.held_out("digits", "cifar10_jpeg"), held_out)


def test_a_data_set_that_is_not_here_says_where_it_was_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    with pytest.raises(
        DataMissing,
        match=r"cifar-10-python.tar.gz.*cache/datasets.*torch.*set NASREPRO_DATASETS.*data fetch "
        r"cifar10",
    ):
        locate("cifar10")
    with pytest.raises(DataMissing, match="set NASREPRO_DATASETS"):
        registered.get("trained201_cifar10").load()
    with pytest.raises(UnknownName, match="did you mean 'cifar10'"):
        locate("cifar1")
    with pytest.raises(NasreproError, match="ImageNet16-120 cannot be downloaded"):
        sets.download("ImageNet16-120")


def test_an_archive_is_taken_from_the_mirror_and_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mirror, content = tmp_path / "mirror" / "~kriz" / "cifar-10-python.tar.gz", b"an archive"
    mirror.parent.mkdir(parents=True)
    mirror.write_bytes(content)
    monkeypatch.setenv("NASREPRO_MIRROR", str(tmp_path / "mirror"))
    with pytest.raises(DataCorrupt, match="has 10 bytes, expected 170498071"):
        sets.download("cifar10")
    file = replace(
        sets.ARCHIVES["cifar10"], sha256=hashlib.sha256(content).hexdigest(), bytes=len(content)
    )
    monkeypatch.setitem(sets.ARCHIVES, "cifar10", file)  # type: ignore[arg-type]
    found = sets.download("cifar10")
    assert found == locate("cifar10") and found.read_bytes() == content and mirror.exists()
    mirror.unlink()
    assert sets.download("cifar10") == found
    found.write_bytes(b"cut short")
    with pytest.raises(DataCorrupt, match="cut short"):
        sets.download("cifar10")


def test_what_is_no_archive_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small: None
) -> None:
    monkeypatch.setenv(DATASETS_VARIABLE, str(tmp_path))
    archive = tmp_path / "cifar-10-python.tar.gz"
    archive.write_bytes(b"cut short")
    with pytest.raises(DataCorrupt, match="not a whole archive"):
        originals("cifar10")
    folder = tmp_path / "cifar-10-batches-py"
    folder.mkdir()
    for name in [f"data_batch_{k}" for k in range(1, 6)] + ["test_batch"]:
        (folder / name).write_bytes(
            pickle.dumps({"data": np.zeros((3, 3072), np.uint8), "labels": [0, 1, 2]})
        )
    with pytest.raises(
        DataCorrupt, match=r"15 training images of classes 0\.\.2, cifar10 has 50 of 0\.\.9"
    ):
        originals("cifar10")
    (folder / "data_batch_3").write_bytes(b"cos\nsystem\n(S'true'\ntR.")
    with pytest.raises(DataCorrupt, match=r"names os\.system"):
        originals("cifar10")
    (folder / "data_batch_1").unlink()
    with pytest.raises(DataCorrupt, match="no file data_batch_1"):
        originals("cifar10")


# -- the oracles that train
# --------------------------------------------------------------------------------------------
def test_the_digits_oracle_trains_what_the_shipped_table_holds(tmp_path: Path) -> None:
    """Exact on the processor that the table was made on.

    Elsewhere no further away than another seed.
    """
    oracle, table = trained201.load(), digits201.load()
    arch = oracle.space.parse("|none~0|+|skip_connect~0|none~1|+|nor_conv_1x1~0|none~1|none~2|")
    found = oracle.query(arch, dataset="digits", epochs=30, seed=1).values
    stored = table.query(arch, dataset="digits", epochs=30, seed=1).values
    seeds = [
        table.query(arch, dataset="digits", epochs=30, seed=seed).values["test_accuracy"]
        for seed in (0, 1, 2)
    ]
    assert abs(found["test_accuracy"] - stored["test_accuracy"]) <= max(seeds) - min(seeds)
    assert (found["params"], found["macs"]) == (stored["params"], stored["macs"])
    assert oracle.answers == 90, "a training tells every epoch of its three seeds"
    assert oracle.query(arch, dataset="digits", epochs=3, seed=2).values[
        "valid_accuracy"
    ] == pytest.approx(
        table.query(arch, dataset="digits", epochs=3, seed=2).values["valid_accuracy"], abs=0.1
    )


def test_the_cifar_oracle_goes_on_where_a_shorter_training_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small: None
) -> None:
    jpeg_file(tmp_path / "cifar10_jpeg.parquet")
    monkeypatch.setenv(DATASETS_VARIABLE, str(tmp_path))
    recipe = ImageRecipe(epochs=3, batch=16, train_images=32, valid_images=16, test_images=10)
    monkeypatch.setattr("nasrepro.oracles.trained201_cifar10.RECIPE", recipe)
    oracle = trained201_cifar10_jpeg.load()
    told: list[float] = []
    kept = oracle._train
    monkeypatch.setattr(
        oracle,
        "_train",
        lambda training: kept(replace(training, tell=lambda done, _: told.append(done))),
    )
    short = oracle.query(oracle.space.at(5), dataset="cifar10_jpeg", epochs=1, seed=0).values
    whole = oracle.query(oracle.space.at(5), dataset="cifar10_jpeg", epochs=3, seed=0).values
    assert told == [0, 1, 1, 2, 3], "the second training begins after the first epoch"
    assert (
        "test_accuracy" in whole
        and "test_accuracy" not in short
        and whole["cost_s"] > short["cost_s"]
    )
    assert not list((oracle.folder / "checkpoints").iterdir())
    assert "lossy" in oracle.info.notes[0] and oracle.info.datasets[0].name == "cifar10_jpeg"


def test_recipes_are_the_published_ones() -> None:
    assert (
        asdict(Sgd()).items()
        >= {"learning_rate": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 5e-4}.items()
    )
    assert asdict(Recipe()).keys() > asdict(Sgd()).keys()
    assert asdict(ImageRecipe()).items() >= {"batch": 256, "flip": True, "shift": 4}.items()


def test_listing_oracles_that_train_imports_no_torch() -> None:
    code = (
        "import sys; from nasrepro.suite.registry import oracles; oracles.names(); "
        "sys.exit('torch' in sys.modules)"
    )
    here = str(Path(nasrepro.__file__).parents[1])
    assert subprocess.run([sys.executable, "-c", code], check=False, cwd=here).returncode == 0


# -- the command line
# --------------------------------------------------------------------------------------------------
def said(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of one command."""
    from nasrepro.__main__ import main

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["nasrepro", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
    return (int(ended.value.code or 0), *capsys.readouterr())


def test_one_network_on_the_command_line_is_that_of_the_shipped_table(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arch = "|none~0|+|skip_connect~0|none~1|+|nor_conv_1x1~0|none~1|none~2|"
    code, out, err = said(
        capsys,
        "train",
        "--space",
        "nasbench201",
        "--arch",
        arch,
        "--data",
        "DIGITS",
        "--seeds",
        3,
        "--out",
        tmp_path,
        "--json",
    )
    assert code == 0 and "training.png" in err, err
    document = json.loads(out)
    assert document == json.loads((tmp_path / "training.json").read_text())
    assert (tmp_path / "training.png").read_bytes().startswith(b"\x89PNG")
    assert (document["arch"], document["data"], document["epochs"], len(document["curves"])) == (
        arch,
        "digits",
        30,
        90,
    )
    table = digits201.load()
    for row in document["results"]:
        stored = table.query(
            table.space.parse(arch), dataset="digits", epochs=30, seed=row["seed"]
        ).values
        assert row["params"] == stored["params"] and row["test_accuracy"] == pytest.approx(
            stored["test_accuracy"], abs=0.15
        )


def test_a_network_of_another_skeleton_and_another_space(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    common = ["--data", "digits", "--epochs", 1, "--quiet", "--json"]
    code, out, _ = said(
        capsys,
        "train",
        "--space",
        "cell201",
        "--arch",
        5,
        "--stages",
        2,
        "--channels",
        4,
        "--batch",
        100,
        *common,
    )
    skeleton = Cell201(channels=4, cells=1, stages=2, in_channels=1)
    found = json.loads(out)["results"][0]
    assert (
        code == 0
        and found["params"] == skeleton.complexity(skeleton.at(5), classes=10, size=8).params
    )
    code, out, _ = said(
        capsys, "train", "--space", "natsbench_size", "--arch", "8:8:8:8:8", *common
    )
    assert code == 0 and 0 <= json.loads(out)["results"][0]["test_accuracy"] <= 1
    assert not list((tmp_path / "cache").rglob("*.pt"))


@pytest.mark.parametrize("space", [Cell201(), SizeSpace()], ids=["grouped", "one by one"])
def test_one_network_goes_on_where_it_was_stopped(space: SearchSpace, tmp_path: Path) -> None:
    def stop(done: float, total: int) -> None:
        if done == 2:
            raise BudgetExhausted

    begun: list[float] = []
    options = {"epochs": 3, "folder": tmp_path}
    with pytest.raises(BudgetExhausted):
        trained_images.train(space, space.at(5), "digits", [0, 1], tell=stop, **options)
    assert list(tmp_path.glob("*.pt"))
    found = trained_images.train(
        space, space.at(5), "digits", [0, 1], tell=lambda done, total: begun.append(done), **options
    )
    whole = trained_images.train(
        space, space.at(5), "digits", [0, 1], epochs=3, folder=tmp_path / "other"
    )
    assert begun[0] == 2 and not list(tmp_path.rglob("*.pt"))
    assert [{**values, "cpu_s": 0} for values in found.values()] == [
        {**values, "cpu_s": 0} for values in whole.values()
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("--space", "nasbench20", "--arch", 1, "--data", "digits"),
            "unknown space 'nasbench20'; did you mean 'nasbench201'",
        ),
        (("--space", "nasbench201", "--arch", "x", "--data", "digits"), "'x' has 1 edges"),
        (("--space", "nasbench201", "--arch", "²", "--data", "digits"), "'²' has 1 edges"),
        (
            ("--space", "nasbench201", "--arch", 15625, "--data", "digits"),
            "index 15625 is out of range",
        ),
        (
            ("--space", "nasbench201", "--arch", 1, "--data", "digit"),
            "unknown data set 'digit'; did you mean 'digits'",
        ),
        (
            ("--space", "nasbench201", "--arch", 1, "--data", "cifar10"),
            "the images of cifar10 are not installed",
        ),
        (
            ("--space", "natsbench_size", "--arch", 1, "--data", "digits", "--channels", 3),
            "networks of size have no setting channels",
        ),
        (
            ("--space", "nasbench201", "--arch", 1, "--data", "digits", "--device", "warp"),
            "torch cannot use the device 'warp'",
        ),
    ],
)
def test_what_cannot_be_trained_is_an_error_on_one_line(
    arguments: tuple[object, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = said(capsys, "train", *arguments, "--quiet")
    assert (code, out, len(err.splitlines())) == (2, "", 1) and message in err


def test_a_folder_that_cannot_be_written_is_an_error_on_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    wanted = (
        "--space",
        "nasbench201",
        "--arch",
        0,
        "--data",
        "digits",
        "--epochs",
        1,
        "--out",
        tmp_path / "file",
        "--quiet",
    )
    code, out, err = said(capsys, "train", *wanted)
    assert (code, out) == (2, "") and "cannot write to" in err


def test_the_table_is_trained_and_collected_on_the_command_line(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    import nasrepro.oracles.data

    shards, table = tmp_path / "shards", tmp_path / "digits201.parquet"
    code, _, err = said(capfd, "train-table", "digits201", "--out", shards, "--collect", table)
    assert code == 2 and "no trained cells" in err
    shipped = Path(nasrepro.oracles.data.__file__).parent / "digits201.parquet"
    code, out, _ = said(capfd, "train-table", "digits201", "--out", shards, "--unpack", shipped)
    assert code == 0 and "632 shards" in out
    assert said(capfd, "train-table", "nasbench201", "--out", shards)[2].startswith(
        "error: unknown table that this project trains"
    )
    assert (
        "not a list of numbers"
        in said(capfd, "train-table", "digits201", "--out", shards, "--seeds", "a")[2]
    )


def test_images_that_cannot_be_downloaded_say_so(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = said(capsys, "data", "fetch", "ImageNet16-120")
    assert code == 2 and "cannot be downloaded by this program" in err
    code, _, err = said(capsys, "data", "fetch", "cifar10")  # the tests have no network
    assert (
        code == 2
        and "cannot get ~kriz/cifar-10-python.tar.gz: no answer from https://www.cs.toronto.edu"
        in err
        and "Connect to the network" in err
    )
    code, _, err = said(capsys, "data", "fetch", "cifar10", "--if-reachable")
    assert (
        code == 0
        and "cifar10: left out, cannot get ~kriz/cifar-10-python.tar.gz: no answer from "
        "https://www.cs.toronto.edu"
        in err
    )
