"""The kinds of claims: a file for each way of testing one, found by being here.

Its class (see `suite.claims.test`) has `needs()`, the results that it takes from a store, and
`judge(claim, context)`, which puts them to a rule. A claims file names it by its `kind`.
"""

import importlib
import pkgutil

from pydantic import BaseModel

from nasrepro.suite.claims.kinds.devices import Devices
from nasrepro.suite.claims.kinds.formula import Figure, Formula
from nasrepro.suite.claims.kinds.lookup import Lookup
from nasrepro.suite.claims.kinds.order import Order
from nasrepro.suite.claims.kinds.ranking import Ranking
from nasrepro.suite.claims.kinds.search import Search
from nasrepro.suite.claims.kinds.study import StudyRow

__all__ = [
    "KINDS",
    "Devices",
    "Figure",
    "Formula",
    "Lookup",
    "Order",
    "Ranking",
    "Search",
    "StudyRow",
]


def _kinds() -> dict[str, type[BaseModel]]:
    """The classes with a `kind` in the files of this folder, by their kind."""
    modules = [
        importlib.import_module(f"{__name__}.{module.name}")
        for module in pkgutil.iter_modules(__path__)
    ]
    return {
        value.model_fields["kind"].default: value
        for module in modules
        for value in vars(module).values()
        if isinstance(value, type)
        and issubclass(value, BaseModel)
        and value.__module__ == module.__name__
        and "kind" in value.model_fields
    }


#: By the key of a claims file that a kind stands behind.
KINDS = _kinds()
