"""Successive halving, on simulated workers: what its whole family of methods shares. No torch."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from nasrepro.suite.errors import NasreproError
from nasrepro.suite.search import Evaluation, Session
from nasrepro.suite.space import Arch


def rungs(fidelities: Sequence[int], eta: int, shortest: int = 1) -> tuple[int, ...]:
    """The training lengths of successive halving, ascending: the longest, and down from there.

    The next one down is the longest that exists of at most 1 / eta of the one above.

    Args:
        fidelities: the lengths that exist, epochs, ascending.
        eta: ratio between rungs, at least 2.
        shortest: none below this many epochs, except where there is no longer one.
    """
    if eta < 2:
        raise NasreproError(f"eta = {eta} must be at least 2")
    lengths = [fidelities[-1]]
    while shorter := [each for each in fidelities if shortest <= each <= lengths[-1] / eta]:
        lengths.append(shorter[-1])
    return tuple(reversed(lengths))


def brackets(count: int, eta: int, rule: str) -> list[tuple[int, int]]:
    """The brackets of one round of Hyperband over `count` rungs: (architectures, first rung).

    With s + 1 rungs left of S + 1, "li" starts ceil((S + 1) / (s + 1) * eta^s) architectures (Li et
    al., Algorithm 1), "hpbandster" floor((S + 1) / (s + 1)) * eta^s (the code of BOHB's authors).
    """
    if rule not in ("li", "hpbandster"):
        raise NasreproError(f"brackets {rule!r} is neither li nor hpbandster")
    started = []
    for left in range(count, 0, -1):
        share = eta ** (left - 1)
        number = -(-count * share // left) if rule == "li" else count // left * share
        started.append((number, count - left))
    return started


def halve(
    session: Session,
    count: int,
    lengths: Sequence[int],
    *,
    eta: int,
    workers: int,
    draw: Callable[[], Arch],
    tell: Callable[[Evaluation], object] = lambda done: None,
) -> None:
    """One bracket: `count` architectures at the first length, the best 1 / eta at the next ...

    At least one goes on. Of equal scores, the one whose training ended first.

    Args:
        session: the search session.
        count: architectures that start.
        lengths: training lengths, epochs, ascending.
        eta: one in so many goes on.
        workers: trainings at a time; a rung waits for all of its trainings.
        draw: the next architecture of the first rung, called when a worker is free for it.
        tell: called with each evaluation when it is done.
    """
    done = train(session, count, lengths[0], workers=workers, draw=draw, tell=tell)
    for epochs in lengths[1:]:
        best = top(done, max(len(done) // eta, 1))
        going_on = iter([done[row].arch for row in best])
        done = train(session, len(best), epochs, workers=workers, draw=going_on.__next__, tell=tell)


def top(done: Sequence[Evaluation], count: int) -> list[int]:
    """Rows of the `count` evaluations of highest score, best first; of equal ones, the earlier."""
    return sorted(range(len(done)), key=lambda row: -done[row].score)[:count]


def train(
    session: Session,
    count: int,
    epochs: int,
    *,
    workers: int,
    draw: Callable[[], Arch],
    tell: Callable[[Evaluation], object],
) -> list[Evaluation]:
    """Train `count` architectures for `epochs`, in the order in which they end."""
    if workers < 1:
        raise NasreproError(f"workers = {workers} must be at least 1")
    done: list[Evaluation] = []

    def collect() -> None:
        done.append(session.next_done())
        tell(done[-1])

    for number in range(count):
        if number >= workers:
            collect()
        session.submit(draw(), epochs=epochs)
    while len(done) < count:
        collect()
    return done
