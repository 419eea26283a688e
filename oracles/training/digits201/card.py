"""The data card of digits201."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping, Sequence
from importlib import resources
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasrepro.oracles.training.digits201.layout import DATASET, DIGITS, DISTINCT, SPACE
from nasrepro.oracles.training.digits201.trials import CRITERIA, TRIALS
from nasrepro.oracles.training.recipe import Recipe
from nasrepro.suite.data import Table
from nasrepro.suite.errors import DataMissing
from nasrepro.suite.oracle import Oracle
from nasrepro.suite.statistics import kendall, rank_agreement

# Torch is imported by what trains, and not by reading this file: all files of this folder are read
# to find the oracles.
#: Row of the card that says where the largest cell stands.
LARGEST = "rank of the largest cell by mean test accuracy"
#: A short training, as searches use it; epochs.
SHORT = 12
#: Where a training was written is of no matter to a reader.
_OUT = re.compile(r"--out \S+")
_EQUAL = "among cells of equal size"


def card(path: Path, nasbench201: Oracle | None = None) -> str:
    """The data card of the table at `path`, in Markdown; every number in it is computed here.

    Args:
        path: the table.
        nasbench201: that oracle, to compare with; without it the card says that there was none.
    """
    table = Table(path)
    meta, recipe = table.meta, table.meta["recipe"]
    seeds, epochs, n = meta["seeds"], int(recipe["epochs"]), len(table)
    test = _columns(table, f"{DATASET}/{epochs}/{{}}/test_accuracy")
    complete = (
        "complete"
        if n == DISTINCT
        else f"**not complete**: a uniform random sample of {n} of the {DISTINCT} cells"
    )
    largest = table.column(f"{DATASET}/params").argmax() == np.nanargmax(test.mean(0))
    first = (
        "**Its best cell is its largest: taking the largest has no regret, without any search.**"
        if largest
        else ""
    )
    measured = [*_measured(table, test), *_transfer(table, test.mean(0), nasbench201)]
    return _CARD.format(
        n=n, distinct=DISTINCT, complete=complete, runs=int((~np.isnan(test)).sum()), epochs=epochs,
        seeds=" ".join(map(str, seeds)), listed=",".join(map(str, seeds)),
        groups=", and ".join(" ".join(map(str, group)) for group in meta["groups"]),
        train=recipe["train_images"], valid=recipe["valid_images"],
        test=DIGITS - recipe["train_images"] - recipe["valid_images"],
        settings="\n".join(f"| {name} | {value} |" for name, value in recipe.items()),
        starts="\n".join(map(_started, meta["starts"])),
        measured="\n".join(f"| {name} | {value} |" for name, value in measured),
        steps=epochs * -(-recipe["train_images"] // recipe.get("batch", Recipe().batch)),
        middle=np.nanmedian(test),
        first=first, trials=_trials(), sha=table.sha256, size=path.stat().st_size / 1e6,
    )  # fmt: skip


def _columns(table: Table, name: str) -> NDArray[np.float32]:
    """A column of each seed, (seeds, cells); `name` has a place for the seed."""
    return np.stack([table.column(name.format(seed)) for seed in table.meta["seeds"]])


def _started(start: Mapping[str, str]) -> str:
    """When, how and where a training was started."""
    return (
        f"* {start['date']}, commit {start['commit'][:12]}: "
        f"`{_OUT.sub('--out DIR', start['command'])}`\n"
        f"  (Python {start['python']}, torch {start['torch']}, numpy {start['numpy']}, "
        f"scikit-learn {start['scikit-learn']}; {start['machine']})"
    )


def _measured(table: Table, test: NDArray[np.float32]) -> list[tuple[str, str]]:
    """Rows of the card: what the table says by itself, (seeds, cells)."""
    epochs = int(table.meta["recipe"]["epochs"])
    valid = _columns(table, f"{DATASET}/{epochs}/{{}}/valid_accuracy")
    loss = _columns(table, f"{DATASET}/{epochs}/{{}}/train_loss")
    cost = epochs * _columns(table, f"{DATASET}/{{}}/cost_s_per_epoch")
    low, middle, high = np.nanpercentile(test, (5, 50, 95))
    shown = f"{low:.4f} / {middle:.4f} / {high:.4f}"
    total = f"{np.nanmedian(cost):.2f} CPU s / {np.nansum(cost) / 3600:.2f} CPU h"
    mean = test.mean(0)
    return [
        ("test accuracy, 5th / 50th / 95th percentile over all runs", shown),
        ("best mean test accuracy", f"{np.nanmax(mean):.4f}"),
        ("training, median / sum over all runs", total),
        ("runs that diverged (NaN loss)", str(int((np.isnan(loss) & ~np.isnan(test)).sum()))),
        *_between_seeds(test, table.meta["seeds"]),
        ("Kendall of validation with test accuracy, means over seeds", _tau(valid.mean(0), mean)),
        *(
            (f"Kendall of {shown} with mean test accuracy", _tau(table.column(column), mean))
            for shown, column in (("params", f"{DATASET}/params"), ("MACs", f"{DATASET}/macs"))
        ),
        *_against_size(table, test),
    ]


def _against_size(table: Table, test: NDArray[np.float32]) -> list[tuple[str, str]]:
    """Rows of the card: what the table says beyond the size of a cell, (seeds, cells)."""
    params, mean = table.column(f"{DATASET}/params"), test.mean(0)
    rows = [(LARGEST, f"{1 + int((mean > mean[params.argmax()]).sum())} of {len(mean)}")]
    if len(test) >= 4:
        half = len(test) // 2
        first, second = test[:half].mean(0), test[half : 2 * half].mean(0)
        between = _equal_sizes(first, second, params)
        rows.append((f"Kendall between the halves of the seeds, {_EQUAL}", between))
    error = test.std(0, ddof=1) / np.sqrt(len(test)) if len(test) > 1 else np.zeros(len(mean))
    best = int(np.nanargmax(mean))
    near = mean >= mean[best] - 2 * np.hypot(error, error[best])
    rows.append(("cells within two standard errors of the best", str(int(near.sum()))))
    if int(table.meta["recipe"]["epochs"]) > SHORT:
        short = _columns(table, f"{DATASET}/{SHORT}/{{}}/valid_accuracy").mean(0)
        rows.append((f"Kendall of validation after {SHORT} epochs with test", _tau(short, mean)))
    return rows


def _equal_sizes(
    scores: NDArray[Any], target: NDArray[Any], sizes: NDArray[Any], least: int = 20
) -> str:
    """Kendall among cells of equal size.

    It is the mean over groups of at least `least` cells, weighted by cells.
    """
    values, counts = np.unique(sizes, return_counts=True)
    groups = [np.flatnonzero(sizes == value) for value in values[counts >= least]]
    if not groups:
        return "no group of cells of equal size is large enough"
    taus = [_plain_tau(scores[rows], target[rows]) for rows in groups]
    mean = np.average(taus, weights=[len(rows) for rows in groups])
    return f"{mean:.3f}, {len(groups)} groups"


def _tau(scores: NDArray[Any], target: NDArray[Any]) -> str:
    """Kendall's tau-b with a 95 % bootstrap interval over the cells that have both values."""
    both = ~(np.isnan(scores) | np.isnan(target))
    found = rank_agreement(scores[both], target[both], resamples=1000, seed=0)
    return (
        f"{found.kendall:.3f} [{found.kendall_ci[0]:.3f}, {found.kendall_ci[1]:.3f}], n = {found.n}"
    )


