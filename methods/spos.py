"""SPOS: single path one-shot with uniform sampling (Guo et al., ECCV 2020, arXiv:1904.00420).

    repeat for each step: a ~ uniform over the space;  train the weights of path a alone
    P <- `population` random architectures
    repeat `generations` times: rate P by validation accuracy with inherited weights, batch norms
      recalibrated
        keep the `parents` best of all so far;  P <- crossings and mutants of them, half each
    return the best of all

Without generations it is random search with weight sharing (Li and Talwalkar, arXiv:1902.07638).

Deviations:
    - The body was not read; the algorithm is that of the abstract and of the authors' public code
      as recalled. Population 50, 20 generations and 10 parents are theirs; here fewer, since a
      rating costs as much as some steps of training.
    - No limits of complexity, no search of widths or bits.
    - Batch norms are recalibrated on 200 training images; theirs on 20,000.
    - Equal architectures are rated once each code; a code that is no architecture of the space is
      drawn again by a uniform sample.
"""

import numpy as np

from nasrepro.methods.nets.one_shot import inherited, inherited_study
from nasrepro.suite.errors import InvalidArch
from nasrepro.suite.registry import method

PAPER = "arXiv:1904.00420"


@method(
    "spos",
    paper=PAPER,
    workshop=True,
    at_least={"generations": 0},
    epochs=200,
    population=20,
    generations=6,
    parents=5,
    mutation=0.1,
)
def search(session, rng, *, epochs, population, generations, parents, mutation):
    """Uniform training of one supernet, then evolution on inherited accuracy.

    Args:
        session: the search session; it needs a workshop.
        rng: random generator.
        epochs: passes over the training images.
        population: architectures of a generation.
        generations: after the random one; 0: random search.
        parents: best ones that are crossed and mutated.
        mutation: chance of each decision to change in a mutant.
    """
    with session.workshop(rng) as shop:
        supernet = trained(session, shop, rng, epochs)
        return evolved(session, shop, rng, supernet, population, generations, parents, mutation)


def trained(session, shop, rng, epochs):
    """The supernet after training uniformly drawn paths."""
    supernet = shop.supernet()
    shop.train(supernet, epochs, before=lambda: supernet.choose(session.space.sample(rng).code))
    return supernet


def evolved(session, shop, rng, supernet, population, generations, parents, mutation):
    """The architecture of the best inherited accuracy that evolution meets."""
    space = session.space
    rated = {}

    def child(best):
        first, second = (np.array(best[int(rng.integers(len(best)))].code) for _ in range(2))
        if rng.random() < 0.5:
            code = np.where(rng.random(len(first)) < 0.5, first, second)
        else:
            changed = rng.random(len(first)) < mutation
            code = np.where(changed, rng.integers(space.cardinalities), first)
        try:
            return space.arch(code)
        except InvalidArch:
            return space.sample(rng)

    candidates = [space.sample(rng) for _ in range(population)]
    for generation in range(generations + 1):
        for arch in candidates:
            if arch not in rated:
                rated[arch] = inherited(shop, supernet, arch)
        best = sorted(rated, key=lambda arch: (-rated[arch], space.canonical(arch).code, arch.code))
        session.keep(best[0])
        session.log("derived", done=(generation + 1) / (generations + 2), code=list(best[0].code))
        candidates = [child(best[:parents]) for _ in range(population)]
    return best[0]


@inherited_study("spos", PAPER, at_least={"generations": 0}, epochs=200, generations=6)
def measured(session, shop, rng, *, epochs, generations):
    """Inherited accuracy against trainings from scratch, and what evolution chooses over time."""
    supernet = trained(session, shop, rng, epochs)
    return supernet, evolved(session, shop, rng, supernet, 20, generations, 5, 0.1)
