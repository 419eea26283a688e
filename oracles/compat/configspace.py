"""Any search space as a ConfigSpace (extra `optimizers`), which SMAC, DEHB and others read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nasrepro.suite.errors import NasreproError
from nasrepro.suite.space import Arch, SearchSpace

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ConfigSpace import ConfigurationSpace


def configuration_space(space: SearchSpace, *, seed: int | None = None) -> ConfigurationSpace:
    """One categorical hyperparameter for each decision, with its options 0, 1, ...

    In spaces where not every code is an architecture, a configuration may be none: `arch_of` says
    so.

    Args:
        space: the search space.
        seed: of the configurations that it draws.

    Raises:
        NasreproError: the package is not installed.
    """
    try:
        from ConfigSpace import CategoricalHyperparameter, ConfigurationSpace
    except ImportError as error:
        raise NasreproError(
            "the package ConfigSpace is not installed; run: pip install nasrepro[optimizers]"
        ) from error
    made = ConfigurationSpace(name=space.name, seed=seed)
    made.add(
        [
            CategoricalHyperparameter(name, range(options))
            for name, options in zip(_names(space), space.cardinalities, strict=True)
        ]
    )
    return made


def arch_of(space: SearchSpace, configuration: Mapping[str, int]) -> Arch:
    """The architecture of a configuration.

    Raises:
        InvalidArch: it is none of the space.
        KeyError: a decision is missing.
    """
    return space.arch([int(configuration[name]) for name in _names(space)])


def _names(space: SearchSpace) -> list[str]:
    """Names that sort in the order of the decisions, for ConfigSpace keeps them sorted."""
    width = len(str(len(space.decisions) - 1))
    return [f"{place:0{width}d} {name}" for place, name in enumerate(space.decisions)]
