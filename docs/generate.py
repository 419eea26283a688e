"""The pages made from the registry, with what results/ has of each.

They cover every method, oracle and paper, and the reference. mkdocs runs this file (gen-files).
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import mkdocs_gen_files

from nasrepro.reports.document import shown, slug
from nasrepro.reports.figures.claims import LOOKS
from nasrepro.reports.figures.style import look_of, new_figure, styled
from nasrepro.reports.words import budget_words, scale_of, unit_words
from nasrepro.suite.claims import Claim, Verdict, load_claims
from nasrepro.suite.claims.changes import FIRST, changes, counts, earlier
from nasrepro.suite.claims.tally import CLASSES, Count
from nasrepro.suite.registry import methods, oracles, scorers, studies
from nasrepro.suite.search import Budget

#: What the last full run gave.
RESULTS = Path(__file__).resolve().parent.parent / "results"
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


Row = dict[str, str]
#: What a line of a drawing shows: its name, then points (value, low, high, colour, marker).
Line = tuple[str, list[tuple[float, float, float, str, str]]]


def rows_of(name: str) -> list[Row]:
    """A table of results/; none where there is no such table."""
    path = RESULTS / f"{name}.csv"
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def main_tables() -> list[list[Row]]:
    """The main tables, those of an oracle together; the best row of each first."""
    return [rows_of(path.stem) for path in sorted(RESULTS.glob("main-*.csv"))]


def drawing(
    path: str,
    lines: Sequence[Line],
    label: str,
    alt: str,
    keys: Mapping[str, tuple[str, str]] | None = None,
) -> str:
    """Points with their intervals, a line for each name; the Markdown that shows them.

    The keys are colours and markers by name; those that the lines have are shown.
    """
    with styled():
        figure = new_figure("page", height=0.6 + 0.17 * len(lines))
        axes = figure.add_subplot()
        for place, (_, points) in enumerate(lines):
            for value, low, high, colour, marker in points:
                axes.plot([low, high], [place, place], color=colour)
                axes.plot(value, place, color=colour, marker=marker, linestyle="none")
        axes.set_yticks(range(len(lines)), [name for name, _ in lines])
        axes.set_ylim(len(lines) - 0.4, -0.6)
        axes.set_xlabel(label)
        axes.grid(visible=True, axis="x")
        used = {look[3:] for _, points in lines for look in points}
        for name, look in (keys or {}).items():
            if look in used:
                axes.plot([], [], color=look[0], marker=look[1], linestyle="none", label=name)
        if keys:
            figure.legend(loc="outside upper center", ncols=5)
        with mkdocs_gen_files.open(path, "wb") as file:
            figure.savefig(file, format="svg", metadata={"Date": None})
    return f"![{alt}]({Path(path).name})\n"


def task_of(rows: Sequence[Row]) -> str:
    """A main table's task in words."""
    first = rows[0]
    seconds, queries = first["budget_s"], first["budget_queries"]
    budget = Budget(float(seconds) if seconds else None, int(queries) if queries else None)
    where = " → ".join(dict.fromkeys((first["searched_on"], first["reported_on"])))
    return f"{first['oracle']}, {where}, {budget_words(budget, unit='s')}"


def placed(rows: Sequence[Row], method: str) -> Line:
    """What share of a table's rows is better than each arm of a method, in percent."""
    target = oracles.get(rows[0]["oracle"]).info.target_of(rows[0]["reported_on"])
    sign = 1 if target.higher_is_better else -1
    column = f"{target.name}_mean"
    means = {row["label"]: round(sign * float(row[column]), 9) for row in rows if row[column]}
    of = {row["label"]: row["method"] for row in rows}
    looks = look_of(of, of)
    points = []
    for label, mean in means.items():
        if of[label] == method:
            share = 100 * sum(other > mean for other in means.values()) / len(means)
            points.append((share, share, share, looks[label].colour, looks[label].marker))
    return task_of(rows), points


