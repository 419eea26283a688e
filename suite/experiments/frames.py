"""The results of a store as pandas frames."""

from __future__ import annotations

import warnings
from pathlib import Path
from types import SimpleNamespace

from nasrepro.suite.experiments.kind import KINDS
from nasrepro.suite.experiments.store import Store


class Frames(SimpleNamespace):
    """Data frames by name; shown as the size and the columns of each."""

    def __repr__(self) -> str:
        return "\n".join(
            f"{name}: {len(frame):,} rows ({', '.join(frame.columns) or 'no columns'})"
            for name, frame in vars(self).items()
        )


def results(store: Path | str) -> Frames:
    """The contents of a results store as pandas frames: `runs`, `rankings`, `studies`.

    A row of `runs` is one run on one reported data set; each metric is a column. Numbers are
    integers or floats (NaN: no value); all other columns are text.

    Args:
        store: path of the SQLite file.

    Warns:
        UserWarning: the store holds results that cannot be read, or are of another engine.

    Raises:
        NasreproError: the store does not exist.
        DataCorrupt: the file is not a store.
    """
    import pandas as pd

    frames = {}
    with Store(Path(store), read_only=True) as opened:
        for kind in KINDS.values():
            frame = pd.DataFrame(
                [
                    {"id": run_id, **row}
                    for run_id, record in opened.identified(kind.name)
                    for row in kind.rows(record)
                ]
            )
            texts = [name for name in frame if frame[name].dtype == object]
            frames[kind.frame] = frame.astype(dict.fromkeys(texts, "string"))
        for line in opened.left_out():
            warnings.warn(line, stacklevel=2)
    return Frames(**frames)
