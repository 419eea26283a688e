"""What more workers are worth: the simulated wall clock of searches at equal training seconds.

    for each method, for 1, 4, 16 and 64 workers: search until the trainings took `seconds` in all
    wall clock <- when the last training ended, each on the first worker that was free

Deviations:
    - Our own measurement, of no paper. Workers are simulated: trainings take what the table says,
      the method itself and the hand-over nothing.
    - ASHA promotes without waiting, Hyperband waits for the last training of a rung, evolution for
      one of its children (asynchronous), each as its file says.
"""

import numpy as np

from nasrepro.suite.registry import load_oracle, methods, study
from nasrepro.suite.search import Budget, Session


@study(
    "workers.clock",
    paper="arXiv:1810.05934",
    by=("method", "workers"),
    oracle="nasbench101_slice",
    dataset="cifar10",
    seconds=200_000.0,
    counts=[1, 4, 16, 64],
    searches=["asha", "hyperband", "regularized_evolution"],
)
def clock(rng, *, oracle, dataset, seconds, counts, searches):
    """Simulated wall clock of searches on more and more workers, at equal seconds of training.

    Columns: wall clock (h), how often faster than one worker, share of the workers' time that
    trains, evaluations, regret of what is returned to the best of the table (percent).

    Args:
        rng: of the searches, one stream for each method and number of workers.
        oracle: a table with training times.
        dataset: of the oracle.
        seconds: of training, of all workers together.
        counts: of workers.
        searches: methods with a parameter `workers`.
    """
    opened = load_oracle(oracle)
    objective, length = opened.info.objective_of(dataset), opened.epochs(dataset)[-1]
    sign = 1 if objective.higher_is_better else -1
    best = float(
        np.nanmax(sign * opened.query_many(dataset=dataset, epochs=length)[objective.name])
    )
    for name in searches:
        method = methods.get(name)
        alone_s = 0.0
        for workers, stream in zip(counts, rng.spawn(len(counts)), strict=True):
            session = Session(
                opened, dataset=dataset, epochs=length, budget=Budget(seconds=seconds)
            )
            chosen = method.run(session, stream, workers=workers)
            ledger = session.ledger
            read = opened.query(chosen, dataset=dataset, epochs=length).values
            alone_s = alone_s or ledger.wall_s
            yield {
                "method": name,
                "workers": workers,
                "wall_h": ledger.wall_s / 3600,
                "faster": alone_s / ledger.wall_s,
                "busy": ledger.simulated_s / (workers * ledger.wall_s),
                "evaluations": session.queries,
                "regret": 100 * (best - sign * read[objective.name]),
            }
