"""PNAS, progressive search (Liu et al., ECCV 2018, arXiv:1712.00559, Algorithm 1).

    beam <- architectures of the smallest size, evaluated; fit the predictor to them
    for each larger size:
        expand every architecture of the beam by one step of growth, in all ways
        beam <- the K expansions of the best prediction, evaluated; fit the predictor to all so far
    go on with the next K of the largest size until the budget ends

Deviations:
    - The paper was not read here beyond its abstract; K and the rest come from accounts of it.
    - Growth is the space's (`SearchSpace.growth`): in NAS-Bench-101 a partial cell is a cell;
      elsewhere a closure rule makes it one. The paper's cells grow by a block of two inputs and two
      operations, five times.
    - K is 25, not 256, so that 150 queries reach whole architectures on every space.
    - The predictor is BANANAS's ensemble of five perceptrons, on the decisions (the paper: an LSTM
      or an MLP, five on four fifths of the data each); it ranks by the mean of their errors.
    - Of more than `expansions` architectures, in the first step too, as many are drawn at random;
      the first step evaluates K of them at most (the paper: all).
    - Expansions that are no architecture, or one that was evaluated, are left out. In spaces where
      not every code is an architecture, random ones fill a beam of fewer than K.
    - After the last size the paper stops; here the next best predicted of it follow, K at a time
      with a new fit, until the budget ends or none is left (in the slice of NAS-Bench-101 few
      expansions are in the table, and none is).
    - Networks are trained in floating point: on other machines their last bits, and so the search,
      may differ.
"""

import itertools
import math

import numpy as np

from nasrepro.methods.nets.ensemble import Ensemble
from nasrepro.methods.nets.guided import Known, errors
from nasrepro.suite.errors import InvalidArch
from nasrepro.suite.registry import method
from nasrepro.suite.search import Evaluation
from nasrepro.suite.space import Arch


@method(
    "pnas",
    paper="arXiv:1712.00559",
    floating=True,
    beam=25,
    expansions=20000,
    networks=5,
    epochs=150,
)
def search(session, rng, *, beam, expansions, networks, epochs):
    """Beam search from small to large architectures with a predictor.

    Args:
        session: the search session.
        rng: random generator.
        beam: architectures of each size that are evaluated (the paper's K).
        expansions: architectures that are predicted at each size, at most.
        networks: members of the ensemble.
        epochs: passes over the data when the predictor is fitted.
    """
    space, known = session.space, Known(session.space)
    done: list[Evaluation] = []
    partial = len(space) < math.prod(space.cardinalities)

    def ranked(archs):
        X = np.array([space.encode(each.arch) for each in done], dtype=np.float64)
        ensemble = Ensemble(X, errors(session, done), rng.spawn(networks), rng, epochs=epochs)
        inputs = np.array([space.encode(arch) for arch in archs], dtype=np.float64)
        return [archs[row] for row in np.argsort(ensemble(inputs).mean(axis=0), kind="stable")]

    prefixes = [()]
    for step in space.growth():
        with session.charge("predictor"):
            grown = expanded(space, step, prefixes, expansions, rng)
            archs = list(filter(known.copy().add, grown))
            if done and archs:
                archs = ranked(archs)
            else:
                archs = [archs[row] for row in rng.permutation(len(archs))]
            for arch in archs[:beam]:
                known.add(arch)
            # the first draw that finds none is the last
            drawn = iter(lambda: known.new(lambda: space.sample(rng)), None)
            missing = max(beam - len(archs), 0) if partial else 0
            for arch in itertools.islice(drawn, missing):
                archs.append(arch)
                grown[arch] = tuple(arch.code[place] for place in step.taken)
        best, rest = archs[:beam], archs[beam:]
        done += [session.evaluate(arch) for arch in best]
        prefixes = [grown[arch] for arch in best]
    while rest:
        with session.charge("predictor"):
            rest = ranked(rest)
        done += [session.evaluate(arch) for arch in rest[:beam]]
        rest = rest[beam:]


def expanded(space, step, prefixes, most, rng):
    """Architectures that a step makes of `prefixes`, `most` at most, with their options."""
    options = [space.cardinalities[decision] for decision in step.free]
    each = math.prod(options)
    if each * len(prefixes) <= most:
        longer = [
            (*prefix, *added)
            for prefix in prefixes
            for added in itertools.product(*map(range, options))
        ]
    else:
        longer = [
            (*prefixes[int(rng.integers(len(prefixes)))], *rng.integers(options).tolist())
            for _ in range(most)
        ]
    grown: dict[Arch, tuple[int, ...]] = {}
    for prefix in longer:
        try:
            grown.setdefault(space.arch(step.closed(prefix)), prefix)
        except InvalidArch:
            continue
    return grown
