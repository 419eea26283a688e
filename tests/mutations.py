"""Mutations: what is broken on purpose must not pass the tests that guard it.

    python tests/mutations.py --out results/mutations.md       # the table of what is caught

Each is applied to a copy of the package, and the tests named beside it are run there: they must
fail. The list begins with those of an audit of the first edition (four of which nothing caught).
"""

from __future__ import annotations

import argparse
import contextlib
import multiprocessing
import os
import re
import shutil
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
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
    "a correlation above one": Mutation(
        "suite/claims/margins.py", '"correlation": (-1.0, 1.0),', "", RULES
    ),
    "a time missed beside other work": Mutation(
        "suite/claims/kinds/study.py",
        "and ours > band[1]:",
        "and ours < 0:",
        f"{CLAIMS}/test_kinds.py -k studies",
    ),
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
    "the same replicates in every block": Mutation(
        "suite/claims/kinds/study.py",
        "value + block * width",
        "value + 0 * block * width",
        f"{CLAIMS}/test_kinds.py -k replicates",
    ),
    "one measurement is resampled": Mutation(
        "suite/claims/repeats.py",
        "if len(claim.seeds_of()) > 1",
        "if len(claim.seeds_of()) > 0",
        f"{CLAIMS}/test_kinds.py -k replicates",
    ),
    "inversions of one block twice": Mutation(
        "suite/statistics/resampling.py",
        "grid[1:, :-1], beyond[:-1, 1:]",
        "grid[1:, :-1], beyond[1:, 1:]",
        AGREEMENT,
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


def copied(folder: Path) -> Path:
    """The package and its tests, to be broken."""
    for part in PARTS:
        source = ROOT / part
        if source.is_dir():
            shutil.copytree(source, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, folder / part)
    return folder


def broken(copy: Path, name: str) -> str:
    """How the tests of a mutation end in the copy: the last line of pytest's."""
    mutation = MUTATIONS[name]
    path, log = copy / mutation.file, copy / "log.txt"
    whole = path.read_text(encoding="utf-8")
    if whole.count(mutation.old) != 1:
        raise ValueError(f"mutation {name!r} is of a text that {mutation.file} does not have once")
    try:
        path.write_text(whole.replace(mutation.old, mutation.new), encoding="utf-8")
        child = _context().Process(target=_tested, args=(copy, mutation.tests.split(), log))
        child.start()
        child.join()
    finally:
        path.write_text(whole, encoding="utf-8")
    ends = re.findall(r"^\d+ (?:failed|passed|error).*$", log.read_text("utf-8"), re.MULTILINE)
    return str(ends[-1]) if ends else f"no test ran (exit code {child.exitcode})"


def is_caught(ended: str) -> bool:
    """Whether a test failed; an error of the collection catches nothing."""
    return " failed" in f" {ended}" and "error" not in ended


def _context() -> multiprocessing.context.ForkServerContext:
    """Processes that have what costs seconds to import, and nothing of the package."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(
        ["numpy", "scipy.stats", "pandas", "pyarrow", "pydantic", "pytest", "hypothesis", "torch"]
    )
    return context


def _tested(copy: Path, tests: list[str], log: Path) -> None:
    """Run tests of the copy, in a process of their own."""
    import pytest

    os.chdir(copy)
    os.environ["PYTHONPATH"] = str(copy)
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    sys.dont_write_bytecode = True
    sys.path[:] = [str(copy), *(each for each in sys.path if not _has_the_package(each))]
    with log.open("w", encoding="utf-8") as file, contextlib.redirect_stdout(file):
        code = pytest.main(["-q", "-x", "-p", "no:cacheprovider", *tests])
    os._exit(int(code))


def _has_the_package(folder: str) -> bool:
    """Whether it is another checkout; an environment has what the tests need beside the package."""
    return (Path(folder) / "nasrepro").exists() and Path(folder).name != "site-packages"


def table(rows: dict[str, str]) -> str:
    """The mutations, what became of them, and the tests that were run."""
    caught = sum(map(is_caught, rows.values()))
    lines = [
        "# Mutations",
        "",
        f"{caught} of {len(rows)} mutations are caught by the tests named beside them. Made by "
        "`python tests/mutations.py --out results/mutations.md`.",
        "",
        "| mutation | file | caught | tests | how they ended |",
        "| --- | --- | --- | --- | --- |",
    ]
    for name, ended in rows.items():
        mutation = MUTATIONS[name]
        told = re.sub(r" in [\d.]+s.*", "", ended)
        answer = "yes" if is_caught(ended) else "**no**"
        cells = [name, f"`{mutation.file}`", answer, f"`{mutation.tests}`", told]
        lines.append(f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |")
    return "\n".join(lines) + "\n"


def _main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="write the table there")
    parser.add_argument("names", nargs="*", help="these alone")
    given = parser.parse_args()
    rows = {}
    with tempfile.TemporaryDirectory() as folder:
        copy = copied(Path(folder))
        for name in given.names or MUTATIONS:
            rows[name] = broken(copy, name)
            print(f"{name}: {rows[name]}", flush=True)
    if given.out:
        given.out.write_text(table(rows), encoding="utf-8")
    sys.exit(not all(map(is_caught, rows.values())))


if __name__ == "__main__":
    _main()
