"""What every record shares: the engine's version, its status, the machine."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Literal

from nasrepro.suite.registry import load_devices, load_oracle

#: Raised whenever the engine's rules change what a run gives, so that old runs are not taken for
#: new ones.
ENGINE = 2

Status = Literal["done", "budget", "failed"]


@cache
def environment() -> Mapping[str, str]:
    """Versions and machine, for the record."""
    found = {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "system": platform.system(),
    }
    for package in ("nasrepro", "numpy", "scipy"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def tables_of(params: Mapping[str, Any]) -> dict[str, str]:
    """Hashes of the tables that parameters name.

    `oracle` or `oracles`, and `device` or `devices` (a device or its source); one or a list.

    Raises:
        UnknownName, DataMissing: a table does not exist, or is not here.
    """
    found = {}
    for param, value in params.items():
        if param in ("oracle", "oracles", "device", "devices"):
            for name in filter(None, [value] if isinstance(value, str) else value):
                if param.startswith("oracle"):
                    found[name] = load_oracle(name).table_sha256
                else:
                    found[name.partition("/")[0]] = load_devices(name).table.sha256
    return found
