"""FLASH (Li, Mandal, Ogras, Marculescu, ACM TECS 2021, arXiv:2108.00568).

A metric of topology, and SHGO over it.

    evaluate `samples` random networks within the limits; fit theta(g) = 1 / (a + b exp(c / g)) to
      them, g their NN-Degree
    measure `measurements` networks on the device; fit latency and energy, linear in analytical
      features
    maximise theta(g) under the limits: SHGO on a coarse lattice of the relaxed decisions, SHGO in a
      fine box round each point kept, unit steps from the points kept after that
    walk down all networks by theta(g), that is by g, equal ones in canonical order: re-check the
      limits by measuring, evaluate the first `finals` that keep them
    return the best evaluated; with `samples` = 0 (training-free), g itself is maximised and nothing
      is fitted

Deviations:
    - Only title page and abstract were read. NN-Degree, the three-parameter curve and the linear
      device models are our reconstruction (`methods.nets.degree`); NN-Mass is exact from its
      authors' code and is a choice of `metric`.
    - The paper's space has cells with real depths and link counts. Here any space is relaxed:
      options of a decision are put in the order of their mean g (`contexts` random networks each),
      and functions of them are interpolated piecewise linearly.
    - The walk goes over the whole space where that can be listed, so SHGO decides nothing
      there; the point that it found is in the trace ("shgo" of the event "search") and compared
      with the arg-max by the study `flash.search`. In a larger space the walk is over the points
      that SHGO evaluated, and which these are depends on the last bits of its arithmetic. Paper and
      `finals` = 1 evaluate one network; the walk further down is ours.
    - Number of cells and width multiplier are decisions like the others, not a level of their own;
      the unit steps are ours.
    - `nn_degree_operators` is an adaptation for spaces whose cells differ in operators: strict
      NN-Degree sees only links there.
    - Networks are sampled within the limits, so that whatever ends the search, nothing evaluated
      breaks one.
    - Limits are checked by measuring every network that is drawn, re-checked or, where nothing else
      fits, searched: under tight limits many more (hundreds) than the `measurements` that the
      device models are fitted to. They cost no time here; the trace counts the networks measured
      for each limit (`measured` of the event "search").
    - No area: no model or measurement of it is given here. No network-on-chip term: the devices are
      not simulated.

Longer than other files because the study of its search stands beside it.
"""

import contextlib
import math
import time

import numpy as np

from nasrepro.methods.nets.degree import (
    METRICS,
    Curve,
    analytical,
    fit_curve,
    fit_linear,
    operators,
)
from nasrepro.methods.nets.lattice import Lattice, ordered
from nasrepro.methods.nets.listing import LISTED, descending
from nasrepro.suite.errors import InvalidArch, NasreproError, NotTabulated, UnknownName
from nasrepro.suite.registry import load_devices, load_oracle, method, methods, study
from nasrepro.suite.search import Budget, Session
from nasrepro.suite.space import Arch

#: Networks drawn for one sample within the limits before it is given up.
_TRIES = 1000
_UNITS = {"macs": "MACs", "params": "parameters", "latency": "ms", "energy": "mJ"}


