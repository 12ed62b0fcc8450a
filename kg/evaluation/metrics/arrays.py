"""What the metrics share: checks of their arrays, nearest points, agreement of labels."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kg.data.box import diagonals


class Nearest(NamedTuple):
    """Nearest point of each query: `indices` and Euclidean `distances`, both (n, Q)."""

    indices: NDArray[np.int64]
    distances: NDArray[np.float64]


def clouds(name: str, values: ArrayLike, count: int | None = None) -> NDArray[np.float64]:
    """Return points (n, M, 3) as float64, n and M of at least 1.

    Args:
        name: Of the array, for the message.
        values: The points.
        count: The n that it must have.

    Raises:
        ValueError: It has another shape, or holds NaN or infinity.
    """
    checked = np.asarray(values, dtype=np.float64)
    if checked.ndim != 3 or checked.shape[2] != 3 or 0 in checked.shape:
        raise ValueError(f"{name} must be (n, M, 3) with n and M of at least 1, not {checked.shape}")
    if count is not None and len(checked) != count:
        raise ValueError(f"{name} must be of {count} shapes, not {len(checked)}")
    if not np.isfinite(checked).all():
        raise ValueError(f"{name} holds NaN or infinity")
    return checked


def landmarks(
    positions: ArrayLike, ids: ArrayLike, count: int
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return landmarks (n, A, 3) and their semantic ids (n, A), where -1 stands for "no landmark".

    Raises:
        ValueError: The shapes do not fit, or a landmark with an id has no finite position.
    """
    where, which = np.asarray(positions, dtype=np.float64), np.asarray(ids, dtype=np.int64)
    if where.ndim != 3 or where.shape[2] != 3 or where.shape[:2] != which.shape:
        raise ValueError(f"landmarks must be (n, A, 3) with ids (n, A), not {where.shape} with {which.shape}")
    if len(where) != count:
        raise ValueError(f"landmarks must be of {count} shapes, not {len(where)}")
    if not np.isfinite(where[which >= 0]).all():
        raise ValueError("a landmark with an id has no finite position")
    return where, which


def nearest(
    queries: NDArray[np.float64], points: NDArray[np.float64], present: NDArray[np.bool_] | None = None
) -> Nearest:
    """Return the nearest point of each query, shape by shape; of equals, the one with the lowest index.

    Args:
        queries: (n, Q, 3).
        points: (n, P, 3).
        present: (n, P), which points exist. Where a shape has none, the distance is infinite.
    """
    shape = queries.shape[:2]
    closest = Nearest(np.empty(shape, np.int64), np.empty(shape))
    # Shape by shape: all at once would need n * Q * P * 3 numbers.
    for row, (query, cloud) in enumerate(zip(queries, points, strict=True)):
        squared = np.square(query[:, None] - cloud).sum(2)
        if present is not None:
            squared[:, ~present[row]] = np.inf
        best = squared.argmin(1)
        closest.indices[row] = best
        closest.distances[row] = np.sqrt(squared[np.arange(len(query)), best])
    return closest


def snapped(
    places: NDArray[np.float64], cloud: NDArray[np.float64], values: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:
    """Return the point of the cloud (n, N, 3) nearest to each place (n, K, 3), or its value, of (n, N, 3)."""
    closest = nearest(places, cloud).indices[..., None]
    return np.asarray(np.take_along_axis(cloud if values is None else values, closest, axis=1))


def extents(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return `diagonals` of clouds to be divided by.

    Raises:
        ValueError: All points of a cloud lie in one place.
    """
    lengths = diagonals(points)
    if not lengths.all():
        raise ValueError(f"cloud {int(lengths.argmin())} has no extent")
    return lengths


class Agreement:
    """Which share of pairs of labels are equal.

    Args:
        rows: (m,) the shape of each label.
        labels: (m,).
        self_pairs: Count the pairs of a label with itself. Of m labels these are the m-th part of all
            pairs, on any resampling too: copies of one shape, which always agree, would otherwise make a
            resampling look better than the shapes are.
    """

    def __init__(self, rows: NDArray[np.int64], labels: NDArray[np.int64], self_pairs: bool) -> None:
        self.rows, self.self_pairs = rows, self_pairs
        _, self.group, self.sizes = np.unique(labels, return_inverse=True, return_counts=True)
        self.one_hot = (self.group[:, None] == np.arange(len(self.sizes))).astype(np.float64)

    def __call__(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the share (R,), 0 to 1, for weights (R, n) of the shapes; NaN where there is no pair."""
        mine = weights[:, self.rows]
        own: NDArray[np.float64] = np.square(mine).sum(1)
        pairs = np.square(mine.sum(1)) - own
        agreeing = np.square(mine @ self.one_hot).sum(1) - own
        share = divide(agreeing, pairs)
        if not self.self_pairs:
            return share
        if len(self.rows) == 1:
            return np.ones(len(weights))
        return np.asarray((1 + (len(self.rows) - 1) * share) / len(self.rows))

    def per_row(self) -> NDArray[np.float64]:
        """Return with which share of the labels each agrees, (m,)."""
        alone = not self.self_pairs
        others = len(self.rows) - alone
        with np.errstate(invalid="ignore"):
            return np.asarray((self.sizes[self.group] - alone) / others)


def mean_of_known(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean (R,) of the values (m, R) that are not NaN; NaN where none is known."""
    known = ~np.isnan(values)
    count = known.sum(0)
    total = np.where(known, values, 0).sum(0)
    return divide(total, count)


def divide(above: NDArray[np.floating], below: NDArray[Any]) -> NDArray[np.float64]:
    """Return above / below, both (R,), NaN where that divides by 0."""
    divided: NDArray[np.float64] = np.full(above.shape, np.nan)
    np.divide(above, below, out=divided, where=below > 0)
    return divided
