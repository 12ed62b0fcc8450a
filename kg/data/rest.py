"""Places at rest, in the box of the object that they lie on."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def in_boxes(
    rest_positions: NDArray[np.floating], rest_ids: Sequence[str]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return rest positions in each object's own box, and the boxes' sides.

    Args:
        rest_positions: (n, N, 3), where each cloud point lies on its object at rest.
        rest_ids: (n,), rows that share one share the object at rest.

    Returns:
        (n, N, 3) in [-1, 1] on each axis, 0 on an axis without extent; (n, 3) sides of the box.
    """
    names, boxes = np.asarray(rest_ids), np.empty((len(rest_ids), 3), np.float32)
    places = np.empty(rest_positions.shape, np.float32)
    for name in np.unique(names):
        rows = names == name
        own = rest_positions[rows]
        low, high = own.min((0, 1)), own.max((0, 1))
        places[rows] = (2 * own - low - high) / np.where(high > low, high - low, 1)
        boxes[rows] = high - low
    return places, boxes
