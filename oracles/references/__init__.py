"""Scores of zero-cost proxies that others computed, to be held against ours.

One file per source.
"""
