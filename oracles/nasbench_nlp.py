"""NAS-Bench-NLP: 265 recurrent cells as language models, with whole curves on WikiText-2.

345 trainings; 80 of them repeat a cell, up to 14 times. The benchmark's 14,322 trainings on Penn
Treebank are not to be had by a pinned address; the losses at their end that others printed are in
data set `ptb`.
"""

from __future__ import annotations

import math

import numpy as np

from nasrepro.oracles.convert.nasbench_nlp import EPOCHS, PTB, WIKITEXT2, convert
from nasrepro.oracles.spaces.pool import Pool, row_among
from nasrepro.oracles.spaces.rnnrecipe import RnnRecipe
from nasrepro.suite.data import SourceFile, TableSpec, open_table
from nasrepro.suite.oracle import Dataset, Metric, Oracle, OracleInfo, TableOracle
from nasrepro.suite.registry import oracle
from nasrepro.suite.space import Arch

_LICENCE = "Apache-2.0; Penn Treebank losses CC BY 4.0"
TABLE = TableSpec(
    "nasbench_nlp",
    1,
    {
        "logs": SourceFile(
            "fmsnew/nas-bench-nlp-release/a6d90a3b19e3966b1d009c0970b3761aa46707d1/"
            "train_logs_wikitext-2/logs.zip",
            "f5052d6bea6398001e32c986322a243e8cdedffa906caf242eb0a62ee105aa12",
            879000,
            "Apache-2.0",
        ),
        "ptb": SourceFile(
            "aaronserianni/training-free-nas/2d76e01b9586cad7340e8268dadba3056efd070b/data/"
            "RNN_results.csv",
            "4f084a9b437e4f89475ddb2ada896de2d6cb32268c59924e5542dbf017b90852",
            2094264,
            "CC BY 4.0",
        ),
    },
    convert,
)
_LOSS = (0.0, math.inf)

INFO = OracleInfo(
    name="nasbench_nlp",
    space=RnnRecipe(),
    datasets=(
        Dataset("wikitext-2", WIKITEXT2, 1, "words; nats a word"),
        Dataset("ptb", PTB, 1, "words; nats a word, at the end of a training"),
    ),
    metrics=(
        Metric("valid_loss", "1", "valid", False, _LOSS, "nats a word"),
        Metric("test_loss", "1", "test", False, _LOSS, "nats a word; WikiText-2 alone"),
        Metric("train_loss", "1", "train", False, _LOSS, "nats a word; WikiText-2 alone"),
        Metric("cost_s", "s", "none", False, (0, 1e7), "mean of a training's epochs, for each"),
        Metric("params", "param", "none", False, (0, 1e9), "exactly those of every log"),
        Metric("macs", "MAC", "none", False, (0, 1e12), "of a token"),
    ),
    objective="valid_loss",
    target="test_loss",
    citation="""@article{klyuchnikov2022nasbenchnlp,
  title = {{NAS-Bench-NLP}: Neural Architecture Search Benchmark for Natural Language Processing},
  author = {Nikita Klyuchnikov and Ilya Trofimov and Ekaterina Artemova and Mikhail Salnikov and
            Maxim Fedorov and Alexander Filippov and Evgeny Burnaev},
  journal = {IEEE Access},
  year = {2022},
  note = {arXiv:2006.07116}
}""",
    licence=_LICENCE,
    resumable=True,
    table=TABLE,
    notes=(
        "263 cells that are searched: a small sample, so a budget of 100 queries sees much of it; "
        "searches stay inside, and step to the 8 nearest recipes",
        "differences under .04 nats mean nothing: that is the standard deviation of one training "
        "(80 repeats of the same recipe), among cells it is .61",
        "4 trainings diverged and have no values from there on; two cells have no other and are "
        "left out of searches",
        "ptb: of 275 trainings, as arXiv:2306.00288 prints them, which does not say of which part "
        "of the text; one length, no test loss, no seconds: to compare with, not to search on",
        "recipes are compared by the order in which they list their nodes; isomorphic ones with "
        "another order count as two",
        "size stands for the length of the text, tokens",
    ),
)


@oracle(INFO)
def load() -> Oracle:
    """The oracle over the converted table."""
    whole, table = RnnRecipe(), open_table(TABLE)
    places = range(len(whole.cardinalities))
    codes = np.stack([table.column(f"decision{place}") for place in places], axis=1)
    archs = tuple(Arch(whole.name, tuple(code)) for code in codes.tolist())
    rows = {arch: row for row, arch in enumerate(archs)}
    row = row_among(rows, INFO.name, whole, "cells that it has")
    runs = [name for name in table.names if name.startswith(f"wikitext-2/{EPOCHS}/")]
    ends = np.array([table.column(name) for name in runs if name.endswith("/valid_loss")])
    finished = np.isfinite(ends).any(axis=0).tolist()
    searched = [arch for arch, whether in zip(archs, finished, strict=True) if whether]
    return TableOracle(INFO, table, row=row, archs=lambda: archs, space=Pool(whole, searched))
