"""One proxy device is enough (Lu et al., arXiv:2111.01203).

Latencies of one device stand for another's, after a small adaptation. The file is long because the
paper's three experiments stand beside its method.

    # latency monotonicity; s >= 0.9: the proxy will do
    s <- Spearman(latencies of the proxy, measured on the target)
    else measure some models X, y on the target and adapt the proxy's linear predictor w (one weight
      per edge and operation):
        min over a, b, c of 1/n ||X (w * (a + b)) + c - y||^2 + strength ||b||_2        # AdaProxy
    search with what it predicts; measure what was found on the target, drop the dominated

Deviations:
    - `strength` is chosen by k-fold cross-validation on the measured models (Spearman of all
      held-out predictions together), from a grid relative to the smallest strength at which b is 0.
      The authors' notebook takes it by ten held-out models from a grid of 10^8 values.
    - The minimum is exact: for a given norm of b it is a ridge regression, and the norm is found by
      bisection (authors: a general solver).
    - Control that the paper lacks: a ridge regression on the same measured models without any
      proxy.
    - Spearman of adapted predictions is over the cells that were not measured; the raw one is over
      all that both devices have.
    - `oneproxy.adaptation` and `oneproxy.pareto` adapt every pair once; `oneproxy.loop` decides at
      0.9 and measures more until 0.9. There the agreement is judged on models that the predictor
      has not seen (the authors do not say on which); they are then added to what it is fitted to.
    - A constant prediction has no rank correlation; -1 stands for it.
    - Predictions are in single precision, so that models of equal latency tie on every CPU.
    - Pareto sets are exhaustive over the cells that both devices have, by the oracle's validation
      accuracy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from nasrepro.methods.nets.fronts import front, hypervolume
from nasrepro.suite.errors import NasreproError
from nasrepro.suite.registry import load_devices, load_oracle, study
from nasrepro.suite.statistics import spearman

Values = NDArray[np.float64]
#: Strengths of the regularisation, relative to the least one that makes b zero.
GRID = np.logspace(-6, 0, 13)
#: A constant prediction is never chosen.
_spearman = partial(spearman, constant=-1.0)


# -- the linear predictor and its adaptation -------------------------------------------------------
def proxy_weights(cells: Values, latency: Values) -> Values:
    """Latency of each edge's operations by least squares of least norm, shape (k,): w = pinv(X) l.

    Args:
        cells: one-hot operations and a constant, (n, k).
        latency: of the proxy, (n,).
    """
    return np.asarray(np.linalg.lstsq(cells, latency, rcond=1e-10)[0])


class AdaProxy:
    """The adapted predictor for measured models, for all strengths of `GRID`.

    Args:
        cells: (n, k), as for `proxy_weights`.
        weights: of the proxy, (k,).
        measured: on the target, (n,).
    """

    def __init__(self, cells: Values, weights: Values, measured: Values) -> None:
        self.weights = weights
        scaled = cells * weights
        self.free = np.column_stack(
            [scaled.sum(axis=1), np.ones(len(cells))]
        )  # a and c are not penalised: projected out
        self.basis = np.linalg.pinv(self.free)
        self.scaled, self.measured = scaled, measured
        rest = scaled - self.free @ (self.basis @ scaled)
        target = measured - self.free @ (self.basis @ measured)
        self.left, self.singular, self.right = np.linalg.svd(rest, full_matrices=False)
        self.moved = self.left.T @ target
        self.most = (
            2 / len(cells) * float(np.linalg.norm(self.right.T @ (self.singular * self.moved)))
        )

    def solve(self, strengths: Values) -> tuple[Values, Values, Values]:
        """The minimum: a (s,), b (s, k) and c (s,).

        The strengths are relative to the least one with b = 0.
        """
        strengths = np.asarray(strengths, dtype=np.float64)
        penalty = (strengths * self.most)[:, None]
        used = self.singular > 1e-12 * max(self.singular[0], 1e-300)
        singular, moved = self.singular[used], self.moved[used]
        low = np.zeros((len(strengths), 1))
        high = np.full((len(strengths), 1), float(np.linalg.norm(moved / singular)) * 1.01 + 1e-300)
        # The norm r of b solves ||ridge(n penalty / 2r)|| = r; the left side falls short above it.
        for _ in range(60):
            norm = (low + high) / 2
            ridge = singular * moved / (singular**2 + len(self.measured) * penalty / (2 * norm))
            above = np.linalg.norm(ridge, axis=1, keepdims=True) > norm
            low, high = np.where(above, norm, low), np.where(above, high, norm)
        shift = np.where(penalty < self.most, ridge @ self.right[used], 0.0)
        scale, constant = self.basis @ (self.measured - shift @ self.scaled.T).T
        return scale, shift, constant

    def predict(self, cells: Values, strengths: Values) -> Values:
        """Latencies, (s, m), of cells (m, k)."""
        scale, shift, constant = self.solve(strengths)
        return np.asarray((self.weights * (scale[:, None] + shift)) @ cells.T + constant[:, None])


class Ridge:
    """The control without a proxy.

    One weight per edge and operation from the measured models alone; arguments as for `AdaProxy`.
    """

    def __init__(self, cells: Values, weights: Values, measured: Values) -> None:
        self.centre, self.mean = cells.mean(axis=0), measured.mean()
        self.left, self.singular, self.right = np.linalg.svd(
            cells - self.centre, full_matrices=False
        )
        self.moved = self.left.T @ (measured - self.mean)

    def predict(self, cells: Values, strengths: Values) -> Values:
        """Latencies, (s, m), of cells (m, k).

        Strengths are relative to the largest singular value, squared.
        """
        added = np.asarray(strengths)[:, None] * self.singular[0] ** 2
        found = (self.singular * self.moved / (self.singular**2 + added)) @ self.right
        return np.asarray(found @ (cells - self.centre).T + self.mean)


def adapted(
    kind: type[AdaProxy] | type[Ridge],
    cells: Values,
    weights: Values,
    measured: Values,
    folds: int,
    rng: Any,
) -> Callable[[Values], Values]:
    """A predictor (m, k) -> (m,) fitted to the measured models.

    k-fold cross-validation chooses its strength. Predictions are in single precision: the last
    bits of double precision, which differ from CPU to CPU, would order models of equal latency.
    """
    fold = rng.permutation(np.arange(len(cells)) % folds)
    held_out = np.zeros((len(GRID), len(cells)), np.float32)
    for each in range(folds):
        inside, outside = fold != each, fold == each
        held_out[:, outside] = kind(cells[inside], weights, measured[inside]).predict(
            cells[outside], GRID
        )
    best = int(np.argmax([_spearman(row, measured) for row in held_out]))
    fitted = kind(cells, weights, measured)
    return lambda others: fitted.predict(others, GRID[best : best + 1])[0].astype(np.float32)


# -- data ------------------------------------------------------------------------------------------
def _columns(devices: str, dataset: str) -> tuple[Values, dict[str, Values]]:
    """One-hot cells with a constant, (n, k), and the latencies of a source's devices.

    The latencies are given by the device's name, (n,), NaN where missing.
    """
    table = load_devices(devices)
    space = table.info.space
    found = {
        device.column: table.values(device.name, dataset)
        for device in table.info.devices
        if device.kind == "latency" and (not device.datasets or dataset in device.datasets)
    }
    if not found:
        raise NasreproError(f"{devices} has no latencies for {dataset}; see: nasrepro list devices")
    cells = np.array(
        [space.encode(space.at(index)) for index in range(len(space))], dtype=np.float64
    )
    return np.column_stack([cells, np.ones(len(cells))]), found


def _chosen(name: str, found: dict[str, Values], devices: str) -> list[str]:
    if name and name not in found:
        raise NasreproError(
            f"oneproxy: {devices} has no device {name!r} for this data set; it has "
            f"{', '.join(found)}"
        )
    return [name] if name else list(found)


def _accuracy(opened: Any, dataset: str) -> Values:
    """Objective of all cells of the space after the longest training, NaN where there is none."""
    values = np.full(len(opened.space), np.nan)
    order = [opened.space.index(arch) for arch in opened.archs()]
    read = opened.query_many(dataset=dataset, epochs=opened.epochs(dataset)[-1])
    values[order] = read[opened.info.objective_of(dataset).name]
    return values


class _Target:
    """A target device: what a front that was found by predicted latencies is worth on it.

    Args:
        latency: measured on the target, (n,).
        gain: validation accuracy, (n,).
    """

    def __init__(self, latency: Values, gain: Values) -> None:
        self.latency, self.gain = latency, gain
        self.ranks = rankdata(-latency) / len(latency), rankdata(gain) / len(latency)
        self.truth = front(latency, gain)
        self.volume = hypervolume(self.ranks[0][self.truth], self.ranks[1][self.truth])

    def pareto(self, predicted: Values) -> dict[str, Any]:
        """The front by predicted latencies, measured on the target, without the dominated."""
        measured = front(predicted, self.gain)
        kept = measured[front(self.latency[measured], self.gain[measured])]
        return {
            "measured": len(measured),
            "kept": len(kept),
            "hypervolume": hypervolume(self.ranks[0][kept], self.ranks[1][kept]) / self.volume,
            "of_true_front": len(np.intersect1d(kept, self.truth)) / len(self.truth),
        }


def _split(
    there: NDArray[np.intp], samples: int, rng: Any, device: str
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    if len(there) < samples + 2:
        raise NasreproError(
            f"oneproxy: {device} has {len(there)} measured cells, too few for {samples} samples "
            "and a rest"
        )
    taken = rng.choice(there, samples, replace=False)
    return taken, np.setdiff1d(there, taken)


def _latencies(cells: Values, weights: Values) -> NDArray[np.float32]:
    """Predictions in single precision; see `adapted`."""
    return (cells @ weights).astype(np.float32)


# -- studies ---------------------------------------------------------------------------------------
@study(
    "oneproxy.adaptation",
    paper="arXiv:2111.01203; figures of the authors' repository",
    by=("dataset", "proxy", "device"),
    devices="oneproxy",
    dataset="cifar10",
    proxy="",
    samples=70,
    folds=5,
)
def adaptation(
    rng: Any, *, devices: str, dataset: str, proxy: str, samples: int, folds: int
) -> Iterator[dict[str, Any]]:
    """Spearman with the target's latencies.

    The proxy as it is, AdaProxy, the same samples without a proxy, the additive ceiling.

    Args:
        rng: which cells are measured, and the folds.
        devices: source.
        dataset: whose networks.
        proxy: device of the source; each of them in turn if empty.
        samples: cells measured on the target (the authors': 60 and 10 to choose the strength).
        folds: of the cross-validation.
    """
    cells, found = _columns(devices, dataset)
    for own in _chosen(proxy, found, devices):
        for device in found:
            if device == own:
                continue
            both = np.flatnonzero(~np.isnan(found[own]) & ~np.isnan(found[device]))
            target = found[device]
            taken, rest = _split(both, samples, rng, device)
            weights = proxy_weights(cells[both], found[own][both])
            ada = adapted(AdaProxy, cells[taken], weights, target[taken], folds, rng)
            ridge = adapted(Ridge, cells[taken], weights, target[taken], folds, rng)
            yield {
                "dataset": dataset,
                "proxy": own,
                "device": device,
                "raw": _spearman(found[own][both], target[both]),
                "proxy_predictor": _spearman(_latencies(cells[both], weights), target[both]),
                "adaproxy": _spearman(ada(cells[rest]), target[rest]),
                "no_proxy": _spearman(ridge(cells[rest]), target[rest]),
                "ceiling": _spearman(
                    _latencies(cells[both], proxy_weights(cells[both], target[both])),
                    target[both],
                ),
                "n": len(both),
            }


@study(
    "oneproxy.pareto",
    paper="arXiv:2111.01203",
    by=("dataset", "proxy", "device", "latencies"),
    oracle="nasbench201",
    devices="hwnasbench",
    dataset="cifar10",
    proxy="pixel3",
    samples=70,
    folds=5,
)
def pareto(
    rng: Any, *, oracle: str, devices: str, dataset: str, proxy: str, samples: int, folds: int
) -> Iterator[dict[str, Any]]:
    """Pareto sets of accuracy and latency that are found with a proxy's latencies.

    They are measured on the target and freed of dominated models.

    Columns: models to measure, models left, hypervolume as a share of the true front's, share of
    the true front that was found. Hypervolume is over the cells that both devices have, in ranks of
    latency (from the slowest) and validation accuracy (from the worst).

    Args:
        rng: which cells are measured, and the folds.
        oracle: whose validation accuracy, at its longest training.
        devices: source; the other arguments as for `oneproxy.adaptation`.
        dataset: whose networks.
        proxy: device of the source.
        samples: cells measured on the target.
        folds: of the cross-validation.
    """
    opened = load_oracle(oracle)
    cells, found = _columns(devices, dataset)
    (own,) = _chosen(proxy, found, devices) if proxy else ("",)
    if not own:
        raise NasreproError(f"oneproxy.pareto: give a proxy of {devices}: {', '.join(found)}")
    accuracy = _accuracy(opened, dataset)
    for device in found:
        if device == own:
            continue
        both = np.flatnonzero(
            ~np.isnan(found[own]) & ~np.isnan(found[device]) & ~np.isnan(accuracy)
        )
        target = found[device]
        taken, _ = _split(both, samples, rng, device)
        weights = proxy_weights(cells[both], found[own][both])
        ada = adapted(AdaProxy, cells[taken], weights, target[taken], folds, rng)
        ridge = adapted(Ridge, cells[taken], weights, target[taken], folds, rng)
        device_front = _Target(target[both], accuracy[both])
        for kind, latency in {
            "target": target[both],
            "proxy": found[own][both],
            "adaproxy": ada(cells[both]),
            "no_proxy": ridge(cells[both]),
        }.items():
            yield {
                "dataset": dataset,
                "proxy": own,
                "device": device,
                "latencies": kind,
                **device_front.pareto(latency),
            }


@study(
    "oneproxy.loop",
    paper="arXiv:2111.01203; flow chart of the authors' repository",
    by=("dataset", "proxy", "device", "predictor"),
    oracle="nasbench201",
    devices="hwnasbench",
    dataset="cifar10",
    proxy="pixel3",
    batch=20,
    goal=0.9,
    most=200,
    folds=5,
)
def loop(
    rng: Any,
    *,
    oracle: str,
    devices: str,
    dataset: str,
    proxy: str,
    batch: int,
    goal: float,
    most: int,
    folds: int,
) -> Iterator[dict[str, Any]]:
    """The whole procedure: measure, reuse the proxy's front at the goal, else measure and adapt.

    Columns: agreement at the first batch; whether the proxy's own front is reused (1 or 0); models
    measured to reach the goal, and whether it was reached; agreement over all models that were not
    measured; models of the front measured, those left, hypervolume as a share of the true front's,
    share of the true front found (as in `oneproxy.pareto`); all models measured. The control has no
    proxy: its first predictor is a ridge regression on the first batch.

    Args:
        rng: which cells are measured, and the folds.
        oracle: whose validation accuracy, at its longest training.
        devices: source.
        dataset: whose networks.
        proxy: device of the source.
        batch: models that are measured at once.
        goal: Spearman's coefficient on a fresh batch that is enough.
        most: models after which the loop gives up.
        folds: of the cross-validation.
    """
    opened = load_oracle(oracle)
    cells, found = _columns(devices, dataset)
    (own,) = _chosen(proxy, found, devices) if proxy else ("",)
    if not own:
        raise NasreproError(f"oneproxy.loop: give a proxy of {devices}: {', '.join(found)}")
    if batch < max(folds, 3) or most < 2 * batch:
        raise NasreproError(
            f"oneproxy.loop: batch={batch}, most={most}, folds={folds}: a batch holds at least 3 "
            "models and one for each fold, and two batches are within most"
        )
    accuracy = _accuracy(opened, dataset)
    for device in found:
        if device == own:
            continue
        both = np.flatnonzero(~np.isnan(found[own] + found[device] + accuracy))
        target, weights = found[device], proxy_weights(cells[both], found[own][both])
        order = _split(both, min(most, len(both) - 2), rng, device)[0]
        device_front = _Target(target[both], accuracy[both])
        for kind in (AdaProxy, Ridge):
            predicted = found[own] if kind is AdaProxy else None
            agreements: list[float] = []
            for start in range(0, len(order), batch):
                if predicted is not None:
                    fresh = order[start : start + batch]
                    agreements.append(_spearman(predicted[fresh], target[fresh]))
                    if agreements[-1] >= goal:
                        break
                taken = order[: start + batch]
                predicted = adapted(kind, cells[taken], weights, target[taken], folds, rng)(cells)
            seen = order[: start + batch]
            rest = np.setdiff1d(both, seen)
            front_found = device_front.pareto(predicted[both])  # type: ignore[index]  # a batch or more
            yield {
                "dataset": dataset,
                "proxy": own,
                "device": device,
                "predictor": "proxy" if kind is AdaProxy else "none",
                "first": agreements[0],
                "reused": int(kind is AdaProxy and agreements[0] >= goal),
                "samples": len(seen),
                "reached": int(agreements[-1] >= goal),
                "agreement": _spearman(predicted[rest], target[rest]),  # type: ignore[index]
                **front_found,
                "all_measured": len(seen) + front_found["measured"],
            }
