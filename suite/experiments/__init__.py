"""Kinds of experiments, plans, the runner and the store. Each kind is a file, imported here."""

from nasrepro.suite.experiments import ranking, search, study

__all__ = ["ranking", "search", "study"]
