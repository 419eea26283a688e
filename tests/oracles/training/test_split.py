"""One split of the digits for all oracles, and no way from a method to what an oracle tests on."""

from __future__ import annotations

import numpy as np
import pytest

from nasrepro.oracles import trained_dense
from nasrepro.oracles.images.sets import DIGITS_SEED, DIGITS_TRAIN, DIGITS_VALID, split_digits
from nasrepro.oracles.training import images
from nasrepro.oracles.training.recipe import Recipe
from nasrepro.suite.registry import load_images, load_oracle

#: The oracles on digits, and the sets of images that fit their networks.
ORACLES = ("digits201", "trained201", "trained_dense", "shrinkcnn")
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
    from sklearn.datasets import load_digits

    recipe = Recipe()
    _, *rest = split_digits(recipe.train_images, recipe.valid_images, recipe.split_seed)
    return hashed(load_digits().images[np.concatenate(rest)])


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
