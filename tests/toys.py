"""A toy oracle of 81 architectures, and what the tests of the engine share.

Cells, method files, and runs of the command line.
"""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import nasrepro as nr
from nasrepro.suite.errors import InvalidArch
from nasrepro.suite.experiments.kinds.search import Protocol, RunCell, RunKey, RunRecord
from nasrepro.suite.oracle import MEAN, Dataset, Metric, Oracle, OracleInfo, Seed
from nasrepro.suite.registry import Registry, load_oracle, methods, oracle, oracles
from nasrepro.suite.search import Budget
from nasrepro.suite.space import Arch, Complexity, Graph, SearchSpace, Topology

if TYPE_CHECKING:
    from torch import nn

#: Two ways from 0 to 3; option 0 of a decision stands for no edge.
DIAMOND = Topology(((0, 1), (0, 2), (1, 3), (2, 3)), ("one", "two"), on_edges=True, output=3)


class ToySpace(SearchSpace):
    """Four decisions of three options, written "0-1-2-0"."""

    name = "toy"
    cardinalities = (3, 3, 3, 3)
    decisions = ("a", "b", "c", "d")

    def parse(self, text: str) -> Arch:
        return self.arch([int(part) for part in text.split("-")])

    def format(self, arch: Arch) -> str:
        return "-".join(map(str, arch.code))

    def graph(self, arch: Arch) -> Graph:
        return Graph(("input", "output"), np.array([[False, True], [False, False]]))

    def topology(self) -> Topology:
        return DIAMOND

    def wired(self, kept: Collection[int], ops: Sequence[int]) -> Arch:
        live = DIAMOND.live(kept)
        if not live:
            raise InvalidArch("toy: no path from 0 to 3")
        return self.arch([1 + ops[edge] if edge in live else 0 for edge in range(4)])

    def complexity(self, arch: Arch, *, classes: int, size: int) -> Complexity:
        return Complexity(classes * (1 + sum(arch.code)), size * (1 + sum(arch.code)))

    def build(self, arch: Arch, *, classes: int) -> nn.Module:
        from torch import nn

        width = 2 + arch.code[0]
        return nn.Sequential(
            nn.Conv2d(3, width, 3, padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(width, classes),
        )


SPACE = ToySpace()
INFO = OracleInfo(
    name="toy",
    space=SPACE,
    datasets=(Dataset("toys", 10, 8), Dataset("blocks", 5, 8)),
    metrics=(
        Metric("valid_accuracy", "fraction", "valid", True, (0, 1)),
        Metric("valid_loss", "1", "valid", False, (0, 10)),
        Metric("test_accuracy", "fraction", "test", True, (0, 1)),
        Metric("cost_s", "s", "none", False, (0, 1e6)),
        Metric("params", "param", "none", False, (0, 1e9)),
    ),
    objective="valid_accuracy",
    target="test_accuracy",
    citation="none",
    licence="MIT",
)


def values(arch: Arch, epochs: int) -> dict[str, float]:
    """What the toy oracle holds: a rugged landscape.

    A training costs 10 + its last decision seconds an epoch.
    """
    number = SPACE.index(arch)
    valid = 0.5 + 0.4 * ((number * 37) % 81) / 81 + 0.001 * epochs
    return {
        "valid_accuracy": valid,
        "valid_loss": 1 - valid,
        "test_accuracy": valid - 0.01 * (number % 5),
        "cost_s": float(epochs * (10 + arch.code[3])),
        "params": float(SPACE.complexity(arch, classes=10, size=8).params),
    }


class Toy(Oracle):
    """The toy oracle; `read` stands for what it holds."""

    def __init__(
        self,
        info: OracleInfo = INFO,
        read: Callable[[Arch, int], dict[str, float]] = values,
        space: SearchSpace | None = None,
    ) -> None:
        super().__init__(info, "0" * 64, space)
        self._values = read

    def epochs(self, dataset: str) -> tuple[int, ...]:
        return (1, 3, 9)

    def seeds(self, dataset: str, epochs: int) -> tuple[Seed, ...]:
        return (0, 1)

    def archs(self) -> Sequence[Arch]:
        return tuple(self.space)

    def _read(
        self, arch: Arch, dataset: Dataset, epochs: int, seed: Seed, names: Sequence[str]
    ) -> dict[str, float]:
        return {name: value for name, value in self._values(arch, epochs).items() if name in names}


def load() -> Oracle:
    """The toy oracle."""
    return Toy()


@pytest.fixture(name="toy")
def toy_fixture(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Oracle:
    """The toy oracle, known by its name for the length of one test.

    Here, to workers and to child processes.
    """
    oracles.names()  # else those that ship would be registered for this test alone
    monkeypatch.setattr(oracles, "_found", dict(oracles._found))
    oracle(INFO)(load)
    folder = tmp_path / "plugin"
    metadata = folder / "toy_plugin-1.dist-info"
    metadata.mkdir(parents=True)
    (folder / "toy_plugin.py").write_text(
        "import toys\nfrom nasrepro.suite.registry import oracle\noracle(toys.INFO)(toys.load)\n"
    )
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: toy-plugin\nVersion: 1\n")
    (metadata / "entry_points.txt").write_text("[nasrepro.oracles]\ntoy = toy_plugin\n")
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.delitem(sys.modules, "toy_plugin", raising=False)  # of another test
    here = [
        str(folder),
        str(Path(__file__).parent),
        str(Path(nr.__file__).parents[1]),
        os.environ.get("PYTHONPATH", ""),
    ]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(here))
    return load_oracle("toy")


def known(wrong: Toy) -> str:
    """Register another oracle within a test that has `toy`; its name."""
    oracle(wrong.info)(lambda: wrong)
    return wrong.name


def registered_apart(monkeypatch: pytest.MonkeyPatch, *registries: Registry[Any]) -> None:
    """What a test registers is in these registries for as long as it runs.

    All that ships is imported before: a file is imported once, and not into a copy alone.
    """
    for registry in registries:
        registry.names()
        monkeypatch.setattr(registry, "_found", dict(registry._found))


def named(name: str, **changes: Any) -> OracleInfo:
    """The toy oracle's description under another name, changed."""
    return replace(INFO, name=name, **changes)


FILE = '''"""A toy.

Deviations:
    - It is a toy,
      no more.
    - It is short.
"""

from nasrepro.suite.registry import method


@method("{name}", paper="none"{given})
def search(session, rng{taken}):
{body}
'''


def source(body: str, name: str = "toy_method", **defaults: Any) -> str:
    """The text of a method file with that body."""
    given = "".join(f", {key}={value!r}" for key, value in defaults.items())
    taken = f", *, {', '.join(defaults)}" if defaults else ""
    return FILE.format(
        name=name,
        given=given,
        taken=taken,
        body=textwrap.indent(textwrap.dedent(body).strip(), "    "),
    )


RANDOM = source("while True:\n    session.evaluate(session.space.sample(rng))", "toy_random")
#: Kills its worker at the first attempt; `mark` is a file that says so to the second.
FRAGILE = source(
    """
    import os, signal
    from pathlib import Path
    if not Path(mark).exists():
        Path(mark).write_text("")
        os.kill(os.getpid(), signal.SIGKILL)
    while True:
        session.evaluate(session.space.sample(rng))
    """,
    "toy_fragile",
    mark="",
)
DEADLY = source("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", "toy_deadly")


def cell(
    text: str = RANDOM,
    *,
    seed: int = 0,
    budget: Budget | None = None,
    oracle: str = "toy",
    dataset: str = "toys",
    **params: Any,
) -> RunCell:
    """A search by a method file of that text, as a plan would make it."""
    method = methods.from_file(Path("toy_method.py"), text)
    protocol = Protocol(1, 9, (dataset,), MEAN)
    sha256 = load_oracle(oracle).table_sha256
    key = RunKey(
        method.name,
        method.source_sha256,
        method.params(params),
        oracle,
        sha256,
        dataset,
        protocol,
        budget or Budget(queries=20),
        seed,
    )
    return RunCell(key, "toy_method.py", text)


def measured_apart(record: RunRecord) -> dict[str, Any]:
    """Everything of a record that must be the same each time."""
    return {
        name: value
        for name, value in asdict(record).items()
        if name not in ("overhead_s", "environment")
    }


PLAN = """
[[experiment]]
oracle = "toy"
methods = ["random_search"]
datasets = ["toys"]
search_epochs = 1
report_epochs = 9
budgets = [{ queries = 20 }]
seeds = 6
"""


def nasrepro(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    """Start the command line in `folder`, in a process group of its own.

    There toys take their time. Ctrl-C reaches it even where these tests run in a shell's
    background, which makes what it starts ignore it.
    """
    command = [
        sys.executable,
        "-c",
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from nasrepro.__main__ import main; main()",
        *arguments,
    ]
    slow = {**os.environ, "TOY_PAUSE": "0.5"}
    return subprocess.Popen(
        command,
        cwd=folder,
        env=slow,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
