"""Tables of studies: measurements other than searches, averaged over their seeds.

A column with a name that begins with _ holds the data of a figure (points, a curve) and appears
in no table.
"""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Mapping, Sequence
from itertools import groupby

import numpy as np

from nasrepro.reports.document import (
    DASH,
    Column,
    Filled,
    Note,
    TableCell,
    TableDoc,
    data_column,
    missing,
    number_column,
    plain_decimals,
    slug,
    text_column,
    transposed,
)
from nasrepro.reports.summary import INTERVAL, Results, estimate
from nasrepro.reports.words import error_kind, oracle_notes, study_notes
from nasrepro.suite.errors import NasreproError
from nasrepro.suite.experiments.kinds.study import StudyKey, StudyRecord
from nasrepro.suite.registry import Study, oracles, studies

ORDER = 80
_CORRELATION, _SHARE, _PERCENT = (-1.0, 1.0), (0.0, 1.0), (0.0, 100.0)
_AMOUNT = (0.0, math.inf)
#: Bounds of a study's columns, where their intervals end. Kept here, not in the studies: a stored
#: measurement is identified by the hash of its study's file.
BOUNDS: dict[str, Mapping[str, tuple[float, float]]] = {
    "accpar.speedup": {"share": _SHARE},
    "amc.logs": {"share": _SHARE},
    "arch2vec_embeddings.agreement": {
        "distances_as_public": _CORRELATION,
        "neighbours_as_public": _SHARE,
        "kendall_predicted": _CORRELATION,
    },
    "compactnet.noise": {"share": _SHARE},
    "constrained.search": {"holds": _SHARE, "below_best": _AMOUNT},
    "crafting.final": dict.fromkeys(
        ("test_sd", "params", "macs", "final_s", "trainings", "search_s"), _AMOUNT
    ),
    **{
        f"{name}.inherited": {
            "accuracy": _PERCENT,
            "regret": _PERCENT,
            "skips": _SHARE,
            "kendall": _CORRELATION,
            "kendall_params": _CORRELATION,
        }
        for name in ("darts", "enas", "gdas", "proxylessnas", "spos")
    },
    "draws.spread": {"kendall": _CORRELATION, "spearman": _CORRELATION},
    "fallback.transfer": {"kendall": _CORRELATION, "spearman": _CORRELATION},
    "fidelity.rank": {"kendall": _CORRELATION},
    "firefly_greedy.rank": {"rank": (1.0, math.inf)},
    "flash.search": {"share_of_best": _SHARE},
    "flash_models.enlarged": {"share_of_best": _SHARE},
    "flash_models.latency": {
        "median_relative_error": _AMOUNT,
        "rmse_by_sd": _AMOUNT,
        "spearman": _CORRELATION,
    },
    "flash_models.predictor": {"spearman": _CORRELATION},
    "haq.kmeans": {"share": _SHARE},
    "haq.search": {"share": _SHARE},
    "haq.table": {"share": _SHARE},
    "multi_objective.fronts": {"hypervolume": _SHARE},
    "oneproxy.adaptation": dict.fromkeys(
        ("raw", "proxy_predictor", "adaproxy", "no_proxy", "ceiling"), _CORRELATION
    ),
    "oneproxy.loop": {
        "first": _CORRELATION,
        "reused": _SHARE,
        "agreement": _CORRELATION,
        "hypervolume": _SHARE,
        "of_true_front": _SHARE,
    },
    "oneproxy.pareto": {"hypervolume": _SHARE, "of_true_front": _SHARE},
    "path_level_reuse.curve": {"accuracy": _PERCENT, "kendall": _CORRELATION},
}


def tables(results: Results) -> list[TableDoc]:
    """A table for each study, version of its source, and set of parameters."""
    return study_tables(results.studies, results.seed)


def study_tables(records: Sequence[StudyRecord], seed: int) -> list[TableDoc]:
    """A table for each study, version of its source, and set of parameters."""

    def place(record: StudyRecord) -> tuple[str, str, str, str]:
        key = record.key
        return (
            key.study,
            json.dumps(key.params, sort_keys=True),
            key.study_sha256,
            json.dumps(key.tables, sort_keys=True),
        )

    ordered = sorted(records, key=lambda record: (*place(record), record.key.seed))
    return [_study_table(list(members), seed) for _, members in groupby(ordered, key=place)]


def _study_table(records: Sequence[StudyRecord], seed: int) -> TableDoc:
    """One row for each distinct set of `by` columns, in the order of the first seed's rows."""
    key = records[0].key
    done = [record for record in records if record.status == "done"]
    entry = None
    with contextlib.suppress(NasreproError):  # one that is not installed here
        entry = studies.get(key.study)
    changed = {
        name: value
        for name, value in key.params.items()
        if entry is None or entry.defaults.get(name) != value
    }
    return TableDoc(
        slug("study", key.study, *(str(value) for value in changed.values())),
        f"Study {key.study}" + (f" ({_short(changed)})" if changed else ""),
        _caption(key, entry, len(done)),
        *transposed(_columns(key, done, seed)),
        legend="Means over seeds; where there are several seeds, in brackets the "
        f"{INTERVAL}. (k of n): only k of the n seeds have a value; the others diverged, or have "
        "none by definition.",
        footnotes=tuple(
            f"Seed {record.key.seed} failed and is in no mean: {error_kind(record.error)}."
            for record in records
            if record.status == "failed"
        ),
        background=tuple(_notes(key, entry)),
        part="studies",
    )