@method(
    "flash",
    paper="arXiv:2108.00568; our reconstruction",
    at_least={"samples": 0},
    metric="nn_degree",
    samples=25,
    finals=1,
    max_macs=0.0,
    max_params=0.0,
    device="",
    max_latency=0.0,
    max_energy=0.0,
    measurements=25,
    features="analytical",
    coarse=4,
    keep=3,
    contexts=8,
)
def search(
    session, rng, *, metric, samples, finals, max_macs, max_params,
    device, max_latency, max_energy, measurements, features, coarse, keep, contexts,
):  # fmt: skip
    """Predict from topology, search the prediction, evaluate what was found.

    Args:
        session: the search session.
        rng: random generator.
        metric: of topology: nn_degree, nn_degree_operators, nn_mass, or the control sum_of_widths.
        samples: networks that the curve is fitted to; 0 for the training-free mode.
        finals: networks evaluated at the end.
        max_macs: upper limit; 0 for none, here and below.
        max_params: upper limit.
        device: "source/device" of the next two; its energies are those of "source/device-energy".
        max_latency: upper limit, ms.
        max_energy: upper limit, mJ.
        measurements: networks that the device models are fitted to.
        features: of the device models: analytical, or operators (counts by kind; where widths are
            fixed).
        coarse: steps that the coarse level divides a decision into.
        keep: points that go from one level of the search to the next.
        contexts: networks that the options of a decision are put in order by.

    Raises:
        NasreproError: no network was found within the limits; the message has the least reachable.
        NotTabulated: the device has no values for the data set.
    """
    if metric not in METRICS:
        raise UnknownName("metric of flash:", metric, METRICS)
    if features not in ("analytical", "operators"):
        raise UnknownName("features of flash:", features, ("analytical", "operators"))
    if (max_latency or max_energy) and not device:
        raise NasreproError(
            "flash: max_latency and max_energy need a device; see: nasrepro list devices"
        )
    space = session.space
    limits = _Limits(
        session, device, macs=max_macs, params=max_params, latency=max_latency, energy=max_energy
    )

    def topology(arch):
        return METRICS[metric](space.blocks(arch))

    drawn, within = _sampled(space, limits, rng, samples, measurements)
    evaluated = session.evaluate_many(within)
    with session.charge("predictor"):
        g = np.array([topology(done.arch) for done in evaluated])
        scores = np.array([done.score for done in evaluated])
        curve = fit_curve(g, scores) if len(within) else None
        limits.fit(drawn, measurements, features)
    if curve is not None:
        parameters = {name: getattr(curve, name) for name in curve.__slots__}
        session.log("predictor", metric=metric, g=g.tolist(), score=scores.tolist(), **parameters)
    # theta is monotone, and flat where it saturates
    sign = 1 if curve is None or curve.rises else -1

    with session.charge("shgo"):
        order = ordered(space, topology, rng, contexts)
        lattice = _lattice(space, order, lambda arch: sign * topology(arch), limits)
        best = max(within or drawn, key=topology).code if within or drawn else ()
        start = tuple(options.index(k) for options, k in zip(order, best, strict=False))
        lattice.maximise(coarse=coarse, keep=keep, start=start)
        feasible = [_arch_of(space, order, point) for point in lattice.feasible()]
        peak = next((arch for arch in feasible if limits.excess(arch) <= 0), None)
    ranked = feasible
    if len(space) <= LISTED:
        with session.charge("listing") as took:
            ranked, seconds = descending(space, _signed_metric, metric, sign)
            took(seconds)
    with session.charge("walk"):
        chosen = _walk(space, limits, ranked, [done.arch for done in evaluated], finals)
        if not chosen and not within:
            chosen = [_least_excess(space, limits, order)]
    session.log(
        "search",
        points=len(lattice.seen),
        limits=limits.upper,
        shgo=space.format(peak) if peak else None,
        found=[space.format(arch) for arch in chosen],
        measured={name: len(archs) for name, archs in limits.measured.items()},
    )
    return max([*evaluated, *session.evaluate_many(chosen)], key=lambda done: done.score).arch


def _signed_metric(space, arch, metric, sign):
    return sign * METRICS[metric](space.blocks(arch))


