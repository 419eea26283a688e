"""GP-BO: Bayesian optimisation with a Gaussian process on the decisions.

The control of NAS-BOWL and BANANAS (GP-BayesOpt in arXiv:1910.11858).

    D <- `initial` random distinct architectures, evaluated
    repeat until the budget ends:
        fit a Gaussian process with K(a, b) = exp(-d(a, b) / l) to -log(validation error);
          d: number of decisions that differ; l by marginal likelihood
        C <- 200 mutants of the best 10, none in D, no two equal cells
        evaluate the 5 of the largest expected improvement, and add them to D

Deviations:
    - Our choice of details: the loop, the noise and the acquisition are those of our NAS-BOWL, so
      that only the kernel differs. The paper's GP-BayesOpt has an edit distance on NAS-Bench-101.
    - l is one of 8 values from 0.5 to twice the number of decisions.
"""

import numpy as np

from nasrepro.methods.nets.guided import errors, guided, mutants
from nasrepro.methods.nets.kernel_process import best_improvements
from nasrepro.suite.registry import method


@method("gp_bo", paper="arXiv:1910.11858", initial=10, batch=5, pool=200)
def search(session, rng, *, initial, batch, pool):
    """Bayesian optimisation with a kernel on the decisions.

    Args:
        session: the search session.
        rng: random generator.
        initial: random architectures at the start.
        batch: architectures evaluated between two fits, at most.
        pool: candidates.
    """
    decisions = len(session.space.cardinalities)

    def choose(done, candidates):
        codes = np.array([each.code for each in (*(each.arch for each in done), *candidates)])
        differing = (codes[:, None] != codes[: len(done)]).sum(axis=2)
        kernels = [np.exp(-differing / length) for length in np.geomspace(0.5, 2 * decisions, 8)]
        y = -np.log(np.maximum(errors(session, done), 1e-3))
        return best_improvements(kernels, y, candidates, batch)

    candidates = mutants(session.space, rng, size=pool)
    guided(session, rng, initial=initial, pool=candidates, choose=choose)
