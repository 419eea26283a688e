"""Decorators that register methods, studies, scorers, oracles, trainers, devices and references."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nasrepro.suite.errors import NasreproError, UnknownName
from nasrepro.suite.registry.entries import (
    DeviceEntry,
    F,
    ImageSetEntry,
    Method,
    OracleEntry,
    ReferenceEntry,
    Scorer,
    Study,
    Trainer,
    least_values,
)
from nasrepro.suite.registry.registry import (
    devices,
    image_sets,
    methods,
    oracles,
    references,
    scorers,
    studies,
    trainers,
)
from nasrepro.suite.registry.source import BESIDE, SOURCE, source_sha256

if TYPE_CHECKING:
    from nasrepro.suite.oracle import DeviceInfo, ImageSet, OracleInfo, ReferenceInfo


#: Characters of a name.
LONGEST = 80


def method(
    name: str,
    *,
    paper: str,
    floating: bool = False,
    workshop: bool = False,
    at_least: Mapping[str, float] | None = None,
    at_most: Mapping[str, float] | None = None,
    **defaults: Any,
) -> Callable[[F], F]:
    """Register `search(session, rng, *, <parameters>)` as a method.

    `defaults` gives each parameter its default; for `floating`, `workshop` and the bounds
    `at_least` and `at_most`, see `Method`.
    """

    def register(search: F) -> F:
        check_name("method", name)
        _check_defaults(f"method {name}", search, defaults, 2)
        _check_bounds(f"method {name}", defaults, at_least or {}, at_most or {})
        there = search.__globals__
        made = Method(
            name,
            search,
            paper,
            defaults,
            source_sha256(search),
            str(there.get("__file__", "")),
            there.get(SOURCE, ""),
            there.get(BESIDE, {}),
            floating or workshop,
            workshop,
            {**least_values(defaults), **(at_least or {})},
            at_most or {},
        )
        methods.add(name, made, search.__module__)
        return search

    return register


def check_name(kind: str, name: str) -> None:
    """Refuse what would not stand in a table: a name that is empty, long, or not to be printed."""
    if not (isinstance(name, str) and name.strip() == name and 0 < len(name) <= LONGEST):
        raise NasreproError(
            f"{kind} {name!r}: a name must have 1 to {LONGEST} characters and no "
            "leading or trailing blanks"
        )
    if not name.isprintable():
        raise NasreproError(f"{kind} {name!r}: a name must have only printable characters")


def _check_bounds(
    what: str,
    defaults: Mapping[str, Any],
    at_least: Mapping[str, float],
    at_most: Mapping[str, float],
) -> None:
    """Refuse bounds of parameters that are not there, or that their defaults do not keep."""
    for parameter, bound in [*at_least.items(), *at_most.items()]:
        if parameter not in defaults:
            raise UnknownName(f"bounded parameter of {what}:", parameter, defaults)
        default = defaults[parameter]
        if (
            not isinstance(default, int | float)
            or default < at_least.get(parameter, default)
            or default > at_most.get(parameter, default)
        ):
            raise NasreproError(
                f"{what}: the default {default!r} of {parameter} is out of the bound {bound:g}"
            )


def _check_defaults(
    what: str, function: Callable[..., Any], defaults: Mapping[str, Any], leading: int
) -> None:
    """Check a function's signature: `leading` positional arguments, then a keyword per default."""
    if not inspect.isfunction(function):
        raise NasreproError(
            f"{what}: expected a function, got the {type(function).__name__} "
            f"{getattr(function, '__name__', function)!r}; decorate a function"
        )
    parameters = inspect.signature(function).parameters.values()
    keywords = [p.name for p in parameters if p.kind is p.KEYWORD_ONLY]
    if sorted(keywords) != sorted(defaults):
        raise NasreproError(
            f"{what}: the decorator gives {sorted(defaults)}, the function has the "
            f"keyword-only parameters {sorted(keywords)}; "
            "they must be the same"
        )
    places = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    if len(places) != leading and not any(p.kind is p.VAR_POSITIONAL for p in parameters):
        arguments = ("session, rng", "rng")[leading == 1]
        raise NasreproError(
            f"{what}: the function takes {len(places)} positional arguments "
            f"({', '.join(p.name for p in places) or 'none'}), expected ({arguments}, *, "
            "parameters)"
        )
    try:
        json.dumps(defaults, allow_nan=False)  # they go into a run's key
    except (TypeError, ValueError) as error:
        raise NasreproError(
            f"{what}: defaults must be finite numbers, texts, truth values or lists of them "
            f"({error})"
        ) from error


