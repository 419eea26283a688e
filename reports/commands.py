"""`nasrepro report`, `compare`, `leaderboard` and `figures`; the engine knows no report.

The file is long because the four commands share their options, which typer wants spelled out.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import nasrepro.reports.devices
import nasrepro.reports.measured  # noqa: F401 -- both add their commands to `app`
from nasrepro.suite.cli.common import (
    DEFAULT_STORE,
    Json,
    Quiet,
    StorePath,
    app,
    print_json,
    progress_bar,
    reading,
    remark,
)
from nasrepro.suite.errors import NasreproError, UnknownName, one_line

if TYPE_CHECKING:
    from nasrepro.reports.document import TableDoc
    from nasrepro.reports.summary import Results
    from nasrepro.suite.experiments.store import Store
PlanName = Annotated[
    str,
    typer.Option(
        "--plan",
        "-p",
        help="Only the settings and seeds of this plan (default: the whole store).",
    ),
]
Own = Annotated[
    list[str] | None,
    typer.Option(
        "--method",
        "-m",
        help=(
            "Python file of your method: its rows are marked, its paper and deviations shown; "
            "repeatable."
        ),
    ),
]
Highlighted = Annotated[
    list[str] | None,
    typer.Option(
        "--method",
        "-m",
        help="Rows drawn in colour: Python file of your method, or part of a row's name; "
        "repeatable (default: the best eight and your own).",
    ),
]
Out = Annotated[
    Path | None,
    typer.Option(
        "--out",
        help="Output folder (default: named after the command, beside the store).",
    ),
]
Against = Annotated[
    Path | None,
    typer.Option(
        help=(
            "List changes since an earlier report: its snapshot.json, or a folder of them (the "
            "last by name)."
        )
    ),
]

#: What `report` writes beside its tables: the runs behind their rows, and the leaderboard page.
_MORE = ("runs", "page")


@app.command()
def report(
    store: StorePath = DEFAULT_STORE,
    plan: PlanName = "",
    method: Own = None,
    out: Out = None,
    formats: Annotated[
        str,
        typer.Option(
            "--format",
            help=(
                "What to write, comma-separated: md, tex, html, csv, runs (a CSV), page (the "
                "leaderboard)."
            ),
        ),
    ] = "md,tex,html,csv,runs,page",
    against: Against = None,
    every: Annotated[bool, typer.Option("--all", help="Print every table, with captions.")] = False,
    claims: Annotated[bool, typer.Option("--claims", help="Print the tables of claims.")] = False,
    columns: Annotated[
        str, typer.Option(help="Columns to print, comma-separated, named as in --json.")
    ] = "",
    methods: Annotated[
        str, typer.Option(help="Rows to print: parts of their names, comma-separated.")
    ] = "",
    rows: Annotated[
        int | None, typer.Option(min=1, help="Print at most N rows of each table.")
    ] = None,
    fit: Annotated[
        str, typer.Option(help="Fit LaTeX tables into one float, `column` or `page` wide.")
    ] = "",
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Write the files; print nothing.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Summarise results in tables.

    Prints the main tables, and writes all of them as Markdown, LaTeX, HTML, CSV and a leaderboard
    page.

    Example: nasrepro report --method my_method.py --columns test_accuracy,regret --fit column
    """
    from nasrepro.reports import render, tables
    from nasrepro.reports.selection import selected

    wanted = _wanted(formats, fit)
    own = _register(method)
    part = columns or methods or rows
    folder = out or store.parent / ("report-part" if part else "report")
    with reading(store) as opened:
        results = _results(opened, plan)
        _say_absent(own, results, store)
        built = selected(
            tables.build(results), columns=_words(columns), methods=_words(methods), rows=rows
        )
        manifest = _manifest(opened, "report", plan)
        written = _write_tables(built, results, folder, wanted, fit)
        site = folder / "leaderboard" if "page" in wanted else None
        pages, new = _page(results, manifest, site, against)
    _write_record(folder, manifest, new["snapshot"])
    if as_json:
        typer.echo(render.to_json(built))
    elif not quiet:
        whole = bool(every or claims or part)
        _show([doc for doc in built if not claims or doc.part == "claims"], folder, whole=whole)
    if against is not None:
        _say_changes(new)
    remark(f"{len(written) + len(pages) + 2} files in {folder}", quiet)


def _say_absent(own: Sequence[str], results: Results, store: Path) -> None:
    """Name the methods of one's own that the store has no run of."""
    there = {group.method for _, groups in results.by_setting for group in groups}
    for name in own:
        if name not in there:
            remark(f"{name} has no runs in {store}: nasrepro run --method FILE --store {store}")


