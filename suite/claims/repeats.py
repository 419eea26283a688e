"""Verdicts again, by other seeds: how stable the recorded ones are.

Block b of a claim of n seeds is judged by the seeds b n .. (b + 1) n - 1, so that no run counts in
two blocks; block 0 is what is recorded. A folder keeps the runs (`<paper>/07.sqlite`) and the
verdicts (`<paper>/07.json`) of every block: what was killed goes on where it was.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from nasrepro.suite.claims import rules
from nasrepro.suite.claims.evidence import Evidence, gather
from nasrepro.suite.claims.fragility import Fragility
from nasrepro.suite.claims.judging import context_of, judged
from nasrepro.suite.claims.kinds import Ranking
from nasrepro.suite.claims.model import Claim
from nasrepro.suite.claims.plans import missing
from nasrepro.suite.data import stable_hash, write_text
from nasrepro.suite.errors import DataCorrupt, NasreproError
from nasrepro.suite.experiments.runner import run_cells
from nasrepro.suite.experiments.store import Store

#: How many blocks the command and the nightly test judge by.
BLOCKS = 20


@dataclass(frozen=True, slots=True)
class Repeat:
    """A claim's verdict by the seeds of one block."""

    claim: str
    recorded: str
    block: int
    verdict: str
    why: str

    @property
    def flipped(self) -> bool:
        """Whether it is not the recorded one."""
        return self.verdict != self.recorded


def repeatable(claim: Claim) -> bool:
    """Whether other seeds could change its recorded verdict, and are had in minutes.

    A ratio of speeds is the machine's, not theirs.
    """
    return (
        claim.kind in ("search", "order", "study")
        and not claim.long
        and claim.recorded not in ("", "blocked")
    )


def measured(repeats: Sequence[Repeat], claims: Sequence[Claim]) -> list[tuple[str, Fragility]]:
    """How often each claim's verdict flipped."""
    of_claim = {claim.id: claim for claim in claims}
    flips: dict[str, list[bool]] = {}
    for each in repeats:
        flips.setdefault(each.claim, []).append(each.flipped)
    varied = {"ranking": "architectures and draws"}
    return [
        (
            id,
            Fragility(
                varied=varied.get(of_claim[id].kind, "seeds"),
                repeats=len(found),
                flips=sum(found),
                test=of_claim[id].test_hash,
            ),
        )
        for id, found in flips.items()
    ]


def resampled(
    claims: Sequence[Claim], context: Sequence[Claim], store: Store, repeats: int
) -> list[Repeat]:
    """Verdicts of rankings by other samples of architectures and other draws; nothing is run.

    Of claims that rest on a sample, where the store has their rankings. The verdict that others are
    held against is that of the store, not the recorded one.
    """
    rankings = [claim for claim in claims if isinstance(claim.how, Ranking)]
    evidence = gather(store, [need for claim in rankings for need in claim.results])
    judged_in = context_of(evidence, context)
    found = []
    for claim in rankings:
        if not isinstance(claim.how, Ranking) or any(need.absent for need in claim.results):
            continue
        first = claim.how.judge(claim, judged_in)
        if first.verdict not in ("reproduced", "not reproduced"):
            continue
        for number in range(1, repeats + 1):
            other = claim.how.again(claim, judged_in, number)
            if other is not None:
                found.append(Repeat(claim.id, first.verdict, number, other.verdict, other.why))
    return found


def repeat(
    claims: Sequence[Claim],
    context: Sequence[Claim],
    folder: Path,
    block: int,
    *,
    workers: int | None = None,
    progress: Callable[[int, int, str], None] = lambda done, total, label: None,
) -> list[Repeat]:
    """Judge claims of one file by the seeds of a block.

    Run what the folder lacks, or read the verdicts where they are there.

    Kept verdicts count as long as the rules, the claims' tests, the sources of what runs, and the
    tables are the ones of now.

    Args:
        claims: of one file; see `repeatable`. Orders are corrected among them: a smaller family
            than that of the recorded verdicts, which has the paper's long, blocked and unrecorded
            orders, too, where they have their runs.
        context: all claims; see `suite.claims.evidence.missing`.
        folder: of all repeats.
        block: 1 or more.
        workers: processes.
        progress: called after each run.

    Raises:
        NasreproError: a table is not here (DataMissing), or a run failed.
    """
    claims = [claim.model_copy(update={"fragility": None}) for claim in claims]
    cells, left_out = missing(claims, Evidence(), context, block=block)
    for error in left_out.values():
        raise error
    tests = [claim.model_dump(mode="json", exclude={"recorded", "reading"}) for claim in claims]
    text = Path(rules.__file__).read_text(encoding="utf-8")
    key = stable_hash([sorted(cell.key.run_id for cell in cells), tests, text])
    path = folder / claims[0].file / f"{block:02}.json"
    found = _kept(path, key)
    if found is None:
        with Store(path.with_suffix(".sqlite")) as store:
            failed = run_cells(
                cells,
                store,
                executor="inline" if workers == 1 else "processes",
                workers=workers,
                progress=progress,
            ).failed
            if failed:
                raise NasreproError(
                    f"block {block} of {claims[0].file}: {len(failed)} runs failed: "
                    f"{failed[0].error.strip()}"
                )
            evidence = gather(store, [need for claim in claims for need in claim.results])
            verdicts = judged(claims, evidence, claims, block=block)
        found = {each.claim.id: {"verdict": each.verdict, "why": each.why} for each in verdicts}
        write_text(path, json.dumps({"key": key, "verdicts": found}, indent=1))
    return [Repeat(claim.id, claim.recorded, block, **found[claim.id]) for claim in claims]


def _kept(path: Path, key: str) -> dict[str, dict[str, str]] | None:
    """The verdicts in a file, where they are of that key."""
    if not path.exists():
        return None
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        return dict(raw["verdicts"]) if raw["key"] == key else None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataCorrupt(
            f"{path} cannot be read as verdicts ({error}); delete it, and they are judged anew"
        ) from error
