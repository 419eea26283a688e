"""What all tests share.

They have the real tables where they can be had, a cache of their own, and no network.

The table of an oracle comes from the tests' cache, else from the user's (copied, never written to),
else from the folder `NASREPRO_MIRROR` (converted once, and kept for the next run); where none has
it, the tests that need it skip with one and the same reason, and the summary says so.
"""

from __future__ import annotations

import os
import random
import shutil
import socket
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import numpy as np
import pytest

from nasrepro.suite.data import DATA_VARIABLE, MIRROR_VARIABLE, TableSpec, atomic_write, fetch_table
from nasrepro.suite.oracle import DeviceTable, Oracle, ReferenceTable
from nasrepro.suite.registry import (
    devices,
    load_devices,
    load_oracle,
    methods,
    oracles,
    references,
    scorers,
    studies,
)

#: Nothing listens there: what honours a proxy (requests, pip, git) fails at once, in child
#: processes too.
CLOSED = "http://127.0.0.1:9"
PROXIES = [
    name for each in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY") for name in (each, each.lower())
]

MIRROR = pytest.StashKey[Path | None]()


def pytest_configure(config: pytest.Config) -> None:
    """Give the tests a cache; remember the mirror, which each test loses (see `_offline`)."""
    os.environ.setdefault(
        "OMP_NUM_THREADS", "1"
    )  # tests train tiny networks; torch, not imported yet, would have its threads wait
    given = os.environ.get(MIRROR_VARIABLE, "")
    config.stash[MIRROR] = Path(given).expanduser() if given and "://" not in given else None
    if not os.environ.get(DATA_VARIABLE):
        cache = getattr(
            config, "cache", None
        )  # pytest's own, so that the next run finds the tables
        os.environ[DATA_VARIABLE] = str(
            config.rootpath / ".pytest_cache" / "nasrepro"
            if cache is None
            else cache.mkdir("nasrepro")
        )


def reason(name: str) -> str:
    """Why a test skips that needs the table of an oracle."""
    return (
        f"the table of {name} is not here: set {MIRROR_VARIABLE} to a folder with its "
        f"originals, or run: nasrepro data fetch {name}"
    )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Give all skips for one missing table one place, so that the summary has one line for them."""
    report = yield
    if (
        report.skipped
        and isinstance(report.longrepr, tuple)
        and "is not here: set " in report.longrepr[2]
    ):
        report.longrepr = (__file__, None, report.longrepr[2])
    return report


def users(spec: TableSpec) -> Path:
    """Where the user's own cache has a table, or would have it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv(DATA_VARIABLE)
        return spec.path


def obtainable(spec: TableSpec | None, mirror: Path | None) -> bool:
    """Whether a table is here or can be made without the network.

    None stands for one that ships with the package.
    """
    if spec is None or spec.path.exists() or users(spec).exists():
        return True
    # a table without listed files is made from official ones that a user brings along: no test
    # makes one
    return (
        mirror is not None
        and bool(spec.files)
        and all((mirror / file.path).exists() or file.packaged() for file in spec.files.values())
    )


def provide(spec: TableSpec | None, mirror: Path | None) -> bool:
    """Put a table into the tests' cache; False where it cannot be had."""
    if spec is None or spec.path.exists() or not obtainable(spec, mirror):
        return obtainable(spec, mirror)
    if users(spec).exists():
        with atomic_write(spec.path) as temporary:
            shutil.copyfile(users(spec), temporary)
        return True
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(MIRROR_VARIABLE, str(mirror))
        fetch_table(spec)  # an original that is there but damaged is an error, not a reason to skip
    return True


@pytest.fixture(autouse=True)
def registries() -> Iterator[None]:
    """What a test registers for itself is in no cache afterwards: those go by `changes`.

    Nor are methods of files that its commands have registered.
    """
    all_of_them = (devices, methods, oracles, references, scorers, studies)
    before, shipped = [registry.changes for registry in all_of_them], dict(methods._found)
    yield  # monkeypatch, set up later, has put back what was registered
    for name in [name for name, entry in methods._found.items() if entry.source]:
        methods._found.pop(name)
        methods._found.update({name: shipped[name]} if name in shipped else {})
    for registry, changes in zip(all_of_them, before, strict=True):
        registry.changes += registry.changes != changes


