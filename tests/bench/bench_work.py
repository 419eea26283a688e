"""The reference rates of counted work, measured anew: seconds per layer, product and number.

    pytest tests/bench/bench_work.py

Random networks of three spaces are trained on digits, one seed each; what their epochs take is
fitted by the three counts, each network by its relative error.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.optimize import nnls

from nasrepro.oracles import digits201, shrinkcnn, trained_dense
from nasrepro.oracles.training import images, loop
from nasrepro.oracles.training.images import ImageLearner
from nasrepro.oracles.training.recipe import ImageRecipe
from nasrepro.oracles.training.work import LAYER_S, MAC_S, VALUE_S, counted

RECIPE = ImageRecipe(batch=64, train_images=384, valid_images=600, flip=False, shift=1)
NETWORKS, EPOCHS = 10, 3


def test_reference_rates(note: Callable[..., None]) -> None:
    rng, data, rows, seconds = np.random.default_rng(5), images.load("digits", RECIPE), [], []
    for space in (digits201.SPACE, shrinkcnn.SPACE, trained_dense.SPACE):
        for _ in range(NETWORKS):
            arch = space.canonical(space.sample(rng))
            network = space.build(arch, classes=10)
            learner = ImageLearner(lambda network=network: network, 0, RECIPE, data)
            with loop.one_thread():
                curves = loop.train(learner, RECIPE, until=EPOCHS, validated=())
            made = counted(space, arch, classes=10, size=8)
            examples, steps = learner.examples, -(-learner.examples // RECIPE.batch)
            rows.append([steps * made.layers, examples * made.macs, examples * made.values])
            seconds.append(curves.epoch_s.min())
    counts, took = np.array(rows, float), np.array(seconds)
    rates, _ = nnls(counts / took[:, None], np.ones(len(took)))
    errors = np.abs(counts @ [LAYER_S, MAC_S, VALUE_S] / took - 1)
    for name, rate, stated in zip(
        ("layer", "product", "number"), rates, (LAYER_S, MAC_S, VALUE_S), strict=True
    ):
        note(f"counted work, each {name}; stated {stated:.3g} s", float(rate))
    note(f"counted work, median error of the stated rates {np.median(errors):.0%}", took.sum())
    assert np.isfinite(errors).all()
