"""CompactNet: filter trimming for a platform, guided by a simulator of it (arXiv:1905.11669).

    f <- widths of the trained network;  win <- (T(f) - T(f) / target) / iterations
    repeat `iterations` times, until the target is met:
        win <- decay * win
        for each group of layers whose widths are tied:
            w <- largest width below the present one whose network is `win` faster; at the floor the
              last one tried.  Trim to w, train a little, measure the accuracy
        f <- the candidate with the highest accuracy
    train f for long

Deviations:
    - The paper's body was not read: all of this is the authors' code (commit 34a9a9c8).
    - In a table of trained networks a candidate's accuracy is looked up: training from scratch
      stands for trimming and inherited weights, validation accuracy for theirs on training images.
      So their trimming of filters (by norm, but with an index that is overwritten for each position
      of a kernel) is not there.
    - In the search no two widths are tied, and floors are the smallest ones; in a space of
      operations a decision's options by MACs stand for widths.
    - Decisions are tried in random order, which breaks ties; theirs go from the first to the last.
    - The cost is MACs or a device's latency; theirs is a table of layer latencies, which the
      studies use.
    - `scan = "steady"` is ours: the latencies of neighbouring widths are replaced by their running
      medians of five, since their simulator is noisy.
    - The search ends when the target is met, as their README says; their code runs all iterations,
      and so do the studies.
    - Candidates that a device or the table does not have are passed over; where the costliest
      network is none of the table's, the search starts from the costliest that is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nasrepro.methods.nets.ladder import Ladder
from nasrepro.suite.errors import InvalidArch, NasreproError, NotTabulated
from nasrepro.suite.registry import load_devices, method, study
from nasrepro.suite.space import Arch, SearchSpace

#: What the code's comment says the nominal targets come to: target, iterations, speed-up.
COMMENT = ((1.5, 18, 1.3), (2.0, 24, 1.5), (2.5, 30, 2.0))
SCANS = ("largest", "steady")


@dataclass(frozen=True)
class _Narrower:
    """Latency of a network by one of its widths."""

    widths: Sequence[int]
    place: int
    cost: Callable[[Sequence[int]], float]

    def __call__(self, width: int) -> float:
        return self.cost([*self.widths[: self.place], width, *self.widths[self.place + 1 :]])


def floors(space: SearchSpace) -> tuple[int, ...]:
    """Least widths that the authors' code tries, for the groups of layers of their network."""
    return (
        10,
        *(width // 2 for width in space.cardinalities[1:3]),
        *(width // 8 + 4 for width in space.cardinalities[3:]),
    )


def trimmed(
    latency: Callable[[int], float], present: int, floor: int, goal: float, scan: str = "largest"
) -> int:
    """The largest width below `present` whose latency is at most `goal`, else the floor.

    Args:
        latency: of the network by this width; infinite for one that does not run.
        present: width now.
        floor: least width.
        goal: latency to reach.
        scan: one of `SCANS`.
    """
    if scan not in SCANS:
        raise NasreproError(f"compactnet: unknown scan {scan!r}; accepted: {', '.join(SCANS)}")
    widths = range(present - 1, floor - 1, -1)
    if scan == "largest":
        reached: Iterator[int] = (width for width in widths if latency(width) <= goal)
    else:
        values = [latency(width) for width in (present, *widths)]
        steady = (float(np.median(values[max(0, i - 1) : i + 4])) for i in range(len(widths)))
        reached = (width for width, value in zip(widths, steady, strict=True) if value <= goal)
    return next(reached, min(present, floor))


def least_speedup(target: float, iterations: int, decay: float) -> float:
    """Speed-up if every iteration wins exactly what it asks for."""
    asked = decay * (1 - decay**iterations) / (1 - decay) / iterations if decay < 1 else 1.0
    return 1 / (1 - (1 - 1 / target) * asked)


def _finite(cost: float) -> float:
    return cost if math.isfinite(cost) else -1.0


@method(
    "compactnet",
    paper="arXiv:1905.11669; the authors' code",
    at_least={"target": 1},
    device="",
    target=2.0,
    iterations=24,
    decay=0.96,
    scan="largest",
)
def search(session, rng, *, device, target, iterations, decay, scan):
    """Trim from the costliest architecture, a decision at a time.

    Args:
        session: the search session.
        rng: random generator; breaks ties.
        device: whose latency is to fall; MACs where none is named.
        target: nominal speed-up.
        iterations: steps that it is asked of.
        decay: of what a step must win.
        scan: how the width that wins is found, "largest" or "steady".
    """
    ladder = Ladder(session.space, classes=session.dataset.classes, size=session.dataset.size)

    def cost(arch: Arch) -> float:
        try:
            session.space.check(arch)
            return float(session.latency(arch, device) if device else session.complexity(arch).macs)
        except (NotTabulated, InvalidArch):
            return math.inf

    steps = ladder.top
    if math.isinf(cost(ladder.arch(steps))):  # the table has a part of the space, the device too
        steps = ladder.steps(max(session.space, key=lambda arch: _finite(cost(arch))))
    whole = cost(ladder.arch(steps))
    if math.isinf(whole):
        raise NasreproError(f"compactnet: {device} has no latency of any architecture here")
    session.rate(session.evaluate(ladder.arch(steps)), 0)
    win = (whole - whole / target) / iterations
    for iteration in range(1, iterations + 1):
        win *= decay
        goal = cost(ladder.arch(steps)) - win
        candidates = []
        for decision in rng.permutation(len(steps)).tolist():
            narrower = _Narrower(steps, decision, lambda steps: cost(ladder.arch(steps)))
            step = trimmed(narrower, steps[decision], 0, goal, scan)
            moved = ladder.moved(steps, decision, step)
            if step < steps[decision] and cost(ladder.arch(moved)) < math.inf:
                candidates.append((moved, session.evaluate(ladder.arch(moved))))
        if not candidates:
            break
        steps, done = max(candidates, key=lambda pair: pair[1].score)
        session.rate(done, iteration)
        spent = cost(done.arch)
        session.log("trim", iteration=iteration, cost=spent / whole, objective=done.score)
        if spent <= whole / target:
            break
    return ladder.arch(steps)


# -- the simulators and the released networks ------------------------------------------------------
def _simulators(devices: str) -> Any:
    table = load_devices(devices)
    if not hasattr(table, "released"):
        raise NasreproError(f"compactnet: {devices} is no simulator of layers; give compactnet")
    return table


@study(
    "compactnet.simulator",
    paper="arXiv:1905.11669; files of the authors' repository",
    by=("model", "device"),
    devices="compactnet",
)
def simulator(rng: Any, *, devices: str) -> Iterator[dict[str, Any]]:
    """Speed-ups of the released networks on the authors' simulators, and what is left of them.

    Columns: speed-up over the pre-trained network, latency (ms), parameters, all numbers stored
    (with the running statistics of batch norms), share of the parameters removed, groups of
    layers (of 7) at the least width that the search allows.

    Args:
        rng: not used: nothing is random.
        devices: the simulators.
    """
    table = _simulators(devices)
    space, released = table.info.space, table.released()
    full = released["pretrained"]
    params = {
        name: space.complexity(arch, classes=10, size=32).params for name, arch in released.items()
    }
    for name, arch in released.items():
        for device in (device.name for device in table.info.devices):
            widths = [option + 1 for option in arch.code]
            yield {
                "model": name,
                "device": device,
                "speedup": table.value(full, device) / table.value(arch, device),
                "latency_ms": table.value(arch, device),
                "params": params[name],
                "stored": table.stored()[name],
                "removed": 1 - params[name] / params["pretrained"],
                "at_floor": sum(
                    width == floor for width, floor in zip(widths, floors(space), strict=True)
                ),
                "widths": space.format(arch),
            }


@study(
    "compactnet.noise",
    paper="arXiv:1905.11669; files of the authors' repository",
    by=("device",),
    devices="compactnet",
)
def noise(rng: Any, *, devices: str) -> Iterator[dict[str, Any]]:
    """How often one output filter more makes a layer faster on the authors' simulators.

    Columns: share of neighbouring entries where it does, the mean fall there (share of the layer's
    latency), entries; for the figure, latencies of three layers at all their input filters.

    Args:
        rng: not used: nothing is random.
        devices: the simulators.
    """
    table = _simulators(devices)
    for device in (device.name for device in table.info.devices):
        steps = [(np.diff(layer, axis=0), layer[:-1]) for layer in table.layers(device)]
        falls = np.concatenate([(step / before)[step < 0] for step, before in steps])
        entries = sum(step.size for step, _ in steps)
        yield {
            "device": device,
            "share": falls.size / entries,
            "mean_fall": float(-falls.mean()),
            "entries": entries,
            "_curves": {
                f"layer {layer}": table.layers(device)[layer][:, -1].tolist()
                for layer in (2, 7, 14)
            },
        }


@study(
    "compactnet.schedule",
    paper="arXiv:1905.11669; the authors' code and simulators",
    by=("device", "asked", "chosen"),
    devices="compactnet",
    decay=0.96,
)
def schedule(rng: Any, *, devices: str, decay: float) -> Iterator[dict[str, Any]]:
    """What speed-up the authors' loop ends with for the targets of their code's comment.

    The latency side alone: which candidate is kept is drawn by chance, or is the one with most
    filters left. Columns: iterations, the speed-up the comment names, the one that follows if every
    iteration wins just what it asks for, the one reached, the same with the noise-safe scan.

    Args:
        rng: draws candidates.
        devices: the simulators.
        decay: of what an iteration must win.
    """
    table = _simulators(devices)
    for device in (device.name for device in table.info.devices):
        for target, iterations, said in COMMENT:
            for chosen in ("chance", "widest"):
                reached = {
                    scan: _rerun(table, device, target, iterations, decay, chosen, scan, rng)
                    for scan in SCANS
                }
                yield {
                    "device": device,
                    "asked": target,
                    "chosen": chosen,
                    "iterations": iterations,
                    "said": said,
                    "bound": least_speedup(target, iterations, decay),
                    "reached": reached["largest"],
                    "reached_steady": reached["steady"],
                }


def _rerun(
    table: Any,
    device: str,
    target: float,
    iterations: int,
    decay: float,
    chosen: str,
    scan: str,
    rng: Any,
) -> float:
    """Speed-up of the loop with candidates chosen without their accuracy."""
    space = table.info.space

    def cost(widths: Sequence[int]) -> float:
        return float(table.value(space.arch([width - 1 for width in widths]), device))

    widths = list(space.cardinalities)
    whole = cost(widths)
    win = (whole - whole / target) / iterations
    for _ in range(iterations):
        win *= decay
        goal = cost(widths) - win
        candidates = []
        for group, (width, floor) in enumerate(zip(widths, floors(space), strict=True)):
            narrower = trimmed(_Narrower(widths, group, cost), width, floor, goal, scan)
            if narrower < width:
                candidates.append([*widths[:group], narrower, *widths[group + 1 :]])
        if not candidates:
            break
        best = max(range(len(candidates)), key=lambda i: sum(candidates[i]))
        widths = candidates[int(rng.integers(len(candidates))) if chosen == "chance" else best]
    return whole / cost(widths)