def standing(method: str) -> str:
    """A method's average ranks, and a drawing of its place on each task."""
    text = ""
    for name, which in (("overall", ""), ("overall-common", " that all ranked methods share")):
        table = rows_of(name)
        for row in (row for row in table if row["method"] == method):
            rank, low, high = (
                shown(float(row[key]), 2) for key in ("average_rank", "rank_low", "rank_high")
            )
            text += (
                f"* {row['label']}: average rank {rank} [{low}, {high}] of {len(table)} over the "
                f"{max(int(each['tasks']) for each in table)} tasks{which}.\n"
            )
    for row in (row for row in rows_of("overall-pairs") if row["method"] == method):
        beaten, low, high = (
            shown(100 * float(row[key]), 1) for key in ("beaten", "beaten_low", "beaten_high")
        )
        text += (
            f"* {row['label']}: beats another method on {beaten} % [{low}, {high}] of the tasks "
            f"that both can run, of its {row['tasks']} tasks.\n"
        )
    lines = [line for rows in main_tables() if (line := placed(rows, method))[1]]
    if not lines:
        return "No search of the last full run is by this method.\n"
    alt = f"Place of {method} on {len(lines)} tasks"
    label = "Methods that are better on the task (%), a point for each arm"
    return f"{text}\n{drawing(f'methods/{method}.svg', lines, label, alt)}"


def verdicts_of(paper: str) -> str:
    """The claims of the papers that a method names, counted, with links."""
    lines = ""
    for name, claims in by_paper().items():
        if claims[0].paper in paper:
            lines += f"* [{claims[0].title}](../papers/{name}.md): {counted(claims)}\n"
    return lines or "No claim of its paper is recorded.\n"


def by_paper() -> dict[str, list[Claim]]:
    """Claims by the name of their paper's page.

    That is their file; a file has claims of a second paper, too, whose page is named by its number.
    """
    papers: dict[str, list[Claim]] = defaultdict(list)
    for claim in load_claims():
        papers[claim.paper].append(claim)
    pages: dict[str, list[Claim]] = {}
    for paper, claims in sorted(papers.items(), key=lambda item: -len(item[1])):
        pages[slug(paper) if claims[0].file in pages else claims[0].file] = claims
    return pages


def counted(claims: Sequence[Claim]) -> str:
    """How many claims have which recorded verdict."""
    counts: dict[str, int] = defaultdict(int)
    for claim in claims:
        counts[claim.recorded or "not judged"] += 1
    return ", ".join(f"{count} {verdict}" for verdict, count in sorted(counts.items()))


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
            f"# {method.title}\n\nCode name: `{method.name}`. Paper: {method.paper}\n\n"
            f"{algorithm}\n## Where it stands\n\n{standing(method.name)}\n"
            f"## Claims\n\n{verdicts_of(method.paper)}\n## Deviations\n\n{deviations}\n"
            f"## Parameters\n\n{parameters if method.defaults else 'None.'}\n",
        )
    rows = [
        [f"[{method.title}](methods/{method.name}.md)", method.paper, first_line(method.doc)]
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


def measured(oracle: str) -> str:
    """A drawing of each of an oracle's main tables: means with their intervals."""
    text = ""
    for rows in main_tables():
        if rows[0]["oracle"] != oracle:
            continue
        target = oracles.get(oracle).info.target_of(rows[0]["reported_on"])
        scale, unit = scale_of(target), unit_words(target)
        of = {row["label"]: row["method"] for row in rows}
        looks = look_of(of, of)
        lines = []
        for row in rows:
            mean, low, high = (row[f"{target.name}_{what}"] for what in ("mean", "low", "high"))
            if mean:
                ends = [scale * float(end or mean) for end in (low, high)]
                look = looks[row["label"]]
                lines.append(
                    (row["label"], [(scale * float(mean), *ends, look.colour, look.marker)])
                )
        task, label = task_of(rows), f"{target.name.replace('_', ' ').capitalize()} {unit}".strip()
        where = "-".join(
            [rows[0]["searched_on"], rows[0]["reported_on"], rows[0]["budget_s"] or "queries"]
        )
        name = f"oracles/{oracle}-{where}.svg".lower()
        text += f"### {task}\n\n{drawing(name, lines, label, f'Methods on {task}')}\n"
    return text or "No search of the last full run is on this oracle.\n"


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
            f"\n{metrics}\n## What the methods reached\n\n{measured(entry.name)}\n"
            f"## Licence and citation\n\n{info.licence}\n\n{code(info.citation)}",
        )
        rows.append([f"[{entry.name}](oracles/{entry.name}.md)", names, info.space.name])
    write("oracles.md", f"# Oracles\n\n{table(['oracle', 'data sets', 'space'], rows)}")


