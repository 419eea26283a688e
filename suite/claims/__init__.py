"""The papers' claims as data (`methods/claims/<paper>.toml`), judged by what was measured.

`judge_all(load_claims(), store)` gives a `Verdict` for every claim;
nothing is run by it. `missing` gives the cells that claims still need, for
`nasrepro.suite.experiments.runner.run_cells`.
"""

from nasrepro.suite.claims.evidence import Evidence, gather, installed_table, tabulated
from nasrepro.suite.claims.files import (
    claim_files,
    junit,
    load_claims,
    record,
    shipped_claims,
)
from nasrepro.suite.claims.judging import Verdict, judge_all, judged, with_family
from nasrepro.suite.claims.kinds import (
    Devices,
    Figure,
    Formula,
    Lookup,
    Order,
    Ranking,
    Search,
    StudyRow,
)
from nasrepro.suite.claims.model import RECORDED, Claim
from nasrepro.suite.claims.needs import Measured, Need, Ranked, Searched
from nasrepro.suite.claims.plans import Lacking, lacking, missing, plan_of
from nasrepro.suite.claims.repeats import (
    BLOCKS,
    Repeat,
    by_resampling,
    by_seeds,
    by_store,
    first_verdicts,
    measured,
)
from nasrepro.suite.claims.rules import Finding, Judgement
from nasrepro.suite.claims.statement import Source

__all__ = [
    "BLOCKS",
    "RECORDED",
    "Claim",
    "Devices",
    "Evidence",
    "Figure",
    "Finding",
    "Formula",
    "Judgement",
    "Lacking",
    "Lookup",
    "Measured",
    "Need",
    "Order",
    "Ranked",
    "Ranking",
    "Repeat",
    "Search",
    "Searched",
    "Source",
    "StudyRow",
    "Verdict",
    "by_resampling",
    "by_seeds",
    "by_store",
    "claim_files",
    "first_verdicts",
    "gather",
    "installed_table",
    "judge_all",
    "judged",
    "junit",
    "lacking",
    "load_claims",
    "measured",
    "missing",
    "plan_of",
    "record",
    "shipped_claims",
    "tabulated",
    "with_family",
]
