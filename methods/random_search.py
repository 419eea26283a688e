"""Random search, as the code of NAS-Bench-201 runs it (arXiv:2001.00326).

    repeat until the budget ends:
        evaluate an architecture drawn uniformly from the space
    return the best by validation

Deviations:
    - None known. Architectures are drawn with replacement and a repeat pays again, as in the
      authors' code.
"""

from nasrepro.suite.registry import method


@method("random_search", paper="Bergstra and Bengio, JMLR 2012; protocol of arXiv:2001.00326")
def search(session, rng):
    """Evaluate uniform samples until the budget ends."""
    while True:
        session.evaluate(session.space.sample(rng))
