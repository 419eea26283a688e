"""README's table, findings and numbers, from results/.

    python docs/readme.py                       README.md from what is in results/
    python docs/readme.py --store runs.sqlite   make results/ anew from a store first
    python docs/readme.py --store more.sqlite --part NAME   make the folder results/NAME alone

`--plan` limits the report to a plan's settings and seeds. A part has the tables of a store that is
not the main one (plans that train for hours), without claims, which the main one judges. A test
holds README against results/.
"""

from __future__ import annotations

import argparse
import csv
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

from findings import findings
from PIL import Image

from nasrepro.reports.document import DASH, FLOATING, shown
from nasrepro.reports.words import is_floating

ROOT = Path(__file__).resolve().parent.parent
#: Figures that results/ keeps; the others are one command away.
KEPT = ("anytime-nasbench201-cifar10-12ep-12000-s.png", "claims.png")
KINDS = ("--only", "anytime", "--only", "claims")
#: What a part of results/ keeps of a report: networks and studies, no claims.
OF_A_PART = (
    "manifest.json", "report-searches.md", "report-studies.md", "study-*.csv", "workshop-*.csv",
    "controls-*.csv", "one-shot-*.csv", "trained*.csv",
)  # fmt: skip
#: Made by commands of their own.
APART = (
    "determinism.md", "fuzz.md", "kernels.md", "mutations.md", "robustness.md", "rows.md",
    "scale.md", "tables.md",
)  # fmt: skip
#: Tables that are in report.md, too, and one command away as data: results/ stays under 6 MB.
NOT_KEPT = ("cost-*.csv", "density-*.csv", "goals-*.csv")
#: The store itself, without traces.
PACKED = ROOT / "tests" / "data" / "runs.jsonl.xz"
#: What stands between its two marks is made here.
_PART = r"(<!-- from results: {} -->\n).*?(\n<!-- end -->)"


def made(results: Path, store: Path, plan: str) -> None:
    """Make the files of results/ anew from a store, and pack it."""
    for old in (*results.glob("*.*"), *(results / "figures").glob("*.*")):
        if old.suffix in (".csv", ".md", ".json", ".png") and old.name not in APART:
            old.unlink()
    chosen = ["--store", str(store), "--quiet", *(["--plan", plan] if plan else [])]
    _nasrepro("report", *chosen, "--out", str(results), "--format", "md,csv")
    for pattern in NOT_KEPT:
        for table in results.glob(pattern):
            table.unlink()
    _nasrepro("store", "pack", str(PACKED), "--store", str(store))
    _nasrepro("figures", *chosen, "--out", str(results / "figures"), *KINDS)
    for part in (each for each in results.iterdir() if each.is_dir()):
        without_dead_links(part)
    for drawn in (results / "figures").iterdir():
        if drawn.name in KEPT:
            _in_256_colours(drawn)
        else:
            drawn.unlink()


def made_part(folder: Path, store: Path, plan: str) -> None:
    """Make a folder of results/ anew: the tables of searches and studies, and where they are of."""
    shutil.rmtree(folder, ignore_errors=True)
    chosen = ["--store", str(store), "--quiet", *(["--plan", plan] if plan else [])]
    _nasrepro("report", *chosen, "--out", str(folder), "--format", "md,csv")
    for written in folder.iterdir():
        if not any(written.match(pattern) for pattern in OF_A_PART):
            written.unlink()
        elif written.suffix == ".md":  # notes and claims are in the main report
            text = written.read_text(encoding="utf-8")
            for name in ("report.md", "report-claims.md"):
                text = text.replace(f"]({name}", f"](../{name}")
            written.write_text(text, encoding="utf-8")
    without_dead_links(folder)


def without_dead_links(folder: Path) -> None:
    """Notes that the main report does not have are named in a part, not linked."""
    for part in folder.glob("*.md"):
        text = part.read_text(encoding="utf-8")
        for link, words, name, anchor in re.findall(
            r"(\[([^\]]*)\]\(\.\./([\w-]+\.md)#([\w-]+)\))", text
        ):
            if f'id="{anchor}"' not in (folder.parent / name).read_text(encoding="utf-8"):
                text = text.replace(link, words)
        part.write_text(text, encoding="utf-8")


def _in_256_colours(picture: Path) -> None:
    """A third of the bytes, and nothing that can be seen is lost."""
    whole = Image.open(picture).convert("RGB")
    whole.quantize(256, dither=Image.Dither.NONE).save(picture, optimize=True)


def _nasrepro(*words: str) -> None:
    subprocess.run([sys.executable, "-m", "nasrepro", *words], check=True, cwd=ROOT)