def _between_seeds(test: NDArray[np.float32], seeds: Sequence[int]) -> list[tuple[str, str]]:
    """Rows of the card: agreement between seeds, (seeds, cells).

    It is that of two seeds, and that of the means of two disjoint halves of the seeds.
    """
    named = "Kendall of test accuracy"
    if len(seeds) < 4:
        two = combinations(range(len(seeds)), 2)
        return [
            (f"{named}, seeds {seeds[i]} and {seeds[j]}", _tau(test[i], test[j])) for i, j in two
        ]
    half = len(seeds) // 2
    first = range(len(seeds))[:half], range(len(seeds))[half : 2 * half]
    halves = [
        (left, right)
        for left in combinations(range(len(seeds)), half)
        for right in combinations(range(len(seeds)), half)
        if left < right and not set(left) & set(right)
    ]
    pairs: list[tuple[tuple[int, ...], tuple[int, ...]]] = [
        ((i,), (j,)) for i, j in combinations(range(len(seeds)), 2)
    ]
    rows = []
    for what, splits in (
        ("two seeds", pairs),
        (f"means of {half} seeds and of {half} others", halves),
    ):
        taus = [_plain_tau(*(test[list(side)].mean(0) for side in split)) for split in splits]
        rows.append(
            (
                f"{named} between {what}, {len(taus)} ways: lowest / mean / highest",
                " / ".join(f"{f(taus):.3f}" for f in (min, np.mean, max)),
            )
        )
    shown = " and ".join(" ".join(str(seeds[i]) for i in side) for side in first)
    return [
        *rows,
        (f"{named}, means of seeds {shown}", _tau(*(test[list(side)].mean(0) for side in first))),
    ]


