"""Half a turn that a garment's shape does not show: left and right, and front and back, exchanged together.

It is assumed that an object at rest has its width along x, its height along y and its thickness along z,
as kg's garments have. In its own box at rest the place (x, y, z) then becomes (-x, y, -z). Where an object
lies any way, a cloud does not tell which of the two it shows.
"""

import numpy as np
from numpy.typing import NDArray

from kg.evaluation.metrics import arrays

NEARLY = 3.0
"""How far points of an object at rest may lie from it when turned, on average, percent of its extent. Two
samples of 2,048 points of one shirt are 1 % apart."""

RANDOM = 45.0
"""Degrees by which half of the objects have to be turned against the first, for poses to be called random."""

QUERIES = 512
"""Points that are turned, evenly chosen."""


def box(rest_positions: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the least and the largest coordinates (3,) of an object's rest positions (m, N, 3)."""
    return rest_positions.min((0, 1)), rest_positions.max((0, 1))


def turned(
    places: NDArray[np.float64], low: NDArray[np.float64], high: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return places (..., 3) at rest after half a turn about the vertical through the centre of a box."""
    return np.stack(
        [low[0] + high[0] - places[..., 0], places[..., 1], low[2] + high[2] - places[..., 2]], axis=-1
    )


def asymmetry(rest_positions: NDArray[np.floating], rest_id: NDArray[np.str_]) -> float:
    """Return how far objects at rest lie from themselves turned, percent of the extent, the median object.

    Args:
        rest_positions: (n, N, 3); of each object the first row counts.
        rest_id: (n,) what has one shape at rest.
    """
    _, first = np.unique(rest_id, return_index=True)
    distances = []
    for row in first:
        cloud = np.asarray(rest_positions[row, None], np.float64)
        some = cloud[:, :: max(1, cloud.shape[1] // QUERIES)]
        away = arrays.nearest(turned(some, *box(cloud)), cloud).distances
        distances.append(100 * away.mean() / arrays.extents(cloud)[0])
    return float(np.median(distances))


def random_poses(
    points: NDArray[np.floating],
    rest_positions: NDArray[np.floating],
    rest_id: NDArray[np.str_],
    frame: NDArray[np.integer],
) -> bool:
    """Tell whether objects lie any way, by the rotations that best lay each, at rest, onto its first cloud.

    Args:
        points: (n, N, 3).
        rest_positions: (n, N, 3), of the same points.
        rest_id: (n,) what has one shape at rest.
        frame: (n,) numbers.
    """
    rotations = []
    for name in np.unique(rest_id):
        rows = np.flatnonzero(rest_id == name)
        row = rows[np.argmin(frame[rows])]
        rotations.append(_rotation(rest_positions[row], points[row]))
    first, *others = rotations
    angles = [np.degrees(np.arccos(np.clip((np.trace(of @ first.T) - 1) / 2, -1, 1))) for of in others]
    return bool(angles) and float(np.median(angles)) > RANDOM


def _rotation(start: NDArray[np.floating], end: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the rotation (3, 3) that lays points (N, 3) onto others best (Kabsch, 1976)."""
    one, other = (np.asarray(cloud, np.float64) - cloud.mean(0) for cloud in (start, end))
    left, _, right = np.linalg.svd(one.T @ other)
    sign = np.sign(np.linalg.det(left @ right))
    return np.asarray(right.T @ np.diag([1.0, 1.0, sign]) @ left.T)
