"""BOHB (Falkner, Klein, Hutter; ICML 2018, arXiv:1807.01774; their code: HpBandSter).

    Hyperband, but once there is a model, new architectures come from it with probability 1 - rho:
        good, bad <- the best 15 % of what was trained for the longest length with enough points,
          and the others; l, g <- kernel density estimates of the two
        draw 64 times: a point of good, each decision kept with probability 1 - bandwidth, else
          uniform
        the draw of largest l / g

Deviations:
    - Follows the authors' code where it differs from the paper: brackets start
      floor((S + 1) / (s + 1)) * eta^s; a density is fitted from decisions + 1 points each; what is
      trained shorter than the model's length no longer counts.
    - Aitchison-Aitken kernels with the bandwidth of the normal reference rule on option numbers, as
      in statsmodels, which the authors use. The number of options is the space's (statsmodels takes
      those that occur, and divides by zero where one does), and bandwidths end at
      (options - 1) / options, where the kernel is uniform (the rule passes 1, and the authors'
      densities turn negative).
    - A draw that is no architecture is left out; of none, a random architecture stands for it.
    - A rung waits for its last training (the authors' code starts the next bracket meanwhile).
    - Density ratios are compared to 9 digits; of equal ones, the first.
"""

import contextlib

import numpy as np

from nasrepro.methods.nets.halving import brackets as brackets_of
from nasrepro.methods.nets.halving import halve, rungs
from nasrepro.suite.errors import InvalidArch
from nasrepro.suite.registry import method


@method(
    "bohb",
    paper="arXiv:1807.01774",
    at_least={"eta": 2},
    eta=3,
    brackets="hpbandster",
    shortest=1,
    workers=1,
    rho=1 / 3,
    top=15,
    draws=64,
    min_bandwidth=1e-3,
)
def search(session, rng, *, eta, brackets, shortest, workers, rho, top, draws, min_bandwidth):
    """Hyperband with a density model.

    Args:
        session: the search session.
        rng: random generator.
        eta: one in so many goes on.
        brackets: "li" or "hpbandster", how many architectures start.
        shortest: no training below so many epochs.
        workers: trainings at a time (simulated).
        rho: share of random architectures.
        top: percent that are good.
        draws: candidates for each new architecture.
        min_bandwidth: of the kernels.
    """
    lengths = rungs(session.fidelities, eta, shortest)
    model = _Model(session.space, rng.spawn(1)[0], top, min_bandwidth)

    def draw():
        if model.ready and model.rng.random() >= rho:
            with session.charge("predictor"):
                if (arch := model.best_of(draws)) is not None:
                    return arch
        return session.space.sample(rng)

    while True:
        for count, first in brackets_of(len(lengths), eta, brackets):
            halve(
                session,
                count,
                lengths[first:],
                eta=eta,
                workers=workers,
                draw=draw,
                tell=model.add,
            )


class _Model:
    """Densities of the good and of the bad, for the longest training length with enough points.

    Its generator is its own, so that random architectures are Hyperband's.
    """

    def __init__(self, space, rng, top, min_bandwidth):
        self.space, self.rng, self.top, self.min_bandwidth = space, rng, top, min_bandwidth
        self.codes, self.scores = {}, {}
        self.epochs, self.densities = 0, tuple[Density, ...]()

    @property
    def ready(self):
        return bool(self.densities)

    def add(self, done):
        if done.epochs < self.epochs:
            return
        codes = self.codes.setdefault(done.epochs, [])
        scores = self.scores.setdefault(done.epochs, [])
        codes.append(done.arch.code)
        scores.append(done.score)
        least = len(self.space.cardinalities) + 1
        good = max(least, self.top * len(codes) // 100)
        bad = max(least, (100 - self.top) * len(codes) // 100)
        if len(codes) < good + least:
            return
        ranked = np.array(codes)[np.argsort(-np.array(scores), kind="stable")]
        self.epochs = done.epochs
        self.densities = tuple(
            Density(points, self.space.cardinalities, self.min_bandwidth)
            for points in (ranked[:good], ranked[good : good + bad])
        )

    def best_of(self, draws):
        good, bad = self.densities
        drawn, archs = good.draw(draws, self.rng), {}
        for row, code in enumerate(drawn):
            with contextlib.suppress(InvalidArch):
                archs[row] = self.space.arch(code)
        if not archs:
            return None
        rows = list(archs)
        likelier = np.maximum(good(drawn[rows]), 1e-32) / np.maximum(bad(drawn[rows]), 1e-32)
        ratios = [float(f"{ratio:.9g}") for ratio in likelier]
        return archs[rows[int(np.argmax(ratios))]]


class Density:
    """A kernel density estimate over codes.

    Args:
        points: codes, shape (n, decisions).
        options: of each decision.
        least: the smallest bandwidth.

    Attributes:
        bandwidths: shape (decisions,); the chance that a draw changes the decision, up to drawing
            the same option again.
    """

    def __init__(self, points, options, least):
        self.points, self.options = points, np.array(options)
        rule = 1.06 * points.std(axis=0) * len(points) ** (-1 / (4 + points.shape[1]))
        largest = (self.options - 1) / self.options
        self.bandwidths = np.minimum(np.maximum(rule.round(9), least), largest)

    def __call__(self, codes):
        """Densities of codes (m, decisions): means over the points of products over decisions."""
        others = self.bandwidths / np.maximum(self.options - 1, 1)
        equal = codes[:, None, :] == self.points
        return np.where(equal, 1 - self.bandwidths, others).prod(axis=2).mean(axis=1)

    def draw(self, count, rng):
        """Codes (count, decisions): points, each decision kept or drawn anew."""
        drawn = self.points[rng.integers(len(self.points), size=count)]
        kept = rng.random(drawn.shape) < 1 - self.bandwidths
        return np.where(kept, drawn, rng.integers(self.options, size=drawn.shape))
