"""Scores of zero-cost proxies that others computed, to be held against ours; one file per source."""
