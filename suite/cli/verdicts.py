"""Verdicts as the terminal shows them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from nasrepro.suite.cli.common import DEFAULT_STORE, print_json, print_table

if TYPE_CHECKING:
    from nasrepro.suite.claims import Claim, Verdict


def print_verdicts(verdicts: Sequence[Verdict]) -> None:
    """A row for each claim, counts by paper, and the headline."""
    from nasrepro.suite.claims.tally import CLASSES, cells, headline, pieces
    from nasrepro.suite.claims.wording import UNREAD, ours, published

    rows = [
        [
            verdict.claim.id + ("" if verdict.claim.read else UNREAD),
            published(verdict.claim),
            ours(verdict),
            verdict.verdict + (" !" if verdict.changed else ""),
            verdict.claim.recorded or "nothing yet",
        ]
        for verdict in verdicts
    ]
    print_table(["claim", "published", "ours [interval]", "verdict", "recorded"], rows)
    typer.echo()
    by_file: dict[str, list[Verdict]] = {}
    for verdict in verdicts:
        by_file.setdefault(verdict.claim.file, []).append(verdict)
    table = [(name, len(members), cells(members)) for name, members in sorted(by_file.items())]
    count = pieces(verdicts)
    total = sum(each.read + each.provisional for each in count.values())
    table += [("all claims", len(verdicts), cells(verdicts)), ("pieces of evidence", total, count)]
    print_table(
        ["paper", "claims", *CLASSES],
        [[name, size, *(str(counts[each]) for each in CLASSES)] for name, size, counts in table],
    )
    typer.echo(headline(verdicts))
    if not all(verdict.claim.read for verdict in verdicts):
        typer.echo(
            f"{UNREAD} the text behind it, or behind a figure of its formula, was not read "
            "(secondary or recalled)"
        )
    if any(verdict.changed for verdict in verdicts):
        typer.echo("! differs from the recorded verdict")


def print_changes(
    path: str,
    chosen: Sequence[Claim],
    claims: Sequence[Claim],
    verdicts: Sequence[Verdict],
    *,
    as_json: bool,
) -> None:
    """Classes by paper, before and after, and every verdict that changed with its reason.

    Of a file of which only some of all `claims` were chosen, only these.
    """
    from nasrepro.suite.claims.changes import changes, counts, earlier
    from nasrepro.suite.claims.tally import CLASSES

    ids = {claim.id for claim in chosen}
    parts = {claim.file for claim in claims if claim.id not in ids}
    whole = {claim.file for claim in chosen} - parts
    before = {id: c for id, c in earlier(path).items() if id in ids or c.file in whole}
    found = changes(before, verdicts)
    if as_json:
        print_json([asdict(each) for each in found])
        return
    rows = [
        [name, *(f"{old[each]} > {new[each]}" for each in CLASSES)]
        for name, old, new in counts(before, verdicts)
    ]
    print_table(["paper, before > after", *CLASSES], rows)
    typer.echo()
    print_table(
        ["claim", "before", "after", "reason"],
        [[each.id, each.before, each.after, each.reason] for each in found],
    )


def row_of(each: Verdict) -> dict[str, Any]:
    """A verdict as JSON."""
    claim = each.claim
    return {
        "id": claim.id,
        "paper": claim.paper,
        "title": claim.title,
        "kind": claim.kind,
        "statement": claim.statement,
        "where": claim.where,
        "source": claim.source,
        "read": claim.read,
        "test": claim.test,
        "published": claim.value,
        "unit": claim.unit,
        "by_rule": claim.by_rule,
        "grade": claim.said,
        "ours": each.ours,
        "low": each.low,
        "high": each.high,
        "n": each.n,
        "p_value": each.p_value,
        "verdict": each.verdict,
        "recorded": claim.recorded,
        "changed": each.changed,
        "seeds_needed": each.needed,
        "why": each.why,
        "runs": list(each.runs),
    }


def explain(verdict: Verdict, others: Sequence[Claim], store: Path) -> None:
    """Everything behind one verdict."""
    from nasrepro.suite.claims import Formula, plan_of
    from nasrepro.suite.claims.wording import ours, published, strip

    claim, runs = verdict.claim, verdict.runs
    elsewhere = "" if store == DEFAULT_STORE else f" --store {store}"
    lines: list[tuple[str, str]] = [
        ("claim", claim.id),
        ("statement", claim.statement),
        ("paper", f"{claim.title} ({claim.paper}), {claim.where}"),
        ("text", f"{claim.source}{'' if claim.read else ': not read'}"),
        ("published", published(claim)),
        ("margin", "" if claim.margin is None else f"{claim.margin.width:g}: {claim.margin.why}"),
        ("ours is", claim.reason),
        ("ours", f"{ours(verdict)}{f', n = {verdict.n:,}' if verdict.n > 1 else ''}"),
        ("figure", strip(verdict)),
        ("verdict", verdict.verdict),
        ("why", verdict.why),
        ("recorded", claim.recorded or "nothing yet"),
        ("reading", claim.reading),
    ]
    if isinstance(claim.how, Formula):
        lines.append(("formula", claim.how.text))
        for name, figure in claim.how.figures.items():
            number = figure.claim or f"{figure.value:g}"
            lines.append((f"  {name}", f"{number} {figure.source}, {figure.where}"))
    if runs:
        more = " ..." if len(runs) > 4 else ""
        lines.append(("runs", f"{len(runs):,}: {', '.join(runs[:4])}{more}"))
        lines.append(("one of them", f"nasrepro show {runs[0]}{elsewhere}"))
    for name, value in lines:
        if value:
            typer.echo(f"{name:<11} {value}")
    plan = plan_of([claim], others).model_dump(mode="json", exclude_defaults=True)
    for row in (row for rows in plan.values() if isinstance(rows, list) for row in rows):
        if row.get("seeds") == list(claim.seeds_of()):
            row["seeds"] = len(claim.seeds_of())
    if plan:
        typer.echo("plan")
        print_json(plan)
