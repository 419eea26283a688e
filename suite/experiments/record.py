"""The records of all kinds of experiments."""

from __future__ import annotations

from nasrepro.suite.experiments.ranking import RankRecord
from nasrepro.suite.experiments.search import RunRecord
from nasrepro.suite.experiments.study import StudyRecord

Record = RunRecord | RankRecord | StudyRecord
