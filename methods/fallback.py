"""How far real training in a small setting ranks cells as NAS-Bench-201 does.

Such training is the fallback where no table exists.

    draw cells at random; train each in the reduced setting; look each up in the benchmark
    Kendall's tau-b and Spearman's rho between the two, with bootstrap intervals over the cells

Deviations:
    - Our own check, of no paper: it compares one training of few epochs on a part of the images
      with the benchmark's means over seeds.
    - Parameters and MACs of the same cells stand beside it as controls: a fallback that does not
      rank better has shown nothing.
"""

import numpy as np

from nasrepro.suite.oracle import MEAN
from nasrepro.suite.registry import load_oracle, study
from nasrepro.suite.statistics import rank_agreement

#: What is compared with: epochs and metric of the benchmark.
TARGETS = (
    (200, "test_accuracy"),
    (200, "valid_accuracy"),
    (12, "test_accuracy"),
    (12, "valid_accuracy"),
)


@study(
    "fallback.transfer",
    paper="arXiv:2001.00326",
    by=("scores", "benchmark"),
    oracles=["trained201_cifar10_jpeg", "nasbench201"],
    dataset="cifar10",
    cells=40,
    table_seed=0,
    resamples=2000,
)
def transfer(rng, *, oracles, dataset, cells, table_seed, resamples):
    """Rank agreement of a trained oracle with a benchmark's table over random cells.

    The trained oracle is the first, the benchmark's the second.

    Args:
        rng: draws the cells; more `cells` begin with the same ones.
        oracles: names of the two.
        dataset: of the benchmark; the trained oracle has one of its own.
        cells: how many; drawn uniformly from the space without replacement.
        table_seed: seed of the trainings.
        resamples: of the bootstrap.
    """
    trained, benchmark = map(load_oracle, oracles)
    own = trained.info.datasets[0].name
    epochs = max(trained.epochs(own))
    archs = [trained.space.at(int(index)) for index in rng.permutation(len(trained.space))[:cells]]
    found = trained.query_many(archs, dataset=own, epochs=epochs, seed=table_seed)
    scores = {
        f"{name}, {epochs} epochs": found[name] for name in ("test_accuracy", "valid_accuracy")
    }
    scores |= {"params": found["params"], "macs": found["macs"]}
    for length, metric in TARGETS:
        target = benchmark.query_many(archs, dataset=dataset, epochs=length, seed=MEAN)[metric]
        there = np.isfinite(target)
        for name, values in scores.items():
            agreement = rank_agreement(values[there], target[there], resamples=resamples, seed=0)
            yield {
                "scores": name,
                "benchmark": f"{metric}, {length} epochs",
                "n": agreement.n,
                "kendall": agreement.kendall,
                "kendall_low": agreement.kendall_ci[0],
                "kendall_high": agreement.kendall_ci[1],
                "spearman": agreement.spearman,
                "spearman_low": agreement.spearman_ci[0],
                "spearman_high": agreement.spearman_ci[1],
                "diverged": agreement.non_finite,
                "training_s": float(found["cost_s"].sum()),
            }
