"""Texts of the tables: row labels, captions, footnotes and notes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from functools import lru_cache

from nasrepro.reports.document import FLOATING, OWN, Note
from nasrepro.reports.groups import Group, Setting
from nasrepro.suite.errors import NasreproError
from nasrepro.suite.oracle import MEAN, Metric, OracleInfo
from nasrepro.suite.registry import Method, Study, methods, oracles
from nasrepro.suite.search import Budget

_SPLITS = {
    "train": "training split",
    "valid": "validation split",
    "test": "test split",
    "none": "no split",
}


# -- rows ------------------------------------------------------------------------------------------
def changed_params(group: Group, others: Iterable[Group]) -> dict[str, object]:
    """Parameters that differ from the method's defaults.

    For a method that is not installed, parameters that differ between it and its `others`.
    """
    entry = _installed(group.method, methods.changes)
    if entry is not None:
        defaults = dict(entry.defaults)
    else:
        same = [other.params for other in others if other.method == group.method]
        defaults = {
            name: value
            for name, value in group.params.items()
            if all(name in params and params[name] == value for params in same)
        }
    return {
        name: value
        for name, value in group.params.items()
        if name not in defaults or defaults[name] != value
    }


def is_own(method: str, sha256: str = "") -> bool:
    """Whether a method is the user's: given by a file path, or not installed here.

    With the hash of its source, only that version of it: a file may have the name of another's.
    """
    if methods.ships(method):  # decided without an import
        return False
    entry = _installed(method, methods.changes)
    return entry is None or (bool(entry.source) and sha256 in ("", entry.source_sha256))


#: What `FLOATING` behind a method's name says.
FLOATING_NOTE = (
    f"{FLOATING}: decisions depend on floating-point training, so single runs may differ on "
    "another CPU; their distribution over seeds does not."
)


def is_floating(method: str) -> bool:
    """Whether a method declares that its decisions depend on floating-point training."""
    entry = _installed(method, methods.changes)
    return entry is not None and entry.floating


def floating_notes(groups: Sequence[Group]) -> list[str]:
    """A line on the methods marked with `FLOATING`; none without such methods."""
    if not any(is_floating(group.method) for group in groups):
        return []
    return [FLOATING_NOTE]


def is_multi_fidelity(method: str) -> bool:
    """Whether a method chooses training lengths: it has a parameter for the shortest one."""
    entry = _installed(method, methods.changes)
    return entry is not None and "shortest" in entry.defaults


def fidelity_notes(groups: Sequence[Group], settings: Iterable[Setting]) -> list[str]:
    """A line on multi-fidelity methods if a budget counts queries; none otherwise."""
    names = sorted({title_of(x.method) for x in groups if is_multi_fidelity(x.method)})
    if not names or all(setting.budget.queries is None for setting in settings):
        return []
    return [
        f"{', '.join(names)}: a budget of queries counts a short training as much as a long one, "
        "so methods that choose training lengths gain nothing from short ones, and where a table "
        "has only one length they have nothing to choose. The plan multi_fidelity compares them "
        "at equal simulated seconds."
    ]


@lru_cache(maxsize=256)
def _installed(method: str, changes: int) -> Method | None:
    """The method, or None.

    Remembered until another method is registered, since the search for a missing one is slow.
    """
    try:
        return methods.get(method)
    except NasreproError:
        return None


def labels(groups: Sequence[Group]) -> list[str]:
    """Names of one table's rows.

    The label from the plan; else the method's name in its paper with the parameters that differ
    from its defaults, and its source if the table has two versions of it. `OWN` precedes the user's
    own methods.
    """
    names = [_row_name(group, groups, group.label) for group in groups]
    names = [  # a label that another row has as well
        _row_name(group, groups, "") if group.label and names.count(name) > 1 else name
        for name, group in zip(names, groups, strict=True)
    ]
    return [
        f"{name} [source {group.method_sha256[:8]}]" if names.count(name) > 1 else name
        for name, group in zip(names, groups, strict=True)
    ]


def _row_name(group: Group, others: Iterable[Group], label: str) -> str:
    own = f"{OWN} " if is_own(group.method, group.method_sha256) else ""
    if label:
        return f"{own}{label}"
    # one line, never empty
    name = " ".join(title_of(group.method).split()) or '""'
    changed = changes_of(group, others)
    return f"{own}{name} ({changed})" if changed else f"{own}{name}"


def changes_of(group: Group, others: Iterable[Group] = ()) -> str:
    """The parameters of `changed_params` in words; "" without any."""
    return ", ".join(
        f"{name}={_param(value)}" for name, value in changed_params(group, others).items()
    )


def title_of(method: str) -> str:
    """The method's name in its paper; its code name if it is not installed."""
    entry = _installed(method, methods.changes)
    return method if entry is None else entry.title


def names_row(part: str, *names: object) -> bool:
    """Whether `part` stands in one of a row's names, in any case."""
    return any(part.lower() in str(name).lower() for name in names)


def arms(groups: Sequence[Group]) -> list[str]:
    """A line with the parameters behind each row label; none without labels."""
    texts = {
        group.label: f"{group.label}: {group.method}, {changes_of(group, groups) or 'its defaults'}"
        for group in groups
        if group.label
    }
    return ["Arms by their labels: " + "; ".join(texts[label] for label in sorted(texts)) + "."] * (
        bool(texts)
    )


