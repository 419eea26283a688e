"""The pages made from the registry.

They cover every method, oracle and paper, and the reference. mkdocs runs this file (gen-files).
"""

from __future__ import annotations

from collections import defaultdict

import mkdocs_gen_files

from nasrepro.suite.claims import Claim, Verdict, load_claims
from nasrepro.suite.claims.changes import FIRST, changes, counts, earlier
from nasrepro.suite.claims.tally import CLASSES, Count
from nasrepro.suite.registry import methods, oracles, scorers, studies

#: Packages whose public names make the reference, with what a reader looks for in them.
REFERENCE = {
    "nasrepro.suite.search": "Sessions and budgets: what a method sees",
    "nasrepro.suite.space": "Search spaces",
    "nasrepro.suite.oracle": "Oracles, tables, devices",
    "nasrepro.suite.registry": "Decorators and registries",
    "nasrepro.suite.scoring": "Scoring untrained networks",
    "nasrepro.suite.statistics": "Statistics",
    "nasrepro.suite.claims": "Claims",
    "nasrepro.suite.errors": "Errors",
    "nasrepro.oracles.compat": "Interfaces of other packages",
}


def write(path: str, text: str) -> None:
    """A page of the site."""
    with mkdocs_gen_files.open(path, "w") as page:
        page.write(text)


def code(text: str) -> str:
    """A docstring as it stands."""
    return f"```text\n{text.strip()}\n```\n"


def table(headers: list[str], rows: list[list[str]]) -> str:
    """A Markdown table."""
    lines = [headers, ["---"] * len(headers), *rows]
    return "".join(
        f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines
    )


def first_line(text: str) -> str:
    """The summary of a docstring."""
    return " ".join(text.strip().split("\n\n")[0].split())


def method_pages() -> None:
    """One page a method, and their list with scorers and studies."""
    for method in methods.all():
        algorithm = method.doc.partition("Deviations")[0]
        deviations = "".join(f"* {line}\n" for line in method.deviations) or "None.\n"
        parameters = table(
            ["parameter", "default"],
            [[f"`{name}`", f"`{value!r}`"] for name, value in method.defaults.items()],
        )
        write(
            f"methods/{method.name}.md",
            f"# {method.name}\n\nPaper: {method.paper}\n\n{algorithm}\n## Deviations\n\n"
            f"{deviations}\n"
            f"## Parameters\n\n{parameters if method.defaults else 'None.'}\n",
        )
    rows = [
        [f"[{method.name}](methods/{method.name}.md)", method.paper, first_line(method.doc)]
        for method in methods.all()
    ]
    scored = [
        [f"`{scorer.name}`", scorer.paper, first_line(scorer.doc)] for scorer in scorers.all()
    ]
    studied = [[f"`{study.name}`", study.paper, first_line(study.doc)] for study in studies.all()]
    write(
        "methods.md",
        f"# Methods\n\n{table(['method', 'paper', 'what'], rows)}\n## Scorers\n\n"
        f"{table(['scorer', 'paper', 'what'], scored)}\n"
        f"## Studies\n\n{table(['study', 'paper', 'what'], studied)}",
    )


def oracle_pages() -> None:
    """One page an oracle, what it is not good for first, and their list."""
    rows = []
    for entry in oracles.all():
        info = entry.info
        notes = "".join(f"* {note}\n" for note in info.notes) or "None known.\n"
        metrics = table(
            ["metric", "split", "unit", "better"],
            [
                [
                    f"`{metric.name}`",
                    metric.split,
                    metric.unit,
                    "higher" if metric.higher_is_better else "lower",
                ]
                for metric in info.metrics
            ],
        )
        names = ", ".join(dataset.name for dataset in info.datasets)
        write(
            f"oracles/{entry.name}.md",
            f"# {entry.name}\n\nData sets: {names}\n\n## Limits and traps\n\n{notes}\n## Metrics\n"
            f"\n{metrics}\n"
            f"## Licence and citation\n\n{info.licence}\n\n{code(info.citation)}",
        )
        rows.append([f"[{entry.name}](oracles/{entry.name}.md)", names, info.space.name])
    write("oracles.md", f"# Oracles\n\n{table(['oracle', 'data sets', 'space'], rows)}")


