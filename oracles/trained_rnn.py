"""trained_rnn.

AutoShrink's recurrent cells (arXiv:1911.09251) trained as language models when they are asked for.

Theirs were searched on a part of the Penn Treebank by words, with 100 units, batches of 128,
embeddings from GloVe and 10 epochs; here a text is read by characters, with 32 units and 5 epochs
of 150,000 characters, so that the released cell trains in about 15 CPU seconds. The optimiser and
its schedule are theirs. Their initial weights (up to 0.04) would be too small for 32 units: with
them the cell without edges came out far ahead (validation perplexity 7.3, the released one 12.2,
seed 0); with 0.2 they have 6.4 and 7.1, one of one edge 6.1. They take the best validation
perplexity of all epochs, here it is each epoch's own.

For the range of perplexities: of the 345 recurrent cells whose training on WikiText-2 by words
NAS-Bench-NLP (arXiv:2006.07116) logged, 343 have a finite validation loss, and their best
validation perplexities run from 96.3 over a median of 264 to 2,348 (counted from the logs; a test
counts again). Perplexities by characters are far lower and compare with none of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace

from nasrepro.oracles import shrinkcnn
from nasrepro.oracles.spaces.recurrent import RecurrentSpace
from nasrepro.oracles.training.oracle import COSTS, TrainedOracle, Training
from nasrepro.oracles.training.text import ALPHABET, PYDOC, SOURCES, LanguageRecipe, load_text
from nasrepro.oracles.training.work import counted
from nasrepro.suite.oracle import Dataset, Metric, Oracle, OracleInfo
from nasrepro.suite.registry import oracle

#: Raise it whenever the same setting would give another answer.
VERSION = 2  # costs are counted, and the loop is that of all trainings
RECIPE = LanguageRecipe()
#: 0.2 with 32 units passes on as much as the authors' 0.04 with their 745: 0.04 sqrt(745 / 32) =
#: 0.19.
SPACE = RecurrentSpace(embedding=32, hidden=32, init_range=0.2)
#: The whole model that a cell is evaluated in after a search (the study `crafting.final`): more
#: units and more text, as much as 60 CPU seconds allow.
FINAL_RECIPE = LanguageRecipe(train_tokens=300_000, eval_tokens=0)
FINAL_SPACE = RecurrentSpace(embedding=64, hidden=64, init_range=0.14)
#: e^30: from there on a training has diverged, and its perplexity is NaN.
LARGEST = 1.1e13

INFO = OracleInfo(
    name="trained_rnn",
    space=SPACE,
    datasets=(
        Dataset(
            "tiny_shakespeare",
            len(ALPHABET),
            1,
            "the first 150,000 of 1.1 million characters, by characters",
        ),
        Dataset(
            "wikitext2_heldout",
            len(ALPHABET),
            1,
            "WikiText-2's validation file to train on, its test file to test, by characters",
        ),
        Dataset(
            PYDOC,
            len(ALPHABET),
            1,
            "the help texts of this Python, by characters; they differ between versions of Python",
        ),
    ),
    metrics=(
        Metric(
            "valid_perplexity",
            "1",
            "valid",
            False,
            (1, LARGEST),
            "a character, after the last epoch asked for; a guess has 97",
        ),
        Metric(
            "test_perplexity",
            "1",
            "test",
            False,
            (1, LARGEST),
            "a character, at the end of the schedule",
        ),
        Metric(
            "train_loss",
            "1",
            "train",
            False,
            (0, float("inf")),
            "mean over the epoch, nats a character",
        ),
        *COSTS,
        Metric("params", "param", "none", False, (0, 1e9)),
        Metric("macs", "MAC", "none", False, (0, 1e9), "of one character"),
    ),
    objective="valid_perplexity",
    target="test_perplexity",
    citation=shrinkcnn.INFO.citation,
    licence="PSF (help texts of Python), public domain (Shakespeare), CC BY-SA 3.0 (WikiText-2)",
    resumable=True,
    trains=True,
    notes=(
        "trains what it is asked for, 2 to 20 seconds for each cell, and remembers it",
        "a short training: cells with few edges learn faster, so they come out better than they "
        "would in a long one",
        "by characters and without dropout: no perplexity here compares with a published one",
    ),
)


FINAL = replace(
    INFO,
    name="trained_rnn_final",
    space=FINAL_SPACE,
    datasets=INFO.datasets[:1],
    notes=(
        "whole models of the cells that are searched on trained_rnn: 64 units, 300,000 characters",
        "by characters and without dropout: no perplexity here compares with a published one",
    ),
)


def opened(info: OracleInfo, space: RecurrentSpace, recipe: LanguageRecipe) -> Oracle:
    """The oracle of a description, with the table that has grown so far."""

    def train(training: Training) -> Mapping[tuple[int, int], Mapping[str, float]]:
        from nasrepro.oracles.training.language import LanguageLearner
        from nasrepro.oracles.training.loop import measured

        text = load_text(training.dataset)
        network = counted(space, training.arch, classes=len(text.vocabulary), size=1)
        # the products of x and of the decoder are taken for a whole piece of the text at once
        network = replace(network, layers=network.layers - 2)
        return measured(
            LanguageLearner(space, training.arch, text, recipe, training.seed),
            recipe,
            [training.seed],
            network,
            until=training.epochs,
            checkpoint=training.checkpoint,
            tell=training.tell,
        )

    texts = {
        PYDOC: load_text(PYDOC).sha256,
        **{name: [file.sha256 for file in files] for name, files in SOURCES.items()},
    }
    return TrainedOracle(
        info,
        train,
        epochs=range(1, recipe.epochs + 1),
        seeds=(0, 1, 2),
        determined_by={"recipe": asdict(recipe), "texts": texts, "trainer": VERSION},
    )


@oracle(INFO)
def load() -> Oracle:
    """Small models, for searches."""
    return opened(INFO, SPACE, RECIPE)


@oracle(FINAL)
def load_final() -> Oracle:
    """Whole models."""
    return opened(FINAL, FINAL_SPACE, FINAL_RECIPE)
