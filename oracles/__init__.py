"""Oracles: benchmark tables and trainers, one file each."""

from suite.registry import load_oracle as load

__all__ = ["load"]
