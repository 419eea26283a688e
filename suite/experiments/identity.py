"""What every record shares: the engine's version, its status, the machine."""

from __future__ import annotations

import contextlib
import platform
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal

from nasrepro.suite.errors import DataMissing, NasreproError, UnknownName
from nasrepro.suite.registry import load_devices, load_oracle, oracles, scorers

#: Raised whenever the engine's rules change what a run gives, so that old runs are not taken for
#: new ones.
ENGINE = 3

Status = Literal["done", "budget", "failed"]


class Foreign(NasreproError):
    """A worker has another engine, source or table than a cell asks for; it refuses the cell."""


@contextlib.contextmanager
def installed(engine: int) -> Iterator[None]:
    """While this is open, a cell of that engine looks up what it names.

    Raises:
        Foreign: the engine here is another, or what is looked up is missing here.
    """
    if engine != ENGINE:
        raise Foreign(f"engine {ENGINE}, the plan was made with engine {engine}")
    try:
        yield
    except (DataMissing, UnknownName) as error:  # the plan was made where they are
        raise Foreign(str(error)) from error


def unknown(oracle: str, *datasets: str, metric: str = "") -> str:
    """Which of these names is not registered here, in words; "" where all are."""
    return _unknown(oracle, datasets, metric, oracles.changes)


@cache  # per state of the registry
def _unknown(oracle: str, datasets: tuple[str, ...], metric: str, changes: int) -> str:
    try:
        info = oracles.get(oracle).info
        for dataset in datasets:
            info.dataset(dataset)
        if metric:
            info.metric(metric)
    except UnknownName as error:
        return str(error).partition(" (accepted")[0].partition(";")[0]
    return ""


def environment() -> Mapping[str, str]:
    """Versions, machine and libraries of linear algebra, for the record.

    Torch is named where it is loaded.
    """
    return _environment(*(name in sys.modules for name in ("scipy.linalg", "torch")))


@cache
def _environment(scipy: bool, torch: bool) -> Mapping[str, str]:
    from threadpoolctl import threadpool_info

    described = {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "system": platform.system(),
        "cpu": cpu_model(),
    }
    for package in ("nasrepro", "numpy", "scipy"):
        try:
            described[package] = version(package)
        except PackageNotFoundError:
            described[package] = "not installed"
    pools = [pool for pool in threadpool_info() if pool["user_api"] == "blas"]
    blas = {f"{pool['internal_api']} {pool['version']}" for pool in pools}
    kernels = {str(pool.get("architecture") or "unknown kernel") for pool in pools}
    described["blas"] = ", ".join(sorted(blas))
    described["blas_kernel"] = ", ".join(sorted(kernels))
    described["threads"] = str(max((pool["num_threads"] for pool in pools), default=1))
    if torch:
        module = sys.modules["torch"]
        described["torch"] = str(module.__version__)
        described["torch_capability"] = str(module.backends.cpu.get_cpu_capability())
    return described


def cpu_model() -> str:
    """Model of the processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:  # no Linux
        return platform.processor() or "unknown"
    models = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(models, platform.processor() or "unknown")


def _named(params: Mapping[str, Any], *kinds: str) -> Iterator[str]:
    """Names in the parameters called so; one name or a list of them, empty ones left out."""
    for param in kinds:
        value = params.get(param, "")
        yield from filter(None, [value] if isinstance(value, str) else value)


def tables_of(params: Mapping[str, Any]) -> dict[str, str]:
    """Hashes of the tables that parameters name.

    `oracle` or `oracles`, and `device` or `devices` (a device or its source); one or a list.

    Raises:
        UnknownName, DataMissing: a table does not exist, or is not here.
    """
    hashes = {name: load_oracle(name).table_sha256 for name in _named(params, "oracle", "oracles")}
    for name in _named(params, "device", "devices"):
        hashes[name.partition("/")[0]] = load_devices(name).table.sha256
    return hashes


def scorers_of(params: Mapping[str, Any]) -> dict[str, str]:
    """Hashes of the sources of the scorers that parameters name: `scorer` or `scorers`.

    Raises:
        UnknownName: a scorer does not exist.
    """
    return {name: scorers.get(name).source_sha256 for name in _named(params, "scorer", "scorers")}
