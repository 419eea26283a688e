"""EPNAS: a progressive policy with performance prediction (arXiv:1907.04648).

It searches under resource constraints (RENA, arXiv:1806.07912).

    repeat until the budget ends:                                      # an episode
        for each step of growth, small architectures to whole ones:
            each of `batch` children decides what this step frees, by the policy (an LSTM over its
              decisions)
            train them side by side on `workers`; the predictor is refitted on all that was trained
            reward = accuracy * product over the constraints of V(usage, limit)
        policy gradient on the rewards still to come, less a moving baseline of each step
    return the best architecture trained that keeps the constraints

Deviations:
    - The paper's body was not read. From its abstract: a progressive policy, REINFORCE, performance
      prediction, parallel search, constraints of size, compute and compute intensity. Everything
      else is our reconstruction, and a parameter.
    - `arm` holds the readings of how prediction enters: "reinforce" (whole architectures only, no
      predictor), "progressive", "predictor_reward" (our reconstruction: a share of the children is
      trained, the others' reward is predicted), "predictor_screen" (our reconstruction: more
      children than are trained, the predictor picks). "predictor_only" is the control without a
      policy: uniform children, the predictor picks.
    - Growth is the space's (`SearchSpace.growth`): in NAS-Bench-101 a partial cell is a cell;
      elsewhere a closure rule makes it one, and earlier decisions are kept as the architecture
      grows. Our choice.
    - V is 1 where a constraint holds, else p ** (usage / limit - 1), inverted for a lower bound,
      with p annealed from 1 to exp(-anneal) over the budget (`penalty` "soft", our reconstruction),
      or 0 ("hard"). Where none is kept, the best is the one with the least excess.
    - LSTM of 64, Adam, entropy bonus, baseline momentum, predictor (an MLP on one-hot decisions):
      our choices, no size is known.
    - `batch` 0 gives each worker one child, so that workers also set how many children a policy
      step sees.
    - Children that the predictor picked feed REINFORCE as if the policy alone had drawn them; the
      baseline takes a batch in before it is subtracted. Where scores are negative (losses),
      accuracy is by how much they exceed the lowest so far, so that a broken constraint never pays.
      A diverged training earns 0, and the predictor learns it as 0 or as the lowest.
    - A code that is no architecture is drawn again, up to 100 times; then a uniform sample of the
      space stands for it, without gradient. An architecture that comes up again is trained again,
      and paid again.
"""

import contextlib
import math
import warnings
from dataclasses import replace

import numpy as np

from nasrepro.suite.errors import InvalidArch, NasreproError
from nasrepro.suite.registry import method
from nasrepro.suite.statistics import finite

ARMS = ("reinforce", "progressive", "predictor_reward", "predictor_screen", "predictor_only")


