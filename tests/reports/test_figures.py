"""The figures' common ground, and each kind of figure from synthetic runs."""

import hashlib
import importlib
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType, SimpleNamespace

import matplotlib as mpl
import numpy as np
import pytest
from ranked import rank_key
from typer.testing import CliRunner

from nasrepro.__main__ import app
from nasrepro.reports import figures
from nasrepro.reports.anytime import BASELINE
from nasrepro.reports.document import slug
from nasrepro.reports.figures import anytime, fronts, predictor_scatter
from nasrepro.reports.figures.style import (
    DASHES,
    WIDTHS,
    Drawing,
    legend_below,
    logarithmic,
    look_of,
    new_figure,
    save,
    styled,
)
from nasrepro.reports.groups import groups_of
from nasrepro.reports.summary import Results
from nasrepro.reports.words import title_of
from nasrepro.suite.claims import Claim, Verdict
from nasrepro.suite.errors import NasreproError, UnknownName
from nasrepro.suite.experiments.cells import cells_of
from nasrepro.suite.experiments.kinds import ranking
from nasrepro.suite.experiments.kinds.ranking import RankRecord, Scatter
from nasrepro.suite.experiments.plan import Plan
from nasrepro.suite.experiments.runner import run_cells
from nasrepro.suite.experiments.store import Store
from nasrepro.suite.experiments.worker import execute_here
from nasrepro.suite.registry import load_oracle, methods, oracles


@pytest.fixture
def sketch(monkeypatch):
    """A kind of figure called `sketch` that draws one line in each figure of `names`."""
    kind = ModuleType("nasrepro.reports.figures.sketch")
    kind.names = ["sketch-line"]

    def draw(results):
        for name in kind.names:
            figure = new_figure("column")
            figure.add_subplot().plot([0, 1], [0, 1], **look_of(["a"])["a"].line)
            yield Drawing(name, f"A line from {results.store.path.name}.", figure)

    kind.draw = draw
    monkeypatch.setitem(sys.modules, kind.__name__, kind)
    monkeypatch.setattr(figures, "kinds", lambda: ["device_agreement", "sketch"])
    return kind


def test_figures_are_written_as_pdf_and_png_the_same_twice(tmp_path, sketch):
    before = dict(mpl.rcParams)
    with Store(tmp_path / "runs.sqlite") as store:
        steps = []
        for name in ("one", "two"):
            captions = figures.write(
                Results(store), tmp_path / name, progress=lambda *step: steps.append(step)
            )
            assert captions == [("sketch-line", "A line from runs.sqlite.")]
    files = [
        {
            path.name: hashlib.sha256(path.read_bytes()).hexdigest()
            for path in (tmp_path / name).iterdir()
        }
        for name in ("one", "two")
    ]
    assert sorted(files[0]) == ["sketch-line.pdf", "sketch-line.png"] and files[0] == files[1]
    assert steps[:4] == [
        (0, 2, "device_agreement"),
        (1, 2, "device_agreement"),
        (1, 2, "sketch"),
        (2, 2, "sketch"),
    ]
    assert dict(mpl.rcParams) == before
    pdf = (tmp_path / "one/sketch-line.pdf").read_bytes()
    assert b"/Type3" not in pdf and b"CreationDate" not in pdf and b"/Subtype /Image" not in pdf


def test_processes_write_the_same_files(tmp_path, sketch):
    sketch.names = [f"sketch-{number}" for number in range(figures.FEW + 1)]
    with Store(tmp_path / "runs.sqlite") as store:
        for workers in (1, 2):
            figures.write(Results(store), tmp_path / str(workers), workers=workers)
    files = sorted(path.name for path in (tmp_path / "1").iterdir())
    assert len(files) == 2 * len(sketch.names)
    assert all(
        (tmp_path / "1" / name).read_bytes() == (tmp_path / "2" / name).read_bytes()
        for name in files
    )


