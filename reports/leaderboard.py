"""The leaderboard: a static page, and beside it the runs behind its rows.

The runs are loaded when a reader asks for them.

Charts are drawn by the page itself: plotly's bundle alone has more than twice the bytes that the
whole page may have.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from nasrepro.reports.board import Board, described
from nasrepro.reports.compare import legend
from nasrepro.reports.document import FLOATING
from nasrepro.reports.render import visible_json
from nasrepro.reports.summary import margin_words
from nasrepro.reports.words import FLOATING_NOTE
from nasrepro.suite.data import write_text
from nasrepro.suite.registry import oracles

TITLE = "nasrepro leaderboard"


def write(
    found: Board,
    claims: Sequence[Mapping[str, Any]],
    manifest: Mapping[str, Any],
    out: Path,
    *,
    news: Sequence[str] = (),
    since: str = "",
    history: Sequence[Mapping[str, Any]] = (),
) -> list[Path]:
    """Write `index.html` and one file of runs for each setting under `runs/`.

    The same results give the same bytes.

    Args:
        found: the results.
        claims: judged claims; see `reports.board.judged`.
        manifest: where the results come from; see `suite.store.Store.manifest`.
        out: folder.
        news: what changed since the last snapshot, one line each.
        since: its date; "" where there is none.
        history: average ranks and verdicts of earlier reports; see `reports.snapshot.history`.

    Raises:
        NasreproError: the folder cannot be written to.
    """
    targets = {(task["oracle"], task["target"]) for task in found.tasks}
    margins = {margin_words(oracles.get(name).info.metric(target)) for name, target in targets}
    data = {
        "tasks": found.tasks,
        "rows": found.rows,
        "methods": described(found.rows),
        "claims": list(claims),
        "rankings": found.rankings,
        "overall": found.overall,
        "looks": found.looks,
        "about": _about(manifest),
        "news": list(news),
        "since": since,
        "history": list(history),
        "compared": legend(sorted(margins)),
        "floating": [FLOATING, FLOATING_NOTE],
        "manifest": manifest,
    }
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("nasrepro.reports"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page = environment.get_template("page/page.html.j2")
    text = page.render(
        title=TITLE,
        data=Markup(_script_json(data)),
        script=Markup("\n".join(map(_source, _SCRIPTS))),
        style=Markup(_source("page.css")),
    )
    paths = [out / "index.html"]
    write_text(paths[0], text)
    for name, runs in {**found.files, "pairs": found.pairs}.items():
        # a script, not JSON: a page that was opened from a file may load scripts, but may not read
        # files
        paths.append(out / "runs" / f"{name}.js")
        write_text(paths[-1], f"nasreproRuns({json.dumps(name)}, {_script_json(runs)});\n")
    return paths


#: In this order one script.
_SCRIPTS = ("base.js", "table.js", "details.js", "compare.js", "charts.js", "page.js")


def _about(manifest: Mapping[str, Any]) -> str:
    """What the page is, and how much is behind it."""
    names = {"run": "runs", "rank": "rankings", "study": "measurements of studies"}
    counts: dict[str, int] = {}
    for kind, count in manifest["results"].items():
        name = names.get(kind.split()[0], kind)
        counts[name] = counts.get(name, 0) + count
    counted = ", ".join(f"{count:,} {name}" for name, count in counts.items())
    return (
        "Neural-architecture-search methods on the same tables, under the same rules, with their "
        f"cost. {counted}; last result {manifest['last_result']}, on {_machines(manifest)}."
    )


def _machines(manifest: Mapping[str, Any]) -> str:
    """Processors with their BLAS kernels, and the commit that made the tables."""
    found = {
        f"{each.get('cpu', 'an unnamed processor')} ({each.get('blas_kernel', 'unknown')})"
        for each in manifest["environments"]
    }
    commit = manifest.get("commit", "")
    return " and ".join(sorted(found)) + (f"; tables by commit {commit[:7]}" if commit else "")


def _script_json(value: Any) -> str:
    """JSON that may stand inside a script element, whatever the names in it."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return visible_json(text)


def _source(name: str) -> str:
    return (
        (Path(__file__).parent / "templates" / "page" / name).read_text(encoding="utf-8").rstrip()
    )
