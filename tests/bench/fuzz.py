"""Damaged files against every reader: a mutant ends as one error of ours, or it is read.

    python tests/bench/fuzz.py [--mutants 2000] [--seconds 600] [--out FILE.md] [FORMAT ...]

Whole converters read mutants of one original with all others intact; NASREPRO_MIRROR must name a
folder with the originals. Counted are crashes (the process died), hangs (over 30 seconds of CPU)
and tracebacks (an exception that the command line does not print on one line).
"""

from __future__ import annotations

import argparse
import bz2
import io
import multiprocessing
import os
import pickle
import random
import resource
import signal
import sys
import tempfile
import warnings
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from nasrepro.oracles.convert import pickles
from nasrepro.oracles.convert.opcodes import Machine
from nasrepro.suite.data import MIRROR_VARIABLE, Table, TableSpec, sources, write_table
from nasrepro.suite.errors import NasreproError
from nasrepro.suite.registry import devices, oracles, references

HANG_S = 30
#: A format's sample, and what reads a mutant of it.
Format = tuple[bytes, Callable[[Path], object]]


def sample() -> dict[str, object]:
    """Plain data of every kind that originals hold."""
    return {
        "numbers": [1, 2.5, -(2**40), None, True],
        "array": np.arange(12.0).reshape(3, 4),
        "names": np.array(["a", "b"], dtype=object),
        "text": np.array(["abc", "de"]),
        "scalar": np.float32(1.5),
        ("key", 1): {"nested": ("x", {1, 2})},
    }


def legacy() -> bytes:
    parts = (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}, sample())
    return b"".join(pickle.dumps(part, 2) for part in parts)


def zipped() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(sample(), 2))
    return buffer.getvalue()


def arrow(suffix: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"table{suffix}"
        write_table(path, {"number": np.arange(50), "a/1/0/valid_accuracy": np.ones(50)}, {})
        return path.read_bytes()


def read_table(path: Path) -> object:
    table = Table(path)
    table.verify()
    return [table.column(name) for name in table.names]


def readers() -> dict[str, Format]:
    """One reader each."""
    plain = pickle.dumps(sample(), 4)
    return {
        "pickle 4": (plain, pickles.load_pickle),
        "pickle 0": (pickle.dumps(sample(), 0), pickles.load_pickle),
        "pt": (zipped(), pickles.load_pt),
        "pth zip": (zipped(), pickles.load_pth),
        "pth legacy": (legacy(), pickles.load_pth),
        "pbz2": (bz2.compress(plain), pickles.load_bz2),
        "pbz2, inside": (plain, lambda path: pickles.load_bz2(compressed(path))),
        "arrow": (arrow(".arrow"), read_table),
        "parquet": (
            arrow(".parquet"),
            lambda path: read_table(path.rename(path.with_suffix(".parquet"))),
        ),
    }


def compressed(path: Path) -> Path:
    path.write_bytes(bz2.compress(path.read_bytes(), 1))
    return path


def converters(mirror: Path) -> dict[str, Format]:
    """The whole converter of each table, by its smallest originals of each kind."""
    formats: dict[str, Format] = {}
    originals: set[Path] = set()
    for entry in [*oracles.all(), *devices.all(), *references.all()]:
        spec = entry.info.table
        if spec is None or not spec.files:
            continue
        paths = {name: mirror / file.path for name, file in spec.files.items()}
        if not all(path.exists() for path in paths.values()):
            continue
        originals.update(paths.values())
        kinds: dict[str, str] = {}
        for name in sorted(paths, key=lambda name: paths[name].stat().st_size):
            kinds.setdefault(paths[name].suffix, name)
        for suffix, name in kinds.items():
            formats[f"{spec.name} {suffix}"] = (
                paths[name].read_bytes(),
                conversion(spec, paths, name),
            )
    remember(originals)
    return formats


def remember(originals: set[Path]) -> None:
    """Parse each intact pickle once, not anew beside each mutant of another file of its table."""
    whole, values = Machine.load, dict[Path, Any]()

    def load(machine: Machine) -> Any:
        if machine.path not in originals:
            return whole(machine)
        if machine.path not in values:
            values[machine.path] = whole(machine)
        return values[machine.path]

    Machine.load = load  # type: ignore[method-assign]


def conversion(spec: TableSpec, paths: dict[str, Path], name: str) -> Callable[[Path], object]:
    others = [each for each in paths if each != name]

    def convert(path: Path) -> object:
        with sources.reading(spec.name):
            # the mutant is read first, so that a refused one costs no reading of the others
            return spec.converter({name: path} | {each: paths[each] for each in others})

    return convert


def mutant(data: bytes, rng: random.Random) -> bytes:
    """`data` with one to four changes."""
    changed = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(changed) + 1)
        length = min(rng.choice((1, 2, 4, 16, 200)), len(changed) - at)
        match rng.randrange(5):
            case 0:
                changed[at : at + length] = rng.randbytes(length)
            case 1:
                del changed[at : at + length]
            case 2:
                changed[at:at] = changed[at : at + length]
            case 3:
                changed[at:at] = rng.randbytes(rng.choice((1, 4, 8)))
            case _:
                if at < len(changed):
                    changed[at] ^= 1 << rng.randrange(8)
    if rng.random() < 0.1:
        del changed[rng.randrange(len(changed) + 1) :]
    return bytes(changed)