def paper_pages() -> None:
    """One page a paper with its claims and recorded verdicts, and their list."""
    papers = defaultdict(list)
    for claim in load_claims():
        papers[claim.paper].append(claim)
    rows = []
    for number, (paper, claims) in enumerate(sorted(papers.items())):
        counts: dict[str, int] = defaultdict(int)
        for claim in claims:
            counts[claim.recorded or "not judged"] += 1
        shown = [
            [f"`{claim.id}`", claim.statement, claim.source, claim.recorded or "not judged"]
            for claim in claims
        ]
        write(
            f"papers/{number:02}.md",
            (
                f"# {claims[0].title}\n\n{paper}\n\n"
                f"{table(['claim', 'statement', 'source', 'verdict'], shown)}"
            ),
        )
        said = ", ".join(f"{count} {verdict}" for verdict, count in sorted(counts.items()))
        rows.append([f"[{claims[0].title}](papers/{number:02}.md)", paper, said])
    write(
        "papers.md",
        (
            "# Papers\n\nRecorded verdicts; see [their classes](concepts/verdicts.md), and [what "
            "changed](papers/changes.md) since the first edition.\n\n"
            f"{table(['paper', 'source', 'verdicts'], rows)}"
        ),
    )


def changes_page() -> None:
    """Verdicts of the first edition against the recorded ones: counts by paper, and each change."""
    before = earlier(FIRST)
    verdicts = [
        Verdict(claim.recorded or "not judged", why=_because(claim), claim=claim)
        for claim in load_claims()
    ]
    rows = [
        [name, *(_pair(old[each], new[each]) for each in CLASSES)]
        for name, old, new in counts(before, verdicts)
    ]
    changed = [
        [f"`{each.id}`", each.before or "–", each.after or "–", each.reason]
        for each in changes(before, verdicts)
    ]
    write(
        "papers/changes.md",
        "# Verdicts of the first edition, and now\n\n"
        "The first edition (2026-11-27) set margins and numbers of seeds claim by claim, and "
        "called everything that fitted reproduced. Now rules by kind do (`nasrepro claims "
        "rules`), and [classes](../concepts/verdicts.md) are counted apart; before → after, † of "
        "published numbers that were not read.\n\n"
        f"{table(['paper', *CLASSES], rows)}\n## Each verdict that changed\n\n"
        f"{table(['claim', 'before', 'after', 'why'], changed)}",
    )


def _because(claim: Claim) -> str:
    """Why a recorded verdict is what it is, without the runs behind it."""
    if claim.recorded == "blocked":
        return claim.needs
    if not claim.recorded:
        return "not recorded yet"
    return claim.reading or "margin, replicates and interval of its kind"


def _pair(old: Count, new: Count) -> str:
    return f"{old}" if old == new else f"{old} → {new}"


def reference_pages() -> None:
    """The docstrings of what users import."""
    for package, title in REFERENCE.items():
        write(
            f"reference/{package.removeprefix('nasrepro.')}.md",
            f"# {title}\n\n::: {package}\n    options: {{show_submodules: false}}\n",
        )
    rows = [
        [f"[`{package}`](reference/{package.removeprefix('nasrepro.')}.md)", title]
        for package, title in REFERENCE.items()
    ]
    write(
        "reference.md",
        (
            "# Reference\n\n`import nasrepro as nr` has the names that most users need.\n\n"
            f"::: nasrepro\n\n{table(['package', 'what'], rows)}"
        ),
    )


method_pages()
oracle_pages()
paper_pages()
changes_page()
reference_pages()
