"""The results as plain data: what the leaderboard page shows, and what a snapshot keeps."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

import numpy as np

from nasrepro.reports.anytime import Axis, best_of, curves_at, moments_of, target_of
from nasrepro.reports.citations import citations
from nasrepro.reports.document import slug
from nasrepro.reports.groups import REGRET, Group, Setting, Values, chosen, size_metric
from nasrepro.reports.words import budget_words, is_own, labels, scale_of, split_words, unit_words
from nasrepro.suite.claims import Searched, StudyRow, Verdict, tabulated
from nasrepro.suite.errors import NasreproError
from nasrepro.suite.experiments.ranking import RankRecord
from nasrepro.suite.experiments.store import Store
from nasrepro.suite.registry import methods, oracles
from nasrepro.suite.statistics import accuracy_density, bootstrap_band, iqm

RESAMPLES = 1000
#: Points of an anytime curve.
MOMENTS = 40


@dataclass(frozen=True)
class Board:
    """The results of a store.

    Attributes:
        tasks: a setting with one of the data sets that it is reported on, each.
        rows: a method on a task, each; the best of a task first.
        files: the runs behind the rows, by the name of their file.
        rankings: what is behind a rank correlation, by its id.
    """

    tasks: list[dict[str, Any]]
    rows: list[dict[str, Any]]
    files: dict[str, dict[str, Any]]
    rankings: dict[str, dict[str, Any]] = field(default_factory=dict)


def board(store: Store, *, plan: str | None = None, seed: int = 0) -> Board:
    """Everything that the page shows of searches, in a fixed order."""
    found, wanted = Board([], [], {}), chosen(store, plan)
    records = (
        record
        for record in store.rankings()
        if record.status == "done" and wanted.ranking(record.key)
    )
    found.rankings.update(sorted((record.key.run_id, _ranking(record)) for record in records))
    for setting, members in groupby(wanted.groups, key=lambda group: group.setting):
        groups = list(members)
        name = _named(setting, found.files)
        found.files[name] = {
            "curves": _curves(groups),
            "rows": {group.id: _runs(group) for group in groups},
        }
        for dataset in setting.protocol.report_datasets:
            task = _task(setting, dataset, name)
            rows = [
                _row(group, label, dataset, task["id"], seed)
                for label, group in zip(labels(groups), groups, strict=True)
            ]
            found.tasks.append(task)
            found.rows.extend(_ranked(rows, higher=task["higher"]))
    return found


def _named(setting: Setting, taken: Mapping[str, Any]) -> str:
    epochs = f"{setting.protocol.search_epochs}ep"
    return slug(
        setting.oracle, setting.dataset, epochs, budget_words(setting.budget, unit="s"), taken=taken
    )


def _task(setting: Setting, dataset: str, name: str) -> dict[str, Any]:
    info = oracles.get(setting.oracle).info
    target, protocol = info.target_of(dataset), setting.protocol
    return {
        "id": f"{name}-on-{slug(dataset)}",
        "file": name,
        "oracle": setting.oracle,
        "table": setting.table_sha256[:8],
        "searched": setting.dataset,
        "dataset": dataset,
        "budget": budget_words(setting.budget, unit="s"),
        "search_epochs": protocol.search_epochs,
        "search_seed": protocol.search_seed,
        "report_epochs": protocol.report_epochs,
        "objective": info.objective_of(setting.dataset).name,
        "target": target.name,
        "unit": unit_words(target).strip("()"),
        "split": split_words(target),
        "higher": target.higher_is_better,
        "citation": info.citation.strip(),
    }


def _row(group: Group, label: str, dataset: str, task: str, seed: int) -> dict[str, Any]:
    info = oracles.get(group.setting.oracle).info
    target = info.target_of(dataset)
    values, scale = group.values[dataset, target.name], scale_of(target)
    densities = {}
    for unit in ("param", "MAC"):
        size = size_metric(info, unit)
        if size is not None and target.unit == "fraction" and target.higher_is_better:
            pairs = zip(values, group.values[dataset, size.name], strict=True)
            each = [
                accuracy_density(accuracy, count)
                for accuracy, count in pairs
                if accuracy >= 0 and count > 0
            ]
            densities[unit] = _estimate(np.array(each), 1.0, seed)
    finite = values[np.isfinite(values)]
    return {
        "id": group.id,
        "task": task,
        "label": label,
        "method": group.method,
        "source": group.method_sha256[:8],
        "n": int(group.seeds.size),
        "failed": len(group.failed),
        "target": _estimate(values, scale, seed),
        "iqm": _short(scale * iqm(finite, resamples=1).value) if finite.size else None,
        "regret": _estimate(group.values[dataset, REGRET], scale, seed),
        "density": densities.get("param"),
        "density_macs": densities.get("MAC"),
        "queries": _mean(group.costs["queries"]),
        "hours": _mean(group.costs["simulated_s"] / 3600) if info.cost else None,
        "overhead": _mean(group.costs["overhead_s"]),
    }


def _ranked(rows: list[dict[str, Any]], *, higher: bool) -> list[dict[str, Any]]:
    """With their ranks by mean target; equal means share the mean of their ranks."""
    means = [row["target"][0] if row["target"] else None for row in rows]
    for row, mean in zip(rows, means, strict=True):
        there = [other for other in means if other is not None]
        better = (
            sum(other > mean if higher else other < mean for other in there)
            if mean is not None
            else 0
        )
        row["rank"] = None if mean is None else better + (there.count(mean) + 1) / 2
    return sorted(rows, key=lambda row: (row["rank"] is None, row["rank"] or 0, row["label"]))


def _ranking(record: RankRecord) -> dict[str, Any]:
    key, agreement = record.key, record.agreement
    metric = oracles.get(key.oracle).info.metric(key.metric)
    return {
        "title": f"{key.scorer} on {key.oracle}, {key.dataset}",
        "against": f"{metric.name} ({split_words(metric)}) after {key.epochs} epochs, table {key.table_sha256[:8]}",
        "with": record.inputs or "the architecture alone, no network",
        "n": agreement["n"],
        "sample": key.sample > 0 and agreement["n"] < tabulated(key.oracle),
        "non_finite": agreement.get("non_finite"),
        "status": agreement["status"],
        "figures": {
            name: _with_interval(agreement, name) for name in ("kendall", "spearman", "top_kendall")
        },
        "best": record.best_arch,
        "value": None
        if record.best_value is None
        else _short(scale_of(metric) * record.best_value),
        "unit": unit_words(metric).strip("()"),
        "source": key.scorer_sha256[:16],
    }


def _with_interval(agreement: Mapping[str, Any], name: str) -> list[float | None] | None:
    value, ends = agreement.get(name), agreement.get(f"{name}_ci", (None, None))
    if value is None or not math.isfinite(value):
        return None
    return [
        _short(value),
        *(None if end is None or not math.isfinite(end) else _short(end) for end in ends),
    ]


def _estimate(values: Values, scale: float, seed: int) -> list[float | None] | None:
    """[mean, low, high] as shown; None where there is no value."""
    there = scale * values[np.isfinite(values)]
    if not there.size:
        return None
    if there.size == 1:
        return [_short(float(there[0])), None, None]
    return [
        _short(float(each[0]))
        for each in bootstrap_band(there[:, None], seed=seed, resamples=RESAMPLES)
    ]


def _mean(values: Values) -> float | None:
    there = values[np.isfinite(values)]
    return _short(float(there.mean())) if there.size else None


def _short(value: float) -> float:
    """Six significant digits, and no more than nine decimals.

    The page is small, and no interval here is narrower.
    """
    return float(f"{round(value, 9):.6g}")


def _runs(group: Group) -> dict[str, Any]:
    """The runs of a row as columns, by seed; architectures are numbers into a list of them."""
    archs = list(dict.fromkeys(group.chosen))
    place = {arch: i for i, arch in enumerate(archs)}
    info = oracles.get(group.setting.oracle).info
    values: dict[str, list[float | None]] = {}
    regrets: dict[str, list[float | None]] = {}
    for dataset in group.setting.protocol.report_datasets:
        target = info.target_of(dataset)
        values[dataset] = _shown(scale_of(target) * group.values[dataset, target.name])
        regrets[dataset] = _shown(scale_of(target) * group.values[dataset, REGRET])
    return {
        "seeds": group.seeds.tolist(),
        "ids": list(group.run_ids),
        "archs": archs,
        "chosen": [place[arch] for arch in group.chosen],
        "values": values,
        "regrets": regrets,
        "queries": _shown(group.costs["queries"]),
        "failed": [
            [seed, group.failed_ids[seed], error.partition(":")[0][:100]]
            for seed, error in group.failed.items()
        ],
        "params": dict(group.params),
        "method_sha256": group.method_sha256,
    }


def _shown(values: Values) -> list[float | None]:
    return [_short(float(value)) if np.isfinite(value) else None for value in values]


def _curves(groups: Sequence[Group]) -> dict[str, Any]:
    """Anytime curves over simulated seconds, else over queries.

    Regret where there is a best cell, else the target.
    """
    setting = groups[0].setting
    dataset, target = target_of(setting)
    axis: Axis = "clock_s" if oracles.get(setting.oracle).info.cost else "queries"
    moments = moments_of(groups, axis, MOMENTS)
    if not moments.size:
        return {}
    best, sign, scale = best_of(groups), 1 if target.higher_is_better else -1, scale_of(target)
    lines = {}
    for group in groups:
        held = curves_at(group, moments, axis)
        if held.size and np.isfinite(held).all():
            mean, low, high = bootstrap_band(
                scale * (held if best is None else sign * (best - held)), resamples=500
            )
            lines[group.id] = [_shown(mean), _shown(low), _shown(high)]
    return {
        "axis": axis,
        "of": "regret" if best is not None else "target",
        "dataset": dataset,
        "x": _shown(moments),
        "lines": lines,
    }


# -- what is known of methods and claims -------------------------------------------------------------------
def described(rows: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """By method: its paper, first line, deviations, BibTeX, and whether it is the user's."""
    found: dict[str, dict[str, Any]] = {}
    for name in sorted({row["method"] for row in rows}):
        own = is_own(name)
        try:
            entry = methods.get(name)
        except NasreproError:
            found[name] = {
                "paper": "",
                "doc": "not installed here",
                "deviations": [],
                "bibtex": [],
                "own": own,
            }
            continue
        about = entry.doc.splitlines()[0] if entry.doc else ""
        deviations = list(entry.deviations)
        found[name] = {
            "paper": entry.paper,
            "doc": about,
            "deviations": deviations,
            "bibtex": citations(entry.paper),
            "own": own,
        }
    return found


