"""Fronts of accuracy and cost that searches find at one budget, each method beside random search.

    for every method: search; of what it evaluated, keep what no other beats in score and cost
    read the target of what is kept; its hypervolume, as a share of the true front's

Deviations:
    - Our own measurement, of no paper. The reference point is the nadir of the table's true front
      (its largest cost, its smallest target); both objectives are scaled between the nadir and the
      front's best.
    - A front is chosen by the score that the search saw and judged by the target that results are
      reported in; methods that seek one objective are judged by everything that they evaluated.
"""

import json

import numpy as np

from nasrepro.methods.nets.fronts import cost_of, front, share_of_front
from nasrepro.suite.registry import load_devices, load_oracle, methods, study
from nasrepro.suite.search import Budget, Session
from nasrepro.suite.statistics import finite

TRUE = "true front"


@study(
    "multi_objective.fronts",
    paper="Deb 2002",
    by=("method",),
    oracle="digits201",
    dataset="digits",
    epochs=30,
    report_epochs=30,
    cost="macs",
    device="",
    queries=150,
    searches=["random_search", "nsga2"],
)
def measure(rng, *, oracle, dataset, epochs, report_epochs, cost, device, queries, searches):
    """Hypervolume of the front that each search finds, as a share of the true front's.

    Args:
        rng: of the searches, one stream each.
        oracle: its name; one that lists its architectures.
        dataset: of the oracle.
        epochs: training length of an evaluation.
        report_epochs: training length of the target.
        cost: "params", "macs"; "latency" or "energy" on `device`; or a metric of the oracle.
        device: "source/device".
        queries: evaluations of a search.
        searches: names of methods, or tables with a `name` and parameters; NSGA-II is given `cost`
            and `device`.
    """
    opened = load_oracle(oracle)
    target = opened.info.target_of(dataset)
    sign = 1 if target.higher_is_better else -1
    everything = opened.query_many(dataset=dataset, epochs=report_epochs)
    archs, gains = opened.archs(), sign * everything[target.name]
    costs = _costs(opened, dataset, everything, cost, device)
    there = np.isfinite(gains) & np.isfinite(costs)
    gains, costs = gains[there], costs[there]
    places = {archs[row]: place for place, row in enumerate(np.flatnonzero(there).tolist())}

    def row(label, rows, evaluated):
        kept = rows[front(costs[rows], gains[rows])]
        return {
            "method": label,
            "hypervolume": share_of_front(costs[rows], gains[rows], costs, gains),
            "front": len(kept),
            "evaluated": evaluated,
            "best": float(sign * gains[rows].max()),
            "_front": json.dumps([costs[kept].tolist(), (sign * gains[kept]).tolist()]),
        }

    yield row(TRUE, np.arange(len(gains)), len(gains))
    for use, stream in zip(searches, rng.spawn(len(searches)), strict=True):
        given = {"name": use} if isinstance(use, str) else dict(use)
        method = methods.get(given.pop("name"))
        label = method.name + "".join(f", {name} = {value}" for name, value in given.items())
        if method.name == "nsga2":
            given = {"cost": cost, "device": device, **given}
        session = Session(
            opened,
            dataset=dataset,
            epochs=epochs,
            budget=Budget(queries=queries),
            devices=load_devices,
        )
        method.run(session, stream, **given)
        done = session.ledger.evaluations
        scores = finite([each.score for each in done])
        spent = np.array([cost_of(session, each, cost, device) for each in done])
        chosen = [done[place].arch for place in front(spent, scores)]
        yield row(label, np.array([_place(opened, places, arch) for arch in chosen]), len(done))


def _place(opened, places, arch):
    return places[arch] if arch in places else places[opened.space.canonical(arch)]


def _costs(opened, dataset, columns, cost, device):
    """Cost of all architectures of a table, shape (n,)."""
    if cost in ("latency", "energy"):
        table = load_devices(device)
        values = table.values(device, dataset)
        return np.array([values[table.info.space.index(arch)] for arch in opened.archs()])
    if cost in columns:
        return np.asarray(columns[cost], dtype=np.float64)
    found = opened.info.dataset(dataset)
    return np.array(
        [
            getattr(opened.space.complexity(arch, classes=found.classes, size=found.size), cost)
            for arch in opened.archs()
        ],
        dtype=np.float64,
    )
