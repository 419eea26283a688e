"""Errors that a user can cause: each names the thing, the value and the way out, on one line.

NasreproError            printed on one line, exit code 2
  UnknownName            a name that is not in its list; the nearest one is suggested
  InvalidArch            names no architecture of the space
  NoTopology             the space has no edges to add or remove
  NotTabulated           the table does not hold the value
  DataMissing            a table or file is not on this machine
  DataCorrupt            a file is damaged or of another kind
  ProtocolError          a rule of a fair comparison is broken
BaseException
  BudgetExhausted        the next evaluation does not fit the budget; ends a search
  BudgetIgnored          an evaluation after that
"""

from __future__ import annotations

import difflib
import traceback
from collections.abc import Iterable
from pathlib import Path


class NasreproError(Exception):
    """Base of every error that the command line prints on one line (exit code 2).

    Some are also KeyError or ValueError, for scripts that catch the official interfaces' errors.
    """

    def __str__(self) -> str:
        # KeyError would print its message in quotes, and what a library says may have several lines
        return " ".join(map(str.strip, Exception.__str__(self).splitlines()))


class UnknownName(NasreproError, KeyError, ValueError):
    """A name that is not in its list; the message suggests the nearest one."""

    def __init__(
        self, kind: str, value: object, accepted: Iterable[object], hint: str = ""
    ) -> None:
        names = [str(name) for name in accepted]
        lower = {name.lower(): name for name in names}
        near = difflib.get_close_matches(str(value).lower(), lower, n=1, cutoff=0.5)
        guess = f"; did you mean {lower[near[0]]!r}?" if near else ""
        shown = (
            ", ".join(names) if len(names) <= 30 else ", ".join(names[:30]) + f" ... ({len(names)})"
        )
        super().__init__(
            f"unknown {kind} {str(value)!r}{guess} (accepted: "
            f"{shown or 'none'}){hint and '; ' + hint}"
        )


class InvalidArch(NasreproError, ValueError):
    """A text, index or code that names no architecture of the space."""


class NoTopology(NasreproError):
    """A method that adds and removes edges was given a space without any."""


class NotTabulated(NasreproError, KeyError):
    """The table does not hold the requested value; missing values are never made up."""


class DataMissing(NasreproError):
    """A table or source file is not on this machine and could not be fetched."""


class ScoresMissing(DataMissing):
    """Networks are not scored, and scoring them takes minutes that were not requested."""


class DataCorrupt(NasreproError):
    """A file exists but has the wrong size, checksum, format or version."""


class ProtocolError(NasreproError):
    """A method or caller broke the rules of a fair comparison."""


class BudgetExhausted(BaseException):
    """Raised by `Session.evaluate` if the next evaluation does not fit the budget; ends the search.

    Derives from BaseException, like KeyboardInterrupt, so that a method's `except Exception` cannot
    swallow it by accident.
    """


class BudgetIgnored(BaseException):
    """Raised if a method keeps evaluating after catching BudgetExhausted; ends its loop."""


def one_line(error: BaseException, path: Path | str = "") -> str:
    """Type, message and place of an error, on one line.

    Args:
        error: the raised exception.
        path: file to take the last frame from, if it has one; else the last frame of all.
    """
    try:
        message = " ".join(str(error).split())
    except Exception:  # an exception of a method may not even print
        message = "(its message cannot be printed)"
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if path and Path(frame.filename) == Path(path)]
    if isinstance(error, SyntaxError) and error.filename:
        where = f" ({Path(error.filename).name}, line {error.lineno})"
        message = error.msg
    elif own or frames:
        last = (own or frames)[-1]
        where = f" ({Path(last.filename).name}, line {last.lineno})"
    else:
        where = ""
    return f"{type(error).__name__}{': ' if message else ''}{message}{where}"
