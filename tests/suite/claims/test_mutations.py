"""Mutations: what is broken on purpose must not pass the tests that guard it.

Each is applied to a copy of the package, and the tests named beside it are run there: they must
fail. The list begins with those of an audit of the first edition (four of which nothing caught).
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

pytestmark = pytest.mark.nightly
ROOT = Path(__file__).parents[3]
PARTS = (
    "nasrepro",
    "suite",
    "oracles",
    "methods",
    "reports",
    "tests",
    "pyproject.toml",
    "README.md",
    "CONTRIBUTING.md",
)
CLAIMS, RULES = "tests/suite/claims", "tests/suite/claims/test_rules.py"
MARGINS = "tests/suite/claims/test_margins.py"
AGREEMENT = "tests/suite/statistics/test_agreement.py"
GUARDS = "tests/suite/claims/test_guards.py"


class Mutation(NamedTuple):
    """A text of a file, what stands in its place, and the tests that must fail."""

    file: str
    old: str
    new: str
    tests: str


MUTATIONS = {
    "tau-a": Mutation(
        "suite/statistics/resampling.py",
        "np.sqrt((pairs - tied_x) * (pairs - tied_y))",
        "np.sqrt(pairs * pairs)",
        AGREEMENT,
    ),
    "spearman for kendall": Mutation(
        "suite/claims/kinds/ranking.py",
        "value = record.agreement[self.coefficient]",
        'value = record.agreement.get("spearman", 0.0)',
        f"{CLAIMS}/test_kinds.py -k whole_space",
    ),
    "a tenth of the rows dropped": Mutation(
        "suite/experiments/kinds/ranking.py",
        "rows = np.flatnonzero(~np.isnan(values))",
        "rows = np.flatnonzero(~np.isnan(values))[: int(0.9 * values.size)]",
        GUARDS,
    ),
    "seeds from one": Mutation(
        "suite/claims/margins.py",
        "return range(block * count, (block + 1) * count)",
        "return range(block * count + 1, (block + 1) * count + 1)",
        f"{CLAIMS}/test_judging.py -k block",
    ),
    "margin doubled": Mutation(
        "suite/claims/margins.py", "ACCURACY = 0.5", "ACCURACY = 1.0", MARGINS
    ),
    "published spread ignored": Mutation(
        "suite/claims/margins.py",
        "theirs = Z * sd / math.sqrt(claim.n or 1)",
        "theirs = 0.0",
        MARGINS,
    ),
    "no Holm": Mutation(
        "suite/claims/kinds/order.py",
        "p_value=float(p_value), ",
        "",
        f"{CLAIMS}/test_kinds.py -k corrected",
    ),
    "Holm without steps": Mutation(
        "suite/statistics/comparisons.py",
        "np.arange(p.size, 0, -1)",
        "np.ones(p.size)",
        "tests/suite/statistics/test_intervals.py -k holm",
    ),
    "fractions for percent": Mutation(
        "suite/claims/evidence.py",
        'return 100.0 if measured.unit == "fraction" else 1.0',
        "return 1.0",
        f"{CLAIMS}/test_judging.py -k inside_the_margin",
    ),
    "stale sources count": Mutation(
        "suite/claims/evidence.py",
        'return "" if source and tables else',
        'return "" if tables else',
        f"{CLAIMS}/test_judging.py -k other_sources",
    ),
    "other tables count": Mutation(
        "suite/claims/evidence.py",
        'return "" if source and tables else',
        'return "" if source else',
        f"{CLAIMS}/test_judging.py -k other_sources",
    ),
    "other parameters count": Mutation(
        "suite/claims/evidence.py",
        "key.method, frozen(key.params), lengths",
        "key.method, frozenset(), lengths",
        f"{CLAIMS}/test_judging.py -k other_sources",
    ),
    "a sample that is no random one": Mutation(
        "suite/scoring/scores.py",
        "np.random.default_rng(0).permutation(len(oracle.archs()))[:size]",
        "np.arange(len(oracle.archs()))[:size]",
        GUARDS,
    ),
    "an order whose lower is better": Mutation(
        "suite/claims/kinds/order.py",
        'up = metric != "regret" and info.metric(metric).higher_is_better',
        "up = True",
        GUARDS,
    ),
    "evolution of one": Mutation(
        "methods/regularized_evolution.py", "population=10,", "population=1,", GUARDS
    ),
    "the worst parent": Mutation(
        "methods/regularized_evolution.py", "parent = max(", "parent = min(", GUARDS
    ),
    "a policy that does not learn": Mutation(
        "methods/arch2vec.py",
        "                optimiser.step()",
        "                pass",
        "tests/methods/test_arch2vec.py -k policy",
    ),
    "correlations of any margin": Mutation(
        "suite/claims/margins.py", "CORRELATION = 0.02", "CORRELATION = 0.2", MARGINS
    ),
    "any time will do": Mutation("suite/claims/margins.py", "TIME = 2.0", "TIME = 20.0", MARGINS),
    "the next digit will do": Mutation(
        "suite/claims/margins.py",
        "unit = 2 * half * (1 - 1e-6)",
        "unit = 4 * half",
        MARGINS,
    ),
    "one run will do": Mutation(
        "suite/claims/rules.py", "if values.size < least:", "if values.size < 1:", RULES
    ),
    "a few pairs will do": Mutation(
        "suite/claims/rules.py", "if interval.n < least:", "if interval.n < 1:", RULES
    ),
    "mean against ranks": Mutation(
        "suite/claims/rules.py",
        "elif p_value <= claim.level and not order.agree:",
        "elif False:",
        RULES,
    ),
    "any significant order": Mutation(
        "suite/claims/rules.py",
        "elif p_value <= claim.level and interval.value >= margin:",
        "elif p_value <= claim.level and interval.value > 0:",
        RULES,
    ),
    "arithmetic is reproduced": Mutation(
        "suite/claims/rules.py",
        '"own data": {"reproduced": "consistent", "not reproduced": "inconsistent"},',
        '"own data": {},',
        RULES,
    ),
    "recalled is read": Mutation(
        "suite/claims/tally.py",
        "and not verdict.claim.read",
        "and verdict.claim.read",
        "tests/suite/claims/test_tally.py",
    ),
    "a piece by its best cell": Mutation(
        "suite/claims/tally.py",
        "min((class_of(each) for each in members), key=_FIRST.index)",
        "max((class_of(each) for each in members), key=_FIRST.index)",
        "tests/suite/claims/test_tally.py",
    ),
    "fragile verdicts count": Mutation(
        "suite/claims/fragility.py",
        "self.flips > MOST * self.repeats",
        "self.flips > self.repeats",
        "tests/suite/claims/test_fragility.py",
    ),
    "a control with the wrong sign": Mutation(
        "suite/claims/comparisons.py",
        "value=apart.value + whole",
        "value=apart.value - whole",
        "tests/suite/claims/test_comparisons.py",
    ),
    "two samples, not pairs": Mutation(
        "suite/claims/comparisons.py",
        "theirs = np.array(resampled_correlations(other_scores, target, counts))",
        "theirs = np.array(resampled_correlations(other_scores, target, counts[::-1]))",
        "tests/suite/claims/test_comparisons.py",
    ),
    "an empty cell is a claim": Mutation(
        "suite/claims/matrix.py",
        'if cell == "":',
        "if cell is None:",
        "tests/test_docs.py -k claims_of_contributing",
    ),
    "text for a number": Mutation(
        "suite/claims/statement.py", "strict=True, ", "", f"{CLAIMS}/test_files.py -k wrong_claims"
    ),
    "half a digit is a whole one": Mutation(
        "suite/claims/formula.py",
        "return 0.5 * 10.0",
        "return 1.0 * 10.0",
        f"{CLAIMS}/test_formula.py -k formulas",
    ),
    "ZiCo of |g|": Mutation(
        "methods/scorers/zico.py",
        "(first - second).abs()",
        "(first.abs() - second.abs()).abs()",
        "tests/suite/scoring/test_scoring.py -k double_precision",
    ),
    "ZiCo's mean for its sum": Mutation(
        "methods/scorers/zico.py",
        "ratio.sum().log()",
        "ratio.mean().log()",
        "tests/suite/scoring/test_scoring.py -k double_precision",
    ),
    "KL without its factor": Mutation(
        "methods/nets/vgae.py",
        "-0.5 * terms.sum(-1)",
        "-1.0 * terms.sum(-1)",
        "tests/methods/nets/test_nets.py -k loss_by_hand",
    ),
    "no noise in the predictive variance": Mutation(
        "methods/nets/dngo.py",
        "1 / self.beta + inside",
        "0 / self.beta + inside",
        "tests/methods/nets/test_nets.py -k closed_form",
    ),
    "the worst incumbent": Mutation(
        "suite/experiments/kinds/search.py",
        "if best is None or reached > best:",
        "if best is None or reached < best:",
        "tests/suite/experiments/test_runner.py",
    ),
}


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package and its tests, to be broken."""
    folder = tmp_path_factory.mktemp("mutated")
    for part in PARTS:
        source = ROOT / part
        if source.is_dir():
            shutil.copytree(source, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, folder / part)
    return folder


@pytest.mark.parametrize("name", MUTATIONS)
def test_it_is_caught(name: str, copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mutation = MUTATIONS[name]
    path = copy / mutation.file
    whole = path.read_text(encoding="utf-8")
    assert whole.count(mutation.old) == 1, "the mutation is of a text that is there once"
    monkeypatch.setenv("PYTHONPATH", str(copy))
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider"]
    try:
        path.write_text(whole.replace(mutation.old, mutation.new), encoding="utf-8")
        ended = subprocess.run(
            [*command, *mutation.tests.split()], cwd=copy, capture_output=True, text=True
        )
    finally:
        path.write_text(whole, encoding="utf-8")
    assert ended.returncode == 1, ended.stdout[-2000:]
    assert " failed" in ended.stdout, "a test fails, not the collection"
