"""The papers' claims as data (`methods/claims/<paper>.toml`), judged by what was measured.

`judge_all(None, store)` gives a `Verdict` for every claim that comes with the package; nothing is
run by it. `missing` gives the cells that claims still need, for `nasrepro.suite.experiments.runner.run_cells`.
"""

from nasrepro.suite.claims.evidence import (
    Evidence,
    gather,
    installed_table,
    missing,
    plan_of,
    seeds_of,
    tabulated,
)
from nasrepro.suite.claims.files import junit, record
from nasrepro.suite.claims.judging import Verdict, judge, judge_all, judged, with_family
from nasrepro.suite.claims.model import (
    RECORDED,
    Claim,
    Figure,
    Judgement,
    Kind,
    Order,
    Setting,
    Source,
    claim_files,
    load_claims,
)
from nasrepro.suite.claims.repeats import BLOCKS, Repeat, repeat, repeatable

__all__ = [
    "BLOCKS",
    "RECORDED",
    "Claim",
    "Evidence",
    "Figure",
    "Judgement",
    "Kind",
    "Order",
    "Repeat",
    "Setting",
    "Source",
    "Verdict",
    "claim_files",
    "gather",
    "installed_table",
    "judge",
    "judge_all",
    "judged",
    "junit",
    "load_claims",
    "missing",
    "plan_of",
    "record",
    "repeat",
    "repeatable",
    "seeds_of",
    "tabulated",
    "with_family",
]
