"""DNGO: Bayesian linear regression on the features of a small network.

This is the model of Snoek et al. (ICML 2015, arXiv:1502.05700), as arch2vec uses it.

    phi(x) = tanh(x W + b), 128 units
    W, b, v, c <- Adam on mean (phi(x) v + c - y)^2, 100 epochs, batches of 10
    K = beta Phi^T Phi + alpha I;   m = beta K^-1 Phi^T y         (Bishop 2006, Eq. 3.53 and 3.54)
    alpha, beta <- argmax of the evidence p(y | alpha, beta), by Nelder-Mead    (Bishop, Eq. 3.86)
    prediction: mean phi m, variance 1 / beta + phi K^-1 phi^T         (Bishop, Eq. 3.58 and 3.59)

numpy alone: the network is so small that calling torch would cost more than the arithmetic.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
#: log alpha and log 1/beta are kept within these bounds.
BOUND = 10.0


@dataclass(frozen=True, eq=False)
class LinearPosterior:
    """Bayesian linear regression with a given prior and noise.

    Attributes:
        mean: m, posterior mean of the weights, shape (d,).
        basis: right singular vectors of the features, (d, r); outside their span the posterior is
            the prior.
        precision: eigenvalues of K on `basis`, (r,).
        alpha: precision of the prior.
        beta: precision of the noise.
    """

    mean: Array
    basis: Array
    precision: Array
    alpha: float
    beta: float

    def predict(self, features: Array) -> tuple[Array, Array]:
        """Mean and variance at features of shape (n, d), shape (n,) each."""
        inside = (features @ self.basis) ** 2
        outside = np.maximum((features**2).sum(1) - inside.sum(1), 0.0)
        return features @ self.mean, 1 / self.beta + inside @ (
            1 / self.precision
        ) + outside / self.alpha


def evidence(features: Array, y: Array, *, squared: bool = True) -> Callable[[float, float], float]:
    """The log evidence as a function of (alpha, beta).

    One singular value decomposition serves all its calls.

    Args:
        features: Phi, shape (n, d).
        y: targets, shape (n,).
        squared: whether the misfit is squared, as Bishop's is; the authors' library (pybnn) leaves
            out the square.
    """
    left, singular, _ = np.linalg.svd(features, full_matrices=False)
    squares, inside = singular**2, left.T @ y
    outside = float(y @ y - inside @ inside)
    n, d = features.shape

    def log_evidence(alpha: float, beta: float) -> float:
        precision = beta * squares + alpha
        fitted = beta * squares * inside / precision
        misfit = outside + ((inside - fitted) ** 2).sum()
        if not squared:
            misfit = np.sqrt(misfit)
        size = ((beta * singular * inside / precision) ** 2).sum()
        log_det = np.log(precision).sum() + (d - len(squares)) * np.log(alpha)
        return 0.5 * float(
            d * np.log(alpha)
            + n * np.log(beta)
            - n * np.log(2 * np.pi)
            - beta * misfit
            - alpha * size
            - log_det
        )

    return log_evidence


def posterior(features: Array, y: Array, alpha: float, beta: float) -> LinearPosterior:
    """Bayesian linear regression of y on features, with given precisions.

    y has shape (n,), the features shape (n, d).
    """
    left, singular, right = np.linalg.svd(features, full_matrices=False)
    precision = beta * singular**2 + alpha
    return LinearPosterior(
        right.T @ (beta * singular * (left.T @ y) / precision), right.T, precision, alpha, beta
    )


def fitted_posterior(
    features: Array, y: Array, rng: np.random.Generator, *, squared: bool = True
) -> LinearPosterior:
    """The same with the precisions of the largest evidence; see `evidence`.

    Found from a start drawn as in the authors' library (pybnn).
    """
    from scipy.optimize import fmin

    log_evidence = evidence(features, y, squared=squared)

    def cost(logs: Array) -> float:
        return (
            float("inf")
            if np.abs(logs).max() > BOUND
            else -log_evidence(float(np.exp(logs[0])), float(np.exp(-logs[1])))
        )

    logs = fmin(cost, np.array([rng.normal(0, 1), rng.normal(-3, 1)]), disp=False)
    return posterior(features, y, float(np.exp(logs[0])), float(np.exp(-logs[1])))


def train_features(
    X: Array,
    y: Array,
    rng: np.random.Generator,
    *,
    units: int = 128,
    epochs: int = 100,
    batch: int = 10,
    learning_rate: float = 0.01,
) -> tuple[Array, Array]:
    """W, shape (d, units), and b, shape (units,), of the network fitted to X and y.

    X has shape (n, d), y shape (n,).

    A last batch that is not full is left out of an epoch, as in the authors' library.
    """
    (n, d), size = X.shape, min(batch, len(X))
    theta = np.empty(
        d * units + 2 * units + 1
    )  # all weights in one array, so that Adam is a few operations
    gradient = np.empty_like(theta)
    parts = (d * units, d * units + units, d * units + 2 * units)
    W, b, v, c = np.split(theta, parts)
    gW, gb, gv, gc = np.split(gradient, parts)
    theta[: parts[1]] = rng.uniform(-1, 1, parts[1]) / np.sqrt(d)  # torch's default initialisation
    theta[parts[1] :] = rng.uniform(-1, 1, units + 1) / np.sqrt(units)
    W, gW = W.reshape(d, units), gW.reshape(d, units)
    first, second, step = np.zeros_like(theta), np.zeros_like(theta), 0
    for _ in range(epochs):
        order = rng.permutation(n)
        for start in range(0, n - size + 1, size):
            rows = order[start : start + size]
            x, h = X[rows], np.tanh(X[rows] @ W + b)
            error = (2 / size) * (h @ v + c - y[rows])
            dh = error[:, None] * v * (1 - h * h)
            np.matmul(x.T, dh, out=gW)
            gb[:], gv[:], gc[:] = dh.sum(0), error @ h, error.sum()
            step += 1
            first += 0.1 * (gradient - first)
            second += 0.001 * (gradient * gradient - second)
            theta -= (
                learning_rate
                / (1 - 0.9**step)
                * first
                / (np.sqrt(second / (1 - 0.999**step)) + 1e-8)
            )
    return W, b


def predict_all(
    points: Array,
    rows: NDArray[np.intp],
    y: Array,
    rng: np.random.Generator,
    *,
    squared: bool = True,
) -> tuple[Array, Array]:
    """Mean and variance at all points, shape (n,) each, by a DNGO.

    It is trained from scratch on some of the points.

    Args:
        points: shape (n, d).
        rows: the points that are known, shape (k,).
        y: their values, shape (k,).
        rng: random generator.
        squared: see `evidence`.
    """
    centre, scale = points[rows].mean(0), points[rows].std(0)
    X = (points - centre) / np.where(scale > 0, scale, 1.0)
    W, b = train_features(X[rows], y, rng)
    features = np.tanh(X @ W + b)
    return fitted_posterior(features[rows], y, rng, squared=squared).predict(features)