def _param(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


# -- settings --------------------------------------------------------------------------------------
def budget_words(budget: Budget, *, unit: str = "simulated s") -> str:
    """For example `12,000 simulated s or 150 queries`."""
    seconds = [] if budget.seconds is None else [f"{budget.seconds:,.12g} {unit}"]
    noun = "query" if budget.queries == 1 else "queries"
    queries = [] if budget.queries is None else [f"{budget.queries:,} {noun}"]
    return " or ".join(seconds + queries)


def searched(setting: Setting, dataset: str) -> str:
    """The data set that is searched, and the one that is reported."""
    if dataset == setting.dataset:
        return f"searched and reported on {dataset}"
    return f"searched on {setting.dataset}, reported on {dataset}"


def main_caption(groups: Sequence[Group], dataset: str, shown: Sequence[Metric]) -> str:
    """Protocol, budget, seeds, and the split of each number."""
    setting, protocol = groups[0].setting, groups[0].setting.protocol
    mean = "the mean over the table's training seeds"
    seeds = (
        mean
        if protocol.search_seed == MEAN
        else f"training seed {protocol.search_seed} of the table"
    )
    objective = oracles.get(setting.oracle).info.objective_of(setting.dataset).name
    splits = "; ".join(f"{metric.name}: {split_words(metric)}" for metric in shown)
    return (
        f"{setting.oracle} (table {setting.table_sha256[:8]}), {searched(setting, dataset)}. "
        f"Search: by {objective}, {protocol.search_epochs}-epoch trainings, {seeds}; "
        f"budget {budget_words(setting.budget)}; {_seed_words(groups)}. "
        f"Reported: {protocol.report_epochs}-epoch trainings, {mean}, read once for the "
        f"architecture that the search returned ({splits})."
    )


def _seed_words(groups: Sequence[Group]) -> str:
    counts = sorted({group.seeds.size for group in groups})
    if len(counts) > 1:
        return f"{counts[0]:,} to {counts[-1]:,} search seeds"
    return "1 search seed" if counts == [1] else f"{counts[0]:,} search seeds"


# -- notes -----------------------------------------------------------------------------------------
def failures(
    groups: Sequence[Group], names: Sequence[str] = (), count: str = "are in no mean"
) -> list[str]:
    """A line for each group with failed runs, and how they count; its label if not named."""
    lines = []
    for group, name in zip(groups, names or labels(groups), strict=True):
        for seed, error in list(group.failed.items())[:1]:
            runs = f"{len(group.failed):,} of {len(group.failed) + group.seeds.size:,} runs"
            lines.append(f"{name}: {runs} failed and {count} (seed {seed}: {error_kind(error)}).")
    return lines


def error_kind(error: str) -> str:
    """The kind of an error, from its traceback.

    The message is left out because it may name paths of this machine.
    """
    lines = error.strip().splitlines()
    return lines[-1].partition(":")[0][:100] if lines else "no traceback"


def method_notes(groups: Sequence[Group]) -> list[Note]:
    """Paper and deviations of each method."""
    notes = []
    for name in sorted({group.method for group in groups}):
        try:
            entry = methods.get(name)
        except NasreproError:
            notes.append(Note(name, f"{name}: not installed here, so its deviations are unknown."))
            continue
        spelled = name if entry.title == name else f"{entry.title} ({name})"
        notes.append(Note(name, _deviating(spelled, entry)))
    return notes


def study_notes(entry: Study) -> list[Note]:
    """Paper and deviations of a study, such as its reference point."""
    return [Note(entry.name, _deviating(entry.name, entry))]


def _deviating(name: str, entry: Method | Study) -> str:
    items = " ".join(f"({number}) {text}" for number, text in enumerate(entry.deviations, start=1))
    return f"{name}, {entry.paper}. Deviations: {items or 'none stated.'}"


def changed_sources(groups: Sequence[Group]) -> list[str]:
    """A line for each method whose source has changed since its runs."""
    entries = {
        name: _installed(name, methods.changes)
        for name in sorted({group.method for group in groups})
    }
    run = {
        name: {group.method_sha256 for group in groups if group.method == name} for name in entries
    }
    changed = [
        name
        for name, entry in entries.items()
        if entry is not None and run[name] != {entry.source_sha256}
    ]
    return [
        f"{name}: its source has changed since these runs, so its deviations may have changed, too."
        for name in changed
    ]


def oracle_notes(info: OracleInfo, datasets: Sequence[str], shown: Sequence[Metric]) -> list[Note]:
    """Notes on the data sets, the metrics and the table, except those on other data sets."""

    def concerns(note: str) -> bool:
        words = {word.strip(".,;:()") for word in note.lower().replace("-", "").split()}
        named = [
            dataset.name
            for dataset in info.datasets
            if dataset.name.lower().replace("-", "") in words
        ]
        return not named or any(name in datasets for name in named)

    notes = [(name, info.dataset(name).note) for name in dict.fromkeys(datasets)]
    notes += [(metric.name, metric.note) for metric in shown if concerns(metric.note)]
    notes += [(info.name, note) for note in info.notes if concerns(note)]
    return [Note(info.name, f"{name}: {note.rstrip('.')}.") for name, note in notes if note]


# -- metrics ---------------------------------------------------------------------------------------
def scale_of(metric: Metric) -> float:
    """The factor from a raw value to the displayed one: fractions become percent."""
    return 100.0 if metric.unit == "fraction" else 1.0


def unit_words(metric: Metric) -> str:
    """The unit in brackets, or ""."""
    return {"fraction": "(%)", "1": ""}.get(metric.unit, f"({metric.unit})")


def header_of(metric: Metric) -> str:
    """The metric's name and unit as a column header of two lines."""
    words = metric.name.replace("_", " ")
    first, _, rest = (words[:1].upper() + words[1:]).partition(" ")
    return f"{first}\n{rest} {unit_words(metric)}".replace("\n ", "\n").rstrip()


def split_words(metric: Metric) -> str:
    """The split that a metric was measured on."""
    return _SPLITS[metric.split]
