"""A Gaussian process from scikit-learn.

Today's usual surrogate where evaluations are few (Rasmussen and Williams 2006).
"""

from __future__ import annotations

import random
import warnings

import numpy as np
from numpy.typing import NDArray

from nasrepro.methods.nets.dngo import Array


def predict_all(points: Array, rows: NDArray[np.intp], y: Array) -> tuple[Array, Array]:
    """Mean and variance of the noise-free function at all points, shape (n,) each.

    Noisy values at some of the points are given.

    Matern 5/2 with one length scale, a constant and noise, all by maximum likelihood; points are
    standardised over the whole space, values over those known.

    Args:
        points: shape (n, d).
        rows: the points that are known, shape (k,).
        y: their values, shape (k,).
    """
    state = random.getstate()  # the first import of scikit-learn's Gaussian processes draws from it
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel

    random.setstate(state)
    scale = points.std(0)
    X = (points - points.mean(0)) / np.where(scale > 0, scale, 1.0)
    kernel = ConstantKernel(1.0) * Matern(np.sqrt(X.shape[1]), (1e-2, 1e3), nu=2.5) + WhiteKernel(
        0.1, (1e-6, 1e1)
    )
    process = GaussianProcessRegressor(kernel, normalize_y=True, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", ConvergenceWarning
        )  # a length scale at its bound: said of every flat landscape
        process.fit(X[rows], y)
    mean, deviation = process.predict(X, return_std=True)
    noise = process.kernel_.k2.noise_level * max(float(y.std()), 1e-12) ** 2
    return mean, np.maximum(deviation**2 - noise, 1e-12)
