"""What topology methods find by the score that they seek, beside methods that seek accuracy alone.

A search that seeks accuracy - lambda * log10(MACs in M) must lose in accuracy, and says nothing by
it. Here every architecture that a search evaluated is given that score afterwards, and the best one
of the search counts, whatever the search itself sought.
"""

from __future__ import annotations

import math
from typing import Any

from nasrepro.suite.registry import load_oracle, methods, study
from nasrepro.suite.search import Budget, Session

#: Compared at one budget: the topology methods with the score, a control that removes edges at
#: random, and the baselines without it.
COMPARED: tuple[tuple[str, str, dict[str, Any] | None], ...] = (
    ("autoshrink", "autoshrink", {}),
    ("autoshrink, K=1 (random removal)", "autoshrink", {"K": 1}),
    ("gram", "gram", {}),
    ("gram, edges", "gram", {"variant": "edges"}),
    ("gram, gibbs", "gram", {"variant": "gibbs"}),
    ("random_search", "random_search", None),
    ("regularized_evolution", "regularized_evolution", None),
    ("local_search", "local_search", None),
    ("reinforce", "reinforce", None),
    ("reinforce, learning_rate=0.01", "reinforce", None),
)


@study(
    "topology.own_score",
    paper="control for arXiv:1911.09251",
    by=("method",),
    oracle="nasbench201",
    dataset="cifar10",
    epochs=12,
    seconds=12000.0,
    lam=0.1,
)
def own_score(rng, *, oracle, dataset, epochs, seconds, lam):
    """Best score, and its accuracy and MACs, of everything that each search evaluated.

    Args:
        rng: random generator; every search gets one of its own.
        oracle: name of a table with training times and a topology.
        dataset: data set.
        epochs: training length of an evaluation.
        seconds: budget.
        lam: score per factor of ten in MACs.
    """
    opened = load_oracle(oracle)
    for (label, name, given), stream in zip(COMPARED, rng.spawn(len(COMPARED)), strict=True):
        method = methods.get(name)
        params = (
            {"learning_rate": 0.01}
            if "learning_rate" in label
            else {}
            if given is None
            else {**given, "lam": lam}
        )
        session = Session(opened, dataset=dataset, epochs=epochs, budget=Budget(seconds=seconds))
        method.run(session, stream, **params)
        macs = [session.complexity(done.arch).macs / 1e6 for done in session.ledger.evaluations]
        scores = [
            done.score - lam * math.log10(each)
            for done, each in zip(session.ledger.evaluations, macs, strict=True)
        ]
        best = max(range(len(scores)), key=scores.__getitem__)
        yield {
            "method": label,
            "score": scores[best],
            "objective": session.ledger.evaluations[best].score,
            "macs_m": macs[best],
            "queries": session.queries,
        }
