"""Which part of a metric stands for it where there is room for one."""

from collections.abc import Iterable

HEADLINES = {"das-annotated": "mean", "das-unsupervised": "first", "spread": "distinct"}
"""The part of a metric that stands for it in a table of many runs: the one that is published. The first part,
where none is named here."""


def headline(metric: str, parts: Iterable[str]) -> str:
    """Return the part of a metric that a table of many runs shows."""
    known = list(parts)
    return HEADLINES[metric] if HEADLINES.get(metric) in known else known[0]