@method(
    "epnas",
    paper="arXiv:1907.04648",
    floating=True,
    arm="predictor_screen",
    workers=8,
    batch=0,
    constraints=[],
    penalty="soft",
    anneal=5.0,
    hidden=64,
    learning_rate=0.01,
    entropy=0.01,
    momentum=0.9,
    trained=0.5,
    pool=4,
    refit=8,
)
def search(
    session,
    rng,
    *,
    arm,
    workers,
    batch,
    constraints,
    penalty,
    anneal,
    hidden,
    learning_rate,
    entropy,
    momentum,
    trained,
    pool,
    refit,
):
    """Progressive REINFORCE with a performance predictor.

    Args:
        session: the search session.
        rng: random generator.
        arm: one of `ARMS`.
        workers: children that are trained side by side (simulated).
        batch: children trained at each step; 0: as many as workers.
        constraints: texts such as "params<=1e6", "macs<=5e7", "intensity>=10" (MACs per byte
            moved).
        penalty: "soft" or "hard".
        anneal: how low p falls, exp(-anneal) at the end of the budget.
        hidden: units of the LSTM and of the embeddings.
        learning_rate: of Adam.
        entropy: weight of the policy's entropy.
        momentum: of the moving baselines.
        trained: share of the children that is trained (arm "predictor_reward").
        refit: newly trained architectures after which the predictor is fitted again.
        pool: children drawn for each one that is trained (arms "predictor_screen" and
            "predictor_only").
    """
    if arm not in ARMS:
        raise NasreproError(f"epnas: arm {arm!r} is none of {', '.join(ARMS)}")
    if penalty not in ("soft", "hard"):
        raise NasreproError(f"epnas: penalty {penalty!r} is neither soft nor hard")
    space, count = session.space, batch or workers
    limits = [_limit(text) for text in constraints]
    growth = space.growth()
    if arm in ("reinforce", "predictor_only"):  # all at once
        growth = (replace(growth[-1], free=growth[-1].taken),)
    by_policy, draws = (
        arm != "predictor_only",
        pool if arm in ("predictor_screen", "predictor_only") else 1,
    )
    with session.charge("policy"):
        policy = _policy(space, growth, hidden, learning_rate, entropy, rng) if by_policy else None
    predictor = _Predictor(space, int(rng.integers(2**31)))
    average, weight = np.zeros(len(growth)), 0.0
    lowest = 0.0  # score so far, where scores are negative
    satisfied = False  # whether anything that was trained keeps the constraints

    def excesses(arch):
        return [_excess(session, arch, limit) for limit in limits]

    def value(arch, score):
        p = math.exp(-anneal * _spent(session))
        broken = [excess for excess in excesses(arch) if excess > 0]
        return max(score - lowest, 0.0) * math.prod(
            0.0 if penalty == "hard" else p**excess for excess in broken
        )

    while True:
        drawn = _Children.none(count)
        for step, grown in enumerate(growth):
            with session.charge("policy"):
                drawn = _draw(
                    space, grown, policy, drawn.repeated(draws if predictor.ready else 1), rng
                )
            with session.charge("predictor"):
                guesses = predictor(drawn.archs) if predictor.ready else np.zeros(len(drawn.archs))
                if len(guesses) > count:  # the predictor screens: best promise first
                    promise = np.array(
                        [
                            value(arch, guess)
                            for arch, guess in zip(drawn.archs, guesses, strict=True)
                        ]
                    )
                    kept = np.argsort(-promise, kind="stable")[:count]
                    drawn, guesses = drawn.at(kept), guesses[kept]
            asked = np.arange(count)
            if arm == "predictor_reward" and predictor.ready:
                asked = np.sort(rng.permutation(count)[: max(1, round(trained * count))])
            before = session.queries
            try:
                done = session.evaluate_many([drawn.archs[i] for i in asked], workers=workers)
            finally:  # also what was trained before the budget ended
                for each in session.ledger.evaluations[before:]:
                    worst = sum(excess for excess in excesses(each.arch) if excess > 0)
                    session.rate(each, -1e6 * (1 + worst) if worst else each.score)
                    satisfied = satisfied or not worst
            scores = [each.score for each in done]
            lowest = min(lowest, *finite(scores))
            guesses[asked] = np.maximum(scores, lowest)
            if arm.startswith("predictor"):
                with session.charge("predictor"):
                    predictor.add([each.arch for each in done], scores, refit)
            rewards = [value(arch, guess) for arch, guess in zip(drawn.archs, guesses, strict=True)]
            drawn.rewards = np.column_stack([drawn.rewards, rewards])
            violating = float(np.mean([max(excesses(each.arch), default=0.0) > 0 for each in done]))
            score = float(guesses[asked].mean())
            session.log(
                "step",
                step=step,
                reward=float(np.mean(rewards)),
                score=score,
                violating=violating,
                satisfied=satisfied,
            )
        if policy is not None:
            with session.charge("policy"):
                returns = drawn.rewards[:, ::-1].cumsum(axis=1)[
                    :, ::-1
                ]  # what is still to come, shape (children, steps)
                average = momentum * average + (1 - momentum) * returns.mean(axis=0)
                weight = momentum * weight + (1 - momentum)
                policy.learn(drawn.codes, drawn.own, returns - average / weight)


def _policy(space, growth, hidden, learning_rate, entropy, rng):
    from nasrepro.methods.nets.policy import Policy  # torch

    order = [decision for grown in growth for decision in grown.free]
    sizes = [space.cardinalities[decision] for decision in order]
    return Policy(
        sizes,
        [len(grown.free) for grown in growth],
        hidden,
        learning_rate,
        entropy,
        int(rng.integers(2**31)),
    )


