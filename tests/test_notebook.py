"""The example notebook: its ten cells run as they stand, on the table that ships."""

from __future__ import annotations

import json
from pathlib import Path

import matplotlib as mpl

NOTEBOOK = Path(__file__).parents[1] / "docs/figure.ipynb"


def test_the_notebook_runs_from_the_table_to_the_figure(tmp_path, monkeypatch):
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    assert len(cells) == 10
    assert not any(cell.get("outputs") for cell in cells)  # nothing in it that was not just made
    monkeypatch.chdir(tmp_path)
    mpl.use("agg")
    names: dict[str, object] = {}
    for cell in cells:
        if cell["cell_type"] == "code":
            exec("".join(cell["source"]).replace("20\nmoments", "3\nmoments"), names)
    assert (tmp_path / "figure.pdf").read_bytes().startswith(b"%PDF")
    assert set(names["curves"]) == {"random_search", "regularized_evolution", "local_search"}
    assert all((curve[:, -1] >= 0).all() for curve in names["curves"].values())
