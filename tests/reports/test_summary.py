"""One summary: a store gives the same numbers in every form."""

import csv
import io
import json
import re
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from rich.console import Console

from nasrepro.reports import (
    board,
    compare,
    leaderboard,
    render,
    snapshot,
    summary,
    tables,
    terminal,
)
from nasrepro.reports.document import PAD
from nasrepro.reports.latex import FITS
from nasrepro.reports.selection import selected
from nasrepro.reports.summary import estimate
from nasrepro.reports.words import is_own
from nasrepro.suite.errors import NasreproError, UnknownName
from nasrepro.suite.experiments.kinds.search import Protocol, Report, RunKey, RunRecord
from nasrepro.suite.experiments.store import Store
from nasrepro.suite.registry import methods
from nasrepro.suite.search import Budget

NAMES = ("random_search", "regularized_evolution", "local_search")


def run(method, dataset, seed, test, *, failed=False):
    entry = methods.get(method)
    protocol = Protocol(12, 200, ("cifar10", "cifar100") if dataset == "cifar10" else (dataset,))
    key = RunKey(
        method,
        entry.source_sha256,
        dict(entry.defaults),
        "nasbench201",
        "f" * 64,
        dataset,
        protocol,
        Budget(12000.0),
        seed,
    )
    if failed:
        return RunRecord(key, "failed", error="Traceback\nValueError: no")
    reports = {
        name: Report(
            {"valid_accuracy": test - 0.02, "test_accuracy": test, "params": 1e6, "macs": 1e8},
            0.95 - test,
        )
        for name in protocol.report_datasets
    }
    return RunRecord(key, "budget", "|cell|", reports, 100, 90, 11000.0, overhead_s={"total": 0.5})


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    rng = np.random.default_rng(0)
    with Store(tmp_path_factory.mktemp("store") / "runs.sqlite") as store:
        for dataset in ("cifar10", "cifar100", "ImageNet16-120"):
            for place, method in enumerate(NAMES):
                for seed in range(9):
                    test = 0.9 + 0.005 * place + 0.004 * rng.standard_normal()
                    failed = (method, dataset, seed) == ("local_search", "cifar10", 3)
                    store.add(run(method, dataset, seed, test, failed=failed))
        yield summary.Results(store)


def numbers(text):
    """Printed numbers, without what only aligns them."""
    return re.findall(r"\d[\d,]*(?:\.\d+)?", text.replace(PAD, "").replace("{[}", "["))


def page_of(results, folder):
    manifest = {
        "results": {"run budget": 81},
        "last_result": "2026-01-01",
        "environments": [{"cpu": "a processor", "blas_kernel": "Haswell"}],
    }
    leaderboard.write(board.board(results), [], manifest, folder)
    text = (folder / "index.html").read_text(encoding="utf-8")
    return json.loads(text.partition('id="data">')[2].partition("</script>")[0])


def test_every_form_shows_the_same_numbers(results, tmp_path):
    docs = {doc.id: doc for doc in tables.build(results)}
    page = page_of(results, tmp_path)
    for task in results.tasks:
        doc = docs[f"main-{task.id}"]
        measure = task.measures["test_accuracy"]
        shown = [
            numbers(f"{spread} {interval}")
            for spread, interval in zip(measure.spreads, measure.intervals, strict=True)
        ]
        # Markdown, LaTeX, HTML and a wide terminal: the strings themselves
        (markdown,) = (p.read_text() for p in render.write([doc], tmp_path, ["md"]))
        (html,) = (p.read_text() for p in render.write([doc], tmp_path, ["html"]))
        (tex,) = (p.read_text() for p in render.write([doc], tmp_path, ["tex"]))
        console = Console(file=io.StringIO(), width=200)
        terminal.terminal([doc], console)
        forms = (markdown, html, tex.replace(r"\_", "_"), console.file.getvalue())
        for text in forms:
            # a row of HTML has many lines, a row of LaTeX one in each panel
            rows = text.split("</tr>" if text is html else "\n")
            for name, row in zip(task.labels, shown, strict=True):
                printed = numbers(" ".join(line for line in rows if name in line))
                assert set(row) <= set(printed)
        # CSV: the raw numbers, which print as these
        (path,) = render.write([doc], tmp_path, ["csv"])
        lines = list(csv.DictReader(path.open(encoding="utf-8")))
        parts = ("mean", "std", "low", "high")
        for line, row in zip(lines, shown, strict=True):
            raw = [100 * float(line[f"test_accuracy_{part}"]) for part in parts]
            assert [f"{value:.{measure.decimals}f}" for value in raw] == row
        # the page, and a snapshot
        rows = [row for row in page["rows"] if row["task"] == task.id]
        assert [row["label"] for row in rows] == list(task.labels)
        kept = snapshot.snapshot(results, [], {"last_result": ""})["tasks"][task.id]
        for row, printed, rank in zip(rows, shown, task.ranks, strict=True):
            value, text, interval, _ = row["cells"]["test_accuracy"]
            mean, _, low, high = printed
            assert numbers(text) == [mean] and numbers(interval) == [low, high]
            assert round(value, measure.decimals) == float(mean)
            assert kept[row["label"]] == [rank, float(mean)] and row["cells"]["rank"][0] == rank
        density = docs[f"density-{task.id}"]
        place = [column.name for column in density.columns].index("density_params")
        printed = {line[1].text: line[place].text.replace(PAD, "") for line in density.rows}
        assert {row["label"]: row["cells"]["density_params"][1] for row in rows} == printed


