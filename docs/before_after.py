"""What changed in the methods since a revision: a page from two revisions of results/.

    python docs/before_after.py c5076c2 > docs/pages/concepts/changes.md

An arm of before is held beside the one of now that has the same values of all parameters that both
have; what has no such arm stands alone.
"""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from statistics import mean

ROOT = Path(__file__).resolve().parent.parent
TABLES = {
    "NAS-Bench-201, CIFAR-10, 12,000 simulated seconds": (
        "main-nasbench201-cifar10-12ep-12000-s-on-cifar10.csv"
    ),
    "digits201, 12 simulated seconds": "main-digits201-digits-12ep-12-s-on-digits.csv",
}
PUBLISHED = "published-zico-nasbench201.csv"
#: Of the whole table.
NETWORKS = 15_625
#: The mission's methods and their controls, and what was changed in them.
CHANGED = {
    "autoshrink": "which operations come twice is drawn; before, no cell had two 3x3 convolutions",
    "autoshrink_op": "new, ours: removes an edge or changes an operation",
    "gram": "independent edges and the mean as baseline are parameters; what repeats cost is shown",
    "epnas": "as before",
    "flash": "walks down the whole space in exact order, the same on every processor",
    "arch2vec": "the authors' heads, prices and re-queries are parameters, theirs the defaults",
    "zico": "the method as before; searches draw other random numbers since engine 3",
    "size_walk": "new: the control, 25 random cells, then the largest ones",
    "random_search": "as before; other numbers of seeds",
}

Row = Mapping[str, str]


def rows(revision: str, file: str) -> list[Row]:
    """Rows of a file of results/ at a revision."""
    shown = subprocess.run(
        ["git", "show", f"{revision}:results/{file}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return list(csv.DictReader(shown.stdout.splitlines()))


def same_arm(before: Row, now: Row) -> bool:
    """Whether two rows are of one method with equal values of the parameters that both have."""
    first, second = json.loads(before["params"]), json.loads(now["params"])
    shared = first.keys() & second.keys()
    return before["method"] == now["method"] and all(first[name] == second[name] for name in shared)


def figure(row: Row | None) -> str:
    """Test accuracy in %, mean of how many seeds."""
    return f"{100 * float(row['test_accuracy_mean']):.2f} ({row['seeds']})" if row else "–"


def arms(revision: str, file: str) -> list[str]:
    """Lines of a table: arms of now with what they gave before, then those that are gone."""
    left, lines = rows(revision, file), []
    for now in rows("HEAD", file):
        if now["method"] not in CHANGED:
            continue
        before = next((row for row in left if same_arm(row, now)), None)
        left = [row for row in left if row is not before]
        lines.append(f"| {now['label']} | {figure(before)} | {figure(now)} |")
    gone = [row for row in left if row["method"] in CHANGED]
    return lines + [f"| {row['method']}, another arm | {figure(row)} | – |" for row in gone]


def held(revision: str) -> str:
    """Cells of the published table, those with a figure of ours, how many it agrees with, and how.

    With what half-width of the interval, and over how many networks, of those that are a sample.
    """
    cells = rows(revision, PUBLISHED)
    ours = [cell for cell in cells if cell["ours"]]
    compared = [cell for cell in ours if cell["differs_by_more_than_the_interval"]]
    agree = sum(cell["differs_by_more_than_the_interval"] == "no" for cell in compared)
    sampled = [cell for cell in compared if int(cell["n"]) < NETWORKS]
    wide = mean(float(cell["ours_high"]) - float(cell["ours_low"]) for cell in sampled) / 2
    counts = sorted({int(cell["n"]) for cell in sampled})
    return (
        f"| {len(cells)} | {len(ours)} | {len(compared)} | {agree} | {wide:.3f} | "
        f"{', '.join(f'{count:,}' for count in counts)} |"
    )


def main(revision: str) -> None:
    """Print the page."""
    print(f"# What changed in the methods\n\nMade by `python docs/before_after.py {revision}`:")
    print(f"the results at commit `{revision}` beside the last ones. Accuracy is test accuracy")
    print("in %, the mean over as many seeds as stand in brackets.\n")
    print("\n".join(f"- `{name}`: {words}." for name, words in CHANGED.items()))
    for title, file in TABLES.items():
        print(f"\n## {title}\n\n| arm | before | now |\n|---|---|---|")
        print("\n".join(arms(revision, file)))
    print("\n## ZiCo's table of correlations on NAS-Bench-201\n")
    print("Of the published cells: those with a figure of ours, those of them that are")
    print("correlations, and those whose published value, give or take half a unit of its last")
    print("digit, lies in our 95 % interval. Scores with random images in place of the paper's")
    print("real ones no longer count for NASWOT, Fisher and Jacobian covariance, nor those of a")
    print("variant of Zen-score for Zen-score's. Of scores of networks a sample is ranked: the")
    print("half-width of its interval, and how many networks it has, say how much agreeing is")
    print("worth; scores of all networks have no sample ([what they give](../how-to/scores.md)).\n")
    print("| | cells | with ours | correlations | agree | half-width | networks of the samples |")
    print("|---|---|---|---|---|---|---|")
    print(f"| before {held(revision)}\n| now {held('HEAD')}")


if __name__ == "__main__":
    main(*sys.argv[1:])
