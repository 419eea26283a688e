"""The site's pages: what they include exists, and their Python runs.

`tox -e docs` builds it and checks the links.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import torch

import nasrepro as nr
from nasrepro.suite.registry import methods

ROOT = Path(__file__).parents[1]
SNIPPET = r'^--8<-- "([^:"]+)(?::([^"]+))?"$'  # a part of a file, or the whole
PAGES = sorted((ROOT / "docs/pages").rglob("*.md"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_snippets_exist(page):
    found = re.findall(SNIPPET, page.read_text("utf-8"), re.M)
    assert len(found) == page.read_text("utf-8").count("--8<--")
    for file, name in found:
        text = (ROOT / file).read_text("utf-8")
        marks = f"[start:{name}]", f"[end:{name}]"
        assert text and (not name or all(mark in text for mark in marks)), (file, name)


def test_the_method_of_the_workshop_page_hands_back_half_of_its_weights(tmp_path):
    text = (ROOT / "docs/pages/how-to/workshop.md").read_text("utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    (tmp_path / "halved.py").write_text(code, encoding="utf-8")
    entry = methods.from_file(tmp_path / "halved.py")
    for prune, zeros in ((True, 0.5), (False, 0.0)):
        budget = nr.Budget(seconds=5)
        session = nr.Session(nr.load("workshop201"), dataset="digits", epochs=30, budget=budget)
        network = entry.search(session, np.random.default_rng(3), prune=prune)
        weights = torch.cat([w.flatten() for w in network.parameters() if w.dim() > 1])
        assert float((weights == 0).float().mean()) == pytest.approx(zeros, abs=0.02)


def test_the_glossary_is_sorted_and_says_each_word_once():
    text = (ROOT / "docs/pages/glossary.md").read_text("utf-8")
    words = re.findall(r"^\*\*(.+?)\*\*( \(of .+?\))?", text.lower(), re.M)
    assert len(words) > 30
    assert words == sorted(set(words))


def test_the_methods_of_the_session_are_those_the_guide_names():
    text = (ROOT / "docs/pages/how-to/method.md").read_text("utf-8")
    named = set(re.findall(r"`session\.(\w+)", text))
    assert {"evaluate", "space", "charge"} <= named
    offered = set(dir(nr.Session))
    assert named <= offered