@pytest.fixture(scope="session")
def real(pytestconfig: pytest.Config) -> Callable[[str], Oracle]:
    """The oracle of a name over its real table; skips where that cannot be had."""

    def load(name: str) -> Oracle:
        if not provide(oracles.get(name).info.table, pytestconfig.stash[MIRROR]):
            pytest.skip(reason(name))
        return load_oracle(name)

    return load


@pytest.fixture(scope="session")
def real_devices(pytestconfig: pytest.Config) -> Callable[[str], DeviceTable]:
    """The devices of a source over their real table; skips where that cannot be had."""

    def load(name: str) -> DeviceTable:
        if not provide(devices.get(name).info.table, pytestconfig.stash[MIRROR]):
            pytest.skip(reason(name))
        return load_devices(name)

    return load


@pytest.fixture(scope="session")
def real_references(pytestconfig: pytest.Config) -> Callable[[str], ReferenceTable]:
    """The references of a table's name over their real table; skips where that cannot be had."""

    def load(name: str) -> ReferenceTable:
        entry = references.get(name)
        if not provide(entry.info.table, pytestconfig.stash[MIRROR]):
            pytest.skip(reason(name))
        return entry.load()

    return load


@pytest.fixture(scope="session")
def nasbench201(real: Callable[[str], Oracle]) -> Oracle:
    """The oracle over the real table of NAS-Bench-201.

    A test that needs it only in its cache names it in `usefixtures`.
    """
    return real("nasbench201")


@pytest.fixture(scope="session")
def mirror(pytestconfig: pytest.Config) -> Path:
    """The folder NASREPRO_MIRROR, for tests that read originals themselves."""
    folder = pytestconfig.stash[MIRROR]
    if folder is None or not folder.is_dir():
        pytest.skip(
            f"what only the originals hold is not here: set {MIRROR_VARIABLE} to a folder with them"
        )
    return folder


@pytest.fixture(autouse=True)
def _offline(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """No mirror, no store and no width of a terminal but those a test sets, and no connections.

    A connection that leaves this machine is refused, except in tests marked `network`.
    """
    monkeypatch.delenv(MIRROR_VARIABLE, raising=False)
    monkeypatch.delenv("NASREPRO_STORE", raising=False)
    monkeypatch.delenv("COLUMNS", raising=False)
    if request.node.get_closest_marker("network"):
        return
    for name in PROXIES:
        monkeypatch.setenv(name, CLOSED)
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "localhost,127.0.0.1,::1")
    connect = socket.socket.connect

    def local_only(self: socket.socket, address: object) -> None:
        # Datagram sockets send nothing by connecting; Dask asks one for this machine's address.
        if (
            self.family in (socket.AF_INET, socket.AF_INET6)
            and self.type == socket.SOCK_STREAM
            and isinstance(address, tuple)
        ):
            host = str(address[0])
            if host not in ("localhost", "::1") and not host.startswith("127."):
                raise ConnectionRefusedError(
                    f"tests have no network: connection to {host}; mark the test `network` if it "
                    "needs one"
                )
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", local_only)


@pytest.fixture
def global_generators_untouched() -> Iterator[None]:
    """The test must leave the global random state of Python and numpy as it was."""
    before = random.getstate(), np.random.get_state()[1].copy()  # noqa: NPY002
    yield
    assert random.getstate() == before[0] and np.array_equal(np.random.get_state()[1], before[1])  # noqa: NPY002


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Which oracles were real."""
    terminalreporter.section("oracles")
    try:
        entries = [*oracles.all(), *devices.all(), *references.all()]
    # An oracle's file that does not import has failed its tests; it need not take the summary
    # along.
    except Exception as error:
        terminalreporter.write_line(f"{type(error).__name__}: {error}")
        return
    for entry in entries:
        spec = entry.info.table
        if spec is None:
            state = (
                "trains what it is asked for"
                if getattr(entry.info, "trains", False)
                else "real, ships with the package"
            )
        elif spec.path.exists():
            state = f"real, {spec.path}"
        elif obtainable(spec, config.stash[MIRROR]):
            state = "can be had, no test asked for it"
        else:
            state = (
                reason(entry.name)
                if spec.files
                else "not here; made from official files that a user has"
            )
        terminalreporter.write_line(f"{entry.name}: {state}")
