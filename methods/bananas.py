"""BANANAS (White, Neiswanger, Savani; AAAI 2021, arXiv:1910.11858; their code: naszilla).

    D <- `initial` random distinct architectures, evaluated
    repeat until the budget ends:
        fit 5 networks to (path encoding, validation error) of D
        C <- about 100 mutants of the best architectures of D, none in D, none twice
        for each c of C: error(c) ~ Normal(mean, deviation of the 5 predictions)
          # independent Thompson sampling
        evaluate the 10 of lowest error(c), and add them to D

Deviations:
    - Follows the authors' code: ten layers of 20 ReLUs, mean absolute error, Adam at 0.01 (beta2
      0.99), batches of 32, 150 epochs, errors in percent and not scaled. Their TensorFlow networks
      are redone in numpy, as one batched network whose members share the order of the points.
    - The candidates are theirs: 100 mutants of each of the best 5 in turn, until there are 100,
      which in practice are mutants of the best one. Equal cells count as one (their code compares
      strings on NAS-Bench-201, paths on NAS-Bench-101).
    - A mutant changes each decision with probability `changes` / decisions; 1.5 is their 1/4 of
      each of the six operations of NAS-Bench-201. On NAS-Bench-101 they change one edge and one
      operation on average.
    - A path has its bit from when it is first seen, so that any space can be encoded; a network has
      no inputs for paths that neither D nor C has. `longest` 3 is the paper's truncation to 40
      paths on NAS-Bench-101. Where an architecture is a single path, `encoding` "onehot" says more.
    - Networks are trained in floating point: on other machines their last bits, and so the search,
      may differ.
"""

import numpy as np

from nasrepro.methods.nets.ensemble import Ensemble
from nasrepro.methods.nets.guided import best_of, errors, guided, mutated
from nasrepro.methods.nets.paths import PathEncoding
from nasrepro.suite.errors import NasreproError
from nasrepro.suite.registry import method
from nasrepro.suite.space import Arch

#: Best architectures whose mutants are candidates.
PARENTS = 5


@method(
    "bananas",
    paper="arXiv:1910.11858",
    floating=True,
    initial=10,
    batch=10,
    candidates=100,
    networks=5,
    encoding="path",
    longest=0,
    changes=1.5,
    epochs=150,
)
def search(
    session, rng, *, initial, batch, candidates, networks, encoding, longest, changes, epochs
):
    """Bayesian optimisation with an ensemble of networks on the path encoding.

    Args:
        session: the search session.
        rng: random generator.
        initial: random architectures at the start.
        batch: architectures evaluated between two fits.
        candidates: mutants to choose from.
        networks: members of the ensemble.
        encoding: "path" or "onehot" (of the decisions).
        longest: paths of more operations have no bit; 0: all have.
        changes: decisions that a mutant changes, on average.
        epochs: passes over D when the networks are fitted.
    """
    if encoding not in ("path", "onehot"):
        raise NasreproError(f"bananas: encoding {encoding!r} is neither path nor onehot")
    space, encoded = session.space, PathEncoding(longest)

    def encode(archs):
        if encoding == "onehot":
            return np.array([space.encode(arch) for arch in archs], dtype=np.float64)
        return encoded([space.graph(arch) for arch in archs])

    def pool(done, known):
        mutants: list[Arch] = []
        for parent in best_of(done, PARENTS):
            if len(mutants) < candidates:
                drawn = (mutated(space, parent, changes, rng) for _ in range(candidates))
                mutants += [arch for arch in drawn if known.add(arch)]
        return mutants or [arch for arch in [known.new(lambda: space.sample(rng))] if arch]

    def choose(done, mutants):
        X = encode([*(each.arch for each in done), *mutants])
        ensemble = Ensemble(
            X[: len(done)], errors(session, done), rng.spawn(networks), rng, epochs=epochs
        )
        return thompson(ensemble(X[len(done) :]), rng)[:batch]

    guided(session, rng, initial=initial, pool=pool, choose=choose)


def thompson(predictions, rng):
    """Candidates in the order of an error drawn for each by itself, lowest first.

    Args:
        predictions: of each network, shape (networks, n).
        rng: random generator.
    """
    drawn = rng.normal(predictions.mean(axis=0), predictions.std(axis=0))
    return np.argsort(drawn, kind="stable")
