"""Studies of FLASH's parts (arXiv:2108.00568).

Its predictor, its device models, and its search in a space too large to list.

The formulas are those of `methods.nets.degree` and `methods.nets.lattice`; what is recalled and
what is exact is said there.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from functools import cache

import numpy as np

from nasrepro.methods.nets.degree import (
    METRICS,
    Values,
    analytical,
    block_features,
    fit_curve,
    fit_linear,
    nn_degree,
    operators,
)
from nasrepro.methods.nets.lattice import Code, Lattice
from nasrepro.suite.errors import NasreproError
from nasrepro.suite.registry import load_devices, load_oracle, study
from nasrepro.suite.space import Arch, Block
from nasrepro.suite.statistics import spearman


# -- the predictor ---------------------------------------------------------------------------------
@cache
def _networks(
    oracle: str, classes: int, size: int, pool: int
) -> tuple[tuple[Arch, ...], dict[str, Values], Values]:
    """Architectures of an oracle, all of them or a fixed random pool; their metrics, (n,) by name.

    And the control's features, (n, k).
    """
    opened = load_oracle(oracle)
    fixed = np.random.default_rng(2021)
    archs = (
        tuple(opened.space.sample(fixed) for _ in range(pool)) if pool else tuple(opened.archs())
    )
    blocks = [opened.space.blocks(arch) for arch in archs]
    made = [opened.space.complexity(arch, classes=classes, size=size) for arch in archs]
    metrics = {
        name: np.array([metric(each) for each in blocks]) for name, metric in METRICS.items()
    }
    metrics |= {
        name: np.array([getattr(each, name) for each in made], dtype=np.float64)
        for name in ("params", "macs")
    }
    return archs, metrics, np.array([block_features(each) for each in blocks])


@study(
    "flash_models.predictor",
    paper="arXiv:2108.00568; our reconstruction",
    by=("dataset", "predictor"),
    oracle="natsbench_size",
    samples=25,
    epochs=0,
    pool=0,
)
def predictor(rng, *, oracle, samples, epochs, pool):
    """Errors and rank correlations of predictors fitted to a few random networks.

    Both are measured on the rest of the table.

    The three-parameter curve over NN-Degree, NN-Mass, and controls in their place; and a regression
    on logarithms of widths, depths, links and kernels.

    Args:
        rng: random generator.
        oracle: whose objective is predicted.
        samples: networks fitted to.
        epochs: training length; 0 for the longest.
        pool: networks in all, where the oracle trains and so cannot list them; 0 for all of the
            table.
    """
    opened = load_oracle(oracle)
    for dataset in opened.info.datasets:
        archs, metrics, features = _networks(oracle, dataset.classes, dataset.size, pool)
        objective = opened.info.objective_of(dataset.name)
        length = epochs or opened.epochs(dataset.name)[-1]
        truth = opened.query_many(archs, dataset=dataset.name, epochs=length)[objective.name] * (
            1 if objective.higher_is_better else -1
        )
        there = np.flatnonzero(np.isfinite(truth))
        if len(there) < samples + 2:
            raise NasreproError(
                f"flash_models.predictor: {oracle} has {len(there)} networks on {dataset.name}; "
                f"{samples} samples leave no rest"
            )
        fit = rng.choice(there, samples, replace=False)
        rest = np.setdiff1d(there, fit)
        predicted = {
            name: fit_curve(values[fit], truth[fit])(values) for name, values in metrics.items()
        }
        predicted["log_linear"] = fit_linear(features[fit], truth[fit])(features)
        for name, values in predicted.items():
            yield {
                "dataset": dataset.name,
                "predictor": name,
                "rmse": float(np.sqrt(np.mean((values[rest] - truth[rest]) ** 2))),
                "spearman": spearman(values[rest], truth[rest]),
                "metric_spearman": spearman(metrics[name][rest], truth[rest])
                if name in metrics
                else None,
                "accuracy_sd": float(truth[rest].std()),
                "n": len(rest),
            }


# -- device models ---------------------------------------------------------------------------------
@cache
def _features(source: str, name: str, classes: int, size: int) -> Values:
    """Features of a device model for all architectures of a source's space, (n, k)."""
    space = load_devices(source).info.space
    archs = [space.at(index) for index in range(len(space))]
    if name == "analytical":
        return np.array([analytical(space, arch, classes=classes, size=size) for arch in archs])
    kinds = sorted(
        {op for arch in archs for op in space.graph(arch).ops} - {"input", "output", "none"}
    )
    return np.array([operators(space, arch, kinds) for arch in archs])


@study(
    "flash_models.latency",
    paper="arXiv:2108.00568; our reconstruction",
    by=("device", "features", "samples"),
    devices="hwnasbench",
    dataset="cifar10",
    classes=10,
    size=32,
    samples=[10, 25, 50, 100],
)
def latency(rng, *, devices: str | list[str], dataset, classes, size, samples):
    """A linear model of a device's latency or energy, fitted to n measured networks.

    Error and rank correlation on the rest.

    Args:
        rng: random generator.
        devices: a source, or a list of devices; a device that is another's copy is left out of a
            source.
        dataset: whose networks.
        classes: of the data set.
        size: of its images, pixels.
        samples: numbers of networks to fit to.
    """
    for given in [devices] if isinstance(devices, str) else devices:
        table = load_devices(given)
        source = table.info.name
        names = (
            [given]
            if "/" in given
            else [each.name for each in table.info.devices if not each.copy_of]
        )
        for name in names:
            values = table.values(name, dataset)
            there = np.flatnonzero(np.isfinite(values))
            order = rng.permutation(there)
            for kind in ("analytical", "operators"):
                features = _features(source, kind, classes, size)
                for count in samples:
                    fit, rest = order[:count], order[count:]
                    predicted = fit_linear(features[fit], values[fit])(features[rest])
                    yield {
                        "device": name,
                        "features": kind,
                        "samples": count,
                        "median_relative_error": float(
                            np.median(np.abs(predicted / values[rest] - 1))
                        ),
                        "rmse_by_sd": float(
                            np.sqrt(np.mean((predicted - values[rest]) ** 2)) / values[rest].std()
                        ),
                        "spearman": spearman(predicted, values[rest]),
                        "n": len(rest),
                    }


