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
    session, rng, *, arm, workers, batch, constraints, penalty, anneal,
    hidden, learning_rate, entropy, momentum, trained, pool, refit,
):  # fmt: skip
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
    reward = _Reward(session, [_limit(text) for text in constraints], penalty, anneal)
    growth = space.growth()
    if arm in ("reinforce", "predictor_only"):  # all at once
        growth = (replace(growth[-1], free=growth[-1].taken),)
    screens = arm in ("predictor_screen", "predictor_only")
    policy = None
    if arm != "predictor_only":
        with session.charge("policy"):
            policy = _policy(space, growth, hidden, learning_rate, entropy, rng)
    predictor = _Predictor(space, int(rng.integers(2**31)))
    baseline = _Baseline(len(growth), momentum)

    while True:
        drawn = _Children.none(count)
        for step, grown in enumerate(growth):
            with session.charge("policy"):
                parents = drawn.repeated(pool if screens and predictor.ready else 1)
                drawn = _draw(space, grown, policy, parents, rng)
            with session.charge("predictor"):
                guesses = predictor(drawn.archs) if predictor.ready else np.zeros(len(drawn.archs))
                if len(guesses) > count:  # the predictor screens: best promise first
                    promise = np.array(reward.of_all(drawn.archs, guesses))
                    best = np.argsort(-promise, kind="stable")[:count]
                    drawn, guesses = drawn.at(best), guesses[best]
            asked = np.arange(count)
            if arm == "predictor_reward" and predictor.ready:
                asked = np.sort(rng.permutation(count)[: max(1, round(trained * count))])
            done = _train(session, [drawn.archs[i] for i in asked], workers, reward)
            archs, scores = [each.arch for each in done], [each.score for each in done]
            reward.lowest = min(reward.lowest, *finite(scores))
            guesses[asked] = np.maximum(scores, reward.lowest)
            if arm.startswith("predictor"):
                with session.charge("predictor"):
                    predictor.add(archs, scores, refit)
            rewards = reward.of_all(drawn.archs, guesses)
            drawn.rewards = np.column_stack([drawn.rewards, rewards])
            session.log(
                "step",
                step=step,
                reward=float(np.mean(rewards)),
                score=float(guesses[asked].mean()),
                violating=float(np.mean([reward.excess(arch) > 0 for arch in archs])),
                satisfied=reward.satisfied,
            )
        if policy is not None:
            with session.charge("policy"):
                # what is still to come, shape (children, steps)
                returns = drawn.rewards[:, ::-1].cumsum(axis=1)[:, ::-1]
                baseline.add(returns.mean(axis=0))
                policy.learn(drawn.codes, drawn.own, returns - baseline.mean)


class _Reward:
    """Accuracy of a child, times V(usage, limit) of each constraint that it breaks.

    Attributes:
        lowest: score so far, where scores are negative.
        satisfied: whether anything that was trained keeps the constraints.
    """

    def __init__(self, session, limits, penalty, anneal):
        self.session, self.limits, self.penalty, self.anneal = session, limits, penalty, anneal
        self.lowest, self.satisfied = 0.0, False

    def of_all(self, archs, scores):
        return [self._of(arch, score) for arch, score in zip(archs, scores, strict=True)]

    def _of(self, arch, score):
        p = math.exp(-self.anneal * _spent(self.session))
        return max(score - self.lowest, 0.0) * math.prod(
            0.0 if self.penalty == "hard" else p**excess for excess in self._broken(arch)
        )

    def excess(self, arch):
        """By how much constraints are broken, summed."""
        return sum(self._broken(arch))

    def rate(self, done):
        """The score of what keeps the constraints; all else is below, by its excess."""
        excess = self.excess(done.arch)
        self.session.rate(done, -1e6 * (1 + excess) if excess else done.score)
        self.satisfied = self.satisfied or not excess

    def _broken(self, arch):
        excesses = [_excess(self.session, arch, limit) for limit in self.limits]
        return [excess for excess in excesses if excess > 0]


class _Baseline:
    """A moving average of each step's returns; `mean` has no bias towards its start at 0."""

    def __init__(self, steps, momentum):
        self.momentum, self.average, self.weight = momentum, np.zeros(steps), 0.0

    def add(self, returns):
        self.average = self.momentum * self.average + (1 - self.momentum) * returns
        self.weight = self.momentum * self.weight + (1 - self.momentum)

    @property
    def mean(self):
        return self.average / self.weight


def _train(session, archs, workers, reward):
    """Trains children side by side; rates also those trained before the budget ended."""
    before = session.queries
    try:
        return session.evaluate_many(archs, workers=workers)
    finally:
        for done in session.ledger.evaluations[before:]:
            reward.rate(done)


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
