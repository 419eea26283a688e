"""Rankings compared on the same architectures.

The difference of two scorers' coefficients is taken over the architectures that both rank, and
resampled together: pairs, not two independent samples. With a control that is known for all of a
table, the same difference carries a sample's coefficient to the whole table (difference estimator):

    whole(scorer) = sample(scorer) - sample(control) + whole(control)

whose interval is that of the difference alone, shorter the closer both rank.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from nasrepro.suite.errors import ScoresMissing
from nasrepro.suite.experiments.kinds.ranking import RankingSetting, RankRecord, of_networks
from nasrepro.suite.registry import load_oracle
from nasrepro.suite.scoring import ScoringSetting
from nasrepro.suite.statistics import (
    Interval,
    percentile_interval,
    resample_counts,
    resampled_correlations,
)

#: Coefficients that can be compared so, in the order in which they are resampled.
RESAMPLED = ("kendall", "spearman", "top_kendall")
RESAMPLES = 300
LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Comparisons:
    """Differences of rankings, each pair resampled once.

    Attributes:
        known: by the ids of two rankings: the difference of all coefficients, shape (coefficients,
            1 + resamples), the one of the architectures as they are first; and how many those are.
    """

    known: dict[tuple[str, str], tuple[NDArray[np.float64], int]] = field(default_factory=dict)

    def stored(self, record: RankRecord) -> bool:
        """Whether the scores behind a ranking are stored: nothing is scored for a comparison."""
        if not record.key.sample:
            return True
        key, oracle = record.key, load_oracle(record.key.oracle)
        try:
            of_networks(key, oracle, ScoringSetting(**key.setting), key.sample, limit_s=0.0)
        except ScoresMissing:
            return False
        return True

    def difference(self, first: RankRecord, second: RankRecord, coefficient: str) -> Interval:
        """First less second, over the architectures that both rank; raises as a ranking does."""
        ids = first.key.run_id, second.key.run_id
        if ids not in self.known:
            self.known[ids] = _differences(first, second)
        values, n = self.known[ids]
        ours = values[RESAMPLED.index(coefficient)]
        return Interval(float(ours[0]), *percentile_interval(ours[1:], LEVEL), n, LEVEL)

    def moved(self, first: RankRecord, second: RankRecord, coefficient: str, repeat: int) -> float:
        """How far the `repeat`-th resample of the architectures moves the difference."""
        self.difference(first, second, coefficient)
        values, _ = self.known[first.key.run_id, second.key.run_id]
        ours = values[RESAMPLED.index(coefficient)]
        return float(ours[1 + repeat] - ours[0])

    def by_control(self, record: RankRecord, control: RankRecord, coefficient: str) -> Interval:
        """A sample's coefficient, carried to all architectures that the control ranks."""
        apart = self.difference(record, control, coefficient)
        whole = control.agreement[coefficient]
        return replace(
            apart, value=apart.value + whole, low=apart.low + whole, high=apart.high + whole
        )


def _differences(first: RankRecord, second: RankRecord) -> tuple[NDArray[np.float64], int]:
    """Resample both rankings over the architectures that they share."""
    sampled = first if first.key.sample else second
    rows, values, scores, *_ = RankingSetting.opened(sampled.key).scored()
    other = second if sampled is first else first
    shared, _, other_scores, *_ = RankingSetting.opened(other.key).scored(within=rows)
    kept = np.isin(rows, shared)
    n = int(kept.sum())
    higher = RankingSetting.opened(first.key).oracle.info.metric(first.key.metric)
    target = values[kept] if higher.higher_is_better else -values[kept]
    counts = np.vstack([np.ones((1, n), np.uint8), resample_counts(n, RESAMPLES, first.key.seed)])
    ours = np.array(resampled_correlations(scores[kept], target, counts))
    theirs = np.array(resampled_correlations(other_scores, target, counts))
    return (ours - theirs if sampled is first else theirs - ours), n
