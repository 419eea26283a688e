"""The results as plain data for the leaderboard page: texts to be placed, and numbers to sort by.

The page computes no mean, no rank and rounds nothing: see `nasrepro.reports.summary`.

The file is long because all that the page's script reads is made here, one function for each part
of the page: two ends of one format, which change together.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nasrepro.reports.answers import best_on, best_overall
from nasrepro.reports.anytime import target_of
from nasrepro.reports.citations import citations
from nasrepro.reports.compare import pairs_of
from nasrepro.reports.document import BEST, CLOSE, DASH, PAD, TableDoc, shown
from nasrepro.reports.figures.style import look_of
from nasrepro.reports.groups import REGRET, Group, Setting, Values
from nasrepro.reports.summary import Measure, Overview, Pairs, Results, Task, curves, setting_id
from nasrepro.reports.tables.overall import overall_table, pairs_table
from nasrepro.reports.tables.rankings import best_words
from nasrepro.reports.words import budget_words, is_own, scale_of, split_words, unit_words
from nasrepro.suite.claims import Searched, StudyRow, Verdict, tabulated
from nasrepro.suite.claims.wording import ours, published
from nasrepro.suite.errors import NasreproError
from nasrepro.suite.experiments.kinds.ranking import RankRecord
from nasrepro.suite.registry import methods, oracles

#: Points of an anytime curve.
MOMENTS = 40
#: Measures of a task that the page shows, besides the target, with the direction to sort them in.
_SHOWN = {
    REGRET: "low",
    "density_params": "high",
    "iqm": "",
    "density_macs": "high",
    "seeds": "high",
    "queries": "low",
    "training_hours": "low",
    "overhead": "low",
}


@dataclass(frozen=True)
class Board:
    """The results of a store.

    Attributes:
        tasks: a setting with one of the data sets that it is reported on, each.
        rows: a method on a task, each; the best of a task first.
        files: the runs behind the rows, by the name of their file.
        rankings: what is behind a rank correlation, by its id.
        overall: the table over all tasks, or None.
        pairs: by task, every two of its rows compared.
        looks: by label, colour, dashes and marker, the same as in figures.
    """

    tasks: list[dict[str, Any]]
    rows: list[dict[str, Any]]
    files: dict[str, dict[str, Any]]
    rankings: dict[str, dict[str, Any]] = field(default_factory=dict)
    overall: dict[str, Any] | None = None
    pairs: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    looks: dict[str, dict[str, Any]] = field(default_factory=dict)


def board(results: Results) -> Board:
    """Everything that the page shows of searches, in a fixed order."""
    done = (record for record in results.rankings if record.status == "done")
    found = Board(
        [],
        [],
        {},
        dict(sorted({record.key.run_id: _ranking(record) for record in done}.items())),
        None
        if results.overview is None
        else _overall(results.overview, results.common, results.pairs),
        looks={**_looks(results.variants), **_looks(results.tasks)},
    )
    names: dict[Setting, str] = {}
    for task in (*results.tasks, *results.variants):
        setting = task.setting
        if setting not in names:
            names[setting] = setting_id(setting)
            while names[setting] in found.files:  # another version of the table
                names[setting] += f"-{setting.table_sha256[:8]}"
            found.files[names[setting]] = {"curves": {}, "rows": {}, "range": {}, "estimates": {}}
        file = found.files[names[setting]]
        file["rows"].update((g.id, _runs(g)) for g in task.groups if g.id not in file["rows"])
        if not task.variants_of:
            file["range"][task.dataset], file["estimates"][task.dataset] = {}, {}
        _drawn(task, file["range"][task.dataset], file["estimates"][task.dataset])
        if not task.variants_of and task.dataset == target_of(setting)[0]:
            file["curves"] = _curves(task.groups)
        described = _task(task, names[setting])
        found.tasks.append(described)
        if not task.variants_of:
            found.pairs[described["id"]] = pairs_of(task)
        found.rows.extend(_rows(task, described["id"]))
    return found


def _looks(shown: Sequence[Task]) -> dict[str, dict[str, Any]]:
    """How the rows of these tasks are drawn, by label."""
    of = {
        label: group.method
        for task in shown
        for label, group in zip(task.labels, task.groups, strict=True)
    }
    return {
        label: {
            "colour": look.colour,
            "marker": look.marker,
            "full": look.fill == "full",
            # lengths in widths of a line, the page's being 2
            "dash": "" if look.dash == "-" else " ".join(f"{2 * x:g}" for x in look.dash[1]),
        }
        for label, look in look_of(of, of).items()
    }


def _task(task: Task, file: str) -> dict[str, Any]:
    setting, dataset, target = task.setting, task.dataset, task.target
    info, protocol = oracles.get(setting.oracle).info, setting.protocol
    measures = {target.name: "high" if target.higher_is_better else "low", **_SHOWN}
    id_ = f"{file}-on-{dataset}".lower()
    return {
        "id": f"{id_}-{task.variants_of}" if task.variants_of else id_,
        "file": file,
        "variants": task.variants_of,
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
        "answer": best_on(task),
        "columns": [
            ["rank", "Rank", "low"],
            *(
                [name, task.measures[name].header, better]
                for name, better in measures.items()
                if name in task.measures
            ),
        ],
    }


def _rows(task: Task, id_: str) -> list[dict[str, Any]]:
    """A row for each method: by column [what it is sorted by, text, interval, mark]."""
    wanted = {task.target.name: "", **_SHOWN}
    measures = {name: task.measures[name] for name in wanted if name in task.measures}
    columns = {name: _cells(measure) for name, measure in measures.items()}
    return [
        {
            "id": group.id,
            "task": id_,
            "label": label,
            "method": group.method,
            "n": int(group.seeds.size),
            "failed": len(group.failed),
            "cells": {
                "rank": [rank, DASH if rank is None else f"{rank:g}", "", ""],
                **{name: cells[row] for name, cells in columns.items()},
            },
        }
        for row, (group, label, rank) in enumerate(
            zip(task.groups, task.labels, task.ranks, strict=True)
        )
    ]


def _cells(measure: Measure) -> list[list[Any]]:
    marks = measure.marks or ("",) * len(measure.estimates)
    return [
        [
            None if each.mean is None else _short(measure.scale * each.mean),
            text.replace(PAD, ""),
            "" if interval == DASH else interval.replace(PAD, ""),
            "second" if row in measure.second else {BEST: "best", CLOSE: "close"}.get(mark, ""),
        ]
        for row, (each, text, interval, mark) in enumerate(
            zip(measure.estimates, measure.means, measure.intervals, marks, strict=True)
        )
    ]


#: Columns of the table over all tasks in the page's order; the interval of the second stands
#: behind the number of the first.
_OVERALL = {
    "rank": "rank_interval",
    "common": "",
    "beaten": "beaten_interval",
    "wins": "",
    "group": "",
    "gap_closed": "gap_interval",
    "rank_tasks": "",
    "borda": "",
    "tasks": "",
}
_HIGH = ("borda", "beaten", "wins", "gap_closed", "tasks")


def _overall(view: Overview, common: Overview | None, pairs: Pairs | None) -> dict[str, Any]:
    """The table over all tasks as the page places it.

    Methods of fewer tasks stand below, with their rank over the tasks that all were run on, and
    how many others they beat on the tasks of both.
    """
    doc = overall_table(view)
    heads, rows = _placed(doc)
    notes = list(doc.footnotes)
    if common is not None:
        other = overall_table(common)
        heads["common"] = f"Rank, {len(common.overall.settings)}\ntasks of all"
        for label, row in _placed(other)[1].items():
            cells = rows.setdefault(label, {**row, "cells": {}, "ends": None})["cells"]
            cells["common"] = row["cells"]["rank"]
            rows[label]["common_ends"] = row["ends"]
        notes.append(f"{heads['common']}: {other.caption}".replace("\n", " "))
    if pairs is not None:
        other = pairs_table(pairs)
        found, placed = _placed(other)
        heads["beaten"] = found["beaten"]
        for label, row in placed.items():
            cells = rows.setdefault(label, {**row, "cells": {}})["cells"]
            cells["beaten"] = row["cells"]["beaten"]
        notes.append(f"{heads['beaten']}: {other.caption}".replace("\n", " "))
    return {
        "caption": doc.caption,
        "legend": doc.legend,
        "notes": notes,
        "answer": best_overall(view, common),
        "columns": [
            [name, heads[name], "high" if name in _HIGH else "low"]
            for name in _OVERALL
            if name in heads
        ],
        "rows": list(rows.values()),
    }


def _placed(doc: TableDoc) -> tuple[dict[str, str], dict[str, dict[str, Any]]]:
    """Headers by column, and rows by label, of a table over all tasks."""
    places = {column.name: place for place, column in enumerate(doc.columns)}
    names = [name for name in _OVERALL if name in places]
    rows = {}
    for row in doc.rows:
        texts = {name: row[place].text.replace(PAD, "") for name, place in places.items()}
        method, label = row[0].values
        ends = row[places["rank_interval"]].values if "rank_interval" in places else (None,)
        rows[str(label)] = {
            "label": label,
            "method": method,
            "ends": None if ends[0] is None else list(ends),
            "cells": {
                name: [
                    row[places[name]].values[0],
                    texts[name],
                    texts.get(_OVERALL[name], "").replace(DASH, ""),
                    "second"
                    if row[places[name]].second
                    else "best"
                    if row[places[name]].mark == BEST
                    else "",
                ]
                for name in names
            },
        }
    return {name: doc.columns[places[name]].header for name in names}, rows


def _ranking(record: RankRecord) -> dict[str, Any]:
    key, agreement = record.key, record.agreement
    metric = oracles.get(key.oracle).info.metric(key.metric)
    value = record.best_value
    n = agreement["n"]
    return {
        "title": f"{key.scorer} on {key.oracle}, {key.dataset}",
        "against": f"{metric.name} ({split_words(metric)}) after {key.epochs} epochs, "
        f"table {key.table_sha256[:8]}",
        "with": record.inputs or "the architecture alone, no network",
        "n": f"{n:,}",
        "sample": key.sample > 0 and n < tabulated(key.oracle),
        "non_finite": agreement.get("non_finite"),
        "status": agreement["status"],
        "figures": {
            name: _coefficient(agreement, name) for name in ("kendall", "spearman", "top_kendall")
        },
        "best": best_words(record),
        "value": DASH
        if value is None
        else f"{shown(scale_of(metric) * value, 2)} {unit_words(metric).strip('()')}",
        "source": key.scorer_sha256[:16],
    }


def _coefficient(agreement: Mapping[str, Any], name: str) -> str:
    value, ends = agreement.get(name), agreement.get(f"{name}_ci", (None, None))
    if value is None or not math.isfinite(value):
        return DASH
    if any(end is None or not math.isfinite(end) for end in ends):
        return shown(value, 3)
    return f"{shown(value, 3)} [{shown(ends[0], 3)}, {shown(ends[1], 3)}]"


def _short(value: float) -> float:
    """Six significant digits, and no more than nine decimals: what is drawn and sorted by."""
    return float(f"{round(value, 9):.6g}")


def _numbers(values: Values) -> list[float | None]:
    return [_short(float(value)) if np.isfinite(value) else None for value in values]


def _runs(group: Group) -> dict[str, Any]:
    """The runs of a row as columns, by seed; architectures are numbers into a list of them."""
    archs = list(dict.fromkeys(group.chosen))
    place = {arch: i for i, arch in enumerate(archs)}
    info = oracles.get(group.setting.oracle).info
    values: dict[str, list[float | None]] = {}
    regrets: dict[str, list[float | None]] = {}
    for dataset in group.setting.protocol.report_datasets:
        target = info.target_of(dataset)
        values[dataset] = _numbers(scale_of(target) * group.values[dataset, target.name])
        regrets[dataset] = _numbers(scale_of(target) * group.values[dataset, REGRET])
    return {
        "seeds": group.seeds.tolist(),
        "ids": list(group.run_ids),
        "archs": archs,
        "chosen": [place[arch] for arch in group.chosen],
        "values": values,
        "regrets": regrets,
        "queries": _numbers(group.costs["queries"]),
        "failed": [
            [seed, group.failed_ids[seed], error.partition(":")[0][:100]]
            for seed, error in group.failed.items()
        ],
        "params": dict(group.params),
        "method_sha256": group.method_sha256,
    }


def _drawn(task: Task, ends: dict[str, Any], estimates: dict[str, Any]) -> None:
    """What the chart of a task's runs is drawn from, added to what its setting has by now.

    The ends of the axis, where the worst hundredth stands at the edge, and the means with their
    intervals, by row.
    """
    places = (
        ("values", "target", task.target.name, task.target.higher_is_better),
        ("regrets", "regret", REGRET, False),
    )
    for name, kind, metric, higher in places:
        measure = task.measures.get(metric)
        if measure is None:
            continue
        values = np.concatenate([group.values[task.dataset, metric] for group in task.groups])
        known = values[np.isfinite(values)]
        if not known.size:  # every run failed or diverged
            continue
        low, high = np.quantile(known, [0.01, 1] if higher else [0, 0.99])
        if name not in ends:
            ends[name] = _numbers(measure.scale * np.array([low, high]))
        estimates.setdefault(kind, {}).update(
            (
                group.id,
                [None if x is None else _short(measure.scale * x) for x in (e.mean, *e.ends)],
            )
            for group, e in zip(task.groups, measure.estimates, strict=True)
        )


def _curves(groups: Sequence[Group]) -> dict[str, Any]:
    """Anytime curves over simulated seconds, else over queries."""
    setting = groups[0].setting
    timed = bool(oracles.get(setting.oracle).info.cost)
    found = curves(groups, "clock_s" if timed else "queries", MOMENTS)
    if found is None:
        return {}
    return {
        "axis": found.axis,
        "of": "regret" if found.regret else "target",
        "dataset": target_of(setting)[0],
        "x": _numbers(found.moments),
        "lines": {
            id_: [_numbers(each) for each in (mean, low, high)]
            for id_, (mean, low, high) in found.lines.items()
            if np.isfinite(mean).all()
        },
    }


# -- what is known of methods and claims -----------------------------------------------------------
def described(rows: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """By method: its paper, first line, deviations, BibTeX, and what its rows are marked by."""
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
                "floating": False,
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
            "floating": entry.floating,
        }
    return found


def judged(verdicts: Sequence[Verdict], found: Board | None = None) -> list[dict[str, Any]]:
    """Claims with a verdict, in a fixed order.

    With the rows and rankings of `found` that are behind them.
    """
    judged_by = {run_id for each in verdicts for run_id in each.runs}
    rows = (
        {
            run_id: row
            for file in found.files.values()
            for row, runs in file["rows"].items()
            for run_id in judged_by.intersection(runs["ids"])
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
            "published": published(each.claim),
            "ours": ours(each),
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
