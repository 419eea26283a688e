"""What a report keeps for later ones: ranks, means and verdicts, and what changed since."""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from nasrepro.reports.summary import Results
from nasrepro.suite.errors import NasreproError

#: Snapshots that the page's curves go back.
NIGHTS = 60


def snapshot(
    results: Results, claims: Sequence[Mapping[str, Any]], manifest: Mapping[str, Any]
) -> dict[str, Any]:
    """What later reports are compared with.

    Ranks and means by task and method, verdicts by claim.
    """
    tasks = {
        task.id: {
            label: [rank, mean]
            for label, rank, mean in zip(
                task.labels, task.ranks, task.measures[task.target.name].numbers, strict=True
            )
        }
        for task in (*results.tasks, *results.variants)
    }
    return {
        "date": manifest["last_result"],
        "tasks": tasks,
        "verdicts": {claim["id"]: claim["verdict"] for claim in claims},
    }


def history(snapshots: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The last `NIGHTS` of snapshots, oldest first: the mean rank of each method, and verdicts.

    A mean is over the tasks that all of them have, so that a new task moves no curve.
    """
    kept = sorted(snapshots, key=lambda each: each["date"])[-NIGHTS:]
    shared = set.intersection(*(set(each["tasks"]) for each in kept)) if kept else set()
    nights = []
    for each in kept:
        ranks: dict[str, list[float]] = {}
        for name in sorted(shared):
            for label, (rank, _) in each["tasks"][name].items():
                if rank is not None:
                    ranks.setdefault(label, []).append(rank)
        means = {
            label: round(sum(values) / len(values), 3)
            for label, values in sorted(ranks.items())
            if 2 * len(values) >= len(shared)
        }
        verdicts = dict(sorted(Counter(each["verdicts"].values()).items()))
        nights.append({"date": each["date"], "ranks": means, "verdicts": verdicts})
    return nights


def commit() -> str:
    """The commit of the checkout that this package stands in, "+" behind it where files differ.

    "" where it is installed, or git does not answer.
    """
    root = Path(__file__).resolve().parents[1]
    if not (root / ".git").exists():
        return ""
    try:
        named, changed = (
            subprocess.run(
                ["git", "-C", str(root), *words],
                capture_output=True,
                text=True,
                check=True,
                timeout=30,
            ).stdout.strip()
            for words in (
                ("rev-parse", "HEAD"),
                ("status", "--porcelain", "--untracked-files=no", "--", "*.py", "*.toml"),
            )
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return f"{named}+" if changed else named


def changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """What differs between two snapshots, one line each.

    Verdicts, then tasks and methods, then moves of ranks.
    """
    return [
        *_verdict_changes(old["verdicts"], new["verdicts"]),
        *_task_changes(old["tasks"], new["tasks"]),
    ]


def _verdict_changes(old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[str]:
    for claim in sorted(old.keys() | new.keys()):
        before, now = old.get(claim), new.get(claim)
        if before is None:
            yield f"claim {claim}: {now} (new)"
        elif now is None:
            yield f"claim {claim}: was {before}, is not judged now"
        elif before != now:
            yield f"claim {claim}: {before} → {now}"


def _task_changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    for task in sorted(old.keys() | new.keys()):
        if task not in old:
            yield f"{task}: new, {len(new[task])} methods"
            continue
        if task not in new:
            yield f"{task}: gone"
            continue
        before, now = old[task], new[task]
        for label in sorted(before.keys() | now.keys()):
            if label not in before:
                yield (
                    f"{task}: {label} is new, rank {now[label][0]:g}"
                    if now[label][0] is not None
                    else f"{task}: {label} is new, unranked"
                )
            elif label not in now:
                yield f"{task}: {label} is gone"
            elif before[label][0] != now[label][0]:
                ranks = [
                    "none" if each[label][0] is None else f"{each[label][0]:g}"
                    for each in (before, now)
                ]
                means = [
                    "none" if each[label][1] is None else f"{each[label][1]:g}"
                    for each in (before, now)
                ]
                yield (
                    f"{task}: {label} moved from rank {ranks[0]} to {ranks[1]} (mean "
                    f"{means[0]} → {means[1]})"
                )


class _Snapshot(BaseModel):
    """The fields of a snapshot."""

    date: str
    tasks: dict[str, dict[str, tuple[float | None, float | None]]]
    verdicts: dict[str, str]


def read_snapshot(text: str, name: str) -> dict[str, Any]:
    """A snapshot from its file's text; raises NasreproError where it is none."""
    try:
        raw = json.loads(text)
    except ValueError as error:
        raise NasreproError(f"{name} is not a snapshot: {error}") from error
    try:
        _Snapshot.model_validate(raw)
    except ValueError as error:
        raise NasreproError(
            f"{name} is not a snapshot; `nasrepro report` writes one as snapshot.json"
        ) from error
    return dict(raw)