def test_wrong_figures_are_refused_by_name(tmp_path, sketch):
    with Store(tmp_path / "runs.sqlite") as store:
        with pytest.raises(UnknownName, match=r"unknown kind of figure 'sketsh'.*sketch"):
            figures.write(Results(store), tmp_path, only=["sketsh"])
        sketch.names *= 2
        captions = figures.write(Results(store), tmp_path)
        assert [name for name, _ in captions] == ["sketch-line", "sketch-line-2"]
        assert (tmp_path / "sketch-line-2.pdf").exists()
    with pytest.raises(NasreproError, match=r"\.png or \.pdf"):
        save(new_figure(), tmp_path / "line.gif")


def test_a_row_that_is_not_there_is_not_passed_over():
    store = str(Path(__file__).parents[2] / "results/sample.sqlite")
    words = ["figures", "--store", store, "--method", "nosuch"]
    with pytest.raises(UnknownName, match="unknown row 'nosuch'"):
        CliRunner().invoke(app, words, catch_exceptions=False)


def test_the_command_prints_captions_and_tells_where_the_files_are(tmp_path, sketch):
    Store(tmp_path / "runs.sqlite").close()
    result = CliRunner().invoke(
        app, ["figures", "--store", str(tmp_path / "runs.sqlite"), "--only", "sketch"]
    )
    assert result.exit_code == 0, result.output
    assert result.stdout == "sketch-line: A line from runs.sqlite.\n"
    assert (
        "1 figure, as PDF and PNG, in" in result.stderr
        and (tmp_path / "figures/sketch-line.png").exists()
    )


def test_every_kind_is_found_by_its_file():
    kinds = figures.kinds()
    assert "device_agreement" in kinds and "style" not in kinds


def test_looks_differ_and_stay_the_same():
    names = [f"method{i:02}" for i in range(20)]
    looks = look_of([*names, BASELINE])
    assert (
        len({(look.colour, str(look.dash)) for look in looks.values()}) == 21
    )  # lines, which have no markers
    assert (
        len({(look.colour, look.marker) for look in looks.values()}) == 21
    )  # points, which have no dashes
    assert look_of(reversed([*names, BASELINE])) == looks
    assert looks[BASELINE] == look_of([BASELINE])[BASELINE]
    first = [looks[name] for name in names[:4]]  # without colour
    assert len({look.marker for look in first}) == 4 and len(
        {str(look.dash) for look in first}
    ) == len(DASHES)


def test_flash_s_scores_are_in_the_objective_s_unit():
    """Perplexity is signed so that higher is better, and is no percentage."""
    rnn, digits = (oracles.get(name).info for name in ("trained_rnn", "digits201"))
    axis = predictor_scatter.score_axis
    assert axis(digits.objective_of("digits")) == "valid accuracy (%)"
    assert axis(rnn.objective_of(rnn.datasets[0].name)) == "−valid perplexity"


def test_a_ranking_keeps_scores_for_its_scatter(monkeypatch):
    """A sample of the ranked architectures, each with its own score and value."""
    monkeypatch.setattr(ranking, "SCATTERED", 300)
    oracle = load_oracle("digits201")
    record, packed = execute_here(
        ranking.RankCell(ranking.rank_key(oracle, "params", "digits", 30, resamples=2))
    )
    scatter = Scatter.from_bytes(packed)
    assert record.status == "done" and len(scatter.rows) == 300 == len(set(scatter.rows))
    for row, score, value in list(zip(scatter.rows, scatter.scores, scatter.values, strict=True))[
        ::60
    ]:
        arch = oracle.archs()[row]
        assert score == oracle.space.complexity(arch, classes=10, size=8).params
        assert value == oracle.query(arch, dataset="digits", epochs=30).values["test_accuracy"]


