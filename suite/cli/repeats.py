"""`nasrepro claims repeat`: how stable the verdicts are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nasrepro.suite.cli.claims import (
    FileOption,
    IdOption,
    MethodOption,
    PaperOption,
    Workers,
    chosen,
    claims_app,
)
from nasrepro.suite.cli.common import (
    DEFAULT_STORE,
    Json,
    Quiet,
    StorePath,
    print_json,
    print_table,
    progress_bar,
    reading,
    remark,
)
from nasrepro.suite.errors import NasreproError

if TYPE_CHECKING:
    from nasrepro.suite.claims import Claim, Repeat


@claims_app.command("repeat")
def repeat_verdicts(
    paper: PaperOption = None,
    id: IdOption = None,
    file: FileOption = None,
    method: MethodOption = None,
    blocks: Annotated[
        int | None,
        typer.Option(min=1, help="Number of repeats (default: as in the nightly tests)."),
    ] = None,
    runs: Annotated[
        Path, typer.Option("--runs", help="Store for the runs with other seeds.")
    ] = DEFAULT_STORE.parent / "repeats.sqlite",
    kernel: Annotated[
        Path | None,
        typer.Option("--kernel", help="Store of the same runs, made under another BLAS kernel."),
    ] = None,
    record: Annotated[
        bool, typer.Option("--record", help="Record how often each verdict flips.")
    ] = False,
    long: Annotated[
        bool, typer.Option("--long", help="Disjoint blocks for slow ones, too: hours.")
    ] = False,
    no_run: Annotated[
        bool, typer.Option("--no-run", help="Run nothing: resample slow claims and rankings.")
    ] = False,
    store: StorePath = DEFAULT_STORE,
    workers: Workers = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> int:
    """Measure how stable the verdicts are, by other seeds, samples and draws.

    Searches, orders and studies are repeated with disjoint blocks of seeds (interrupted runs
    resume), slow ones only with --long, else with resampled seeds, rankings with other
    architectures and draws. Exits 1 if a decided verdict flips in more than 1 of 20 repeats.

    Example: nasrepro claims repeat --paper nas_bench_201 --blocks 20
    """
    from nasrepro.suite.claims import BLOCKS, claim_files, measured
    from nasrepro.suite.claims.fragility import record as keep

    if long and no_run:
        raise NasreproError("--long runs slow claims with other seeds, --no-run nothing; give one")
    claims, others = chosen(paper, id, file, method)
    found = _repeated(
        claims,
        others,
        store,
        None if no_run else runs,
        kernel,
        blocks or BLOCKS,
        long=long,
        workers=workers,
        quiet=quiet,
    )
    if not found:
        hint = "; without --no-run, other seeds are" if no_run else ""
        remark(f"nothing that these claims rest on was varied{hint}")
    stability = measured(found, claims)
    if record:
        path = keep((file or claim_files())[0].parent, stability)
        remark(f"how often verdicts flip: {path}", quiet)
    if as_json:
        flips = sum(each.flipped for each in found)
        rows = [asdict(each) for each in found]
        print_json({"verdicts": len(found), "flips": flips, "repeats": rows})
    else:
        _print(found)
    decided = {each.claim for each in found if each.first not in ("inconclusive", "ours: open")}
    unstable = [f"{id} {each}" for id, each in stability if each.fragile and id in decided]
    for line in unstable:
        remark(f"unstable: {line}", quiet)
    return int(bool(unstable))


def _repeated(
    claims: Sequence[Claim],
    others: Sequence[Claim],
    path: Path,
    runs: Path | None,
    kernel: Path | None,
    blocks: int,
    *,
    long: bool,
    workers: int | None,
    quiet: bool,
) -> list[Repeat]:
    from nasrepro.suite.claims import by_resampling, by_seeds, by_store, first_verdicts
    from nasrepro.suite.experiments.store import Store

    with reading(path) as store:
        first = first_verdicts(claims, others, store)
        if not first:
            raise NasreproError(f"{path} has results for none of these claims")
        found = by_resampling(first, others, store, blocks, long=not long)
    if runs is not None:
        with Store(runs) as kept, progress_bar("other seeds", quiet) as progress:
            more, left_out = by_seeds(
                first, others, kept, blocks, long=long, workers=workers, progress=progress
            )
        for name, error in left_out.items():
            remark(f"{name}: left out, {error}", quiet)
        found += more
    if kernel is not None:
        with Store(kernel, read_only=True) as other:
            found += by_store(first, others, other)
    return found


def _print(found: Sequence[Repeat]) -> None:
    """A row for each claim and what was varied, and the flips by class."""
    groups: dict[tuple[str, str], list[Repeat]] = {}
    for each in found:
        groups.setdefault((each.claim, each.varied), []).append(each)
    rows = []
    for (claim, varied), again in sorted(groups.items()):
        counts = Counter(each.verdict for each in again if each.flipped)
        others = ", ".join(f"{count} {verdict}" for verdict, count in counts.most_common())
        same = f"{len(again) - counts.total()} of {len(again)}"
        rows.append([claim, again[0].first, varied, same, others])
    print_table(["claim", "verdict", "by other", "same", "others"], rows)
    typer.echo()
    flips = Counter((each.varied, each.first) for each in found if each.flipped)
    totals = Counter((each.varied, each.first) for each in found)
    print_table(
        ["by other", "verdict", "flips", "repeats", "share"],
        [
            [*key, flips[key], total, f"{flips[key] / total:.1%}"]
            for key, total in sorted(totals.items())
        ],
    )
