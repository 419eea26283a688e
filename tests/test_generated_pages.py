"""The pages that docs/generate.py makes: one for each method, oracle and claim, and whole links."""

from __future__ import annotations

import re
import runpy
import sys
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import pytest
from matplotlib.figure import Figure

from nasrepro.suite.claims import shipped_claims
from nasrepro.suite.registry import methods, oracles

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The generated pages and drawings, as mkdocs would get them."""
    folder = tmp_path_factory.mktemp("site")

    def opened(name, mode):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open(mode)

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "mkdocs_gen_files", SimpleNamespace(open=opened))
        # what the drawings look like is for the eye, and takes most of the time
        patch.setattr(Figure, "savefig", lambda _, file, **options: file.write(b"<svg/>"))
        runpy.run_path(str(ROOT / "docs/generate.py"))
    return folder


def test_each_method_has_a_page_with_its_paper_and_deviations(site):
    for method in methods.all():
        page = (site / f"methods/{method.name}.md").read_text("utf-8")
        assert page.startswith(f"# {method.title}\n") and method.paper in page
        assert all(f"* {line}\n" in page for line in method.deviations)


def test_each_oracle_has_a_page_that_begins_with_its_traps(site):
    for entry in oracles.all():
        page = (site / f"oracles/{entry.name}.md").read_text("utf-8")
        traps, rest = page.index("## Limits and traps"), page.index("## Metrics")
        assert all(traps < page.index(note) < rest for note in entry.info.notes)


def test_each_claim_stands_on_the_page_of_its_paper_and_on_no_other(site):
    pages = [path for path in site.glob("papers/*.md") if path.stem != "changes"]
    stands = Counter(
        claim
        for path in pages
        for claim in re.findall(r"^\| `([^`]+)` \|", path.read_text("utf-8"), re.M)
    )
    assert stands == Counter(claim.id for claim in shipped_claims())


def test_every_link_leads_to_a_page_or_a_drawing(site):
    written = ROOT / "docs/pages"
    for page in site.rglob("*.md"):
        for link in re.findall(r"\]\(([^)#\s]+)", page.read_text("utf-8")):
            if "://" not in link:
                target = (page.parent / link).resolve()
                assert target.exists() or (written / target.relative_to(site)).exists(), link