def _wanted(formats: str, fit: str) -> list[str]:
    """The formats asked for; refuses what there is not, before any work."""
    from nasrepro.reports import render
    from nasrepro.reports.latex import FITS

    wanted = _words(formats)
    for name in wanted:
        if name not in (*render.FORMATS, *_MORE):
            raise UnknownName("report format", name, (*render.FORMATS, *_MORE))
    if fit and fit not in FITS:
        raise UnknownName("width of a LaTeX table", fit, FITS)
    return wanted


def _write_tables(
    docs: Sequence[TableDoc], results: Results, folder: Path, wanted: Sequence[str], fit: str
) -> list[Path]:
    """Write the tables in the formats wanted, and the runs behind their rows; the files."""
    from nasrepro.reports import render
    from nasrepro.reports.runs import write_runs

    site = "leaderboard/index.html" if "page" in wanted else ""
    formats = [name for name in wanted if name not in _MORE]
    written = render.write(docs, folder, formats, site=site, fit=fit)
    if "runs" in wanted:
        written.append(write_runs(results, folder))
    return written


def _write_record(folder: Path, manifest: dict[str, Any], snapshot: dict[str, Any]) -> None:
    """Write where the report comes from, and what a later one is held against."""
    from nasrepro.reports.render import visible_json
    from nasrepro.suite.data import write_text

    write_text(folder / "manifest.json", json.dumps(manifest, indent=2, sort_keys=True) + "\n")
    write_text(
        folder / "snapshot.json",
        visible_json(json.dumps(snapshot, indent=1, sort_keys=True, ensure_ascii=False)) + "\n",
    )


def _show(docs: Sequence[TableDoc], folder: Path, *, whole: bool) -> None:
    """The tables in the terminal, or a screen of them."""
    from nasrepro.reports.terminal import brief, printing, terminal

    console = printing()
    if whole:
        terminal(docs, console)
    else:
        brief(docs, console, folder)


def _words(text: str) -> list[str]:
    return [each.strip() for each in text.split(",") if each.strip()]


@app.command()
def compare(
    a: Annotated[str, typer.Argument(help="Method, or name of a row in the report.")],
    b: Annotated[str, typer.Argument(help="Another one.")],
    store: StorePath = DEFAULT_STORE,
    plan: PlanName = "",
    as_json: Json = False,
) -> None:
    """Compare two methods on each task.

    Shows the difference, its interval, and whether they are equivalent.

    Example: nasrepro compare regularized_evolution random_search
    """
    from nasrepro.reports.compare import compare as compared
    from nasrepro.reports.compare import compare_table
    from nasrepro.reports.render import to_json
    from nasrepro.reports.summary import Results
    from nasrepro.reports.terminal import printing, terminal

    with reading(store) as opened:
        pairs = compared(Results(opened, plan=plan), a, b)
    if not pairs:
        raise NasreproError(f"no task of {store} has both {a} and {b}; see: nasrepro report --all")
    doc = compare_table(pairs, a, b)
    if as_json:
        typer.echo(to_json([doc]))
    else:
        terminal([doc], printing())


@app.command()
def leaderboard(
    store: StorePath = DEFAULT_STORE,
    plan: PlanName = "",
    method: Own = None,
    out: Out = None,
    against: Against = None,
    quiet: Quiet = False,
) -> None:
    """Write the leaderboard, a static page.

    It works from a file, and has the runs behind every row.

    Example: nasrepro leaderboard --store runs.sqlite --out site
    """
    _register(method)
    folder = out or store.parent / "leaderboard"
    with reading(store) as opened:
        pages, new = _page(
            _results(opened, plan), _manifest(opened, "leaderboard", plan), folder, against
        )
    if against is not None:
        _say_changes(new)
    remark(f"{len(pages)} files; open {folder / 'index.html'}", quiet)


