"""Real training behind the interface of a table: what answers where no table exists.

A query trains the network; the answer, with the seconds that it took, goes into a table that grows,
and nothing is trained twice: not in this process, not in the next one, and not in two at once. A
registering file gives `TrainedOracle` a function that trains (`oracles/trained201.py` is the
pattern), so that images, text or anything else come in the same way.

The table is one SQLite file in the cache folder, `trained/<oracle>-<hash>/answers.sqlite`, under
the hash of all that determines an answer. An answer is in it whole or not at all, whatever becomes
of the process or the disk.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasrepro.oracles.training import provenance
from nasrepro.suite.data import cache_dir, lock
from nasrepro.suite.errors import DataCorrupt, NasreproError, NotTabulated
from nasrepro.suite.oracle import (
    MEAN,
    Dataset,
    Metric,
    Oracle,
    OracleInfo,
    Seed,
    answering,
    is_searching,
)
from nasrepro.suite.registry import original_images
from nasrepro.suite.space import Arch

#: What a training costs, counted and measured.
COSTS = (
    Metric(
        "cost_s",
        "s",
        "none",
        False,
        (0, 1e6),
        "counted work at the reference rate of `oracles/training/work.py`: equal on all machines",
    ),
    Metric(
        "cpu_s",
        "s",
        "none",
        False,
        (0, 1e6),
        "measured: CPU seconds on one thread without the evaluations, a seed's share where several "
        "are trained side by side",
    ),
)
#: What an oracle gives whose networks are trained on images by `oracles.training.loop`.
METRICS = (
    Metric(
        "valid_accuracy",
        "fraction",
        "valid",
        True,
        (0, 1),
        "at every epoch of one schedule; NaN where the training diverged",
    ),
    Metric("test_accuracy", "fraction", "test", True, (0, 1), "after the last epoch"),
    Metric(
        "train_loss", "1", "train", False, (0, float("inf")), "cross-entropy, mean over the epoch"
    ),
    *COSTS,
    Metric("params", "param", "none", False, (0, 1e9)),
    Metric("macs", "MAC", "none", False, (0, 1e12)),
)

#: A training that takes longer than the first says how far it is, and from then on as often as the
#: second; seconds.
PATIENCE_S, TOLD_EVERY_S = 2.0, 10.0

#: Raised whenever the file of answers is written in another way.
_VERSION = 2
_SCHEMA = """
CREATE TABLE IF NOT EXISTS answers (
    arch TEXT NOT NULL, dataset TEXT NOT NULL, epochs INTEGER NOT NULL, seed INTEGER NOT NULL,
    measured TEXT NOT NULL, tested TEXT NOT NULL, origin TEXT NOT NULL, sha256 TEXT NOT NULL,
    PRIMARY KEY (arch, dataset, epochs, seed)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS setting (determined_by TEXT PRIMARY KEY) WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class Training:
    """A training to be made.

    Attributes:
        arch: the architecture, in canonical form.
        dataset: official name of the data set.
        epochs: length.
        seed: training seed.
        checkpoint: a file for what a killed training goes on from: the same one each time, and the
            oracle removes it when it has the answer. On an oracle whose trainings can be resumed it
            is the same for all lengths, and stays until the longest.
        tell: call it with (epochs done, epochs in all).
    """

    arch: Arch
    dataset: str
    epochs: int
    seed: int
    checkpoint: Path
    tell: Callable[[float, int], None] = lambda done, total: None


#: Trains, and gives the values of metrics by (epochs, seed): what was asked for, and whatever else
#: the same training tells (its shorter lengths, where they are points of one schedule; the other
#: seeds of a grouped network).
Train = Callable[[Training], Mapping[tuple[int, int], Mapping[str, float]]]


class TrainedOracle(Oracle):
    """An oracle that trains what it is asked for and remembers it.

    Functionally equal architectures share one answer: the canonical one is trained. A diverged
    training is an outcome: its accuracies are NaN (the worst score in a search). Nothing can be
    listed (`archs`, `best` raise NotTabulated), so a search on it has no regret. `table_sha256`
    cannot be the hash of contents that grow: it is the hash of the setting, of all that determines
    an answer (`determined_by`, and the seeds behind a mean). What the setting leaves open is the
    machine: another processor rounds otherwise (see `tests/determinism`), so a table that began on
    one machine stays with it; each answer says where it is from.

    Args:
        info: its description; `trains` is set.
        train: makes one training.
        epochs: lengths that can be asked for.
        seeds: training seeds that can be asked for; the mean is over all of them.
        determined_by: JSON-able: settings of the space, the recipe, hashes of the data, the
            trainer's version.
        folder: where the table grows; in the cache folder if not given.
        held_out: by sets of images, as `original_images` names them, what gives the indices of
            their training part that the oracle validates on.
    """

    def __init__(
        self,
        info: OracleInfo,
        train: Train,
        *,
        epochs: Sequence[int],
        seeds: Sequence[int],
        determined_by: Mapping[str, Any],
        folder: Path | None = None,
        held_out: Mapping[str, Callable[[], NDArray[np.intp]]] | None = None,
    ) -> None:
        self._held_out = held_out or {}
        self._determined_by = json.dumps(
            {
                "answers": _VERSION,
                "oracle": info.name,
                "space": info.space.name,
                "network": info.space.network,
                **determined_by,
            },
            sort_keys=True,
        )
        key = hashlib.sha256(self._determined_by.encode()).hexdigest()
        if not info.trains:
            raise NasreproError(
                f"{info.name} answers by training; its OracleInfo must say trains=True"
            )
        super().__init__(info, hashlib.sha256(f"{key} {sorted(seeds)}".encode()).hexdigest())
        self._train, self._epochs, self._seeds = train, tuple(sorted(epochs)), tuple(sorted(seeds))
        #: The folder of this setting.
        self.folder = (
            cache_dir() / "trained" if folder is None else folder
        ) / f"{info.name}-{key[:12]}"
        # what was read of the table: whole answers, and what a search may see
        self._known: dict[tuple[str, str, int, int], dict[str, float]] = {}
        self._seen: dict[tuple[str, str, int, int], dict[str, float]] = {}

    def epochs(self, dataset: str) -> tuple[int, ...]:
        """Training lengths that can be asked for, ascending."""
        return self._epochs

    def seeds(self, dataset: str, epochs: int) -> tuple[Seed, ...]:
        """Training seeds that can be asked for."""
        return self._seeds

    def held_out(self, dataset: str, data: str) -> NDArray[np.intp]:
        """Indices of the training part of the images `data` that this oracle validates on."""
        rows = self._held_out.get(original_images(data))
        return super().held_out(dataset, data) if rows is None else rows()

    def archs(self) -> Sequence[Arch]:
        """Nothing can be listed: raises NotTabulated."""
        raise NotTabulated(
            f"{self.name} trains what it is asked for and has no list of "
            "architectures, so no best one and no ranking of them all; "
            "name the architectures"
        )

    @property
    def answers(self) -> int:
        """Answers in the table so far: architectures x data sets x lengths x seeds."""
        if not self._path.exists():
            return 0
        with self._opened() as db:
            count: int = db.execute("SELECT count(*) FROM answers").fetchone()[0]
        return count

    def _read(
        self, arch: Arch, dataset: Dataset, epochs: int, seed: Seed, names: Sequence[str]
    ) -> dict[str, float]:
        same = self.space.canonical(arch)
        found = [
            self._answer(same, dataset.name, epochs, each)
            for each in (self._seeds if seed == MEAN else (int(seed),))
        ]
        return {
            name: math.fsum(each[name] for each in found) / len(found)
            for name in names
            if all(name in each for each in found)
        }

    def _answer(self, arch: Arch, dataset: str, epochs: int, seed: int) -> dict[str, float]:
        """Remembered, or trained now."""
        text = self.space.format(arch)
        key = text, dataset, epochs, seed
        known = self._seen if is_searching() else self._known
        if key in known or self._recall(key):
            return known[key]
        name = hashlib.sha256(
            repr((*key[:2], seed) if self.info.resumable else key).encode()
        ).hexdigest()[:24]
        checkpoint = self.folder / "checkpoints" / f"{name}.pt"
        # One lock for all trainings of an architecture: one of them may answer for several (grouped
        # seeds, a whole schedule). Few files, and none is ever removed under a process that waits
        # for it; at worst two architectures wait for each other.
        with lock(self.folder / "locks" / hashlib.sha256(repr(key[:2]).encode()).hexdigest()[:2]):
            if self._recall(key):  # another process has just trained it
                return known[key]
            checkpoint.parent.mkdir(exist_ok=True)
            tell = _Teller(f"{self.name}, {dataset}, {text}, seed {seed}")
            with answering():
                made = self._train(Training(arch, dataset, epochs, seed, checkpoint, tell))
            if (epochs, seed) not in made:
                raise NasreproError(
                    f"the trainer of {self.name} gave no answer for {epochs} epochs, seed {seed}; "
                    "it must give what is asked"
                )
            self._remember(text, dataset, made)
            if not self.info.resumable or epochs == self._epochs[-1]:
                checkpoint.unlink(missing_ok=True)
        if not self._recall(key):
            raise DataCorrupt(
                f"{self._path} has lost an answer that it had; is another program writing to it?"
            )
        return known[key]

    # -- the table ---------------------------------------------------------------------------------
    @property
    def _path(self) -> Path:
        return self.folder / "answers.sqlite"

    def _recall(self, key: tuple[str, str, int, int]) -> bool:
        """Read one answer of the table; False where it has none.

        While a search runs, what was measured on the test part stays in the file.

        Raises:
            DataCorrupt: the answer is damaged, or the file is of another setting.
        """
        if not self._path.exists():
            return False
        with self._opened() as db:
            settings = [row[0] for row in db.execute("SELECT determined_by FROM setting")]
            row = db.execute(
                "SELECT measured, tested, origin, sha256 FROM answers "
                "WHERE (arch, dataset, epochs, seed) = (?, ?, ?, ?)",
                key,
            ).fetchone()
        if row is None:
            return False
        if settings != [self._determined_by]:
            raise DataCorrupt(
                f"{self._path} holds answers of another setting; delete it, and they are trained "
                "anew"
            )
        if _checksum(key, *row[:3]) != row[3]:
            raise DataCorrupt(
                f"{self._path}: the answer for {key[0]}, {key[1]}, {key[2]} epochs, seed {key[3]} "
                "is not as it was written; delete the file, and its answers are trained anew"
            )
        values = json.loads(row[0])
        if not is_searching():
            values |= json.loads(row[1])
            self._known[key] = values
        self._seen[key] = values
        return True

    def _remember(
        self, text: str, dataset: str, made: Mapping[tuple[int, int], Mapping[str, float]]
    ) -> None:
        """Keep answers, all of them or none; one that is there stays as it is."""
        origin = json.dumps(provenance())
        tested = {metric.name for metric in self.info.metrics if metric.split == "test"}
        rows = []
        for (epochs, seed), values in made.items():
            key = text, dataset, epochs, seed
            parts = [
                json.dumps({name: float(values[name]) for name in values if (name in tested) is on})
                for on in (False, True)
            ]
            rows.append((*key, *parts, origin, _checksum(key, *parts, origin)))
        with self._opened() as db:
            db.execute("BEGIN IMMEDIATE")
            db.execute("INSERT OR IGNORE INTO setting VALUES (?)", (self._determined_by,))
            db.executemany("INSERT OR IGNORE INTO answers VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
            db.execute("COMMIT")

    @contextlib.contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        """The table, for one transaction.

        A connection of its own, so that forks and threads are no matter.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with contextlib.closing(
                sqlite3.connect(self._path, timeout=60, isolation_level=None)
            ) as db:
                if db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0:
                    db.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} COMMIT")
                yield db
        except (sqlite3.Error, OSError) as error:
            if "not a database" in str(error) or "malformed" in str(error):
                raise DataCorrupt(
                    f"{self._path} is damaged ({error}); delete it, and its answers are trained "
                    "anew"
                ) from error
            raise NasreproError(
                f"the table of trainings {self._path} cannot be used ({error}); "
                "is the disk full, or the folder not to be written to? "
                "What is in it stays; free some space or set NASREPRO_DATA to another folder"
            ) from error


def _checksum(key: tuple[str, str, int, int], *parts: str) -> str:
    return hashlib.sha256(json.dumps([*key, *parts]).encode()).hexdigest()


class _Teller:
    """Says on stderr how far a long training is."""

    def __init__(self, what: str) -> None:
        self._what, self._next_s = what, PATIENCE_S
        self._start: tuple[float, float] | None = (
            None  # epochs that were done (a resumed training), and when
        )

    def __call__(self, done: float, total: int) -> None:
        """Called with (epochs done, epochs in all), at the start too."""
        if self._start is None:
            self._start = done, time.monotonic()
        gained, spent = done - self._start[0], time.monotonic() - self._start[1]
        if spent >= self._next_s and gained > 0 and done < total:
            self._next_s = spent + TOLD_EVERY_S
            print(
                (
                    f"{self._what}: epoch {done:g} of {total}, "
                    f"{spent / gained * (total - done):.0f} s left"
                ),
                file=sys.stderr,
                flush=True,
            )