class _Limits:
    """Upper limits on what a network costs, and device models that predict it.

    Attributes:
        upper: by name, those that are not 0. MACs and parameters are counted, latency and energy
            are measured on the device.
        measured: the networks measured so far, by name.
        models: functions from architecture to predicted latency or energy, by name.
    """

    def __init__(self, session, device, **upper):
        self.session, self.device = session, device
        self.upper = {name: limit for name, limit in upper.items() if limit}
        self.measured: dict[str, set[Arch]] = {
            name: set() for name in self.upper if name in ("latency", "energy")
        }
        self.models = {}

    def cost(self, arch, name):
        """Counted or measured; raises NotTabulated where the device cannot run the network."""
        if name in ("macs", "params"):
            return float(getattr(self.session.complexity(arch), name))
        self.measured[name].add(arch)
        if name == "latency":
            return self.session.latency(arch, self.device)
        return self.session.energy(arch, f"{self.device}-energy")

    def excess(self, arch):
        """By how much the worst limit is exceeded, measured.

        Infinite where the device cannot run the network.
        """
        try:
            excesses = [self.cost(arch, name) / limit - 1 for name, limit in self.upper.items()]
        except NotTabulated:
            return math.inf
        return max(excesses, default=0.0)

    def predicted(self, arch):
        """By how much each limit is exceeded, by the device models or by counting."""
        costs = {
            name: self.models[name](arch) if name in self.models else self.cost(arch, name)
            for name in self.upper
        }
        return [round(costs[name] / limit - 1, 9) for name, limit in self.upper.items()]

    def fit(self, drawn, measurements, features):
        """Fits each model to the first measurable ones of the networks drawn."""
        space, dataset = self.session.space, self.session.dataset
        kinds = (
            {op for arch in drawn for op in space.graph(arch).ops} - {"input", "output", "none"}
            if self.measured
            else ()
        )

        def row(arch):
            if features == "operators":
                return operators(space, arch, sorted(kinds))
            return analytical(space, arch, classes=dataset.classes, size=dataset.size)

        for name in self.measured:
            rows: list[list[float]] = []
            values: list[float] = []
            for arch in drawn:
                with contextlib.suppress(NotTabulated):  # the device does not support it
                    if len(values) < measurements:
                        values.append(self.cost(arch, name))
                        rows.append(row(arch))
            if not values:
                self.cost(drawn[-1], name)  # says why
            model = fit_linear(np.array(rows), np.array(values))
            self.models[name] = lambda arch, model=model: float(model(np.array(row(arch))))


def _sampled(space, limits, rng, samples, measurements):
    """Networks drawn for the device models, and those of them within the limits, to be trained."""
    drawn: list[Arch] = []
    within: list[Arch] = []
    while (len(within) < samples and len(drawn) < _TRIES * samples) or len(drawn) < measurements:
        drawn.append(space.sample(rng))
        if limits.excess(drawn[-1]) <= 0 and len(within) < samples:
            within.append(drawn[-1])
        if len(drawn) == _TRIES and all(limits.excess(arch) == math.inf for arch in drawn):
            limits.cost(drawn[-1], next(iter(limits.measured)))  # says why
    return drawn, within


def _arch_of(space, order, point):
    """The architecture of a point of the relaxed space; raises InvalidArch."""
    return space.arch([options[k] for options, k in zip(order, point, strict=True)])


def _lattice(space, order, value, limits):
    """The relaxed space: `value` is maximised where no limit is exceeded, as predicted."""
    sparse = len(space) < math.prod(space.cardinalities)  # not every code is an architecture

    def evaluate(point):
        try:
            arch = _arch_of(space, order, point)
        except InvalidArch:
            return 0.0, [1.0] * (len(limits.upper) + 1)
        over = limits.predicted(arch)
        return value(arch), [0.0, *over] if sparse else over

    return Lattice(evaluate, space.cardinalities)


def _walk(space, limits, ranked, known, finals):
    """The first `finals` of those ranked that are new and keep all limits, as measured too."""
    chosen: list[Arch] = []
    seen = {space.canonical(arch) for arch in known}
    for arch in ranked:
        if len(chosen) == finals:
            break
        if max(limits.predicted(arch), default=0.0) > 0 or space.canonical(arch) in seen:
            continue
        if limits.excess(arch) <= 0:
            seen.add(space.canonical(arch))
            chosen.append(arch)
    return chosen


def _least_excess(space, limits, order):
    """A network within limits that neither sampling nor the models found; an error if none is.

    It is looked for by the measured excess alone.
    """

    def evaluate(point):
        try:
            return -min(limits.excess(_arch_of(space, order, point)), 1e6), ()
        except InvalidArch:
            return -1e6, ()

    arch = _arch_of(space, order, Lattice(evaluate, space.cardinalities).maximise())
    if limits.excess(arch) > 0:
        said = "; ".join(
            f"{name}: limit {limit:g}, least reachable {limits.cost(arch, name):g} {_UNITS[name]}"
            for name, limit in limits.upper.items()
        )
        raise NasreproError(
            "flash: no architecture found within all limits; the nearest, "
            f"{space.format(arch)}, has {said}"
        )
    return arch