# -- kinds -----------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Short real searches on the shipped table at two budgets, and a ranking.

    One of the searches is by a method of a user.
    """
    folder = tmp_path_factory.mktemp("results")
    mine = folder / "mine.py"
    mine.write_text(
        'from nasrepro.suite.registry import method\n\n\n@method("mine", paper="ours")\n'
        "def search(session, rng):\n"
        "    while True:\n        session.evaluate(session.space.sample(rng))\n"
    )
    experiments = [
        {"oracle": "digits201", "methods": ["random_search", "regularized_evolution"],
         "datasets": ["digits"],
         "search_epochs": epochs, "report_epochs": 30, "budgets": [{"seconds": 3}], "seeds": 4}
        for epochs in (6, 12)
    ]  # fmt: skip
    ranking = {
        "oracle": "digits201",
        "scorers": ["params", "live_conv_count"],
        "datasets": ["digits"],
        "epochs": 30,
        "resamples": 20,
    }
    plan = Plan.model_validate({"experiment": experiments, "ranking": [ranking]})
    with Store(folder / "runs.sqlite") as store:
        run_cells(cells_of(plan, [methods.from_file(mine)]), store, executor="inline")
        yield store


def drawn(kind, store):
    with styled():
        return list(
            importlib.import_module(f"nasrepro.reports.figures.{kind}").draw(Results(store))
        )


def texts(figure):
    """Everything that is written in a figure and not hidden."""
    return [
        text.get_text()
        for text in figure.findobj(mpl.text.Text)
        if text.get_text() and text.get_visible()
    ]


def overlaps(figure):
    """Pairs of labels of one axes that cover each other, after the layout.

    The labels are those of ticks and axes, and titles.
    """
    with styled():  # ticks are made when they are drawn
        figure.draw_without_rendering()
    found = []
    for axes in figure.axes:
        low, high, left, right = *sorted(axes.get_ylim()), *sorted(axes.get_xlim())
        ticks = [
            label for label in axes.get_xticklabels() if left <= label.get_position()[0] <= right
        ]  # others are not drawn
        ticks += [
            label for label in axes.get_yticklabels() if low <= label.get_position()[1] <= high
        ]
        written = [
            text
            for text in (axes.title, axes.xaxis.label, axes.yaxis.label, *ticks)
            if text.get_text() and text.get_visible()
        ]
        boxes = [(text.get_text(), text.get_window_extent()) for text in written]
        inside = [(name, box.shrunk(0.9, 0.9)) for name, box in boxes]
        found += [
            (a, b)
            for i, (a, one) in enumerate(inside)
            for b, two in inside[i + 1 :]
            if one.overlaps(two)
        ]
    return found


@pytest.mark.parametrize("kind", ["anytime", "fronts", "kendall", "rank_scatter"])
def test_a_kind_of_figure(kind, results):
    found = drawn(kind, results)
    assert (
        len({each.name for each in found})
        == len(found)
        == {"anytime": 2, "fronts": 2, "kendall": 1, "rank_scatter": 1}[kind]
    )
    for each in found:
        assert each.name == slug(each.name) and each.caption.endswith((".", "all."))
        assert each.figure.get_size_inches()[0] in WIDTHS.values()
        assert overlaps(each.figure) == []
    words = " ".join(texts(found[0].figure))
    for name in (
        ("params", "live_conv_count")
        if kind in ("kendall", "rank_scatter")
        else ("Random search", "Regularized evolution", "▸ mine")
    ):
        assert name in words


def test_two_settings_of_a_scorer_are_told_apart():
    """No bar stands over another; the caption says what the letters are."""
    agreement = {
        "n": 100,
        "status": "ok",
        "kendall": 0.5,
        "kendall_ci": (0.4, 0.6),
        "top_kendall": 0.1,
    }

    def ranking(scorer, setting, sample):
        key = rank_key(scorer, setting=setting, sample=sample)
        return RankRecord(key, "done", agreement)

    records = [
        ranking("zico", {}, 100),
        ranking("zico", {"batch": 32}, 100),
        ranking("params", {}, 0),
    ]
    (drawing,) = importlib.import_module("nasrepro.reports.figures.kendall").draw(
        SimpleNamespace(rankings=records)
    )
    panel = drawing.figure.axes[0]
    assert sorted(label.get_text() for label in panel.get_yticklabels()) == [
        "params",
        "zico (A)",
        "zico (B)",
    ]
    assert len({bar.get_y() for bar in panel.patches}) == 3
    assert drawing.caption.endswith(
        " A: scored with 2 × 128, full network. B: scored with 2 × 32, full network."
    )


def test_anytime_curves_are_the_means_of_the_incumbents(results):
    """At the end each curve is the mean of the final regrets."""
    (drawing,) = [each for each in drawn("anytime", results) if "12ep" in each.name]
    groups = [group for group in groups_of(results) if group.setting.protocol.search_epochs == 12]
    panel = drawing.figure.axes[0]
    lines = {line.get_label(): line.get_ydata() for line in panel.lines}
    for group in groups:
        (label,) = [label for label in lines if title_of(group.method) in label]
        assert lines[label][-1] == pytest.approx(100 * group.values["digits", "regret"].mean())
        assert (np.diff(lines[label]) <= 5).all() and lines[label][0] >= lines[label][-1] - 5
    assert [axes.get_xlabel() for axes in drawing.figure.axes] == [
        "Simulated training (s)",
        "Queries",
    ]


def test_settings_that_differ_in_what_is_reported_have_figures_of_their_own(tmp_path):
    experiments = [
        {"oracle": "digits201", "methods": ["random_search"], "datasets": ["digits"],
         "search_epochs": 12, "report_epochs": epochs, "budgets": [{"seconds": 3}], "seeds": 2}
        for epochs in (12, 30)
    ]  # fmt: skip
    with Store(tmp_path / "runs.sqlite") as store:
        run_cells(
            cells_of(Plan.model_validate({"experiment": experiments})), store, executor="inline"
        )
        figures.write(Results(store), tmp_path / "figures", only=["anytime"])
    names = {path.stem for path in (tmp_path / "figures").glob("anytime-*.png")}
    assert names == {"anytime-digits201-digits-12ep-3-s", "anytime-digits201-digits-12ep-3-s-2"}


def test_one_s_own_is_in_colour_and_the_others_grey(results):
    with styled():
        shown = anytime.draw(Results(results, highlighted=["regularized"]))
        drawing = next(each for each in shown if "12ep" in each.name)
    panel = drawing.figure.axes[0]
    grey = {line.get_gid() for line in panel.lines if line.get_color() == "0.8"}
    assert grey == {"▸ mine"}  # the baseline keeps its own look
    assert drawing.caption.endswith("In grey: the other methods.")


def test_a_plan_chooses_what_is_drawn(results, tmp_path):
    (tmp_path / "plan.toml").write_text(
        '[[experiment]]\noracle = "digits201"\nmethods = ["random_search"]\n'
        'datasets = ["digits"]\nsearch_epochs = 12\nreport_epochs = 30\n'
        "budgets = [{ seconds = 7 }]\nseeds = 2\n",
        encoding="utf-8",
    )
    chosen = Results(results, plan=str(tmp_path / "plan.toml"))
    assert not list(anytime.draw(chosen)) and not list(chosen.runs())


def test_fronts_keep_what_no_other_beats():
    points = [
        (name, (cost, 0, 0), (result, 0, 0))
        for name, cost, result in (("a", 1, 5), ("b", 2, 4), ("c", 3, 7), ("d", 3, 6), ("e", 4, 7))
    ]
    assert fronts.front_of(points, higher=True) == [(1, 5), (3, 7)]
    assert fronts.front_of(points, higher=False) == [(1, 5), (2, 4)]


def test_the_critical_difference_diagram(monkeypatch, results):
    assert drawn("critical_difference", results) == []  # one task
    groups = [group for group in groups_of(results) if group.setting.protocol.search_epochs == 12]
    settings = [replace(groups[0].setting, dataset=f"set{i}") for i in range(4)]
    monkeypatch.setattr(
        Results,
        "by_setting",
        [(s, [replace(group, setting=s) for group in groups]) for s in settings],
    )
    (drawing,) = drawn("critical_difference", results)
    words = texts(drawing.figure)
    assert any(word.startswith("CD = 1.66") for word in words)  # 2.343 * sqrt(12 / 24)
    for name in ("Random search", "Regularized evolution", "▸ mine"):
        assert any(name in word for word in words)
    assert "4 tasks" in drawing.caption and "The tasks are the replicates" in drawing.caption


def test_the_claims_overview(monkeypatch, results):
    kind = importlib.import_module("nasrepro.reports.figures.claims")
    base = {
        "paper": "arXiv:0",
        "file": "paper",
        "statement": "s",
        "where": "w",
        "source": "recalled",
    }
    look = {"oracle": "digits201", "dataset": "digits", "epochs": 30, "metric": "test_accuracy"}
    claims = [Claim(id=f"paper-{i}", value=90.0, lookup=look, **base) for i in range(3)]
    verdicts = [
        Verdict("reproduced", 90.5, 90.0, 90.8, band=(89.0, 91.0), claim=claims[0]),
        Verdict("not reproduced", 99.0, 98.0, 99.5, band=(89.0, 91.0), claim=claims[1]),
        Verdict("inconclusive", 91.0, 90.5, 91.5, band=(89.0, 91.0), claim=claims[2]),
        Verdict("blocked", claim=Claim(id="paper-x", needs="a phone", **base)),
    ]
    monkeypatch.setattr(kind, "judge_all", lambda *_: verdicts)
    counts, forest = drawn("claims", results)
    assert [each.name for each in (counts, forest)] == ["claims", "claims-paper"]
    labels = [label.get_text() for label in forest.figure.axes[0].get_yticklabels()]
    assert labels == ["paper-0 †", "paper-1 †", "paper-2 †"]  # the axis points down
    markers = [
        line.get_marker() for line in forest.figure.axes[0].lines if len(line.get_xdata()) == 1
    ]
    assert markers[:3] == ["o", ">", "D"]
    assert overlaps(forest.figure) == [] and overlaps(counts.figure) == []
    monkeypatch.setattr(kind, "judge_all", lambda *_: verdicts[3:])
    assert drawn("claims", results) == []


def test_no_figure_of_claims_is_taller_than_a_page():
    kind = importlib.import_module("nasrepro.reports.figures.claims")
    base = {"paper": "arXiv:0", "file": "p", "statement": "s", "where": "w", "source": "paper"}
    look = {"oracle": "digits201", "dataset": "digits", "epochs": 30, "metric": "test_accuracy"}
    ids = [f"p-{group}-{i:03}" for group in ("a", "b") for i in range(90)]
    claims = [Claim(id=each, value=90.0, lookup=look, **base) for each in ids]
    verdicts = [Verdict("reproduced", 90.5, band=(89.0, 91.0), claim=each) for each in claims]
    pages = kind._pages(verdicts)
    lines = [line for page in pages for column in page for line in column]
    assert [line[1].claim.id for line in lines if not isinstance(line, str)] == ids
    assert (lines[0], lines[1][0]) == ("p-a", "000")
    with styled():
        assert all(kind._forest(page).get_size_inches()[1] < 9 for page in pages)
    assert kind._pages([]) == [] and len(kind._pages(verdicts[:20])[0]) == 1


def test_a_legend_below_is_no_wider_than_its_figure():
    with styled():
        figure = new_figure("page")
        axes = figure.subplots()
        for place in range(8):
            axes.plot([0, 1], [place, place], label=f"a method with a long name, number {place}")
        legend_below(figure, axes, columns=6)
        (legend,) = figure.legends
        assert legend.get_window_extent().width <= figure.bbox.width


@pytest.mark.parametrize("top", [3, 90, 1e5])
def test_ticks_of_a_logarithmic_axis_have_room(top):
    with styled():
        figure = new_figure("page", ratio=0.3)
        for axes in figure.subplots(1, 3):  # of the width of the costs in a figure of fronts
            axes.plot([0.001, 0.001 * top], [0, 1])
            logarithmic(axes)
    assert overlaps(figure) == []
    assert len([text for text in texts(figure) if text.startswith("0.00")]) >= 3