def judged(verdicts: Sequence[Verdict], found: Board | None = None) -> list[dict[str, Any]]:
    """Claims with a verdict, in a fixed order.

    With the rows and rankings of `found` that are behind them.
    """
    rows = (
        {
            run_id: row
            for file in found.files.values()
            for row, runs in file["rows"].items()
            for run_id in runs["ids"]
        }
        if found
        else {}
    )
    rankings = found.rankings if found else {}
    return [
        {
            "id": each.claim.id,
            "paper": each.claim.paper,
            "title": each.claim.title,
            "statement": each.claim.statement,
            "where": each.claim.where,
            "source": each.claim.source,
            "read": each.claim.read,
            "methods": sorted({search.method for search in _searches(each)}),
            "published": each.claim.value,
            "unit": each.claim.unit,
            "ours": None if each.ours is None else _short(each.ours),
            "low": None if each.low is None else _short(each.low),
            "high": None if each.high is None else _short(each.high),
            "verdict": each.verdict,
            "why": each.why,
            "reading": each.claim.reading,
            "reason": each.claim.reason,
            "dataset": next((search.dataset for search in _searches(each)), ""),
            "rows": list(dict.fromkeys(rows[run_id] for run_id in each.runs if run_id in rows)),
            "rankings": [run_id for run_id in each.runs if run_id in rankings],
            "study": each.claim.how.study if isinstance(each.claim.how, StudyRow) else "",
            "runs": len(each.runs),
        }
        for each in sorted(verdicts, key=lambda each: (each.claim.file, each.claim.id))
        if each.verdict != "not judged"
    ]


