"""ZiCo-BC (Bhardwaj et al., ICCV workshops 2023, arXiv:2309.14666, Eq. 2).

Deviations:
    - beta is 1, which the paper gives for classification; it does not print the one of its
      correlations on NATS-Bench.
    - Those of `zico` and of `zico_bias`.
"""

from nasrepro.suite.registry import scorer


@scorer("zico_bc", paper="arXiv:2309.14666, Eq. 2", combines=("zico", "zico_bias"))
def score(scores):
    """ZiCo less beta times the bias towards thin and deep networks; higher is better."""
    return scores["zico"] - scores["zico_bias"]
