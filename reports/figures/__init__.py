"""Figures from a results store: one file per kind, found by its name.

See `style` for how one is made.

`reports/figures/<kind>.py` has `draw(results) -> Iterator[Drawing]`, which yields nothing where the
store holds nothing for it.
"""

from __future__ import annotations

import importlib
import itertools
import pkgutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from joblib import Parallel, delayed

from nasrepro.reports.document import slug
from nasrepro.reports.figures.style import Drawing, save, styled
from nasrepro.reports.summary import Results
from nasrepro.suite.errors import UnknownName

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: So many figures of one kind are written sooner than processes have started.
FEW = 4


def kinds() -> list[str]:
    """Names of all kinds of figures."""
    return sorted(
        module.name for module in pkgutil.iter_modules(__path__) if module.name != "style"
    )


def checked(only: Sequence[str]) -> list[str]:
    """The kinds that are asked for, all if none; raises UnknownName for one that does not exist."""
    known = kinds()
    for kind in only:
        if kind not in known:
            raise UnknownName("kind of figure", kind, known)
    return list(only) or known


def write(
    results: Results,
    out: Path,
    *,
    only: Sequence[str] = (),
    workers: int = 1,
    progress: Callable[[int, int, str], None] = lambda done, total, kind: None,
) -> list[tuple[str, str]]:
    """Draw all that the store has results for, each as `<name>.pdf` and `<name>.png`.

    The same results give the same bytes.

    Args:
        results: what of a store is drawn.
        out: folder for the files.
        only: kinds; all if empty.
        workers: processes that write the files; drawing is a tenth of the work.
        progress: called with (kinds done, kinds, kind).

    Returns:
        (name, caption) of each figure, in a fixed order.

    Raises:
        UnknownName: a kind that does not exist.
        NasreproError: the folder cannot be written to.
    """
    captions: dict[str, str] = {}
    chosen = checked(only)

    def drawn(kind: str) -> Iterator[Drawing]:
        draw = importlib.import_module(f"{__name__}.{kind}").draw
        with styled():
            for drawing in draw(results):
                # numbered, as tables are, where settings differ in what is reported alone
                name = slug(drawing.name, taken=captions)
                captions[name] = drawing.caption
                yield replace(drawing, name=name)

    writing: list[Iterable[None]] = []
    for done, kind in enumerate(chosen):
        progress(done, len(chosen), kind)
        made = [(each.figure, out / each.name) for each in drawn(kind)]
        if writing or (workers > 1 and len(made) > FEW):
            # one for each kind, of the same processes: what is drawn next does not wait for it
            parallel = Parallel(
                workers, return_as="generator", pre_dispatch="all", batch_size=1, max_nbytes=None
            )
            writing.append(parallel(delayed(_written)(*one) for one in made))
        else:
            for one in made:
                _written(*one)
        progress(done + 1, len(chosen), kind)
    for each in itertools.chain(*writing):
        assert each is None  # or an error is raised here
    return list(captions.items())


def _written(figure: Figure, stem: Path) -> None:
    save(figure, stem.with_name(f"{stem.name}.pdf"))
    figure.set_layout_engine("none")  # everything stays where it is
    save(figure, stem.with_name(f"{stem.name}.png"))


__all__ = ["Drawing", "checked", "kinds", "write"]