@app.command()
def figures(
    store: StorePath = DEFAULT_STORE,
    plan: PlanName = "",
    method: Highlighted = None,
    out: Out = None,
    only: Annotated[
        list[str] | None,
        typer.Option(help="Kinds of figures, comma-separated; repeatable (default: all)."),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(min=1, help="Processes that write the files (default: number of cores)."),
    ] = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Draw every figure that the results allow, as PDF and PNG.

    With --plan, only its settings and seeds; claims are always judged by the whole store.

    Example: nasrepro figures --store runs.sqlite --out figures --only anytime
    """
    from nasrepro.reports import figures as drawn
    from nasrepro.reports.summary import Results
    from nasrepro.reports.words import names_row
    from nasrepro.suite.experiments.runner import cores

    kinds = drawn.checked([kind for each in only or () for kind in _words(each)])
    folder = out or store.parent / "figures"
    rows = _rows_of(method or ())
    with reading(store) as opened, progress_bar("drawing", quiet) as progress:
        results = Results(opened, plan=plan, highlighted=rows)
        labels = sorted({label for task in results.tasks for label in task.labels})
        for name in rows if labels else ():
            if not any(names_row(name, label) for label in labels):
                raise UnknownName("row", name, labels)
        captions = drawn.write(
            results, folder, only=kinds, workers=workers or cores(), progress=progress
        )
    if as_json:
        print_json([{"figure": name, "caption": caption} for name, caption in captions])
    elif not quiet:
        for name, caption in captions:
            typer.echo(f"{name}: {caption}")
    if not captions:
        remark("nothing to draw: the store has no results for it; see: nasrepro report")
        return
    count = "1 figure" if len(captions) == 1 else f"{len(captions)} figures"
    remark(f"{count}, as PDF and PNG, in {folder}", quiet)


def _rows_of(named: Sequence[str]) -> list[str]:
    """Parts of the names of rows: of a file its method's, of a code name the paper's spelling."""
    from nasrepro.reports.words import title_of

    files = [name for name in named if name.endswith(".py")]
    own = _register(files)
    return [title_of(name) for name in (*own, *(name for name in named if name not in files))]


def _register(files: Sequence[str] | None) -> list[str]:
    """Make methods from files known by their names, for their papers and deviations; the names."""
    from nasrepro.suite.registry import methods

    entries = [methods.from_file(Path(name)) for name in files or ()]
    for entry in entries:
        methods.add(entry.name, entry, "")
    return [entry.name for entry in entries]


def _results(store: Store, plan: str) -> Results:
    """What is reported; a plan's seeds are not what claims are judged by."""
    from nasrepro.reports.summary import Results
    from nasrepro.suite.claims import judge_all, shipped_claims

    verdicts = () if plan else judge_all(shipped_claims(), store)
    return Results(store, plan=plan, verdicts=verdicts)


def _manifest(store: Store, command: str, plan: str) -> dict[str, Any]:
    """Where the tables come from: the command, the commit, and what the store knows."""
    from nasrepro.reports.snapshot import commit

    words = f"nasrepro {command}{f' --plan {plan}' if plan else ''}"
    return {"command": words, "commit": commit(), **store.manifest()}


def _page(
    results: Results,
    manifest: dict[str, Any],
    folder: Path | None,
    against: Path | None,
) -> tuple[list[Path], dict[str, Any]]:
    """Write the page to `folder`, if given.

    Its files, and the snapshot with what changed since the one it is held against.
    """
    from nasrepro.reports import board, leaderboard
    from nasrepro.reports.snapshot import changes, history, snapshot

    earlier = [] if against is None else _snapshots(against)
    old = earlier[-1] if earlier else None
    found = board.board(results)
    claims = board.judged(results.verdicts, found)
    new = snapshot(results, claims, manifest)
    news = [] if old is None else changes(old, new)
    since = "" if old is None else old["date"]
    pages = (
        []
        if folder is None
        else leaderboard.write(
            found,
            claims,
            manifest,
            folder,
            news=news,
            since=since,
            history=history([*earlier, new]) if earlier else [],
        )
    )
    return pages, {"snapshot": new, "news": news, "since": since}


def _snapshots(path: Path) -> list[dict[str, Any]]:
    """The snapshot of a file, or those of a folder by their names."""
    from nasrepro.reports.snapshot import read_snapshot

    paths = sorted(path.glob("*.json")) if path.is_dir() else [path]
    if not paths:
        raise NasreproError(
            f"no snapshot (*.json) in the folder {path}; `nasrepro report` writes "
            "one as snapshot.json"
        )
    found = []
    for each in paths:
        try:
            text = each.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise NasreproError(
                f"cannot read the snapshot {each} ({one_line(error)}); `nasrepro report` writes "
                "one as snapshot.json: leave --against out the first time, and keep that file"
            ) from error
        found.append(read_snapshot(text, str(each)))
    return found


def _say_changes(new: dict[str, Any]) -> None:
    typer.echo(f"Changes since {new['since']}:")
    for line in new["news"] or ["none"]:
        typer.echo(f"  {line}")
