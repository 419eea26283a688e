"""What all figures share: sizes, fonts, the look of a series, and files that are the same twice.

Nothing here uses pyplot or a display. matplotlib's settings are changed inside `styled()` alone and
are as before behind it.

    def draw(results):                                   # in reports/figures/<kind>.py
        figure = new_figure("column", 0.75)
        axes = figure.add_subplot()
        axes.plot(x, y, **look_of(["a", "b"])["a"].line)
        yield Drawing("kind-what", "What is shown, of what, with n and the kind of interval.",
          figure)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Any, Literal

from nasrepro.reports.anytime import BASELINE
from nasrepro.reports.document import OWN
from nasrepro.reports.words import is_own, names_row, title_of
from nasrepro.suite.data import atomic_write
from nasrepro.suite.errors import NasreproError
from nasrepro.suite.registry import methods

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Inches: one column, and the text width, of the conferences' two-column styles.
WIDTHS = {"column": 3.35, "page": 6.9}
DPI = 200

#: Okabe and Ito's colours without yellow, which is too pale on white: apart for readers with any
#: colour vision. In grey print, neighbours differ by their dashes and markers.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#5B3A29")
#: The same darkened, for the methods behind the first seven: apart from them in grey print, too.
DARK = ("#003B5C", "#7A3500", "#004D38", "#7A3F60", "#8A5F00", "#1F6E9C", "#A88B7D")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "p")
#: Of the markers of a method's arms.
FILLS = ("full", "none", "left", "bottom", "right", "top")
DASHES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (1.2, 1.2)), (0, (5, 1.2, 1.2, 1.2)))
#: Arguments of bars, of those that are measured and of those that they are measured against.
BAR: dict[str, Any] = {"facecolor": "#7FB2D9", "edgecolor": "#0072B2", "linewidth": 0.6}
CONTROL: dict[str, Any] = {
    "facecolor": "0.9",
    "edgecolor": "0.35",
    "linewidth": 0.6,
    "hatch": "////",
}
#: Lines of a figure that are drawn in colour; the rest is grey.
EMPHASISED = 8
#: Methods that often stand in one figure have the first looks, in this order, whatever else is
#: registered: no two of the first fourteen share a colour. Those behind them stand beside the
#: baselines and BOHB, and share a colour with none of these.
FIRST = (
    "gp_bo",
    "graph_forest",
    "bananas",
    "nas_bowl",
    "pnas",
    "local_search",
    "regularized_evolution",
    "epnas",
    "flash",
    "size_walk",
    "reinforce",
    "bohb",
    "autoshrink",
    "arch2vec",
    "hyperband",
    "asha",
    "successive_halving",
)

_SETTINGS: Any = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],  # comes with matplotlib: the same letters on every machine
    "font.size": 7.5,
    "axes.titlesize": 8,
    "axes.labelsize": 7.5,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7,
    "legend.frameon": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "axes.grid": False,
    "grid.linewidth": 0.4,
    "grid.color": "0.85",
    "hatch.linewidth": 0.5,
    "axes.axisbelow": True,
    "lines.linewidth": 1.2,
    "lines.markersize": 4,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "svg.hashsalt": "nasrepro",  # else ids are drawn at random
    "pdf.fonttype": 42,  # TrueType; publishers refuse Type 3
    "pdf.compression": 9,
    "savefig.dpi": DPI,
}
#: Without these entries a file tells when it was written, and two equal figures differ.
_METADATA: dict[str, dict[str, Any]] = {
    ".png": {"Software": None},
    ".pdf": {"CreationDate": None, "Producer": None, "Creator": None},
}


@dataclass(frozen=True)
class Drawing:
    """A figure with what a reader needs beside it.

    Attributes:
        name: of its files, lower-case letters, digits and hyphens; begins with its kind.
        caption: what is shown, of which runs, with n and the kind of every interval.
        figure: a matplotlib figure; see `new_figure`.
    """

    name: str
    caption: str
    figure: Figure


@dataclass(frozen=True)
class Look:
    """How one series looks.

    Colour, dashes and markers tell it apart, each alone as far as they go.
    """

    colour: str
    marker: str
    dash: Any
    fill: str = "full"

    @property
    def line(self) -> dict[str, Any]:
        """Arguments of `axes.plot` for a line without markers."""
        return {"color": self.colour, "linestyle": self.dash}

    @property
    def points(self) -> dict[str, Any]:
        """Arguments of `axes.plot` for markers without a line."""
        size = 7 if self.marker == "*" else 4.5  # a star looks smaller than it is
        edge = {"markeredgecolor": "white", "markeredgewidth": 0.4}
        if self.fill != "full":
            edge = {"markeredgecolor": self.colour, "markeredgewidth": 0.8}
        look = {"color": self.colour, "marker": self.marker, "fillstyle": self.fill}
        return {**look, "linestyle": "none", "markersize": size, **edge}


def look_of(names: Iterable[str], of: Mapping[str, str] | None = None) -> dict[str, Look]:
    """A look for each name of a row; a method has one colour and marker in all figures.

    The place of the method decides, among `FIRST`, then the others that ship, then one's own, so
    that it does not change with what else is shown. Its arms share both, and differ by dashes and
    by how the marker is filled; a method called after another (`autoshrink_op`) has that one's
    colour. `BASELINE` is black, with dashes of its own. Names of no method go by their order.

    Args:
        names: of rows or series.
        of: the methods, by their code names, of the names that are not a method's code name.
    """
    there = sorted(set(names))
    others = [name for name in methods.known() if name not in (BASELINE, *FIRST)]
    known = [*FIRST, *sorted(others, key=is_own)]
    looks: dict[str, Look] = {}
    variants: dict[int, int] = {}
    for order, name in enumerate(there):
        method = (of or {}).get(name, name)
        if method == BASELINE:
            looks[name] = Look("black", "*", (0, (7, 1, 1, 1, 1, 1)))
            continue
        place = known.index(method) if method in known else len(known) + order
        dash = variants[place] = variants.get(place, -1) + 1
        parents = [each for each in known if method.startswith(f"{each}_")]
        family = known.index(parents[0]) if parents else place
        # 14 colours with 10 markers and 4 dashes: 70 methods before two look alike
        # as points, 28 as lines
        colours = COLOURS + DARK
        looks[name] = Look(
            colours[family % len(colours)],
            MARKERS[place % len(MARKERS)],
            DASHES[(place + dash) % len(DASHES)],
            FILLS[dash % len(FILLS)],
        )
    return looks


def emphasised(rows: Mapping[str, str], highlighted: Sequence[str] = ()) -> set[str]:
    """The rows that are drawn in colour.

    Those that are `highlighted` by parts of their names, else the best row of each of the first
    `EMPHASISED` methods and one's own; the baseline always.

    Args:
        rows: names, best first, with their methods.
        highlighted: parts of names.
    """
    names = list(rows)
    if highlighted:
        marked = {name for name in names if any(names_row(part, name) for part in highlighted)}
    else:
        best = {method: name for name, method in reversed(list(rows.items()))}
        first = [name for name in names if best[rows[name]] == name][:EMPHASISED]
        marked = {*first, *(name for name in names if name.startswith(OWN))}
    return marked | ({title_of(BASELINE)} & set(names))


def end_labels(axes: Any, ends: Sequence[tuple[str, float, str]], *, size: float = 6) -> None:
    """Names at the right of lines that end at these heights, moved apart where they would overlap.

    Args:
        axes: where the lines are.
        ends: (name, height in data, colour) of each line.
        size: of the letters, in points.
    """
    figure = axes.figure
    figure.canvas.draw()  # the heights on the page are known then
    step = 1.15 * size / 72 * float(figure.dpi)

    def apart(one: str, other: str) -> float:
        """Between the middles of two labels, of one or more lines each."""
        return step * (2 + one.count("\n") + other.count("\n")) / 2

    placed: list[tuple[float, str, float, str]] = []
    for name, height, colour in sorted(ends, key=lambda end: end[1]):
        at = float(axes.transData.transform((1, height))[1])
        at = min(max(at, float(axes.bbox.y0)), float(axes.bbox.y1))
        low = placed[-1][0] + apart(placed[-1][1], name) if placed else at
        placed.append((max(at, low), name, height, colour))
    top = float(axes.bbox.y1)
    for place in range(len(placed) - 1, -1, -1):  # back down from the top
        here, name = placed[place][:2]
        if place == len(placed) - 1:
            limit = top
        else:
            above, other = placed[place + 1][:2]
            limit = above - apart(name, other)
        placed[place] = (min(here, limit), *placed[place][1:])
    for at, name, _, colour in placed:
        inside = float(axes.transAxes.inverted().transform((0, at))[1])
        axes.text(
            1.01, inside, name, transform=axes.transAxes, fontsize=size, color=colour, va="center"
        )


def new_figure(
    width: Literal["column", "page"] = "column", ratio: float = 0.72, *, height: float | None = None
) -> Figure:
    """An empty figure without pyplot.

    Its parts are laid out so that nothing overlaps (matplotlib's constrained layout).

    Args:
        width: of a column or of the page.
        ratio: height by width.
        height: in inches, in place of `ratio`.
    """
    from matplotlib.figure import Figure  # half a second to import

    inches = WIDTHS[width]
    return Figure(figsize=(inches, height or ratio * inches), layout="constrained")


def logarithmic(axes: Any) -> None:
    """A logarithmic axis across, once everything is drawn on it: at 1, 2 and 5 if there is room.

    Over more than two decades those would run into each other, so that each decade has one tick.
    """
    from matplotlib.ticker import LogLocator  # half a second to import

    axes.set_xscale("log")
    low, high = axes.get_xlim()
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if high <= 100 * low else (1,)))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.tick_params(axis="x", which="minor", labelbottom=False)


def legend_below(figure: Figure, axes: Any, *, columns: int) -> None:
    """The legend of `axes` under the whole figure, where it hides nothing.

    In `columns`, or in as many fewer as the width allows.
    """
    handles, names = axes.get_legend_handles_labels()
    for across in range(min(columns, max(1, len(names))), 0, -1):
        legend = figure.legend(
            handles,
            names,
            loc="outside lower center",
            ncols=across,
            handlelength=2.6,
            columnspacing=1.2,
        )
        if across == 1 or legend.get_window_extent().width <= figure.bbox.width:
            return
        legend.remove()


def spelled(name: str) -> str:
    """A name as text of a figure.

    Long ones on two lines, and no sign that matplotlib would take for mathematics.
    """
    return "\n".join(wrap(name.replace("$", r"\$"), 30, break_long_words=False))


@contextmanager
def styled() -> Iterator[None]:
    """The settings that figures are made and written under; as before behind the block."""
    import matplotlib as mpl

    with mpl.rc_context(_SETTINGS):
        yield


def save(figure: Figure, path: Path) -> None:
    """Write a figure, whole or not at all; the same figure gives the same bytes.

    Raises:
        NasreproError: neither .png nor .pdf, or the file cannot be written.
    """
    if path.suffix.lower() not in _METADATA:
        raise NasreproError(
            f"cannot draw to {path}; give a file that ends in {' or '.join(_METADATA)}"
        )
    for axes in figure.axes:  # labels begin with a capital, whoever wrote them
        for label in (axes.xaxis.label, axes.yaxis.label):
            label.set_text(label.get_text()[:1].upper() + label.get_text()[1:])
    with styled(), atomic_write(path) as temporary:
        figure.savefig(temporary, metadata=_METADATA[path.suffix.lower()])
