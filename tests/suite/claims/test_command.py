"""`nasrepro claims`, from the first run to the record."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
import toys
from claimed import FILE, claim, recorded, run_of

from nasrepro import __main__ as cli
from nasrepro.suite.claims import (
    Verdict,
    by_resampling,
    by_store,
    claim_files,
    first_verdicts,
    junit,
    load_claims,
    record,
)
from nasrepro.suite.experiments.store import Store
from nasrepro.suite.registry import methods
from nasrepro.suite.search import Budget

pytestmark = pytest.mark.usefixtures("few_seeds_count")


@pytest.fixture
def nasrepro(monkeypatch, capsys, tmp_path):
    """Run the command line in this process with a store of its own.

    Gives its exit code, standard output and standard error.
    """
    toys.registered_apart(monkeypatch, methods)

    def run(*arguments: object, store: bool = True) -> tuple[int, str, str]:
        options = ["--store", str(tmp_path / "s.sqlite")] if store else []
        monkeypatch.setattr(sys, "argv", ["anything", *map(str, arguments), *options])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        out, err = capsys.readouterr()
        return int(ended.value.code or 0), out, err

    return run


OWN = toys.source("return session.evaluate(session.space.sample(rng)).arch", "random_search")


def test_a_users_claims_from_the_first_run_to_the_record(nasrepro, mine, tmp_path):
    code, out, err = nasrepro(
        "claims", "--file", mine, "--workers", 1, "--junit", tmp_path / "out.xml"
    )
    assert (
        code == 1
        and "changed: mine-random is reproduced, recorded: not reproduced" in err
        and "changed: mine-ratio is consistent, recorded: nothing yet" in err
    )
    cases = ElementTree.parse(tmp_path / "out.xml").getroot()
    assert (cases.get("tests"), cases.get("failures"), cases.get("skipped")) == ("3", "2", "1")

    code, out, _ = nasrepro("claims", "record", "--file", mine, "--no-run")
    assert code == 0 and "mine-ratio: nothing -> consistent" in out and "mine-impossible" not in out
    found = {each.id: each.recorded for each in load_claims([mine])}
    assert found["mine-ratio"] == "consistent" and found["mine-random"] == "reproduced"
    assert mine.read_text(encoding="utf-8") == FILE, "verdicts stand beside the file"

    code, out, err = nasrepro("claims", "--paper", "mine", "record", "--file", mine)
    assert (code, out, err) == (
        2,
        "",
        "error: give the options after record: nasrepro claims record --paper ...\n",
    )

    code, out, err = nasrepro("claims", "--file", mine, "--no-run", "--json")
    rows = {row["id"]: row for row in json.loads(out)}
    assert (
        code == 0
        and err == ""
        and rows["mine-random"]["n"] == 20
        and len(rows["mine-random"]["runs"]) == 20
    )
    assert (
        nasrepro("claims", "--file", mine, "--no-run", "--paper", "mine", "--id", "mine-ratio")[0]
        == 0
    )

    code, out, _ = nasrepro("claims", "--file", mine, "--no-run", "--explain", "mine-random")
    runs = rows["mine-random"]["runs"]
    assert (
        code == 0
        and '"seeds": 20' in out
        and "margin      7: a test" in out
        and f"runs        20: {', '.join(runs[:4])} ..." in out
    )
    (command,) = re.findall(r"one of them +nasrepro (show .*) --store", out)
    code, out, _ = nasrepro(*command.split(), "--trace")
    shown = json.loads(out)
    assert (
        code == 0
        and shown["id"] == runs[0]
        and shown["key"]["method"] == "random_search"
        and shown["queries"] == 10
    )
    assert len(shown["evaluations"]) == 10 and "evaluations" not in json.loads(
        nasrepro(*command.split())[1]
    )
    assert "has no result 'no_such'" in nasrepro("show", "no_such")[2]


def test_a_users_method_is_held_to_the_claims(nasrepro, mine, tmp_path):
    (tmp_path / "one.py").write_text(OWN, encoding="utf-8")
    recorded(mine, "reproduced")
    assert nasrepro("claims", "--file", mine, "--id", "mine-random", "--workers", 1)[0] == 0
    code, _, err = nasrepro(
        "claims",
        "--file",
        mine,
        "--id",
        "mine-random",
        "--method",
        tmp_path / "one.py",
        "--workers",
        1,
    )
    assert code == 1 and "changed: mine-random is not reproduced, recorded: reproduced" in err


def test_verdicts_by_other_seeds_are_counted_and_kept(nasrepro, mine, tmp_path, monkeypatch):
    def repeated(blocks: int, *more: object) -> tuple[int, str, str]:
        runs = tmp_path / "blocks.sqlite"
        options = ["--blocks", blocks, "--runs", runs, "--workers", 1, "--quiet", *more]
        return nasrepro("claims", "repeat", "--file", mine, *options)

    mine.write_text(FILE.replace("width = 7.0", "width = 15.0"), encoding="utf-8")
    code, _, err = repeated(2)
    assert code == 2 and "no results store" in err
    nasrepro("claims", "--file", mine, "--workers", 1, "--quiet")
    code, out, _ = repeated(2)
    (row,) = [line.split() for line in out.splitlines() if line.startswith("mine-random")]
    assert (code, row) == (0, ["mine-random", "reproduced", "seeds", "2", "of", "2"])
    with Store(tmp_path / "blocks.sqlite") as store:
        seeds = sorted(run.key.seed for run in store.runs())
    assert seeds == list(range(20, 60)), "no seed is in two blocks, nor in the store's runs"

    monkeypatch.setattr("nasrepro.suite.claims.repeats.run_cells", lambda *_, **__: 1 / 0)
    assert repeated(2, "--no-run")[0] == 0, "nothing that is slow, nothing to resample"
    assert "mine-missing" in repeated(2, "--id", "mine-missing")[2], "of one claim alone"
    mine.write_text(FILE.replace("width = 7.0", "width = 4.5"), encoding="utf-8")
    assert repeated(2)[0] == 0, "another margin is judged by the same runs"


def test_what_is_missing_is_named_once_with_the_claims_that_wait(nasrepro, mine, tmp_path):
    twice = FILE.replace('id = "mine-impossible"', 'id = "mine-again"').replace(
        'needs = "wings"',
        FILE[FILE.index("search.oracle") : FILE.index('\n[[claim]]\nid = "mine-imp')],
    )
    mine.write_text(twice, encoding="utf-8")
    with Store(tmp_path / "s.sqlite") as store:
        for seed in range(7):
            store.add(run_of(seed, 88.0, budget=Budget(queries=10)))
    code, out, _ = nasrepro("claims", "missing", "--file", mine, "--json")
    (row,) = json.loads(out)
    assert code == 0 and row["what"] == "random_search on digits201/digits, 10 queries"
    assert (row["have"], row["count"], row["long"], row["needs"]) == (7, 100, False, "")
    assert row["claims"] == ["mine-again", "mine-random"]
    out = nasrepro("claims", "missing", "--file", mine)[1]
    assert "7 of 100" in out and "mine-again" in out


def test_slow_claims_are_judged_by_resampled_seeds_and_by_another_kernel(mine, tmp_path):
    text = FILE.replace('id = "mine-random"', 'long = true\nid = "mine-random"')
    mine.write_text(text.replace("width = 7.0", "width = 0.25"), encoding="utf-8")
    claims = load_claims([mine])
    with Store(tmp_path / "s.sqlite") as store, Store(tmp_path / "other.sqlite") as other:
        for seed in range(20):
            store.add(run_of(seed, 88.0 + seed / 10, budget=Budget(queries=10)))
            other.add(run_of(seed, 60.0 + seed / 10, budget=Budget(queries=10)))
        first = first_verdicts(claims, claims, store)
        assert {id: each.verdict for id, each in first.items()} == {
            "mine-random": "inconclusive",
            "mine-ratio": "consistent",
        }
        resampled = by_resampling(first, claims, store, 20)
        kernels = by_store(first, claims, other)
    assert {(each.claim, each.varied) for each in resampled} == {("mine-random", "resampled seeds")}
    assert len({each.why for each in resampled}) == 20, "each time others"
    assert [(each.claim, each.verdict, each.flipped) for each in kernels] == [
        ("mine-random", "not reproduced", True),
        ("mine-ratio", "consistent", False),
    ]


def test_slow_claims_are_judged_by_disjoint_blocks_where_asked_for(nasrepro, mine, tmp_path):
    text = FILE.replace('id = "mine-random"', 'long = true\nid = "mine-random"')
    mine.write_text(text, encoding="utf-8")
    (claim,) = (each for each in load_claims([mine]) if each.id == "mine-random")
    assert claim.long
    with Store(tmp_path / "s.sqlite") as store, Store(tmp_path / "r.sqlite") as runs:
        for seed in range(20):
            store.add(run_of(seed, 88.0 + seed / 10, budget=Budget(queries=10)))
        for block in (1, 2):
            for seed in claim.seeds_of(block):
                runs.add(run_of(seed, 60.0 + seed / 1e4, budget=Budget(queries=10)))
    command = ("claims", "repeat", "--file", mine, "--blocks", 2, "--runs", tmp_path / "r.sqlite")
    for options, varied in {(): "resampled seeds", ("--long",): "seeds"}.items():
        _, out, err = nasrepro(*command, *options, "--json")
        assert json.loads(out)["repeats"], err
        found = [each for each in json.loads(out)["repeats"] if each["claim"] == "mine-random"]
        assert [each["varied"] for each in found] == [varied] * 2
    code, _, err = nasrepro(*command, "--long", "--no-run")
    assert code == 2 and "--no-run" in err


def test_the_command_of_contributing_is_one(nasrepro, mine, tmp_path, monkeypatch):
    text = (Path(__file__).parents[3] / "CONTRIBUTING.md").read_text(encoding="utf-8")
    (command,) = re.findall(r"- run: nasrepro (claims .*)", text)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_claims.toml").write_text(FILE, encoding="utf-8")
    recorded(tmp_path / "my_claims.toml", "reproduced", ratio="consistent")
    searching = toys.source(
        "while True:\n    session.evaluate(session.space.sample(rng))", "random_search"
    )
    (tmp_path / "my_method.py").write_text(searching, encoding="utf-8")
    code, out, err = nasrepro(*command.split(), "--workers", 1)
    assert code == 0 and "mine-random" in out, err
    assert ElementTree.parse(tmp_path / "claims.xml").getroot().get("failures") == "0"


def test_a_run_that_fails_is_not_passed_over(nasrepro, mine, tmp_path):
    (tmp_path / "bad.py").write_text(
        toys.source("raise ValueError('no idea')", "random_search"), encoding="utf-8"
    )
    code, out, err = nasrepro(
        "claims",
        "--file",
        mine,
        "--id",
        "mine-random",
        "--method",
        tmp_path / "bad.py",
        "--workers",
        1,
    )
    assert code == 1 and "a run failed: ValueError: no idea" in err and "not judged" in out


def test_strict_and_bad_names(nasrepro, mine):
    (code, _, err), first = nasrepro("claims", "--file", mine, "--no-run"), "not judged"
    assert code == 2 and "no results store" in err
    assert nasrepro("claims", "--file", mine, "--id", "mine-impossible")[0] == 0
    code, out, _ = nasrepro("claims", "--file", mine, "--no-run", "--id", "mine-random")
    assert code == 0 and first in out
    code, _, err = nasrepro("claims", "--file", mine, "--no-run", "--id", "mine-random", "--strict")
    assert code == 1 and "not judged: mine-random" in err
    assert (
        "did you mean 'mine-random'" in nasrepro("claims", "--file", mine, "--id", "mine-randon")[2]
    )
    assert "unknown paper" in nasrepro("claims", "--paper", "nobody")[2]
    text = mine.read_text(encoding="utf-8")
    mine.write_text(text.replace('"random_search"', '"random_serch"'), encoding="utf-8")
    code, _, err = nasrepro("claims", "--file", mine, "--no-run")
    assert code == 2 and "'random_serch'; did you mean 'random_search'?" in err


def test_recording_touches_nothing_that_was_not_judged(mine):
    impossible, random, _ = load_claims([mine])
    assert (
        record([mine], [Verdict("not judged", claim=random), Verdict("blocked", claim=impossible)])
        == {}
    )
    assert mine.read_text(encoding="utf-8") == FILE
    assert record([mine], [Verdict("reproduced", claim=random)]) == {
        "mine-random": ("not reproduced", "reproduced")
    }
    beside = mine.with_suffix(".verdicts.toml").read_text(encoding="utf-8")
    assert beside.splitlines()[1:] == ['mine-random = "reproduced"']


def test_every_shipped_file_can_be_recorded_in(tmp_path):
    for path in claim_files():
        copy = tmp_path / path.name
        copy.write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
        beside = path.with_suffix(".verdicts.toml")
        if beside.exists():
            (tmp_path / beside.name).write_text(beside.read_text(encoding="utf-8"))
        claims = [each for each in load_claims([copy]) if each.kind != "blocked"]
        flipped = [
            Verdict("inconclusive", claim=each)
            for each in claims
            if each.recorded not in ("inconclusive", "blocked")
        ]
        assert set(record([copy], flipped)) == {each.claim.id for each in flipped}
        assert {each.id: each.recorded for each in load_claims([copy])} == {
            each.id: "inconclusive" if each.id in {f.claim.id for f in flipped} else each.recorded
            for each in load_claims([path])
        }


def test_junit_says_what_differs():
    text = junit(
        [
            Verdict("inconclusive", why="3 < 4 & more", claim=claim(recorded="reproduced")),
            Verdict("not judged", why="x", claim=claim(id="b")),
        ]
    )
    root = ElementTree.fromstring(text.partition("\n")[2])
    assert (
        root[0][0].tag == "failure"
        and root[0][0].get("message") == "inconclusive, recorded: reproduced"
        and root[1][0].tag == "skipped"
    )
    coloured = junit([Verdict("not judged", why="\x1b[31mred", claim=claim())]).partition("\n")[2]
    assert ElementTree.fromstring(coloured)[0][0].get("message") == "not judged: ?[31mred"
