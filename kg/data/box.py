"""The bounding box of a cloud: its size, and places on it."""

import numpy as np
from numpy.typing import NDArray

UP = 1
"""The axis that points up: y, as in ShapeNet and KeypointNet."""


def diagonals(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the length (n,) of the diagonal of each cloud's axis-aligned bounding box."""
    lengths: NDArray[np.float64] = np.linalg.norm(points.max(1) - points.min(1), axis=1)
    return lengths


def box_places(points: NDArray[np.floating], count: int) -> NDArray[np.float64]:
    """Return the corners of each cloud's bounding box and the centres of its top and bottom, as they are.

    Args:
        points: (n, N, 3), with y up.
        count: K. Of fewer than ten the first, of which two are opposite corners; there are no more than ten.
    """
    signs = np.array(
        [(1, 1, 1), (-1, -1, -1), (1, -1, -1), (-1, 1, 1), (-1, 1, -1), (1, -1, 1), (-1, -1, 1), (1, 1, -1)]
    )
    top = np.eye(3)[UP]
    places = np.concatenate([signs, [top, -top]])[:count]
    low, high = np.asarray(points, np.float64).min(1), np.asarray(points, np.float64).max(1)
    return np.asarray(((low + high)[:, None] + places * (high - low)[:, None]) / 2)
