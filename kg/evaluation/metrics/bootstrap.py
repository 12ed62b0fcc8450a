"""How far a result may be off because there are only so many objects: the bootstrap (Efron, 1979)."""

import numpy as np
from numpy.typing import NDArray

DRAWS = 1000
LEVEL = 95
"""Percent of the draws that an interval holds."""


def resample(objects: NDArray[np.str_], draws: int = DRAWS, seed: int = 0) -> NDArray[np.float64]:
    """Return how often each shape counts in resamplings of its objects, (draws, n).

    Objects are drawn, not shapes: frames of one garment resemble each other, and as so many independent
    shapes they would make an interval too narrow. Equal objects have equal resamplings.

    Args:
        objects: (n,) the object of each shape.
        draws: How many.
        seed: Of the resamplings.
    """
    names, number = np.unique(objects, return_inverse=True)
    rng = np.random.default_rng(seed)
    counts = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), size=draws)
    return np.asarray(counts[:, number], np.float64)


def interval(drawn: NDArray[np.float64]) -> tuple[float, float] | None:
    """Return the interval that holds the middle `LEVEL` percent of a part's draws (R,).

    None where too few of them are defined.
    """
    known = drawn[~np.isnan(drawn)]
    if len(known) < len(drawn) * LEVEL / 100:
        return None
    low, high = np.percentile(known, [(100 - LEVEL) / 2, (100 + LEVEL) / 2])
    return float(low), float(high)
