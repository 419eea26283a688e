"""Neural-architecture-search methods on the same look-up oracles, with every cost reported.

The public face: `import nasrepro as nr`, then `nr.load("nasbench201")`. Everything else is in
`nasrepro.suite`, `nasrepro.oracles`, `nasrepro.methods` and `nasrepro.reports`; each name below is
imported when it is first used.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nasrepro.oracles import compat
    from nasrepro.suite.experiments.frames import results
    from nasrepro.suite.registry import load_oracle as load
    from nasrepro.suite.registry import method, oracle, scorer, study
    from nasrepro.suite.search import Budget, Session
    from nasrepro.suite.space import Arch

__all__ = [
    "Arch",
    "Budget",
    "Session",
    "__version__",
    "compat",
    "load",
    "method",
    "oracle",
    "results",
    "scorer",
    "study",
]

if __name__ != "nasrepro":  # `nasrepro.nasrepro`, which the line below would allow
    raise ImportError("the folder nasrepro/ is the package nasrepro: import it by that name")

# In a checkout the four packages lie beside this folder; in a wheel, inside it.
_checkout = Path(__file__).resolve().parent.parent
if not (Path(__file__).resolve().parent / "suite").exists():
    __path__.append(str(_checkout))


def _public() -> dict[str, Any]:
    """The public names, imported at first use: the command line pays for none of them."""
    from nasrepro.oracles import compat
    from nasrepro.suite.experiments.frames import results
    from nasrepro.suite.registry import load_oracle, method, oracle, scorer, study
    from nasrepro.suite.search import Budget, Session
    from nasrepro.suite.space import Arch

    return {
        "Arch": Arch,
        "Budget": Budget,
        "Session": Session,
        "compat": compat,
        "load": load_oracle,
        "method": method,
        "oracle": oracle,
        "results": results,
        "scorer": scorer,
        "study": study,
    }


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import PackageNotFoundError, version

        try:
            return version("nasrepro")
        except PackageNotFoundError:
            return "0+unknown"  # a checkout that is on the path but not installed
    if name not in __all__:
        raise AttributeError(
            f"module 'nasrepro' has no attribute {name!r}; public: {', '.join(__all__)}"
        )
    globals().update(_public())
    return globals()[name]


def __dir__() -> list[str]:
    return sorted(__all__)