def compared(name: str, records: Sequence[Row]) -> str:
    """Drawings of ours against the published numbers of a paper, where both are numbers."""
    lines: list[Line] = []
    for row in records:
        if not row["ours"] or not row["published"] or not float(row["published"]):
            continue
        published = float(row["published"])
        ends = [row[key] or row["ours"] for key in ("ours", "ours_low", "ours_high")]
        value, low, high = (100 * (float(end) / published - 1) for end in ends)
        if max(map(abs, (value, low, high))) <= FAR:
            colour, marker = next(
                look for kind, look in LOOKS.items() if row["verdict"].startswith(kind)
            )
            lines.append((row["claim"], [(value, low, high, colour, marker)]))
    text = ""
    for start in range(0, len(lines), LINES):
        part, path = lines[start : start + LINES], f"papers/{name}-{start // LINES}.svg"
        label = "Ours less published (% of the published number)"
        alt = f"Ours against published, {len(part)} claims"
        text += drawing(path, part, label, alt, LOOKS) + "\n"
    left = len(records) - len(lines)
    return text and (
        f"{text}With 95 % intervals. {left} claims without both numbers, or more than {FAR} % "
        f"apart, are only in the table.\n"
    )


#: Percent of the published number that a drawing of a paper reaches, and its lines.
FAR, LINES = 60, 60


def paper_pages() -> None:
    """One page a paper with its claims and recorded verdicts, and their list."""
    rows = []
    for name, claims in sorted(by_paper().items(), key=lambda paper: paper[1][0].paper):
        files = {slug("claims", claim.file) for claim in claims}
        rows_by_id = {row["claim"]: row for file in files for row in rows_of(file)}
        records = {claim.id: rows_by_id[claim.id] for claim in claims if claim.id in rows_by_id}
        listed = [
            [
                f"`{claim.id}`",
                claim.statement,
                records.get(claim.id, {}).get("published", ""),
                _ours(records.get(claim.id)),
                claim.source,
                claim.recorded or "not judged",
            ]
            for claim in claims
        ]
        headers = ["claim", "statement", "published", "ours", "source", "verdict"]
        write(
            f"papers/{name}.md",
            f"# {claims[0].title}\n\n{claims[0].paper}: {counted(claims)}.\n\n"
            f"{compared(name, list(records.values()))}\n{table(headers, listed)}",
        )
        rows.append([f"[{claims[0].title}](papers/{name}.md)", claims[0].paper, counted(claims)])
    write(
        "papers.md",
        (
            "# Papers\n\nRecorded verdicts; see [their classes](concepts/verdicts.md), and [what "
            "changed](papers/changes.md) since the first edition.\n\n"
            f"{table(['paper', 'source', 'verdicts'], rows)}"
        ),
    )


def _ours(row: Row | None) -> str:
    """Our number with its interval, as the report's CSV has them."""
    if row is None or not row["ours"]:
        return ""
    low, high = row["ours_low"], row["ours_high"]
    value = f"{float(row['ours']):.4g}"
    return f"{value} [{float(low):.4g}, {float(high):.4g}]" if low and high else value


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
