"""Gaussian processes with given kernels, against scikit-learn and by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF

from nasrepro.methods.nets.kernel_process import (
    NOISES,
    KernelProcess,
    best_improvements,
    expected_improvement,
)
from nasrepro.suite.space import Arch


def test_posterior_and_likelihood_are_those_of_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    inputs, others, y = rng.random((12, 3)), rng.random((5, 3)), rng.standard_normal(12)
    noise = 1e-3
    theirs = GaussianProcessRegressor(RBF(0.7), alpha=noise, optimizer=None).fit(inputs, y)
    ours = KernelProcess(RBF(0.7)(inputs), y)
    mean, deviation = theirs.predict(others, return_std=True)
    found_mean, variance = ours.predict(RBF(0.7)(others, inputs), noise)
    np.testing.assert_allclose(found_mean, mean, atol=1e-6)
    np.testing.assert_allclose(variance, np.maximum(deviation**2, noise), atol=1e-6)
    assert ours.log_likelihood(noise) == pytest.approx(theirs.log_marginal_likelihood_value_)
    assert ours.likelihood == max((round(ours.log_likelihood(each), 6), each) for each in NOISES)


def test_expected_improvement_by_hand() -> None:
    """Mean 1, deviation 2 over 0: z = 0.5; and a mean at the best: deviation / sqrt(2 pi)."""
    gains = expected_improvement(np.array([1.0, 0.0]), np.array([4.0, 1.0]), 0.0)
    assert gains == pytest.approx([norm.cdf(0.5) + 2 * norm.pdf(0.5), 1 / np.sqrt(2 * np.pi)])


def test_candidates_of_one_and_the_same_improvement_count_once_in_canonical_order() -> None:
    """Two known points; candidates 0 and 2 are the same to the kernel, 1 is the worse point."""
    points = np.array([0.0, 1.0, 0.6, 0.0, 0.6])
    kernel = np.exp(-np.abs(points[:, None] - points[:2]))
    candidates = [Arch("toy", (2,)), Arch("toy", (0,)), Arch("toy", (1,))]
    assert best_improvements([kernel], np.array([0.0, 1.0]), candidates, 5) == [2, 1]
    assert best_improvements([kernel], np.array([0.0, 1.0]), candidates, 1) == [2]


def test_the_likeliest_kernel_is_taken() -> None:
    """Equal targets of points that one kernel takes for the same, and unequal ones of others."""
    same = np.array([[1, 1, 0, 1.0], [1, 1, 0, 1], [0, 0, 1, 0], [1, 1, 0, 1]])
    candidates, y = [Arch("toy", (0,))], np.array([0.0, 0.0, 1.0])
    flat = np.eye(4)
    fitted = {
        name: KernelProcess(kernel[:3, :3], (y - y.mean()) / y.std()).likelihood[0]
        for name, kernel in (("same", same), ("flat", flat))
    }
    assert fitted["same"] > fitted["flat"]
    assert best_improvements([flat[:, :3], same[:, :3]], y, candidates, 1) == [0]