def _plain_tau(scores: NDArray[Any], target: NDArray[Any]) -> float:
    """Kendall's tau-b over the cells that have both values."""
    both = ~(np.isnan(scores) | np.isnan(target))
    return kendall(scores[both], target[both])


def _transfer(
    table: Table, accuracy: NDArray[np.float32], nasbench201: Oracle | None
) -> list[tuple[str, str]]:
    """Rows of the card: agreement with the benchmark on the same cells.

    The benchmark's figure is the CIFAR-10 test accuracy (200 epochs, mean over runs).
    """
    name = "Kendall of mean test accuracy with NAS-Bench-201's CIFAR-10 test accuracy"
    if nasbench201 is None:
        return [(name, "not computed: the table of NAS-Bench-201 was not there")]
    archs = [SPACE.numbered(int(number)) for number in table.column("number")]
    target = nasbench201.query_many(archs, dataset="cifar10", epochs=200, seed="mean")[
        "test_accuracy"
    ]
    best = target >= np.quantile(target, 0.9)
    params = table.column(f"{DATASET}/params")
    size = "Kendall of params with NAS-Bench-201's CIFAR-10 test accuracy"
    return [
        (name, _tau(accuracy, target)),
        (size, _tau(params, target)),
        (f"{name}, {_EQUAL}", _equal_sizes(accuracy, target, params)),
        (f"{name}, its best 10 % of cells", _tau(accuracy[best], target[best])),
        (f"{size}, its best 10 % of cells", _tau(params[best], target[best])),
    ]


def benchmark() -> Oracle | None:
    """NAS-Bench-201, where its table is installed."""
    from nasrepro.suite.registry import load_oracle

    try:
        return load_oracle("nasbench201")
    except DataMissing as error:
        print(f"the card does without NAS-Bench-201: {error}", file=sys.stderr)
        return None


def _trials() -> str:
    """What each recipe that was tried gave, as a table, and what follows."""
    folder = resources.files("nasrepro.oracles.data").joinpath("trials")
    files = sorted(folder.iterdir(), key=lambda file: file.name)
    documents = [json.loads(file.read_text(encoding="utf-8")) for file in files]
    if not documents:
        return "None so far."
    names = list(documents[0]["measured"])
    lines = ["| recipe | " + " | ".join(names) + " | misses |", "|---" * (len(names) + 2) + "|"]
    for document in documents:
        shown = [f"{document['measured'][name]:.3f}".removesuffix(".000") for name in names]
        missed = [name for name, met in document["met"].items() if not met]
        lines.append(
            f"| {document['trial']} | {' | '.join(shown)} | {', '.join(missed) or 'none'} |"
        )
    tried = [document["trial"] for document in documents]
    good = [document["trial"] for document in documents if all(document["met"].values())]
    untried = [name for name in TRIALS if name not in tried]
    lines += [
        "",
        f"Of {len(tried)} recipes tried, "
        + (f"{', '.join(good)} met all criteria." if good else "none met all criteria.")
        + (f" Not tried: {', '.join(untried)}." if untried else ""),
    ]
    return "\n".join([*lines, *(f"* `{name}`: {text}." for name, text in CRITERIA.items())])


