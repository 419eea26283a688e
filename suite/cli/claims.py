"""`nasrepro claims`, and its commands `record`, `missing` and `rules`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nasrepro.suite.cli.common import (
    DEFAULT_STORE,
    Json,
    Quiet,
    StorePath,
    app,
    print_json,
    print_table,
    progress_bar,
    reading,
    remark,
)
from nasrepro.suite.errors import NasreproError, UnknownName

if TYPE_CHECKING:
    from nasrepro.suite.claims import Claim, Verdict

claims_app = typer.Typer(invoke_without_command=True, rich_markup_mode=None)
app.add_typer(claims_app, name="claims")

PaperOption = Annotated[
    list[str] | None,
    typer.Option(
        "--paper", help="Only this paper: name of its file, arXiv number, or part of its title."
    ),
]
IdOption = Annotated[
    list[str] | None,
    typer.Option("--id", help="Only this claim; repeatable. See: nasrepro list claims."),
]
FileOption = Annotated[
    list[Path] | None,
    typer.Option("--file", help="Your own claims file, in place of the shipped ones; repeatable."),
]
MethodOption = Annotated[
    list[str] | None,
    typer.Option(
        "--method",
        "-m",
        help="A Python file with one @method that the claims name; it may replace one of the "
        "package.",
    ),
]
NoRun = Annotated[bool, typer.Option("--no-run", help="Judge by stored results; run nothing.")]
Long = Annotated[
    bool, typer.Option("--long", help="Also run experiments that take more than minutes.")
]
Workers = Annotated[
    int | None, typer.Option(min=1, help="Worker processes (default: number of cores).")
]


@claims_app.callback()
def claims(
    context: typer.Context,
    paper: PaperOption = None,
    id: IdOption = None,
    explain: Annotated[
        str,
        typer.Option(
            "--explain", help="Show the evidence for one claim: plan, runs, rule, figure."
        ),
    ] = "",
    file: FileOption = None,
    method: MethodOption = None,
    junit: Annotated[
        Path | None, typer.Option("--junit", help="Also write JUnit XML to this file.")
    ] = None,
    against: Annotated[
        str,
        typer.Option(
            "--against",
            help="List the changes since earlier verdicts: a JSON file, or `first` (edition).",
        ),
    ] = "",
    strict: Annotated[
        bool, typer.Option("--strict", help="Also exit 1 if a claim could not be judged.")
    ] = False,
    no_run: NoRun = False,
    long: Long = False,
    store: StorePath = DEFAULT_STORE,
    workers: Workers = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> int:
    """Judge the claims of papers by measurements.

    Runs missing results, judges each claim, and compares the verdict with the recorded one. Exits 1
    if a verdict changed (they are listed; one that is recorded as blocked may be had with more
    data) or a run failed.

    Example: nasrepro claims --paper nas_bench_201
    """
    if context.invoked_subcommand is not None:
        _refuse_options(context)
        return 0
    from nasrepro.suite.claims import junit as as_junit
    from nasrepro.suite.cli import verdicts as show
    from nasrepro.suite.data import write_text

    wanted, others = chosen(paper, [explain] if explain else id, file, method)
    done = _judged(wanted, others, store, run=not no_run, long=long, workers=workers, quiet=quiet)
    if junit is not None:
        write_text(junit, as_junit(done.verdicts))
    if explain:
        show.explain(done.verdicts[0], others, store)
    elif against:
        show.print_changes(against, wanted, others, done.verdicts, as_json=as_json)
    elif as_json:
        print_json([show.row_of(verdict) for verdict in done.verdicts])
    else:
        show.print_verdicts(done.verdicts)
    options = [f" --file {each}" for each in file or ()] + [f" --method {m}" for m in method or ()]
    return int(_remarked(done.verdicts, "".join(options), strict=strict) or done.failed)


def _refuse_options(context: typer.Context) -> None:
    """Options before a subcommand's name would be passed over, and all papers' verdicts written."""
    for name in context.params:
        if str(context.get_parameter_source(name)).endswith("COMMANDLINE"):
            command, option = context.invoked_subcommand, name.replace("_", "-")
            raise NasreproError(
                f"give the options after {command}: nasrepro claims {command} --{option} ..."
            )


def _remarked(verdicts: Sequence[Verdict], options: str, *, strict: bool) -> bool:
    """Name the verdicts that are not the recorded ones, and if strict those that are none.

    Args:
        verdicts: what was judged.
        options: those that name its files, for the command that records it.
        strict: whether every claim must have a verdict.

    Returns:
        Whether there are any.
    """
    changed = [verdict for verdict in verdicts if verdict.changed]
    for each in changed:
        remark(
            f"changed: {each.claim.id} is {each.verdict}, recorded: "
            f"{each.claim.recorded or 'nothing yet'} ({each.why})"
        )
    if changed:
        remark(f"after a look at why: nasrepro claims record{options}, and commit the diff")
    unjudged = (
        [verdict for verdict in verdicts if verdict.verdict == "not judged"] if strict else []
    )
    for each in unjudged:
        remark(f"not judged: {each.claim.id} ({each.why})")
    return bool(changed or unjudged)


@claims_app.command("record")
def record_verdicts(
    paper: PaperOption = None,
    id: IdOption = None,
    file: FileOption = None,
    method: MethodOption = None,
    no_run: NoRun = False,
    long: Long = False,
    store: StorePath = DEFAULT_STORE,
    workers: Workers = None,
    quiet: Quiet = False,
) -> int:
    """Save the current verdicts to the claim files."""
    from nasrepro.suite.claims import claim_files, record
    from nasrepro.suite.claims.files import VERDICTS

    wanted, others = chosen(paper, id, file, method)
    done = _judged(wanted, others, store, run=not no_run, long=long, workers=workers, quiet=quiet)
    files = file or claim_files()
    changes = record(files, done.verdicts)
    for claim, (old, new) in changes.items():
        typer.echo(f"{claim}: {old or 'nothing'} -> {new}")
    where = Path(files[0]).with_suffix(VERDICTS) if len(files) == 1 else Path(files[0]).parent
    told = "1 verdict" if len(changes) == 1 else f"{len(changes)} verdicts"
    remark(f"{told} written to {where}", quiet)
    return int(done.failed)


@claims_app.command("missing")
def missing_results(
    paper: PaperOption = None,
    id: IdOption = None,
    file: FileOption = None,
    method: MethodOption = None,
    store: StorePath = DEFAULT_STORE,
    as_json: Json = False,
) -> int:
    """List the results that claims need and the store lacks.

    `nasrepro claims --id ID` runs just that, with `--long` also what takes more than minutes;
    what is blocked waits for what it needs.
    """
    from nasrepro.suite.claims import gather, lacking

    wanted, _ = chosen(paper, id, file, method)
    with reading(store) as opened:
        evidence = gather(opened, [need for claim in wanted for need in claim.results])
    found = lacking(wanted, evidence)
    if as_json:
        print_json([asdict(each) for each in found])
        return 0
    rows = [
        [
            each.what,
            f"{each.have} of {each.count}",
            "blocked" if each.needs else "long" if each.long else "",
            len(each.claims),
            each.claims[0],
        ]
        for each in found
    ]
    print_table(["results", "there are", "", "claims", "the first"], rows)
    return 0


@claims_app.command("rules")
def rules(as_json: Json = False) -> int:
    """Show the margins and numbers of replicates behind the verdicts, with reasons."""
    from nasrepro.suite.claims.margins import MARGINS, REPLICATES

    if as_json:
        print_json(
            {"margins": MARGINS, "replicates": {k: asdict(v) for k, v in REPLICATES.items()}}
        )
        return 0
    print_table(["number", "margin"], [[name, text] for name, text in MARGINS.items()])
    typer.echo()
    print_table(
        ["kind", "replicates", "where long", "least", "rule"],
        [[name, r.count, r.long, r.least, r.reason] for name, r in REPLICATES.items()],
    )
    return 0


@dataclass(frozen=True, slots=True)
class _Done:
    verdicts: tuple[Verdict, ...]
    failed: bool


def chosen(
    papers: Sequence[str] | None,
    ids: Sequence[str] | None,
    files: Sequence[Path] | None,
    own: Sequence[str] | None,
) -> tuple[tuple[Claim, ...], tuple[Claim, ...]]:
    """The claims asked for, and all claims they stand among."""
    from nasrepro.suite.claims import load_claims
    from nasrepro.suite.registry import methods, scorers, studies

    for path in own or ():
        entry = methods.from_file(Path(path))
        methods.add(entry.name, entry, __name__)
    everything = wanted = load_claims(files)
    if papers:
        for name in papers:
            if not any(_of(claim, name) for claim in everything):
                raise UnknownName("paper", name, sorted({claim.file for claim in everything}))
        wanted = tuple(claim for claim in wanted if any(_of(claim, name) for name in papers))
    if ids:
        known = {claim.id: claim for claim in wanted}
        for each in ids:
            if each not in known:
                raise UnknownName("claim", each, known)
        wanted = tuple(known[each] for each in dict.fromkeys(ids))
    if not wanted:
        raise NasreproError("no claims to judge")
    for claim in wanted if files else ():  # the shipped ones wait for methods that do not exist yet
        for need in claim.results:
            if need.absent:
                names = [*methods.names(), *scorers.names(), *studies.names()]
                hint = "give the file of a method of your own with --method"
                raise UnknownName(f"subject of claim {claim.id}", need.subject, names, hint)
    return wanted, everything


def _of(claim: Claim, name: str) -> bool:
    return (
        name.lower()
        in (claim.file.lower(), claim.paper.lower(), claim.paper.lower().partition(":")[2])
        or name.lower() in claim.title.lower()
    )


def _judged(
    wanted: Sequence[Claim],
    others: Sequence[Claim],
    path: Path,
    *,
    run: bool,
    long: bool,
    workers: int | None,
    quiet: bool,
) -> _Done:
    from nasrepro.suite.claims import Searched, gather, judged, missing, with_family
    from nasrepro.suite.experiments.runner import run_cells

    needed = with_family(wanted, others)
    failed = False
    with reading(path, read_only=not run) as store:
        needs = [need for claim in needed for need in claim.results]
        evidence = gather(store, needs)
        cells, left_out = missing(needed, evidence, others, long=long) if run else ([], {})
        needy = {  # they say themselves what they need
            need.oracle
            for claim in needed
            if claim.needs
            for need in claim.results
            if isinstance(need, Searched)
        }
        for name, error in left_out.items():
            if name not in needy:
                remark(f"{name}: left out, {error}")
        if cells:
            with progress_bar("running", quiet) as progress:
                outcome = run_cells(cells, store, workers=workers, progress=progress)
            failed = bool(outcome.failed)
            for line in sorted(
                {record.error.strip().splitlines()[-1] for record in outcome.failed}
            ):
                remark(f"a run failed: {line}")
            evidence = gather(store, needs)
    return _Done(judged(wanted, evidence, others), failed)