def study(
    name: str,
    *,
    paper: str,
    by: Sequence[str],
    at_least: Mapping[str, float] | None = None,
    **defaults: Any,
) -> Callable[[F], F]:
    """Register `measure(rng, *, <parameters>) -> rows` as a study; see `Study`.

    Defaults as for `method`.
    """

    def register(measure: F) -> F:
        check_name("study", name)
        _check_defaults(f"study {name}", measure, defaults, 1)
        _check_bounds(f"study {name}", defaults, at_least or {}, {})
        if name.partition(".")[0] != measure.__module__.rpartition(".")[
            2
        ] and not measure.__module__.startswith("nasrepro_"):
            raise NasreproError(
                f"study {name}: its name must begin with the name of its file, "
                f"{measure.__module__.rpartition('.')[2]}."
            )
        studies.add(
            name,
            Study(
                name,
                measure,
                paper,
                tuple(by),
                defaults,
                source_sha256(inspect.unwrap(measure)),  # a study may be made from a search
                {**least_values(defaults), **(at_least or {})},
            ),
            measure.__module__,
        )
        return measure

    return register


def scorer(
    name: str,
    *,
    paper: str,
    needs_network: bool = True,
    needs_data: bool = False,
    batches: int = 1,
    reads: Sequence[str] = (),
    combines: Sequence[str] = (),
) -> Callable[[F], F]:
    """Register a scorer; see `Scorer.score` for its arguments.

    What one that `combines` others needs is what they need.
    """

    def register(score: F) -> F:
        check_name("scorer", name)
        parts = [scorers.get(part) for part in combines]
        sources = [source_sha256(score), *(part.source_sha256 for part in parts)]
        made = Scorer(
            name,
            score,
            paper,
            any(part.needs_network for part in parts) if parts else needs_network,
            any(part.needs_data for part in parts) if parts else needs_data,
            max([batches, *(part.batches for part in parts)]),
            tuple(reads),
            tuple(combines),
            sha256("".join(sources).encode()).hexdigest() if parts else sources[0],
        )
        scorers.add(name, made, score.__module__)
        return score

    return register


def oracle(info: OracleInfo, *, trained_by: Callable[..., str] | None = None) -> Callable[[F], F]:
    """Register a function without arguments that opens the oracle described by `info`.

    See `OracleEntry`.
    """

    def register(load: F) -> F:
        oracles.add(info.name, OracleEntry(info.name, info, load, trained_by), load.__module__)
        return load

    return register


def trainer(name: str, *, datasets: Sequence[str]) -> Callable[[F], F]:
    """Register a trainer; see `Trainer` for its arguments."""

    def register(train: F) -> F:
        trainers.add(name, Trainer(name, tuple(datasets), train), train.__module__)
        return train

    return register


def image_set(info: ImageSet, *, fetch: Callable[[str], Path] | None = None) -> Callable[[F], F]:
    """Register a function without arguments that reads the set of images described by `info`."""

    def register(read: F) -> F:
        entry = ImageSetEntry(info.name, info, read, fetch)
        image_sets.add(info.name, entry, getattr(read, "__module__", ""))
        return read

    return register


def device_table(info: DeviceInfo) -> Callable[[F], F]:
    """Register a function without arguments that opens the devices described by `info`."""

    def register(load: F) -> F:
        devices.add(info.name, DeviceEntry(info.name, info, load), load.__module__)
        return load

    return register


def reference_table(info: ReferenceInfo) -> Callable[[F], F]:
    """Register a function without arguments that opens the references described by `info`."""

    def register(load: F) -> F:
        references.add(info.name, ReferenceEntry(info.name, info, load), load.__module__)
        return load

    return register
