"""Our method: restarts of a greedy walk.

Deviations:
    - None: it is ours.
"""

import nasrepro as nr


@nr.method("our_method", paper="ours", tries=3)
def search(session, rng, *, tries):
    """Climb from random architectures until the budget ends."""
    while True:
        best = session.evaluate(session.space.sample(rng))
        for _ in range(tries):
            other = session.evaluate(session.space.mutate(best.arch, rng))
            best = max(best, other, key=lambda done: done.score)
