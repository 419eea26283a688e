"""Metrics of a network's topology, and models over them.

The models are the accuracy curve and linear models of what a network costs on a device.

NN-Mass is that of its authors' code (`model_zoo.py`) for cells that concatenate; 0 for a block
without a link is ours. NN-Degree and the curve are reconstructions: the text of FLASH was not read.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from nasrepro.suite.space import Arch, Block, SearchSpace

Values = NDArray[np.float64]


# -- metrics of topology ---------------------------------------------------------------------------
def nn_mass(blocks: Sequence[Block]) -> float:
    """NN-Mass (arXiv:1910.00780; authors' code).

    Density x width x depth of a cell that concatenates, summed over cells.

    A residual block, whose links add, has the sum of its input's and its output's channels
    (`BasicBlock`), or 0 without a link.
    """
    total = 0.0
    for block in blocks:
        if block.possible:
            total += block.links / block.possible * block.width * block.depth
        elif block.links:
            total += block.inputs + block.width
    return round(total, 9)  # so that equal sums of other terms tie, here and below


def nn_degree(blocks: Sequence[Block]) -> float:
    """NN-Degree (arXiv:2108.00568; our reconstruction).

    Width + skip links / (width x depth), summed over cells.
    """
    degree = sum(block.width + block.links / (block.width * block.depth) for block in blocks)
    return round(degree, 9)


def nn_degree_operators(blocks: Sequence[Block]) -> float:
    """NN-Degree with an operator term, an adaptation.

    Plus width x kernel areas / 9, so that a 3x3 counts 9 times a 1x1.
    """
    return round(nn_degree(blocks) + sum(block.width * block.kernels for block in blocks) / 9, 9)


def sum_of_widths(blocks: Sequence[Block]) -> float:
    """A control: channels, summed over cells."""
    return float(sum(block.width for block in blocks))


METRICS: Mapping[str, Callable[[Sequence[Block]], float]] = {
    each.__name__: each for each in (nn_degree, nn_degree_operators, nn_mass, sum_of_widths)
}


# -- accuracy --------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Curve:
    """theta(g) = shift + 1 / (a + b exp(c unit / g)); with b, c > 0 it rises with g and saturates.

    Attributes:
        a: at least 0.
        b: at least 0.
        c: below 0 the curve falls.
        unit: typical g, so that c is of order 1.
        shift: below the scores where these are not positive; else 0.
    """

    a: float
    b: float
    c: float
    unit: float
    shift: float = 0.0

    @property
    def rises(self) -> bool:
        """Whether a larger g predicts a score that is at least as good."""
        return round(self.b * self.c, 9) >= 0  # flat curves, too

    def __call__(self, g: Values | float) -> Values:
        """The predicted score, in the shape of `g`."""
        return _theta(g, self.unit, self.a, self.b, self.c) + self.shift


def _theta(g: Values | float, unit: float, a: float, b: float, c: float) -> Values:
    with np.errstate(divide="ignore"):
        exponent = np.clip(c * unit / np.maximum(g, 1e-12), -60, 60)
    return np.asarray(1 / np.maximum(a + b * np.exp(exponent), 1e-12))


def fit_curve(g: Values, score: Values) -> Curve:
    """Least squares of the three parameters on n samples.

    1 / theta is linear in a and b, so these are solved for on a grid of c (non-negative least
    squares), and the best of the grid is refined in all three. Where that does not converge, or is
    no better, the grid's best stands.

    Args:
        g: metric of topology, shape (n,).
        score: higher is better, shape (n,); values that are not finite are left out.
    """
    from scipy.optimize import least_squares, nnls

    fine = np.isfinite(score)
    g, score = g[fine], score[fine]
    shift = 0.0 if len(score) and score.min() > 0 else float(score.min(initial=0.0)) - 1
    y, unit = score - shift, float(np.median(g)) if len(g) else 1.0
    unit = unit or 1.0

    def residual(p: Sequence[float]) -> Values:
        return _theta(g, unit, *p) - y

    best, least = (1.0, 0.0, 1.0), np.inf
    for c in (1, 0.3, 3, 0.1, 10, 30, -1, -0.3, -3, -0.1, -10, -30):
        weight = y**2  # a small change of 1 / y is one of y times 1 / y^2
        rise = np.exp(np.clip(c * unit / np.maximum(g, 1e-12), -60, 60))
        (a, b), _ = nnls(np.stack([weight, weight * rise], axis=1), weight / y)
        cost = float((residual((a, b, c)) ** 2).sum())
        if cost < least * (1 - 1e-9):  # where all fit alike, the first
            best, least = (float(a), float(b), float(c)), cost
    bounds = ([0, 0, -60], [np.inf, np.inf, 60])
    try:
        found = least_squares(
            residual, best, bounds=bounds, x_scale=[max(abs(p), 1e-6) for p in best], max_nfev=200
        )
    except (ValueError, np.linalg.LinAlgError):  # a residual overflows
        found = None
    a, b, c = best if found is None or 2 * found.cost >= least * (1 - 1e-9) else found.x.tolist()
    return Curve(a, b, c, unit, shift)


@dataclass(frozen=True, slots=True)
class Linear:
    """A linear model: weights of features, which are scaled to at most 1 over the samples.

    The first feature is the constant 1.
    """

    weights: tuple[float, ...]
    scales: tuple[float, ...]

    def __call__(self, features: Values) -> Values:
        """Predictions, shape (...), for features (..., k)."""
        return np.asarray(features / np.array(self.scales) @ np.array(self.weights))


def fit_linear(features: Values, values: Values) -> Linear:
    """Least squares (of least norm where the features do not decide it) on n samples.

    Features (n, k), values (n,).
    """
    scales = np.abs(features).max(axis=0)
    scales[scales == 0] = 1.0
    fine = np.isfinite(values)
    weights = np.linalg.lstsq(features[fine] / scales, values[fine], rcond=None)[0]
    return Linear(tuple(weights.tolist()), tuple(scales.tolist()))


def block_features(blocks: Sequence[Block]) -> Values:
    """A control's features, shape (1 + 4 blocks,).

    They are 1 and the logarithms of each block's width, depth, links and kernels (plus 1).
    """
    return np.log1p(
        [
            math.e - 1,
            *(
                x
                for block in blocks
                for x in (block.width, block.depth, block.links, block.kernels)
            ),
        ]
    )


# -- costs on a device -----------------------------------------------------------------------------
def analytical(space: SearchSpace, arch: Arch, *, classes: int, size: int) -> list[float]:
    """Features of a device model.

    1, MACs, parameters, and operations (each moves a feature map).
    """
    made = space.complexity(arch, classes=classes, size=size)
    ops = space.graph(arch).ops
    return [1.0, float(made.macs), float(made.params), float(len(ops) - ops.count("none"))]


def operators(space: SearchSpace, arch: Arch, kinds: Sequence[str]) -> list[float]:
    """Features of a device model where widths are fixed.

    1, and how many operations there are of each kind.
    """
    ops = space.graph(arch).ops
    return [1.0, *(float(ops.count(kind)) for kind in kinds)]
