"""Scores of untrained networks: settings, batches, tables, scoring."""

from nasrepro.suite.scoring.batches import Batches, Images, Labels, batches_of, seeded, shared
from nasrepro.suite.scoring.scores import (
    StoredScorer,
    missing_scores,
    sample,
    score,
    score_one,
    scored,
)
from nasrepro.suite.scoring.setting import (
    VERSION,
    Inputs,
    ScoringSetting,
    dataset_of,
    inputs_of,
    space_of,
)
from nasrepro.suite.scoring.table import ScoreTable

__all__ = [
    "VERSION",
    "Batches",
    "Images",
    "Inputs",
    "Labels",
    "ScoreTable",
    "ScoringSetting",
    "StoredScorer",
    "batches_of",
    "dataset_of",
    "inputs_of",
    "missing_scores",
    "sample",
    "score",
    "score_one",
    "scored",
    "seeded",
    "shared",
    "space_of",
]