_CARD = """\
# digits201

Written from the table beside it by `nasrepro train-table digits201`; make it anew instead of editing it.

**What it is.** {n} cells of the NAS-Bench-201 space, really trained on scikit-learn's 8x8 digits with seeds {seeds}: {runs} runs of
{epochs} epochs. The 15,625 cells of the space compute {distinct} different functions; of each, the cell with the smallest number stands
for all (`Cell201.canonical`). The table is {complete}.
It has {size:.2f} MB; sha256 of its contents: `{sha}`.

**Columns.** `number`: base-5 number of the cell. `digits/<epochs>/<seed>/valid_accuracy` and `train_loss` (mean cross-entropy over the
epoch, nats): after each epoch of the one schedule. `digits/{epochs}/<seed>/test_accuracy`: after the last.
`digits/<seed>/cost_s_per_epoch`: CPU seconds of one epoch of training of one seed, on one thread, without the evaluations.
`digits/params`, `digits/macs`: exact, of the network of the cell that was trained.

## How it was made

The 1,797 images are split once, stratified by class: {train} for training, {valid} for validation, {test} for test. Training images are
shifted anew in each epoch; validation and test are two fixed shifted copies of each image. Seeds {groups}
of a cell are trained at once as one grouped network, each with its own weights, batch order and shifts; a seed's batches and shifts are
the same for all cells.

| setting | value |
|---|---|
{settings}

{starts}

Train, then collect (a training that was stopped goes on where it was):

    nasrepro train-table digits201 --out .work/digits201 --seeds {listed}
    nasrepro train-table digits201 --out .work/digits201 --collect oracles/data/digits201.parquet

## What was measured

Kendall is tau-b, with a 95 % bootstrap interval over cells.

| quantity | value |
|---|---|
{measured}

## Limits

{first}

* Compare every agreement with that of the parameters, and with that among cells of equal size, in the table above.
* Few and small images, one stage of few channels: it is here so that everything runs on real numbers without a download, not as a
  stand-in for CIFAR-10. How far it agrees with NAS-Bench-201 is in the table above.
* All epochs are points of one schedule of {epochs}; a training of fewer epochs with a schedule of its own would end elsewhere.
* Images are split without regard to writers, so those of one writer are in several parts: test accuracies are those of known hands.
* Differences between the best cells are within the noise of six seeds: see how many lie within two standard errors of the best.
* Networks are trained for {steps:,} steps on {train} images, half of their runs to less than {middle:.3f}, where a nearest neighbour among all
  shifts of 384 training images reaches .965; a longer training ranks the cells otherwise.
* Costs are a seed's share of its group, taken on a machine that did other work as well: good to a factor of two between cells, too. By
  counted work a network trained alone costs 1.3 times its share (all skips) to 2.4 times (poolings, or almost nothing); the oracle
  `trained201` counts the work of each training alone.
* Functionally equal cells share one row, also where one of them has dead convolutions, which would cost time and parameters.

## Recipes tried for a second edition

The criteria were fixed before any was tried (`oracles/training/digits201/trials.py`); each is one
`nasrepro train-table digits201 --out DIR --trial NAME`, on 140 cells and three seeds. While none meets all of them, this edition stays;
one that does is trained on all cells by `nasrepro train-table digits201 --out DIR --recipe NAME --group 6`, which goes on where it was stopped.

{trials}

## Licence

Images: *Optical Recognition of Handwritten Digits*, E. Alpaydin and C. Kaynak, UCI Machine Learning Repository (1998), CC BY 4.0; the
1,797 of its test part, as scikit-learn carries them. The numbers are this project's own, under its licence.
"""  # noqa: E501
