"""Gaussian processes with given kernel matrices, and what is chosen by them.

Rasmussen and Williams 2006, Eq. 2.23 to 2.30.
Prior mean 0 and variance 1, so targets are standardised. Decisions go by rounded values.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from nasrepro.suite.space import Arch

Array = NDArray[np.float64]
#: Noise variances that are tried: those that NAS-BOWL's code allows.
NOISES = tuple(np.geomspace(1e-5, 1e-2, 31).tolist())


class KernelProcess:
    """A Gaussian process on n points.

    Args:
        kernel: between the points, shape (n, n), positive semi-definite, diagonal 1.
        y: targets, shape (n,).
    """

    def __init__(self, kernel: Array, y: Array) -> None:
        self._values, self._vectors = np.linalg.eigh(kernel)
        self._values = np.maximum(self._values, 0)
        self._y = self._vectors.T @ y

    def log_likelihood(self, noise: float) -> float:
        """Log marginal likelihood of the targets, with a noise variance."""
        spectrum = self._values + noise
        fit = (self._y**2 / spectrum).sum()
        return -0.5 * float(fit + np.log(spectrum).sum() + len(spectrum) * np.log(2 * np.pi))

    @cached_property
    def likelihood(self) -> tuple[float, float]:
        """The largest log marginal likelihood over `NOISES`, to 6 decimals, and its noise."""
        return max((round(self.log_likelihood(noise), 6), noise) for noise in NOISES)

    def predict(self, cross: Array, noise: float) -> tuple[Array, Array]:
        """Mean and variance of the noise-free function, shape (m,) each.

        Args:
            cross: kernel of m points with those known, shape (m, n).
            noise: its variance.
        """
        projected = cross @ self._vectors
        spectrum = self._values + noise
        variance = 1 - (projected**2 / spectrum).sum(axis=1)
        return projected @ (self._y / spectrum), np.maximum(variance, noise)


def expected_improvement(mean: Array, variance: Array, best: float) -> Array:
    """Expected improvement over `best`, of a maximum, shape (n,)."""
    from scipy.stats import norm

    deviation = np.sqrt(variance)
    z = (mean - best) / deviation
    improvement: Array = (mean - best) * norm.cdf(z) + deviation * norm.pdf(z)
    return improvement


def best_improvements(
    kernels: Sequence[Array], y: Array, candidates: Sequence[Arch], count: int
) -> list[int]:
    """Places of the candidates of the largest expected improvement, one for each value of it.

    The kernel is the one of the largest marginal likelihood. What is to be improved is the target
    of the point with the highest posterior mean, as in NAS-BOWL's code.

    Args:
        kernels: of the n known points and then the m candidates with those known, shape (n + m, n)
            each.
        y: of the known points, to be maximised, shape (n,).
        candidates: to choose from, m of them.
        count: how many at most.
    """
    n = len(y)
    scaled = (y - y.mean()) / (float(y.std()) or 1.0)
    fitted = [(KernelProcess(kernel[:n], scaled), kernel) for kernel in kernels]
    process, cross = max(fitted, key=lambda pair: pair[0].likelihood[0])
    mean, variance = process.predict(cross, process.likelihood[1])
    best = float(scaled[int(np.argmax(mean[:n].round(9)))])
    gains = expected_improvement(mean[n:], variance[n:], best).round(9).tolist()
    first: dict[float, int] = {}
    for row in sorted(range(len(gains)), key=lambda row: candidates[row]):
        first.setdefault(gains[row], row)
    return [first[gain] for gain in sorted(first, reverse=True)[:count]]
