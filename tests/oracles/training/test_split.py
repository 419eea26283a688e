"""One split of the digits for all oracles, and no way from a method to what an oracle tests on."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from nasrepro.oracles import trained_dense
from nasrepro.oracles.images.sets import (
    DIGITS_SEED,
    DIGITS_TRAIN,
    DIGITS_VALID,
    originals,
    split_digits,
)
from nasrepro.oracles.training import images
from nasrepro.oracles.training.digits import load_digits
from nasrepro.oracles.training.recipe import Recipe
from nasrepro.suite.errors import ProtocolError
from nasrepro.suite.oracle import answering, searching
from nasrepro.suite.registry import load_images, load_oracle, trainers

#: The oracles on digits, and the sets of images that fit their networks.
ORACLES = (
    "digits201",
    "trained201",
    "trained_dense",
    "shrinkcnn",
    "shrinkcnn_final",
    "workshop201",
    "workshop_size",
)
SETS = ("digits", "digits201")


def hashed(pixels) -> set[bytes]:
    """An image whatever its brightness was scaled to, (n, 1, 8, 8): its sixteenths."""
    flat = np.asarray(pixels, float).reshape(len(pixels), -1)
    low, high = flat.min(1, keepdims=True), flat.max(1, keepdims=True)
    return {row.tobytes() for row in np.rint(240 * (flat - low) / (high - low)).astype(np.uint8)}


def held_out(name: str) -> set[bytes]:
    """What an oracle validates and tests on."""
    if name == "trained_dense":
        data = images.load("digits", trained_dense.RECIPE)
        return hashed(data.valid[0]) | hashed(data.test[0])
    from sklearn.datasets import load_digits as published

    recipe = Recipe()
    _, *rest = split_digits(recipe.train_images, recipe.valid_images, recipe.split_seed)
    return hashed(published().images[np.concatenate(rest)])


@pytest.mark.parametrize("data", SETS)
@pytest.mark.parametrize("name", ORACLES)
def test_no_image_of_a_batch_is_validated_or_tested_on(name, data):
    ((seen, labels),) = load_oracle(name).batches("digits", size=DIGITS_TRAIN, data=data)
    assert len(hashed(seen)) == len(labels) == 384  # all that can be drawn, and no two alike
    unseen = held_out(name)
    assert len(unseen) > 600 and not hashed(seen) & unseen


def test_the_parts_of_the_one_split():
    assert (
        Recipe().train_images,
        Recipe().valid_images,
        Recipe().split_seed,
    ) == (DIGITS_TRAIN, DIGITS_VALID, DIGITS_SEED)
    parts = load_images("DIGITS")
    assert [len(part.labels) for part in parts] == [384, 813, 600]
    pixels = [hashed(part.images(np.arange(len(part.labels)))) for part in parts]
    assert sum(map(len, pixels)) == len(set.union(*pixels)) == 1797


# -- what is closed to a method
# -----------------------------------------------------------------------------
def trained(oracle):
    from nasrepro.oracles.training.digits import train

    recipe = Recipe(epochs=1)
    return train(oracle.space.at(0), [0], recipe, load_digits(recipe))


CHEATS = {
    "the trainer of digits": trained,
    "the digits": lambda oracle: load_digits(Recipe()),
    "a set of images": lambda oracle: originals("digits"),
    "the parts of a set": lambda oracle: images.load("digits", trained_dense.RECIPE),
    "another oracle": lambda oracle: load_oracle("trained201").query(
        oracle.space.at(0), dataset="digits", epochs=30
    ),
    "a trainer by its name": lambda oracle: trainers.get("images").train(
        oracle.space, oracle.space.at(0), "digits", [0], folder=Path("nowhere"), epochs=1
    ),
}


@pytest.mark.parametrize("name", CHEATS)
def test_a_method_cannot_train_or_read_images_past_its_session(name):
    oracle = load_oracle("digits201")
    images.load("digits", trained_dense.RECIPE)  # read before, so that it is in memory
    with searching(), pytest.raises(ProtocolError, match="during a search"):
        CHEATS[name](oracle)
    # but what the session gives comes from the same images
    with searching():
        assert len(oracle.batches("digits", size=4)[0][1]) == 4


@pytest.mark.parametrize("name", CHEATS)
def test_nor_can_a_thread_that_it_starts(name):
    """Also while an oracle works on an answer: what is open to it is not open to other threads."""
    oracle = load_oracle("digits201")
    with searching(), answering(), ThreadPoolExecutor(1) as pool:
        cheat = pool.submit(CHEATS[name], oracle)
        with pytest.raises(ProtocolError, match="during a search"):
            cheat.result()
