"""Benchmarks are files `bench_*.py`, so that no run of the tests collects them.

`tox -e bench` does.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

#: (what, median in seconds, aim in seconds or None) of each benchmark of this run.
MEDIANS = pytest.StashKey[list[tuple[str, float, float | None]]]()
#: (oracle, what one process measured of its table) of this run.
COSTS = pytest.StashKey[list[tuple[str, dict[str, float]]]]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[MEDIANS] = []
    config.stash[COSTS] = []


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Module | None:
    if (
        file_path.name.startswith("bench_")
        and file_path.suffix == ".py"
        and not parent.session.isinitpath(file_path)
    ):
        module: pytest.Module = pytest.Module.from_parent(parent, path=file_path)
        return module
    return None


@pytest.fixture
def note(pytestconfig: pytest.Config) -> Callable[[str, float, float | None], None]:
    """Keep a median (s) for the summary, with what it should stay under (s)."""

    def keep(what: str, median_s: float, aim_s: float | None = None) -> None:
        pytestconfig.stash[MEDIANS].append((what, median_s, aim_s))

    return keep


@pytest.fixture
def oracle_costs(pytestconfig: pytest.Config) -> Callable[[str, dict[str, float]], None]:
    """Keep what a table costs for the summary."""

    def keep(name: str, found: dict[str, float]) -> None:
        pytestconfig.stash[COSTS].append((name, found))

    return keep


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Medians beside their aims; a busy machine misses an aim, so none fails the run."""
    terminalreporter.section("medians")
    for what, median_s, aim_s in config.stash[MEDIANS]:
        aim = (
            ""
            if aim_s is None
            else f"   aim < {1000 * aim_s:g} ms: {'met' if median_s < aim_s else 'MISSED'}"
        )
        terminalreporter.write_line(f"{what:<72}{1000 * median_s:>12.4f} ms{aim}")
    if config.stash[COSTS]:
        terminalreporter.section("tables, the best of three processes each")
        head = ("rows", "MB", "open ms", "first ms", "warm us", "whole ms", "memory MB")
        terminalreporter.write_line(f"{'oracle':<22}" + "".join(f"{each:>11}" for each in head))
        for name, found in config.stash[COSTS]:
            row = (
                found["rows"],
                found["bytes"] / 1e6,
                *(
                    found[key]
                    for key in ("open_ms", "first_ms", "warm_us", "whole_ms", "memory_mb")
                ),
            )
            terminalreporter.write_line(
                f"{name:<22}"
                + "".join(f"{each:>11,.0f}" if each >= 1000 else f"{each:>11.2f}" for each in row)
            )
