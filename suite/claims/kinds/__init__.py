"""The kinds of claims: a class in a file of its own for each way of testing one.

Each has `needs()`, the results that it takes from a store, and `judge(claim, context)`, which puts
them to a rule. A new kind is a new file, and its class one more in `Test`.
"""

from typing import Annotated

from pydantic import Discriminator

from nasrepro.suite.claims.kinds.devices import Devices
from nasrepro.suite.claims.kinds.formula import Figure, Formula
from nasrepro.suite.claims.kinds.lookup import Lookup
from nasrepro.suite.claims.kinds.order import Order
from nasrepro.suite.claims.kinds.ranking import Ranking
from nasrepro.suite.claims.kinds.search import Search
from nasrepro.suite.claims.kinds.study import StudyRow

Test = Annotated[
    Search | Order | Ranking | Devices | StudyRow | Lookup | Formula,
    Discriminator("kind"),
]

__all__ = [
    "Devices",
    "Figure",
    "Formula",
    "Lookup",
    "Order",
    "Ranking",
    "Search",
    "StudyRow",
    "Test",
]