def rendered(readme: str, results: Path) -> str:
    """README with its parts as results/ has them."""
    parts = {
        "ranking": ranking,
        "provenance": provenance,
        "findings": findings,
        "verdicts": verdicts,
    }
    for name, made_of in parts.items():
        readme, count = re.subn(
            _PART.format(name),
            lambda found, made_of=made_of: f"{found[1]}\n{made_of(results)}{found[2]}",
            readme,
            flags=re.DOTALL,
        )
        if count != 1:
            raise ValueError(f"README.md has {count} parts '{name}'; there must be one")
    return readme


def ranking(results: Path) -> str:
    """Every ranked method: pair by pair, over all tasks, and over those that all methods share.

    Who beats most others comes first; methods that cannot run on most tasks have no average rank
    over them.
    """
    pairs, overall, common = (
        _rows(results / f"{name}.csv") for name in ("overall-pairs", "overall", "overall-common")
    )
    lines = [
        [
            "Method",
            "Beats (%)",
            "Interval",
            "Tasks",
            f"Rank, {_tasks(overall)} tasks",
            "Interval",
            f"Rank, {_tasks(common)} of all",
            "Interval",
        ],
        ["---", "--:", "---", "--:", "--:", "---", "--:", "---"],
        *(
            [
                f"{label}{FLOATING if is_floating(row['method']) else ''}",
                shown(100 * float(row["beaten"]), 1),
                _interval(row["beaten_low"], row["beaten_high"], 100, 1),
                row["tasks"],
                *_rank(overall.get(label)),
                *_rank(common.get(label)),
            ]
            for label, row in pairs.items()
        ),
    ]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _rows(path: Path) -> dict[str, dict[str, str]]:
    """The rows of a ranking by label; none where there is no such ranking."""
    if not path.exists():
        return {}
    with path.open(encoding="utf-8", newline="") as file:
        return {row["label"]: row for row in csv.DictReader(file)}


def _tasks(rows: dict[str, dict[str, str]]) -> int:
    return max((int(row["tasks"]) for row in rows.values()), default=0)


def _rank(row: dict[str, str] | None) -> list[str]:
    if row is None:
        return [DASH, DASH]
    rank = shown(float(row["average_rank"]), 2)
    return [rank, _interval(row["rank_low"], row["rank_high"])]


def _interval(low: str, high: str, scale: int = 1, decimals: int = 2) -> str:
    if not low or not high:
        return DASH
    return f"[{shown(scale * float(low), decimals)}, {shown(scale * float(high), decimals)}]"


def provenance(results: Path) -> str:
    """Which runs, of when, on which machine, by which commit."""
    manifest = json.loads((results / "manifest.json").read_text(encoding="utf-8"))
    counts = manifest["results"]
    searches = sum(n for name, n in counts.items() if name.startswith("run "))
    failed = counts.get("run failed", 0)
    machines = " and ".join(
        sorted(
            {
                f"{each.get('cpu', 'an unnamed processor')} (BLAS kernel "
                f"{each.get('blas_kernel', 'unknown')}, Python {each['python']}, "
                f"NumPy {each['numpy']})"
                for each in manifest["environments"]
            }
        )
    )
    commit = manifest.get("commit", "")
    by = f", tables by commit `{commit[:7]}{'+' * commit.endswith('+')}`" if commit else ""
    return (
        f"{searches:,} searches ({failed:,} failed), the last of {manifest['last_result'][:10]}, "
        f"on {machines}{by}: [results/manifest.json](results/manifest.json).\n"
    )


def verdicts(results: Path) -> str:
    """The headline of all claims, as the report has it."""
    report = (results / "report.md").read_text(encoding="utf-8")
    found = re.search(r"Of [\d,]+ pieces of evidence that were tested, .*?(?= <a id=|\n)", report)
    if found is None:
        raise ValueError("results/report.md has no headline of the claims")
    return f"{found[0]}\n"


def _main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--store", type=Path, help="make results/ anew from this store first")
    parser.add_argument("--plan", default="", help="only the settings and seeds of this plan")
    parser.add_argument("--part", default="", help="make this folder of results/ alone")
    given = parser.parse_args()
    if given.part:
        if not given.store or given.part in ("figures", ".", ".."):
            parser.error("--part takes the name of a folder of its own, and --store its results")
        made_part(ROOT / "results" / given.part, given.store, given.plan)
        return
    if given.store:
        made(ROOT / "results", given.store, given.plan)
    path = ROOT / "README.md"
    path.write_text(rendered(path.read_text(encoding="utf-8"), ROOT / "results"), encoding="utf-8")


if __name__ == "__main__":
    _main()