def _searches(verdict: Verdict) -> list[Searched]:
    return [need for need in verdict.claim.results if isinstance(need, Searched)]


# -- history -----------------------------------------------------------------------------------------------
def snapshot(
    found: Board, claims: Sequence[Mapping[str, Any]], manifest: Mapping[str, Any]
) -> dict[str, Any]:
    """What later reports are compared with.

    Ranks and means by task and method, verdicts by claim.
    """
    tasks: dict[str, dict[str, Any]] = {task["id"]: {} for task in found.tasks}
    for row in found.rows:
        tasks[row["task"]][row["label"]] = [
            row["rank"],
            row["target"][0] if row["target"] else None,
        ]
    return {
        "date": manifest["last_result"],
        "tasks": tasks,
        "verdicts": {claim["id"]: claim["verdict"] for claim in claims},
    }


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
                yield f"{task}: {label} moved from rank {ranks[0]} to {ranks[1]} (mean {means[0]} → {means[1]})"


def read_snapshot(text: str, name: str) -> dict[str, Any]:
    """A snapshot from its file's text; raises NasreproError where it is none."""
    try:
        raw = json.loads(text)
    except ValueError as error:
        raise NasreproError(f"{name} is no snapshot: {error}") from error
    if not isinstance(raw, dict) or not {"date", "tasks", "verdicts"} <= raw.keys():
        raise NasreproError(f"{name} is no snapshot; `nasrepro report` writes one as snapshot.json")
    return raw