# -- a space too large to list ---------------------------------------------------------------------
#: Width of the first cell, then depth and links of three cells whose widths double.
_WIDTHS, _DEPTHS, _LINKS = range(4, 20), range(3, 19), range(0, 300, 3)
_SIZES = (len(_WIDTHS), *(len(_DEPTHS),) * 3, *(len(_LINKS),) * 3)


def _cells(code: Sequence[int]) -> tuple[float, float]:
    """NN-Degree and MACs of a point of the synthetic space.

    The MACs are those of the cells' 3x3 convolutions on images of 32x32 pixels.
    """
    blocks, macs = [], 0
    for cell in range(3):
        width, depth, links = (
            _WIDTHS[code[0]] << cell,
            _DEPTHS[code[1 + cell]],
            _LINKS[code[4 + cell]],
        )
        whole = min(
            depth - 2, links // width + 1
        )  # layers whose links are limited by what is there: 1, 2, ... widths
        linked = (
            sum(min(links, layer * width) for layer in range(1, whole + 1))
            + (depth - 2 - whole) * links
        )
        blocks.append(Block(width, depth, linked))
        macs += 9 * width * (depth * width + linked) * (32 >> cell) ** 2
    return nn_degree(blocks), float(macs)


@study(
    "flash_models.enlarged",
    paper="arXiv:2108.00568, abstract",
    by=("quantile", "optimiser"),
    quantiles=[0.1, 0.5],
    coarse=4,
    keep=3,
)
def enlarged(rng, *, quantiles, coarse, keep):
    """The largest NN-Degree under a limit on MACs, at equal calls of the objective.

    The space is synthetic and has more than 63 billion networks.

    Hierarchical SHGO takes the calls that it takes; random search and differential evolution
    (scipy) get as many, and ten times as many. Values are shares of the largest one that any of
    them found.

    Args:
        rng: random generator.
        quantiles: of the MACs of 1,000 random networks; the limits.
        coarse: of the hierarchical search.
        keep: of the hierarchical search.
    """
    drawn = [_cells(rng.integers(_SIZES).tolist())[1] for _ in range(1000)]
    for quantile in quantiles:
        yield from _compared(rng, float(np.quantile(drawn, quantile)), quantile, coarse, keep)


def _compared(rng, limit, quantile, coarse, keep):
    """Rows of `enlarged` for one limit."""

    def evaluate(code: Code) -> tuple[float, list[float]]:
        value, macs = _cells(code)
        return value, [macs / limit - 1]

    started = time.process_time()
    lattice = Lattice(evaluate, _SIZES)
    reached = lattice.at(lattice.maximise(coarse=coarse, keep=keep))[0]
    calls = len(lattice.seen)
    found = {"hierarchical SHGO": (float(reached), calls, time.process_time() - started)}
    for times in (1, 10):
        suffix = "" if times == 1 else f", {times} times the calls"
        for name, optimise in (
            ("random search", _random_search),
            ("differential evolution", _differential_evolution),
        ):
            started = time.process_time()
            best = optimise(rng, evaluate, times * calls)
            found[name + suffix] = best, times * calls, time.process_time() - started
    top = max(value for value, _, _ in found.values())
    for name, (value, used, seconds) in found.items():
        yield {
            "quantile": quantile,
            "optimiser": name,
            "share_of_best": value / top,
            "nn_degree": value,
            "calls": used,
            "seconds": seconds,
            "space": float(math.prod(_SIZES)),
        }


def _random_search(rng, evaluate, calls):
    drawn = (
        evaluate(tuple(code)) for code in rng.integers(_SIZES, size=(calls, len(_SIZES))).tolist()
    )
    return max((value for value, (excess,) in drawn if excess <= 0), default=0.0)


def _differential_evolution(rng, evaluate, calls):
    """Scipy's, with its defaults, on integers, a broken limit as a penalty.

    It is stopped after `calls` calls.
    """
    from scipy.optimize import differential_evolution

    best, used = 0.0, 0

    class Over(Exception):
        pass

    def loss(x):
        nonlocal best, used
        if used == calls:
            raise Over
        used += 1
        value, (excess,) = evaluate(tuple(np.rint(x).astype(int).tolist()))
        if excess <= 0:
            best = max(best, value)
        return -value if excess <= 0 else 1e3 * excess

    while used < calls:
        try:
            bounds = [(0, size - 1) for size in _SIZES]
            differential_evolution(
                loss, bounds, integrality=[True] * len(_SIZES), rng=rng, polish=False, maxiter=calls
            )
        except Over:
            break
    return best