def _notes(key: StudyKey, entry: Study | None) -> list[Note]:
    """What is known of the study and of the one oracle that it is made on."""
    notes = [] if entry is None else study_notes(entry)
    with contextlib.suppress(NasreproError):  # no oracle, or one that is not installed here
        dataset = key.params.get("dataset")
        datasets = [dataset] if isinstance(dataset, str) and dataset else []
        notes += oracle_notes(oracles.get(str(key.params.get("oracle"))).info, datasets, ())
    return notes


def _caption(key: StudyKey, entry: Study | None, seeds: int) -> str:
    """The first line of the study's docstring, its paper, parameters and number of seeds."""
    paper = f" ({entry.paper})" if entry else ""
    what = entry.doc.splitlines()[0] if entry and entry.doc else key.study
    return (
        f"{what.rstrip('.')}{paper}. Parameters: {_setting(key.params) or 'none'}; {seeds:,} "
        f"{'seed' if seeds == 1 else 'seeds'}."
    )


def _short(params: Mapping[str, object]) -> str:
    """As `_setting`, but of a list of settings how many there are: the caption has them."""
    return ", ".join(
        f"{len(value)} {name}"
        if isinstance(value, list | tuple) and len(str(value)) > 40
        else _setting({name: value})
        for name, value in params.items()
    )


def _setting(params: Mapping[str, object]) -> str:
    return ", ".join(f"{name}={value}" for name, value in params.items())


def _columns(key: StudyKey, done: Sequence[StudyRecord], seed: int) -> list[Filled]:
    """Origin of each row, its `by` columns, its seeds, and the measured columns."""
    by = done[0].by if done else ()
    rows: dict[tuple[object, ...], list[tuple[StudyRecord, dict[str, object]]]] = {}
    for record in done:
        for row in record.rows:
            rows.setdefault(tuple(row[name] for name in by), []).append((record, dict(row)))
    measured = [
        name
        for name in (done[0].rows[0] if done and done[0].rows else ())
        if name not in by and name[0] != "_"
    ]
    runs = [
        " ".join(dict.fromkeys(record.key.run_id for record, _ in members))
        for members in rows.values()
    ]
    source = (key.study, json.dumps(dict(key.params), sort_keys=True), key.study_sha256)
    filled: list[Filled] = [
        data_column(("study", "params", "study_sha256"), [source] * len(rows)),
        data_column(("run_ids",), [(ids,) for ids in runs]),
    ]
    for place, name in enumerate(by):
        texts = [str(values[place]) for values in rows]
        filled.append(text_column(Column(name, _header(name), (name,), "left", 0, 0), texts))
    seeds = Column("seeds", "Seeds", ("seeds",), terminal=20)
    filled.append(number_column(seeds, [len(members) for members in rows.values()], 0))
    for place, name in enumerate(measured):
        values = [[row[name] for _, row in members] for members in rows.values()]
        bounds = BOUNDS.get(key.study, {}).get(name, (-math.inf, math.inf))
        filled += _measured(name, values, bounds, seed, place)
    return filled


def _measured(
    name: str,
    values: Sequence[Sequence[object]],
    bounds: tuple[float, float],
    seed: int,
    place: int,
) -> list[Filled]:
    """A measured column: numbers as mean and interval inside `bounds`, texts as they are.

    Where only some runs have a number (the others diverged, or have none by definition), how many
    stands beside their mean.
    """
    if any(isinstance(value, str) for members in values for value in members):
        texts = [
            ", ".join(dict.fromkeys(str(value) for value in members if value is not None)) or DASH
            for members in values
        ]
        return [text_column(Column(name, _header(name), (name,), "left", 1 + place), texts)]
    numbers = [
        np.array([x for x in members if isinstance(x, int | float)], dtype=np.float64)
        for members in values
    ]
    estimates = [estimate(each, seed, bounds) for each in numbers]
    shares = [
        f" ({estimated.n} of {len(members)})" if each.size and estimated.n < len(members) else ""
        for estimated, each, members in zip(estimates, numbers, values, strict=True)
    ]
    intervals = [(estimated.mean, *estimated.ends) for estimated in estimates]
    halves = [
        (high - low) / 2
        for _, low, high in intervals
        if low is not None and high is not None and high > low
    ]
    means = [mean for mean, _, _ in intervals]
    decimals = min(4, max(0, math.ceil(-math.log10(min(halves))))) if halves else _plain(means)
    cells = []
    for (mean, low, high), share in zip(intervals, shares, strict=True):
        if missing(mean):
            cells.append(TableCell(DASH + share, (None, None, None)))
            continue
        text = f"{mean:,.{decimals}f}"
        if low is not None and high is not None and high > low:
            text += f" [{low:,.{decimals}f}, {high:,.{decimals}f}]"
        cells.append(TableCell(text.replace("-", "−") + share, (mean, low, high)))
    return [
        (
            Column(
                name,
                _header(name),
                (f"{name}_mean", f"{name}_low", f"{name}_high"),
                terminal=1 + place,
            ),
            cells,
        )
    ]


def _plain(means: Sequence[float | None]) -> int:
    """Decimals without an interval: four up to 1 and three up to 10, unless all are whole."""
    present = [abs(mean) for mean in means if mean is not None and not missing(mean)]
    if not present or max(present) > 10 or all(mean == round(mean) for mean in present):
        return plain_decimals(means)
    return 4 if max(present) <= 1 else 3


def _header(name: str) -> str:
    words = name.replace("_", " ")
    return words[:1].upper() + words[1:]
