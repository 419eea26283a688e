"""Every number's uncertainty: intervals, tests, agreement, resampling."""

from nasrepro.suite.statistics.agreement import (
    RankAgreement,
    accuracy_density,
    finite,
    kendall,
    precision_at,
    rank_agreement,
    regret,
    spearman,
    top_kendall,
)
from nasrepro.suite.statistics.comparisons import (
    PairedTest,
    RankTest,
    average_ranks,
    holm,
    paired_test,
    rank_test,
    tied_levels,
)
from nasrepro.suite.statistics.intervals import (
    Interval,
    Reached,
    bootstrap_band,
    bootstrap_mean,
    iqm,
    percentile_interval,
    stratified_bootstrap_mean,
    time_to_reach,
)
from nasrepro.suite.statistics.ranking import Ranking, rank_methods
from nasrepro.suite.statistics.resampling import TOP, resampled_correlations

__all__ = [
    "TOP",
    "Interval",
    "PairedTest",
    "RankAgreement",
    "RankTest",
    "Ranking",
    "Reached",
    "accuracy_density",
    "average_ranks",
    "bootstrap_band",
    "bootstrap_mean",
    "finite",
    "holm",
    "iqm",
    "kendall",
    "paired_test",
    "percentile_interval",
    "precision_at",
    "rank_agreement",
    "rank_methods",
    "rank_test",
    "regret",
    "resampled_correlations",
    "spearman",
    "stratified_bootstrap_mean",
    "tied_levels",
    "time_to_reach",
    "top_kendall",
]
