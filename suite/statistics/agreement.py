"""Agreement between a score and a target, regret, and accuracy density.

Two rules hold in the whole file. A score that is not finite is a failed prediction: it ranks worst,
below every finite score and tied with the other failures. And where there is no order to compare
(all scores or all targets are equal) the answer is nan, or what the caller of `spearman` names for
it. Correlations are signed: a proxy that ranks backwards is shown doing so.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from nasrepro.suite.statistics.intervals import Values, percentile_interval
from nasrepro.suite.statistics.resampling import (
    TOP,
    is_constant,
    mean_ranks,
    ranks_of,
    resample_counts,
    resampled_correlations,
    top_rows,
    top_size,
)

Status = Literal["ok", "constant", "non-finite"]


@dataclass(frozen=True, slots=True)
class RankAgreement:
    """How well scores rank architectures, with intervals from a bootstrap over the architectures.

    Attributes:
        n: architectures compared.
        non_finite: how many of their scores are not finite (ranked worst, not left out).
        kendall, spearman: tau-b and rho over all of them.
        top_kendall: tau-b among the `top_n` whose target is in the top 10 %.
        precision_1, precision_10: `precision_at` 1 % and 10 %.
        kendall_ci, spearman_ci, top_kendall_ci: (low, high); nan where too many resamples have no
            correlation.
        status: "ok"; "constant" (all scores or all targets are equal) or "non-finite" (no score is
            finite), and then every figure but the counts is nan.
    """

    n: int
    non_finite: int
    kendall: float
    kendall_ci: tuple[float, float]
    spearman: float
    spearman_ci: tuple[float, float]
    top_n: int
    top_kendall: float
    top_kendall_ci: tuple[float, float]
    precision_1: float
    precision_10: float
    status: Status


def kendall(scores: ArrayLike, target: ArrayLike) -> float:
    """Kendall's tau-b (scipy) of `scores` (n,) with `target` (n,).

    See the module for scores that are not finite and constant input.

    Raises:
        ValueError: empty input, unequal lengths, or a target that is not finite.
    """
    x, y = ranks_of(scores, target)
    if is_constant(x, y):
        return math.nan
    from scipy.stats import kendalltau  # half a second to import

    return float(kendalltau(x, y).statistic)


def spearman(scores: ArrayLike, target: ArrayLike, *, constant: float = math.nan) -> float:
    """Spearman's rho, ties by mean rank; arguments and errors as for `kendall`.

    `constant` is the answer where all scores or all targets are equal: nan, unless the caller needs
    a number (who picks the best of several predictors gives -1, so that one without an order is
    never picked).
    """
    x, y = ranks_of(scores, target)
    if is_constant(x, y):
        return constant
    return float(np.corrcoef(mean_ranks(x), mean_ranks(y))[0, 1])


def finite(scores: ArrayLike) -> Values:
    """Scores (n,) of a search with a number for each diverged training (not finite).

    0, or the lowest where scores are negative.
    """
    given = np.asarray(scores, dtype=np.float64)
    there = np.isfinite(given)
    return np.where(there, given, np.min(given[there], initial=0.0))


def top_kendall(scores: ArrayLike, target: ArrayLike, fraction: float = TOP) -> float:
    """Tau-b among the architectures whose target is in the top `fraction`.

    Those tied with the last of them are included.

    `fraction` of n is rounded to the nearest whole number (a half to the even one), at least one.

    Raises:
        ValueError: as for `kendall`, or a fraction outside (0, 1].
    """
    x, y = ranks_of(scores, target)
    top = top_rows(y, fraction)
    return kendall(x[top], y[top])


def precision_at(scores: ArrayLike, target: ArrayLike, fraction: float) -> float:
    """Share of the top `fraction` by score that is in the top `fraction` by target.

    Ties: an architecture tied with the last of the top by target is in that top, since none is
    better than the other. Scores tied at the cut are drawn from at random, and the expected share
    is returned. So 1.0 can always be reached, and the order in which the architectures are listed
    changes nothing.

    Raises:
        ValueError: as for `top_kendall`.
    """
    x, y = ranks_of(scores, target)
    hit = top_rows(y, fraction)
    if is_constant(x, y):
        return math.nan
    size = top_size(x.size, fraction)
    cut = np.sort(x)[-size]
    above, tied = x > cut, x == cut
    return float((hit[above].sum() + (size - above.sum()) * hit[tied].mean()) / size)


def regret(value: float, best: float) -> float:
    """How far `value` falls short of `best`, in their unit.

    A negative regret means that `best` was not the best (another split, or one seed against a
    mean), and is not hidden.
    """
    return best - value


def accuracy_density(accuracy: float, count: float) -> float:
    """Accuracy in percent per million of `count`: once with parameters, once with MACs.

    Two columns that are never mixed.

    These two are this project's own definitions. How the SwiftNet paper defines its accuracy
    density is not confirmed, so neither may be reported under that paper's name.

    Args:
        accuracy: test accuracy as a fraction in [0, 1].
        count: parameters or multiply-accumulates of the network, as a plain number (not millions).

    Raises:
        ValueError: an accuracy outside [0, 1] (percent, most likely) or a count that is not
            positive.
    """
    if not 0 <= accuracy <= 1:
        raise ValueError(
            f"accuracy must be a fraction in [0, 1], not {accuracy}; divide a percentage by 100"
        )
    if not 0 < count < math.inf:
        raise ValueError(f"count must be a positive number of parameters or MACs, not {count}")
    return 100 * accuracy / (count / 1e6)


def rank_agreement(
    scores: ArrayLike, target: ArrayLike, *, resamples: int, seed: int, level: float = 0.95
) -> RankAgreement:
    """All rank figures of `scores` (n,) against `target` (n,), with intervals.

    The intervals are percentile bootstrap intervals over the architectures.

    All correlations are taken on the same resamples (`resampling.resample_counts`), and the top
    10 % is chosen anew in each. Costs about a millisecond per resample at n = 15,625 and grows like
    n ** 1.5: for hundreds of thousands of architectures ask for fewer resamples.

    Raises:
        ValueError: as for `kendall`; `resamples` below 1, or a level outside (0, 1).
    """
    x, y = ranks_of(scores, target)
    n, non_finite = x.size, int((~np.isfinite(np.asarray(scores, dtype=np.float64))).sum())
    if resamples < 1:
        raise ValueError(f"resamples must be at least 1, not {resamples}")
    top_n = int(top_rows(y, TOP).sum())
    if is_constant(x, y):
        nothing = (math.nan, math.nan)
        status: Status = "non-finite" if non_finite == n else "constant"
        return RankAgreement(
            n,
            non_finite,
            math.nan,
            nothing,
            math.nan,
            nothing,
            top_n,
            math.nan,
            nothing,
            math.nan,
            math.nan,
            status,
        )
    # The architectures as they are, then the resamples.
    counts = np.vstack([np.ones((1, n), np.uint8), resample_counts(n, resamples, seed)])
    found = resampled_correlations(x, y, counts)
    tau, rho, top = (float(values[0]) for values in found)
    tau_ci, rho_ci, top_ci = (percentile_interval(values[1:], level) for values in found)
    near = (precision_at(x, y, 0.01), precision_at(x, y, 0.1))
    return RankAgreement(n, non_finite, tau, tau_ci, rho, rho_ci, top_n, top, top_ci, *near, "ok")
