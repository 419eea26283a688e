"""`nasrepro check`."""

from __future__ import annotations

import ast
import json
import sys
from collections.abc import Mapping
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nasrepro.suite.cli.common import Json, app, print_json, print_table
from nasrepro.suite.errors import NasreproError

if TYPE_CHECKING:
    from nasrepro.suite.experiments.kinds.search import RunCell
    from nasrepro.suite.registry import Method


@app.command()
def check(
    file: Annotated[Path, typer.Argument(help="Python file of the method.")],
    oracle: Annotated[
        str,
        typer.Option(
            help="Oracle for the trial runs (default: digits201; of a method that trains networks "
            "of its own, workshop201)."
        ),
    ] = "",
    queries: Annotated[int, typer.Option(min=1, help="Budget of each trial run.")] = 20,
    timeout: Annotated[
        float, typer.Option(min=0.1, help="Time limit of each run, in seconds.")
    ] = 300,
    as_json: Json = False,
) -> int:
    """Check a method before a long run.

    Checks signature, errors, repeatability, time and memory: runs the method three times in new
    processes, seed 0 twice, which must give the same, and seed 1. Exits 1 if something is wrong.

    Example: nasrepro check my_method.py
    """
    from nasrepro.suite.registry import methods

    method = methods.from_file(file)
    lines = [
        ("name", method.name, True),
        ("paper", method.paper or "none given", bool(method.paper)),
        ("parameters", json.dumps(dict(method.defaults)), True),
        ("modules beside it", ", ".join(method.beside) or "none", True),
        *_elsewhere(file, method),
        ("deviations", f"{len(method.deviations)} listed in its docstring", True),
        *_trials(method, oracle or _oracle_for(method), queries, timeout),
    ]
    if as_json:
        print_json([{"check": what, "found": found, "ok": good} for what, found, good in lines])
    else:
        print_table(
            ["", "check", "found"],
            [["ok" if good else "WRONG", what, found] for what, found, good in lines],
        )
    return int(not all(good for _, _, good in lines))


def _elsewhere(file: Path, method: Method) -> list[tuple[str, str, bool]]:
    """The imports whose source a run's identity does not have: of no package, and not beside it."""
    from nasrepro.suite.registry.source import imported

    text = file.read_text(encoding="utf-8")
    names = {name.partition(".")[0] for name, level in imported(ast.parse(text)) if not level}
    beside = {Path(path).parts[0].removesuffix(".py") for path in method.beside}
    known = sys.stdlib_module_names | packages_distributions().keys() | {"nasrepro", "", *beside}
    if not (others := sorted(names - known)):
        return []
    told = (
        f"{', '.join(others)}: not in a run's id, so a change is not seen; put it beside the file"
    )
    return [("modules from elsewhere", told, True)]


def _trials(
    method: Method, oracle: str, queries: int, timeout: float
) -> list[tuple[str, str, bool]]:
    first, error = _outcome(method, oracle, queries, timeout, 0)
    if first is None:
        return [("run", error, False)]
    again, _ = _outcome(method, oracle, queries, timeout, 0)
    other, _ = _outcome(method, oracle, queries, timeout, 1)
    searches = [outcome and _search(outcome) for outcome in (first, again, other)]
    evaluations = [list(search[0]) if search else [] for search in searches]
    same = searches[0] == searches[1]
    drawn = ", ".join(first["drawn"])
    return [
        ("run", f"{len(evaluations[0])} evaluations, seed 0", True),
        ("same seed, same search", _difference(*evaluations[:2]) if not same else "yes", same),
        (
            "another seed, another search",
            "yes" if searches[0] != searches[2] else "no: it does not depend on rng",
            True,
        ),
        (
            "global generators",
            f"draws from {drawn}, which are seeded for each run; use rng" if drawn else "untouched",
            True,
        ),
        ("CPU seconds of its own", f"{first['overhead_s']['total']:.2f}", True),
        ("memory", f"{first['peak_bytes'] / 2**20:,.0f} MiB at most", True),
    ]


def _search(outcome: Mapping[str, Any]) -> tuple[Any, ...]:
    """What a search did and chose: evaluations first, then what it logged and handed back."""
    return tuple(outcome[part] for part in ("evaluations", "chosen", "packed", "events"))


def _oracle_for(method: Method) -> str:
    return "workshop201" if method.workshop else "digits201"


def _difference(one: list[Any], other: list[Any]) -> str:
    place = next(
        (n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b),
        min(len(one), len(other)),
    )
    return (
        f"no: evaluation {place + 1} differs; it draws from the system, the clock, or what "
        "another process left"
    )


def _outcome(
    method: Method, oracle: str, queries: int, timeout: float, seed: int
) -> tuple[Any, str]:
    """What a search in a new process says it did, or None and the error with its traceback."""
    from dataclasses import replace

    from nasrepro.suite.experiments.worker import Died, Team

    cell = replace(_cell(method, oracle, queries, seed), timeout_s=timeout)
    team = Team()
    try:
        answer = team.perform(cell)
        if answer.ran:
            cell.conclude(answer.text, answer.packed)
            return {**json.loads(answer.text), "packed": answer.packed}, ""
        return None, answer.text.strip()
    except Died as error:
        return None, str(error)
    except NasreproError as error:
        return None, f"{type(error).__name__}: {error}"
    finally:
        team.close()


def _cell(method: Method, oracle: str, queries: int, seed: int) -> RunCell:
    from nasrepro.suite.experiments.kinds.search import (
        Protocol,
        SearchSetting,
        run_key,
        search_cell,
    )
    from nasrepro.suite.registry import load_oracle
    from nasrepro.suite.search import Budget

    opened = load_oracle(oracle)
    dataset = opened.info.datasets[0].name
    lengths = opened.epochs(dataset)
    protocol = Protocol(lengths[-1], lengths[-1], ())
    setting = SearchSetting.checked(opened, dataset, protocol, Budget(queries=queries))
    return search_cell(run_key(setting, method, {}, seed), method)
