"""Inherited against new weights of path-level candidates."""

import numpy as np
import pytest

from nasrepro.methods import path_level_reuse
from nasrepro.suite.errors import NasreproError
from nasrepro.suite.registry import studies


def test_rows_by_weights_and_epochs(monkeypatch):
    monkeypatch.setattr(path_level_reuse, "LENGTHS", (0, 1))
    study = studies.get("path_level_reuse.curve")
    params = study.params({"cells": 3, "chain": 4, "truth": 1, "width": 4})
    rows = {
        (r["weights"], r["epochs"]): r for r in study.measure(np.random.default_rng(0), **params)
    }
    assert list(rows) == [(w, e) for w in ("inherited", "new") for e in (0, 1)]
    inherited, new = rows["inherited", 0], rows["new", 0]
    assert inherited["accuracy"] > new["accuracy"] + 10  # before any training of their own
    assert rows["new", 1]["seconds"] > new["seconds"] > 0
    assert all(
        -1 <= row["kendall"] <= 1 for row in rows.values() if row["kendall"] == row["kendall"]
    )


def test_one_cell_has_no_rank():
    study = studies.get("path_level_reuse.curve")
    with pytest.raises(NasreproError, match="cells 1; give at least 2"):
        list(study.measure(np.random.default_rng(0), **study.params({"cells": 1})))