class _Children:
    """Architectures on their way: their decisions (n, decisions).

    Of each step whether it was the policy's, and its reward (n, steps).
    """

    def __init__(self, archs, codes, own, rewards):
        self.archs, self.codes, self.own, self.rewards = archs, codes, own, rewards

    @classmethod
    def none(cls, count):
        return cls(
            [None] * count,
            np.zeros((count, 0), dtype=int),
            np.ones((count, 0), dtype=bool),
            np.zeros((count, 0)),
        )

    def at(self, rows):
        return _Children(
            [self.archs[row] for row in rows], self.codes[rows], self.own[rows], self.rewards[rows]
        )

    def repeated(self, times):
        return self.at(np.repeat(np.arange(len(self.archs)), times))


def _draw(space, grown, policy, parents, rng):
    """The next step of `parents`.

    Each decides what `grown` frees, drawn again where that is no architecture.
    """
    archs = list(parents.archs)
    new = np.zeros((len(archs), len(grown.free)), dtype=int)
    own = np.ones(len(archs), dtype=bool)
    options = np.array([space.cardinalities[decision] for decision in grown.free])
    left = list(range(len(archs)))
    for _ in range(100):
        new[left] = (
            policy.draw(parents.codes[left], rng)
            if policy
            else rng.integers(options, size=(len(left), len(options)))
        )
        for row in list(left):
            try:
                archs[row] = space.arch(grown.closed([*parents.codes[row], *new[row]]))
                left.remove(row)
            except InvalidArch:
                continue
        if not left:
            break
    for row in left:
        archs[row], own[row] = space.sample(rng), False
        new[row] = [archs[row].code[decision] for decision in grown.free]
    return _Children(
        archs,
        np.concatenate([parents.codes, new], axis=1),
        np.column_stack([parents.own, own]),
        parents.rewards,
    )


class _Predictor:
    """Accuracy from one-hot decisions.

    A small MLP on everything trained so far, outputs standardised.
    """

    def __init__(self, space, seed):
        self.space, self.seed, self.ready = space, seed, False
        self.inputs, self.scores, self.fitted = [], [], 0

    def add(self, archs, scores, refit):
        from sklearn.neural_network import MLPRegressor

        self.inputs += [self.space.encode(arch) for arch in archs]
        self.scores += list(scores)
        if len(self.scores) - self.fitted < refit:
            return
        self.fitted, scores = len(self.scores), finite(self.scores)
        self.mean, self.spread = np.mean(scores), np.std(scores) or 1.0
        self.model = MLPRegressor(
            hidden_layer_sizes=(64,), solver="lbfgs", alpha=1.0, max_iter=50, random_state=self.seed
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # 50 iterations are meant to be few
            self.model.fit(np.stack(self.inputs), (scores - self.mean) / self.spread)
        self.ready = True

    def __call__(self, archs):
        return self.mean + self.spread * self.model.predict(
            np.stack([self.space.encode(arch) for arch in archs])
        )


# -- constraints -----------------------------------------------------------------------------------
def _limit(text):
    """("params", True, 1e6) of "params<=1e6"; False for a lower bound."""
    for upper, symbol in ((True, "<="), (False, ">=")):
        name, found, number = text.partition(symbol)
        if found and name.strip() in ("params", "macs", "intensity"):
            with contextlib.suppress(ValueError):
                return name.strip(), upper, float(number)
    raise NasreproError(
        f"epnas: constraint {text!r} is not params, macs or intensity, <= or >=, and a number, "
        "such as 'params<=1e6'"
    )


def _excess(session, arch, limit):
    """By how much of the limit, usage / limit - 1 of a constraint, inverted for a lower bound.

    Positive where it is broken.
    """
    name, upper, bound = limit
    sizes = session.complexity(arch)
    used = sizes.macs / session.traffic(arch) if name == "intensity" else getattr(sizes, name)
    return (used / bound if upper else bound / max(used, 1e-12)) - 1.0


def _spent(session):
    """Share of the budget that is spent, by the limit that is nearer."""
    queries, seconds = session.budget.queries, session.budget.seconds
    return max(
        session.queries / queries if queries else 0.0, session.clock_s / seconds if seconds else 0.0
    )
