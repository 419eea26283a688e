"""BibTeX of what a method is from: `methods/papers.bib`, looked up by what its `paper=` says."""

from __future__ import annotations

import re
from functools import cache
from importlib import resources

_ARXIV = re.compile(r"arXiv:(\d{4}\.\d{4,5})")


@cache
def _entries() -> dict[str, str]:
    """Entries by arXiv number, or by "Author year" where there is none."""
    text = resources.files("nasrepro.methods").joinpath("papers.bib").read_text(encoding="utf-8")
    found = {}
    for entry in re.findall(r"^@.*?^}", text, flags=re.DOTALL | re.MULTILINE):
        eprint = re.search(r"eprint = {(.*?)}", entry)
        author, year = re.search(r"author = {(\w+)", entry), re.search(r"year = {(\d+)}", entry)
        if eprint:
            found[eprint[1]] = entry
        elif author and year:
            found[f"{author[1]} {year[1]}"] = entry
    return found


def citations(paper: str) -> list[str]:
    """BibTeX of every paper that `paper` names, in its order.

    For an arXiv number that is not in the file an entry of that number alone.
    """
    known = _entries()
    places: dict[str, int] = {}
    for match in _ARXIV.finditer(paper):
        places.setdefault(known.get(match[1], _bare(match[1])), match.start())
    for name, entry in known.items():
        author, _, year = name.partition(" ")
        if year and author in paper and year in paper:
            places.setdefault(entry, paper.index(author))
    return sorted(places, key=places.__getitem__)


def _bare(number: str) -> str:
    return f"@misc{{arXiv{number},\n  eprint = {{{number}}},\n  archivePrefix = {{arXiv}}\n}}"
