"""Kinds of experiments, plans, the runner and the store."""

from nasrepro.suite.experiments import kinds

__all__ = ["kinds"]
