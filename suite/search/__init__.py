"""The only door between a method and an oracle, and what is spent there."""

from nasrepro.suite.search.ledger import Budget, Evaluation, Ledger, Rating
from nasrepro.suite.search.session import Session, objective_of

__all__ = ["Budget", "Evaluation", "Ledger", "Rating", "Session", "objective_of"]
