"""Kinds of experiments, plans, the runner and the store."""
