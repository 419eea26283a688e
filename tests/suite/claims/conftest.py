"""Fixtures of the tests of claims."""

from claimed import few_seeds_count, mine, toy

__all__ = ["few_seeds_count", "mine", "toy"]
