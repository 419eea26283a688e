"""`nasrepro doctor`: what a bug report needs to know of a machine."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import typer

from nasrepro.suite.cli.common import Json, app, print_json

PACKAGES = ("numpy", "scipy", "scikit-learn", "pandas", "pyarrow", "torch", "joblib", "pydantic")
VARIABLES = (
    "NASREPRO_DATA",
    "NASREPRO_MIRROR",
    "NASREPRO_DATASETS",
    "NASREPRO_STORE",
    "TORCH_HOME",
    "NASBENCH101_PATH",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_CORETYPE",
)


@app.command()
def doctor(as_json: Json = False) -> None:
    """Print what a bug report needs to know of this machine.

    That is versions, processor, linear algebra, settings, disk and tables.

    Example: nasrepro doctor > doctor.txt
    """
    facts = {
        "nasrepro": _program(),
        "machine": _machine(),
        "packages": {name: _version(name) for name in PACKAGES},
        "linear algebra": _linear_algebra(),
        "settings": _settings(),
        "disk": _disk(),
        "tables": _tables(),
    }
    if as_json:
        print_json(facts)
        return
    for heading, lines in facts.items():
        typer.echo(heading)
        width = max([22, *map(len, lines)])
        for name, value in lines.items():
            typer.echo(f"  {name:<{width}} {value}")


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _program() -> dict[str, Any]:
    return {
        "version": _version("nasrepro"),
        "folder": str(Path(__file__).resolve().parents[2]),
        "python": f"{platform.python_version()} ({sys.executable})",
    }


def _machine() -> dict[str, Any]:
    from nasrepro.suite.experiments.identity import cpu_model

    return {
        "system": platform.platform(),
        "processor": cpu_model(),
        "logical cores": os.cpu_count(),
    }


def _linear_algebra() -> dict[str, Any]:
    """Libraries that numpy has loaded, their kernels and threads."""
    import numpy as np
    from threadpoolctl import threadpool_info

    np.ones((2, 2)) @ np.ones((2, 2))
    return {
        f"{pool['internal_api']} {pool.get('version') or ''}".strip(): (
            f"kernel {pool.get('architecture') or 'unknown'}, {pool['num_threads']} threads"
        )
        for pool in threadpool_info()
    }


def _settings() -> dict[str, Any]:
    values = {name: os.environ.get(name, "") for name in VARIABLES}
    return {name: _described(name, value) for name, value in values.items()}


def _described(name: str, value: str) -> str:
    """The value of a variable; a folder that does not exist is said."""
    if not value:
        return "not set"
    is_folder = name.startswith(("NASREPRO_", "TORCH_")) and "://" not in value
    missing = is_folder and not all(
        Path(part).expanduser().exists() for part in value.split(os.pathsep)
    )
    return f"{value} (does not exist)" if missing else value


def _disk() -> dict[str, Any]:
    from nasrepro.suite.data import cache_dir

    folder = cache_dir()
    existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    free = shutil.disk_usage(existing).free / 1e9
    return {"tables in": str(folder), "free there": f"{free:.1f} GB"}


def _tables() -> dict[str, Any]:
    from nasrepro.suite.registry import oracles

    def state(entry: Any) -> str:
        if entry.info.trains:
            return "trains what it is asked for"
        if entry.info.table is None:
            return "ships with the package"
        return "installed" if entry.info.table.path.exists() else "not installed"

    return {entry.name: state(entry) for entry in oracles.all()}