def test_the_order_over_all_tasks_is_one(results, tmp_path):
    doc = tables.build(results)[0]
    page = page_of(results, tmp_path)["overall"]
    names = [column.name for column in doc.columns]
    assert [row["label"] for row in page["rows"]] == [row[0].text for row in doc.rows]
    for line, row in zip(page["rows"], doc.rows, strict=True):
        assert {"rank", "gap_closed", "tasks"} <= set(line["cells"])
        for name, cell in zip(names[1:], row[1:], strict=True):
            if name in line["cells"]:  # intervals stand beside their ranks there
                assert line["cells"][name][1] == cell.text.replace(PAD, "")
    # three tasks: cifar10's search counts once, though it is reported on cifar100, too
    assert "3 tasks" in doc.caption or "over 3 tasks" in doc.title


def test_a_method_that_fails_on_a_seed_is_not_better_for_it(results):
    task = next(task for task in results.tasks if "on-cifar10" in task.id)
    row = task.labels.index("Local search")
    assert task.measures["failed"].estimates[row].mean == 1
    view = results.overview
    column = view.overall.names.index("Local search")
    place = [setting.dataset for setting in view.overall.settings].index("cifar10")
    values = view.overall.values[place]
    assert values[column].size == 9 and values[column][3] == min(v.min() for v in values)
    assert any("1 of its runs failed" in line for line in tables.build(results)[0].footnotes)


def test_two_methods_compared(results):
    pairs = compare.compare(results, "regularized_evolution", "random_search")
    assert len(pairs) == 4  # three searches, one of them reported twice
    pair = pairs[0]
    groups = dict(zip(pair.task.labels, pair.task.groups, strict=True))
    place = pair.task.dataset, "test_accuracy"
    gaps = groups["Regularized evolution"].values[place] - groups["Random search"].values[place]
    assert pair.gap.value == pytest.approx(gaps.mean()) and pair.gap.n == 9
    back = compare.compare(results, "random_search", "regularized_evolution")[0]
    assert back.gap.value == pytest.approx(-pair.gap.value)
    assert {pair.verdict, back.verdict} in ({"A", "B"}, {"open"}, {"A not worse", "B not worse"})
    same = compare.compare(results, "random_search", "random_search")[0]
    assert same.verdict == "equivalent" and same.gap.value == 0
    doc = compare.compare_table(pairs, "regularized_evolution", "random_search")
    assert [row[0].text for row in doc.rows] == [each.task.id for each in pairs]
    with pytest.raises(UnknownName, match="random_search"):
        compare.compare(results, "randm_search", "local_search")


def test_a_name_of_several_rows_is_told_with_their_labels(results):
    plain = results.tasks[0].groups[0]
    twice = [replace(plain, params={"width": width}) for width in (2, 3)]
    task = summary.task(twice, results.tasks[0].dataset, 0)
    with pytest.raises(NasreproError, match="names several rows; give one of them: "):
        compare.compare(SimpleNamespace(tasks=[task]), plain.method, plain.method)


def test_the_terminal_shows_one_screen(results, tmp_path):
    console = Console(file=io.StringIO(), width=140)
    terminal.brief(tables.build(results), console, tmp_path)
    text = console.file.getvalue()
    assert text.count("\n") <= terminal.SCREEN
    assert "All tasks" in text and "nasrepro report --all" in text and str(tmp_path) in text


def test_of_two_methods_of_one_name_the_file_s_is_one_s_own(monkeypatch):
    shipped = methods.get("random_search")
    mine = replace(shipped, source="its text", source_sha256="0" * 64)
    monkeypatch.setattr(methods, "_found", {**methods._found, "random_search": mine})
    monkeypatch.setattr(methods, "changes", methods.changes + 10**9)  # nothing of it is cached
    assert is_own("random_search") and is_own("random_search", "0" * 64)
    assert not is_own("random_search", shipped.source_sha256)


def test_columns_rows_and_methods_are_chosen(results):
    docs = tables.build(results)
    few = selected(docs, columns=["test_accuracy"], methods=["search"], rows=1)
    main = next(doc for doc in few if doc.id.startswith("main"))
    shown = [column.name for column in main.columns if column.header]
    assert shown == ["method", "test_accuracy"] and len(main.rows) == len(main.row_ids) == 1
    assert all("search" in row[1].text for row in main.rows)
    with pytest.raises(UnknownName, match="test_accuracy"):
        selected(docs, columns=["test_acuracy"])
    with pytest.raises(UnknownName, match=r"method 'serch'; did you mean .*search"):
        selected(docs, methods=["search", "serch"])
    assert all(
        any(column.name == "test_accuracy" and column.header for column in doc.columns)
        for doc in few
    )


@pytest.mark.parametrize(("fit", "environment"), [("column", "table"), ("page", "table*")])
def test_a_latex_table_of_one_float(results, tmp_path, fit, environment):
    doc = next(doc for doc in tables.build(results) if doc.id.startswith("main"))
    (path,) = render.write([doc], tmp_path, ["tex"], fit=fit)
    tex = path.read_text(encoding="utf-8")
    assert tex.count(r"\begin{tabular}") == 1 == tex.count(f"\\begin{{{environment}}}")
    rows = [line for line in tex.splitlines() if "Random" in line and "&" in line]
    assert len(rows) == 1 and len(re.sub(r"\\\w+|[{}$]", "", rows[0])) < 1.6 * FITS[fit]
    assert tex.index(r"\end{tabular}") < tex.index(r"\begin{minipage}")


def test_an_interval_ends_where_the_mean_cannot_be():
    values = np.array([0.001, 0.0, 0.0, 0.0, 0.9])
    free, bounded = estimate(values), estimate(values, bounds=(0, 1))
    assert free.low < 0 and free.high > 1 and bounded.ends == (0, 1)
    assert bounded.mean == free.mean
