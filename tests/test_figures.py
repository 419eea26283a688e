"""The figures' common ground, and each kind of figure from synthetic runs."""

import hashlib
import sys
from types import ModuleType

import matplotlib as mpl
import pytest
from typer.testing import CliRunner

from reports import figures
from reports.figures.style import BASELINE, DASHES, Drawing, look_of, new_figure, save
from suite import cells
from suite.cli import app
from suite.errors import NasreproError, UnknownName
from suite.record import Scatter
from suite.registry import load_oracle
from suite.store import Store


@pytest.fixture
def sketch(monkeypatch):
    """A kind of figure called `sketch` that draws one line, and another of the same name where `twice` is set."""
    kind = ModuleType("reports.figures.sketch")
    kind.twice = False

    def draw(store):
        for _ in range(1 + kind.twice):
            figure = new_figure("column")
            figure.add_subplot().plot([0, 1], [0, 1], **look_of(["a"])["a"].line)
            yield Drawing("sketch-line", f"A line from {store.path.name}.", figure)

    kind.draw = draw
    monkeypatch.setitem(sys.modules, kind.__name__, kind)
    monkeypatch.setattr(figures, "kinds", lambda: ["device_agreement", "sketch"])
    return kind


def test_figures_are_written_as_pdf_and_png_the_same_twice(tmp_path, sketch):
    before = dict(mpl.rcParams)
    with Store(tmp_path / "runs.sqlite") as store:
        steps = []
        for name in ("one", "two"):
            captions = figures.write(store, tmp_path / name, progress=lambda *step: steps.append(step))
            assert captions == [("sketch-line", "A line from runs.sqlite.")]
    files = [{path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in (tmp_path / name).iterdir()} for name in ("one", "two")]
    assert sorted(files[0]) == ["sketch-line.pdf", "sketch-line.png"] and files[0] == files[1]
    assert steps[:4] == [(0, 2, "device_agreement"), (1, 2, "device_agreement"), (1, 2, "sketch"), (2, 2, "sketch")]
    assert dict(mpl.rcParams) == before
    pdf = (tmp_path / "one/sketch-line.pdf").read_bytes()
    assert b"/Type3" not in pdf and b"CreationDate" not in pdf and b"/Subtype /Image" not in pdf


def test_wrong_figures_are_refused_by_name(tmp_path, sketch):
    with Store(tmp_path / "runs.sqlite") as store:
        with pytest.raises(UnknownName, match=r"unknown kind of figure 'sketsh'.*sketch"):
            figures.write(store, tmp_path, only=["sketsh"])
        sketch.twice = True
        with pytest.raises(NasreproError, match=r"sketch.py draws a second figure called sketch-line"):
            figures.write(store, tmp_path)
    with pytest.raises(NasreproError, match=r"\.png or \.pdf"):
        save(new_figure(), tmp_path / "line.gif")


def test_the_command_prints_captions_and_tells_where_the_files_are(tmp_path, sketch):
    Store(tmp_path / "runs.sqlite").close()
    result = CliRunner().invoke(app, ["figures", "--store", str(tmp_path / "runs.sqlite"), "--only", "sketch"])
    assert result.exit_code == 0, result.output
    assert result.stdout == "sketch-line: A line from runs.sqlite.\n"
    assert "1 figures, as PDF and PNG, in" in result.stderr and (tmp_path / "figures/sketch-line.png").exists()


def test_every_kind_is_found_by_its_file():
    kinds = figures.kinds()
    assert "device_agreement" in kinds and "style" not in kinds


def test_looks_differ_and_stay_the_same():
    names = [f"method{i:02}" for i in range(20)]
    looks = look_of([*names, BASELINE])
    assert len({(look.colour, look.marker, str(look.dash)) for look in looks.values()}) == 21
    assert look_of(reversed([*names, BASELINE])) == looks
    assert looks[BASELINE] == look_of([BASELINE])[BASELINE]
    first = [looks[name] for name in names[:4]]  # without colour
    assert len({look.marker for look in first}) == 4 and len({str(look.dash) for look in first}) == len(DASHES)


def test_a_ranking_keeps_scores_for_its_scatter(monkeypatch):
    """A sample of the ranked architectures, each with its own score and value."""
    monkeypatch.setattr(cells, "SCATTERED", 300)
    oracle = load_oracle("digits201")
    record, packed = cells.RankCell(cells.rank_key(oracle, "params", "digits", 30, resamples=2)).execute()
    scatter = Scatter.from_bytes(packed)
    assert record.status == "done" and len(scatter.rows) == 300 == len(set(scatter.rows))
    for row, score, value in list(zip(scatter.rows, scatter.scores, scatter.values, strict=True))[::60]:
        arch = oracle.archs()[row]
        assert score == oracle.space.complexity(arch, classes=10, size=8).params
        assert value == oracle.query(arch, dataset="digits", epochs=30).values["test_accuracy"]
