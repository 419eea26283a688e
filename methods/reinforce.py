"""REINFORCE (Williams 1992), with a table of logits.

It is run as in the code of NAS-Bench-201 (arXiv:2001.00326).

    logits <- one row per decision, 1e-3 * N(0, 1)
    repeat until the budget ends:
        code ~ softmax(logits), each decision independently;  r <- `scale` * score of the
          architecture
        b <- moving average of r, bias-corrected
        logits <- Adam step on (r - b) * grad log p(code)
    return the best ever evaluated

Deviations:
    - None known from the authors' code: learning rate 0.5 and a reward in percent, as in their
      NAS-Bench-201 command. Their later NATS-Bench scripts use 0.01; with 0.5 the policy settles
      after about 20 distinct cells, so plans run both.
    - In spaces where not every code is an architecture, a code that is none is drawn again; after
      1,000 such in a row (the policy has settled on one) a uniform sample of the space stands for
      it. The NAS-Bench-201 space has no such code.
    - A diverged training (there is none in that table) earns 0, or where scores are negative the
      lowest so far.
"""

import contextlib

import numpy as np

from nasrepro.suite.errors import InvalidArch
from nasrepro.suite.registry import method
from nasrepro.suite.statistics import finite


@method(
    "reinforce",
    paper="Williams 1992; parameters of the code of arXiv:2001.00326",
    learning_rate=0.5,
    momentum=0.9,
    scale=100.0,
)
def search(session, rng, *, learning_rate, momentum, scale):
    """Policy gradient over independent decisions.

    Args:
        session: the search session.
        rng: random generator.
        learning_rate: of Adam (betas 0.9 and 0.999, epsilon 1e-8).
        momentum: of the reward's moving average.
        scale: reward per unit of score; 100 makes an accuracy a percentage.
    """
    options = np.array(session.space.cardinalities)
    valid = np.arange(options.max()) < options[:, None]  # (decisions, most options)
    logits = np.where(valid, 1e-3 * rng.standard_normal(valid.shape), -np.inf)
    first, second, step = np.zeros(valid.shape), np.zeros(valid.shape), 0
    average, weight, scores = 0.0, 0.0, []
    while True:
        chances = np.exp(logits - logits.max(axis=1, keepdims=True))
        chances /= chances.sum(axis=1, keepdims=True)
        for _ in range(1000):
            code = np.minimum(
                (chances.cumsum(axis=1) < rng.random((len(options), 1))).sum(axis=1), options - 1
            )
            with contextlib.suppress(InvalidArch):
                arch = session.space.arch(code)
                break
        else:
            arch = session.space.sample(rng)
            code = np.array(arch.code)
        scores.append(session.evaluate(arch).score)
        reward = scale * finite(scores)[-1]
        average = momentum * average + (1 - momentum) * reward
        weight = momentum * weight + (1 - momentum)
        taken = np.arange(valid.shape[1]) == code[:, None]
        gradient = (average / weight - reward) * (
            taken - chances
        )  # of the loss: minus advantage times log p
        step += 1
        first = 0.9 * first + 0.1 * gradient
        second = 0.999 * second + 0.001 * gradient**2
        update = (
            learning_rate * (first / (1 - 0.9**step)) / (np.sqrt(second / (1 - 0.999**step)) + 1e-8)
        )
        logits = np.where(valid, logits - update, -np.inf)
