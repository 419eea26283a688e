"""`nasrepro list`: what there is."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from nasrepro.suite.cli.common import Json, app, print_json, print_table


@app.command("list")
def list_command(
    kind: Annotated[
        str,
        typer.Argument(
            help=(
                "oracles, spaces, methods, studies, scorers, devices, references, claims or "
                "plans (default: all)."
            )
        ),
    ] = "",
    as_json: Json = False,
) -> None:
    """List what is installed: oracles, methods, scorers, ...

    References are scores that others computed.
    """
    from nasrepro.suite.errors import UnknownName

    kinds = {
        "oracles": _oracles,
        "spaces": _spaces,
        "methods": _methods,
        "studies": _studies,
        "scorers": _scorers,
        "devices": _devices,
        "references": _references,
        "claims": _claims,
        "plans": _plans,
    }
    if kind and kind not in kinds:
        raise UnknownName("kind", kind, kinds)
    found = {name: rows() for name, rows in kinds.items() if not kind or name == kind}
    if as_json:
        print_json(found[kind] if kind else found)
        return
    for name, rows in found.items():
        if not kind:
            typer.echo(f"\n{name}")
        headers = list(rows[0]) if rows else []
        print_table(
            [header.replace("_", " ") for header in headers],
            [[_shown(row[header]) for header in headers] for row in rows],
        )


def _shown(value: Any) -> Any:
    """A list or a mapping on one line, a truth value as a word; none as nothing."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return ", ".join(f"{name}={each}" for name, each in value.items())
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "" if value is None else value


def _oracles() -> list[dict[str, Any]]:
    from nasrepro.suite.registry import oracles

    rows = []
    for entry in oracles.all():
        info = entry.info
        # whether the images of one that trains are here, only loading it (and torch) tells
        here = None if info.trains else info.table is None or info.table.path.exists()
        rows.append(
            {
                "oracle": info.name,
                "space": info.space.name,
                "datasets": [dataset.name for dataset in info.datasets],
                "target": list(
                    dict.fromkeys(info.target_of(each.name).name for each in info.datasets)
                ),
                "here": here,
                "trains": info.trains,
            }
        )
    return rows


def _spaces() -> list[dict[str, Any]]:
    from nasrepro.suite.registry import oracles

    spaces = {entry.info.space.name: entry.info.space for entry in oracles.all()}
    return [
        {"space": name, "architectures": space.count, "decisions": len(space.cardinalities)}
        for name, space in sorted(spaces.items())
    ]


def _methods() -> list[dict[str, Any]]:
    from nasrepro.suite.registry import methods

    return [
        {
            "method": m.name,
            "paper": m.paper,
            "title": m.title,
            "parameters": dict(m.defaults),
        }
        for m in methods.all()
    ]


def _studies() -> list[dict[str, Any]]:
    from nasrepro.suite.registry import studies

    return [
        {
            "study": s.name,
            "paper": s.paper,
            "parameters": dict(s.defaults),
            "what": s.doc.splitlines()[0] if s.doc else "",
        }
        for s in studies.all()
    ]


def _scorers() -> list[dict[str, Any]]:
    from nasrepro.suite.registry import scorers

    return [
        {
            "scorer": s.name,
            "paper": s.paper,
            "needs_network": s.needs_network,
            "what": s.doc.splitlines()[0] if s.doc else "",
        }
        for s in scorers.all()
    ]


def _devices() -> list[dict[str, Any]]:
    from nasrepro.suite.registry import devices, load_devices

    rows = []
    for entry in devices.all():
        here = entry.info.table.path.exists()
        for device in entry.info.devices:
            cells = (
                load_devices(entry.name).measured(
                    device.name, device.datasets[0] if device.datasets else ""
                )
                if here
                else None
            )
            row = {
                "device": device.name,
                "space": device.space,
                "kind": device.kind,
                "unit": device.unit,
            }
            rows.append(
                {
                    **row,
                    "datasets": list(device.datasets),
                    "cells": cells,
                    "here": here,
                }
            )
    return rows


def _references() -> list[dict[str, Any]]:
    from nasrepro.suite.registry import references

    return [
        {
            "reference": f"{entry.info.source}/{score}",
            "oracle": entry.info.oracle,
            "datasets": list(entry.info.datasets),
            "here": entry.info.table.path.exists(),
        }
        for entry in references.all()
        for score in entry.info.scores
    ]


def _claims() -> list[dict[str, Any]]:
    from nasrepro.suite.claims import load_claims

    return [
        {
            "claim": each.id,
            "paper": each.paper,
            "where": each.where,
            "text": each.source,
            "value": each.value,
            "statement": each.statement,
        }
        for each in load_claims()
    ]


def _plans() -> list[dict[str, Any]]:
    from nasrepro.suite.experiments.plan import load_plan, shipped_plans

    return [{"plan": name, "title": load_plan(name).title} for name in shipped_plans()]