def work(read: Callable[[Path], object], data: bytes, seeds: range, pipe: int) -> None:
    """Read mutants; write a line for each, so that the parent knows where a crash was.

    A warning about numbers counts as a traceback: what it is of is no error of ours yet.
    """
    warnings.simplefilter("error", RuntimeWarning)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mutant"
        for seed in seeds:
            path.write_bytes(mutant(data, random.Random(seed)))
            signal.setitimer(signal.ITIMER_PROF, HANG_S)
            try:
                read(path)
                outcome = "read"
            except NasreproError as error:
                outcome = "refused" if "\n" not in str(error) else "traceback: of several lines"
            except Exception as error:
                outcome = f"traceback: {type(error).__name__}"
            signal.setitimer(signal.ITIMER_PROF, 0)
            os.write(pipe, f"{seed} {outcome}\n".encode())


def outcomes(form: Format, mutants: int, seconds: float) -> Counter[str]:
    """What became of the mutants, each batch in a process of its own, until the CPU seconds end."""
    data, read = form
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "whole"
        path.write_bytes(data)
        read(path)  # what is not read whole would make every figure below worthless
    counts: Counter[str] = Counter()
    first, ends = 0, spent() + seconds
    while first < mutants and spent() < ends:
        receive, send = os.pipe()
        batch = range(first, min(first + 20, mutants))
        child = multiprocessing.get_context("fork").Process(
            target=work, args=(read, data, batch, send)
        )
        child.start()
        os.close(send)
        with os.fdopen(receive) as lines:
            for line in lines:
                seed, _, outcome = line.strip().partition(" ")
                counts[outcome] += 1
                first = int(seed) + 1
        child.join()
        if child.exitcode:
            counts["hang" if child.exitcode == -signal.SIGPROF else "crash"] += 1
            print(f"  mutant {first}: exit code {child.exitcode}", flush=True)
            first += 1
    return counts


def kept(out: Path | None) -> dict[str, str]:
    """The rows of a table that was written before, by format."""
    lines = out.read_text(encoding="utf-8").splitlines() if out and out.exists() else []
    return {line.split("|")[1].strip(): line for line in lines if line.startswith("| ")}


def row(counts: Counter[str]) -> str:
    """Cells of a line of the table."""
    bad = sum(count for name, count in counts.items() if name.startswith("traceback"))
    named = ("read", "refused", "crash", "hang")
    return " | ".join(
        f"{count:,}" for count in (sum(counts.values()), *(counts[name] for name in named), bad)
    )


def spent() -> float:
    """CPU seconds of the batches that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("formats", nargs="*")
    parser.add_argument("--mutants", type=int, default=2000)
    parser.add_argument("--seconds", type=float, default=600, help="CPU that one format may take")
    parser.add_argument("--out", type=Path)
    chosen = parser.parse_args()
    mirror = Path(os.environ.get(MIRROR_VARIABLE, "/nowhere"))
    formats = readers() | converters(mirror)
    total: Counter[str] = Counter()
    lines = [
        "# Damaged files against every reader and every whole converter",
        "",
        f"Written by `tests/bench/fuzz.py --mutants {chosen.mutants} "
        f"--seconds {chosen.seconds:g}`: mutants of each original, "
        "read or refused on one line; a slow converter has fewer, by the seconds it was given. "
        f"A hang is over {HANG_S} seconds of CPU. Rows of formats that a command does not name "
        "stand as an earlier one left them.",
        "",
        "| format | mutants | read | refused | crashes | hangs | tracebacks |",
        "|---|---|---|---|---|---|---|",
    ]
    rows = kept(chosen.out) if chosen.formats else {}
    for name in chosen.formats or formats:
        counts = outcomes(formats[name], chosen.mutants, chosen.seconds)
        shown = ", ".join(f"{count} {outcome}" for outcome, count in sorted(counts.items()))
        print(f"{name:<40}{sum(counts.values()):>6} mutants: {shown}", flush=True)
        total += counts
        rows[name] = f"| {name} | {row(counts)} |"
        if chosen.out:
            text = "\n".join([*lines, *(rows[name] for name in formats if name in rows), ""])
            chosen.out.write_text(text, encoding="utf-8")
    print(dict(total))
    sys.exit(any(name not in ("read", "refused") for name in total))


if __name__ == "__main__":
    main()
