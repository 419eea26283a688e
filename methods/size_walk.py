"""Size walk, the control of search tables: random samples, then a walk down the size.

    evaluate `samples` random architectures
    walk down all architectures by `by`, largest first, equal ones in canonical order; each
      functionally distinct one that was not evaluated yet is evaluated, until the budget ends
    return the best by validation

Deviations:
    - Our own control, of no paper: a method that does not beat it on a space has shown no more
      there than that larger networks are better.
    - In a space too large to list, the walk goes down `drawn` random architectures.
"""

from nasrepro.methods.nets.listing import LISTED, descending
from nasrepro.suite.errors import UnknownName
from nasrepro.suite.registry import method

SIZES = ("params", "macs", "live_params")


@method(
    "size_walk", paper="control", at_least={"samples": 0}, by="params", samples=25, drawn=20_000
)
def search(session, rng, *, by, samples, drawn):
    """Evaluate random architectures, then the largest ones.

    Args:
        session: the search session.
        rng: random generator.
        by: the size: params, macs, or live_params (without what cannot reach the output).
        samples: random architectures before the walk, as many as FLASH fits its curve to.
        drawn: architectures that the walk goes over where the space cannot be listed.

    Raises:
        UnknownName: no such size.
    """
    if by not in SIZES:
        raise UnknownName("size of size_walk:", by, SIZES)
    space, given = session.space, (by, session.dataset.classes, session.dataset.size)
    evaluated = session.evaluate_many([space.sample(rng) for _ in range(samples)])
    with session.charge("listing") as took:
        if len(space) <= LISTED:
            ranked, seconds = descending(space, size, *given)
            took(seconds)
        else:
            archs = sorted({space.sample(rng) for _ in range(drawn)})
            ranked = sorted(archs, key=lambda arch: -size(space, arch, *given))
    seen = {space.canonical(done.arch) for done in evaluated}
    for arch in ranked:
        if space.canonical(arch) not in seen:
            seen.add(space.canonical(arch))
            session.evaluate(arch)


def size(space, arch, by, classes, pixels):
    """Parameters or MACs of the built network."""
    counted = space.live(arch) if by == "live_params" else arch
    made = space.complexity(counted, classes=classes, size=pixels)
    return made.macs if by == "macs" else made.params
