"""How well short trainings rank architectures, which is what multi-fidelity methods bet on.

    for every training length that an oracle has: Kendall's tau-b of the objective after it with the
      objective after the longest, over all architectures and among the best at the end

Deviations:
    - Our own measurement, of no paper; the abstract of BOHB (arXiv:1807.01774) names what it is of:
      how much the cheap evaluations say of the expensive ones.
"""

import numpy as np

from nasrepro.suite.oracle import MEAN
from nasrepro.suite.registry import load_oracle, study
from nasrepro.suite.statistics import rank_agreement


@study(
    "fidelity.rank",
    paper="arXiv:1807.01774",
    by=("epochs",),
    oracle="digits201",
    dataset="digits",
    table_seed=MEAN,
    resamples=200,
)
def rank(rng, *, oracle, dataset, table_seed, resamples):
    """Rank agreement of each training length with the longest.

    Args:
        rng: unused; the table is read in full.
        oracle: its name; one that lists its architectures.
        dataset: of the oracle.
        table_seed: training seed of the table, or "mean".
        resamples: of the bootstrap over architectures.
    """
    opened = load_oracle(oracle)
    info = opened.info
    objective = info.objective_of(dataset)
    sign = 1 if objective.higher_is_better else -1
    lengths = opened.epochs(info.dataset(dataset).name)
    columns = {
        epochs: opened.query_many(dataset=dataset, epochs=epochs, seed=table_seed)
        for epochs in lengths
    }
    scores = {epochs: sign * column[objective.name] for epochs, column in columns.items()}
    longest = scores[lengths[-1]]
    trained = np.isfinite(longest)
    for epochs in lengths:
        agreement = rank_agreement(
            scores[epochs][trained], longest[trained], resamples=resamples, seed=0
        )
        cost = (
            float(np.nanmean(columns[epochs][info.cost] / columns[lengths[-1]][info.cost]))
            if info.cost
            else None
        )
        yield {
            "epochs": epochs,
            "n": agreement.n,
            "share_of_cost": cost,
            "kendall": agreement.kendall,
            "kendall_low": agreement.kendall_ci[0],
            "kendall_high": agreement.kendall_ci[1],
            "top_n": agreement.top_n,
            "top_kendall": agreement.top_kendall,
            "top_kendall_low": agreement.top_kendall_ci[0],
            "top_kendall_high": agreement.top_kendall_ci[1],
            "precision_10": agreement.precision_10,
        }
