"""Trainers: what turns an architecture and a data set into numbers.

Torch is imported by what trains, not by this file.
"""

from __future__ import annotations

import os
import platform
import subprocess
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from pathlib import Path

from nasrepro.suite.experiments.identity import cpu_model


def provenance() -> dict[str, str]:
    """Date, machine, versions and commit of this process."""
    return {"date": datetime.now(UTC).isoformat(timespec="seconds"), **_process()}


@cache
def _process() -> dict[str, str]:
    try:
        where = Path(__file__).parent
        commit = subprocess.run(
            ["git", "rev-parse", "HEAD"], cwd=where, capture_output=True, text=True, check=True
        ).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        commit = "unknown"
    return {
        "machine": (
            f"{cpu_model()}, {os.cpu_count()} logical cores, {platform.system()} "
            f"{platform.machine()}"
        ),
        "python": platform.python_version(),
        **{name: version(name) for name in ("numpy", "scikit-learn", "torch")},
        "capability": _capability(),
        "commit": commit,
    }


def _capability() -> str:
    """The instructions that torch uses, on which the last bits of a training depend."""
    import torch

    limits = [
        f"{name}={os.environ[name]}"
        for name in ("ATEN_CPU_CAPABILITY", "ONEDNN_MAX_CPU_ISA", "MKL_CBWR")
        if name in os.environ
    ]
    return ", ".join([torch.backends.cpu.get_cpu_capability(), *limits])