@study(
    "flash.search",
    paper="arXiv:2108.00568; our reconstruction",
    by=("dataset", "limited", "quantile"),
    at_least={"samples": 0},
    oracle="natsbench_size",
    device="",
    metric="nn_degree",
    features="operators",
    samples=25,
    quantiles=[0.1, 0.25, 0.5],
    epochs=0,
)
def within_limits(rng, *, oracle, device, metric, features, samples, quantiles, epochs):
    """What SHGO finds under limits, against the arg-max of its own predictor and the best network.

    `points`, how many points SHGO evaluates, depends on the BLAS kernel: its local minimiser takes
    other steps in the last bits. What it found was the same wherever kernels were compared.

    Args:
        rng: random generator.
        oracle: a table.
        device: whose latency is limited; MACs are where none is named.
        metric: of topology.
        features: of the device model.
        samples: networks that the predictor is fitted to; 0 for the training-free mode.
        quantiles: of the limited quantity over the table; the limits.
        epochs: training length; 0 for the longest.
    """
    opened, flash = load_oracle(oracle), methods.get("flash")
    space, archs = opened.space, opened.archs()
    rows = {arch: row for row, arch in enumerate(archs)}
    for dataset in opened.info.datasets:
        length = epochs or opened.epochs(dataset.name)[-1]
        objective = opened.info.objective_of(dataset.name)
        read = opened.query_many(dataset=dataset.name, epochs=length)
        truth = read[objective.name] * (1 if objective.higher_is_better else -1)
        g = np.array([METRICS[metric](space.blocks(arch)) for arch in archs])
        amount = read["macs"]
        if device:
            values = load_devices(device).values(device, dataset.name)
            amount = np.array([values[space.index(arch)] for arch in archs])
        for quantile in quantiles:
            limit = float(np.nanquantile(amount, quantile))
            limits = {"device": device, "max_latency": limit} if device else {"max_macs": limit}
            params = {"metric": metric, "features": features, "samples": samples, **limits}
            session = Session(
                opened,
                dataset=dataset.name,
                epochs=length,
                budget=Budget(queries=samples + 1),
                devices=load_devices,
            )
            chosen = flash.search(session, rng, **flash.params(params))
            events = {event["event"]: event for event in session.ledger.events}
            peak = events["search"]["shgo"]
            first = space.parse(peak) if peak else chosen
            found, returned = (  # a table may list one of several equal architectures
                rows[arch if arch in rows else space.canonical(arch)] for arch in (first, chosen)
            )
            started = time.process_time()
            predicted = _curve(events["predictor"])(g) if samples else g
            inside = np.flatnonzero((amount <= limit) & np.isfinite(truth))
            top = inside[np.argmax(predicted[inside])]
            exhaustive_s = time.process_time() - started
            best = float(truth[inside].max())
            yield {
                "dataset": dataset.name,
                "limited": device or "macs",
                "quantile": quantile,
                "limit": limit,
                "found_amount": float(amount[found]),
                "found_accuracy": float(truth[found]),
                "returned_amount": float(amount[returned]),
                "returned_accuracy": float(truth[returned]),
                "argmax_accuracy": float(truth[top]),
                "best_accuracy": best,
                "median_accuracy": float(np.median(truth[inside])),
                "share_of_best": float(truth[found]) / best,
                "share_of_argmax": float(predicted[found] / predicted[top]),
                "is_argmax": float(predicted[found] >= predicted[top]),
                "shgo_s": session.ledger.overhead_s["shgo"],
                "exhaustive_s": exhaustive_s,
                "points": events["search"]["points"],
                "measured": sum(events["search"]["measured"].values()),
            }


def _curve(event):
    """The fitted curve that an event "predictor" describes."""
    return Curve(**{name: event[name] for name in Curve.__slots__})
