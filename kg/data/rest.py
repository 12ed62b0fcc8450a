"""Places at rest, in the box of the object that they lie on."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Boxes(NamedTuple):
    """Of each row the box at rest of its object: its lowest and its highest corner, (n, 3) each."""

    low: NDArray[np.floating]
    high: NDArray[np.floating]

    @property
    def sides(self) -> NDArray[np.float32]:
        """The boxes' sides, (n, 3)."""
        sides: NDArray[np.float32] = (self.high - self.low).astype(np.float32)
        return sides

    def rows(self, rows: NDArray[np.int64]) -> "Boxes":
        """Return those of some rows."""
        return Boxes(self.low[rows], self.high[rows])

    def inside(self, rest_positions: NDArray[np.floating]) -> NDArray[np.float32]:
        """Return rest positions (n, N, 3) as (n, N, 3) in [-1, 1] on each axis, 0 on one without extent."""
        low, high = self.low[:, None], self.high[:, None]
        places: NDArray[np.floating] = (2 * rest_positions - low - high) / np.where(high > low, high - low, 1)
        return places.astype(np.float32, copy=False)


def boxes_of(blocks: Iterable[NDArray[np.floating]], rest_ids: Sequence[str]) -> Boxes:
    """Return the box of every row's object.

    Args:
        blocks: Rest positions, (m, N, 3) each, of m rows at a time, all of the rows in order.
        rest_ids: (n,), rows that share one share the object at rest.
    """
    names, numbers = np.unique(np.asarray(rest_ids), return_inverse=True)
    low = high = np.empty((0, 3), np.float32)
    first = 0
    for block in blocks:
        if not first:
            low, high = (np.full((len(names), 3), end, block.dtype) for end in (np.inf, -np.inf))
        own = numbers[first : first + len(block)]
        np.minimum.at(low, own, block.min(1))
        np.maximum.at(high, own, block.max(1))
        first += len(block)
    return Boxes(low[numbers], high[numbers])


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
    boxes = boxes_of([rest_positions], rest_ids)
    return boxes.inside(rest_positions), boxes.sides
