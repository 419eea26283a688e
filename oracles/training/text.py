"""Texts for language modelling, as tokens in three parts.

    pydoc_topics       the help texts of this Python, English prose of about half a million
                       characters, each paragraph once; they differ between versions of Python, so
                       the hash of the text is part of what determines a result
    tiny_shakespeare   1.1 million characters of Shakespeare, from Karpathy's char-rnn
    wikitext2_heldout  WikiText-2 without its training file: trained and validated on its
                       validation file, tested on its test file, so not comparable with published
                       results, which train on the other 2 million words
    path/to/file.txt   a text of the user's own, UTF-8

Where a text has no parts of its own, they are taken in order: the first 80 % of the tokens, 10 %,
10 %.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from nasrepro.suite.data import SourceFile, fetch_file
from nasrepro.suite.errors import DataMissing, NasreproError, UnknownName

if TYPE_CHECKING:
    from torch import Tensor
    from torch.optim import Optimizer

#: Whatever is not in the vocabulary.
UNKNOWN = "\ufffd"
#: Tokens of every text by characters: the same for all, so that perplexities have one upper mark,
#: 97 of a guess.
ALPHABET = (UNKNOWN, "\n", *(chr(code) for code in range(32, 127)))
#: Parts of a text that has none of its own.
VALID, TEST = 0.1, 0.1

PYDOC = "pydoc_topics"
_WIKITEXT = "D-X-Y/AutoDL-Projects/13e908f4df865fc3bb7415e52bce72731154c45a/data/data/wikitext-2"
#: Originals of the texts that are fetched; the second one is the test part.
SOURCES: Mapping[str, tuple[SourceFile, ...]] = {
    "tiny_shakespeare": (
        SourceFile(
            "karpathy/char-rnn/6f9487a6fe5b420b7ca9afb0d7c078e37c1d1b4e/data/tinyshakespeare/input.txt",
            "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
            1115394,
            "public domain",
        ),
    ),
    "wikitext2_heldout": (
        SourceFile(
            f"{_WIKITEXT}/valid.txt",
            "f0737ed31fc1329026e95cb8b98e19c2a182c39c240ab909dc31abf2f8af58e8",
            1121681,
            "CC BY-SA 3.0",
        ),
        SourceFile(
            f"{_WIKITEXT}/test.txt",
            "d790b833ef8cf03a90db7bf1271b7520b83c45ce07ba3c1a9699df81e239eca0",
            1256449,
            "CC BY-SA 3.0",
        ),
    ),
}
Level = Literal["char", "word"]


@dataclass(frozen=True, slots=True)
class LanguageRecipe:
    """All that determines the training of a language model besides the cell, the text and the seed.

    The optimiser is that of AutoShrink's proxy (authors' code, searching/rnn): SGD from 20,
    gradients clipped to a norm of 0.25, truncated back-propagation, the rate divided by 10 before
    the last three epochs and again before the last one, no dropout. The lengths are ours, by
    measurement: the released cell with 32 units trains in about 15 CPU seconds.

    Attributes:
        epochs: length of the schedule.
        batch: streams that the text is cut into.
        length: tokens that gradients run back over; theirs is halved now and then at random, ours
            is fixed.
        learning_rate: at the beginning.
        clip: largest norm of the gradient.
        train_tokens: how much of the training part is used, from its start; 0 is all.
        eval_tokens: likewise for the validation part and the test part.
        eval_batch: streams of an evaluation.
    """

    epochs: int = 5
    batch: int = 64
    length: int = 35
    learning_rate: float = 20.0
    clip: float = 0.25
    train_tokens: int = 150_000
    eval_tokens: int = 20_000
    eval_batch: int = 128

    def rate(self, epoch: int) -> float:
        """Learning rate of an epoch, counted from 0."""
        return self.learning_rate * math.pow(
            0.1, (epoch > self.epochs - 4) + (epoch > self.epochs - 2)
        )

    def optimiser(self, parameters: Sequence[Tensor]) -> Optimizer:
        """What makes the steps: plain SGD."""
        from torch.optim import SGD

        return SGD(parameters, lr=self.learning_rate)


@dataclass(frozen=True, slots=True, eq=False)
class Text:
    """A text as tokens.

    Attributes:
        name: of the text.
        sha256: of all its characters and of how they were cut into tokens.
        vocabulary: the tokens by number.
        train: numbers, int64, (n,).
        valid: likewise.
        test: likewise.
    """

    name: str
    sha256: str
    vocabulary: tuple[str, ...]
    train: NDArray[np.int64]
    valid: NDArray[np.int64]
    test: NDArray[np.int64]


def load_text(name: str, level: Level = "char") -> Text:
    """A text by its name, or by the path of a file.

    Args:
        name: as in the list above, or a path.
        level: "char" for characters of `ALPHABET`; "word" for words between white space and line
            ends, the vocabulary being those of the training part.

    Raises:
        UnknownName: neither a text that is known nor a file.
        DataMissing, DataCorrupt: it cannot be had, or is not what it must be; the message says what
            to do.
        NasreproError: it is no UTF-8, or too short to be split.
    """
    main, test = _read(name)
    tokens = [_cut(part, level) for part in (main, test)]
    if test:
        kept = len(tokens[0]) - int(VALID * len(tokens[0]))
        parts = tokens[0][:kept], tokens[0][kept:], tokens[1]
    else:
        last, held = int(TEST * len(tokens[0])), int(VALID * len(tokens[0]))
        kept = len(tokens[0]) - held - last
        parts = tokens[0][:kept], tokens[0][kept : kept + held], tokens[0][kept + held :]
    if min(map(len, parts)) < 2:
        raise NasreproError(
            f"text {name} has {len(tokens[0])} tokens, too few for three parts; use a longer one"
        )
    vocabulary = (
        ALPHABET
        if level == "char"
        else (UNKNOWN, *(word for word, _ in Counter(parts[0]).most_common() if word != UNKNOWN))
    )
    number = {token: index for index, token in enumerate(vocabulary)}
    arrays = [np.array([number.get(token, 0) for token in part], dtype=np.int64) for part in parts]
    digest = hashlib.sha256(
        "\0".join([main, test, level, str(VALID), str(TEST)]).encode()
    ).hexdigest()
    return Text(name, digest, vocabulary, *arrays)


def _cut(text: str, level: Level) -> Sequence[str]:
    """Tokens; at the level of words a line end is one."""
    return (
        text
        if level == "char"
        else [word for line in text.splitlines() for word in (*line.split(), "\n")]
    )


def _read(name: str) -> tuple[str, str]:
    """A text, and its test part where it has its own."""
    if name == PYDOC:
        try:
            from pydoc_data.topics import topics
        except ImportError as error:
            raise DataMissing(
                f"this Python has no pydoc_data.topics; use another text: {', '.join(SOURCES)}, "
                "or a file"
            ) from error
        text = "\n\n".join(topics[topic] for topic in sorted(topics))
        # sections are repeated from topic to topic: each paragraph once, where it comes first
        return "\n\n".join(dict.fromkeys(text.split("\n\n"))), ""
    if name in SOURCES:
        main, *test = (fetch_file(source).read_text(encoding="utf-8") for source in SOURCES[name])
        return main, "".join(test)
    path = Path(name).expanduser()
    if not path.is_file():
        if path.suffix or len(path.parts) > 1:
            raise DataMissing(
                f"there is no file {path}; give the path of a text file, or one of "
                f"{', '.join([PYDOC, *SOURCES])}"
            )
        raise UnknownName("text", name, [PYDOC, *SOURCES, "a path"])
    try:
        return path.read_text(encoding="utf-8"), ""
    except UnicodeDecodeError as error:
        raise NasreproError(
            f"{path} is no UTF-8 text ({error.reason} at byte {error.start}); convert it"
        ) from error
