"""Plane curves that outlines are drawn with: polylines (M, 2) in metres, M of at least 2."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

Curve = NDArray[np.float64]

STEPS = 16
"""Segments that a rounded corner or a bowed line is drawn with; far below the edge of a mesh."""


SHARP = np.radians(35.0)
"""Least turn of a corner that a mesh keeps."""


def line(*corners: ArrayLike) -> Curve:
    """Return the straight lines through the corners."""
    return np.array(corners, dtype=np.float64)


def rounded(corners: Sequence[ArrayLike], radius: float) -> Curve:
    """Return the lines through the corners, each inner corner cut by a parabola.

    The cut begins `radius` before a corner, or half way to its neighbour if that is nearer, so that
    the first and the last corner stay where they are.
    """
    points = line(*corners)
    t = np.linspace(0, 1, STEPS + 1)[:, None]
    pieces = [points[:1]]
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        start, end = (corner + _towards(corner, other, radius) for other in (before, after))
        pieces.append((1 - t) ** 2 * start + 2 * t * (1 - t) * corner + t**2 * end)
    return np.concatenate([*pieces, points[-1:]])


def _towards(corner: Curve, other: Curve, radius: float) -> Curve:
    step = other - corner
    length = float(np.linalg.norm(step))
    return step * min(radius / length, 0.5)


def split(curve: Curve, near: ArrayLike) -> tuple[Curve, Curve]:
    """Return the curve in two, parted at its inner vertex nearest to a point (2,)."""
    distance = np.linalg.norm(curve[1:-1] - np.asarray(near), axis=1)
    at = int(distance.argmin()) + 1
    return curve[: at + 1], curve[at:]


def scoop(side: ArrayLike, centre: ArrayLike, power: float) -> Curve:
    """Return a quarter of a superellipse, from its side (vertical there) to its centre (level there).

    Power 1 is the straight line of a V-neck, 2 an ellipse. `side` (2,) and `centre` (2,) are the ends.
    """
    (x0, y0), (x1, y1) = np.asarray(side, dtype=np.float64), np.asarray(centre, dtype=np.float64)
    angle = np.linspace(0, np.pi / 2, 2 * STEPS + 1)
    x, y = np.cos(angle) ** (2 / power), np.sin(angle) ** (2 / power)
    return np.stack([x1 + (x0 - x1) * x, y0 + (y1 - y0) * y], axis=1)


def bow(centre: ArrayLike, side: ArrayLike) -> Curve:
    """Return half a parabola, level at its centre (2,) and ending at its side (2,)."""
    middle, end = np.asarray(centre, dtype=np.float64), np.asarray(side, dtype=np.float64)
    t = np.linspace(0, 1, STEPS + 1)
    return middle + (end - middle) * np.stack([t, t**2], axis=1)


def resample(curve: Curve, step: float) -> Curve:
    """Return the curve at arc lengths near `step` metres, equal between one sharp corner and the next.

    Both its ends are among the points, and so are its sharp corners.
    """
    ways = np.diff(curve, axis=0)
    turn = np.einsum("ij,ij->i", ways[1:], ways[:-1])
    lengths = np.linalg.norm(ways, axis=1)
    sharp = turn < np.cos(SHARP) * lengths[1:] * lengths[:-1]
    # What is drawn round may turn fast too, but in short steps.
    corners = np.flatnonzero(sharp & (np.minimum(lengths[1:], lengths[:-1]) > step / 2)) + 1
    ends = [0, *corners.tolist(), len(curve) - 1]
    pieces = [_evenly(curve[a : b + 1], step) for a, b in pairwise(ends)]
    return np.concatenate([*(piece[:-1] for piece in pieces[:-1]), pieces[-1]])


def _evenly(curve: Curve, step: float) -> Curve:
    along = np.concatenate([[0.0], np.linalg.norm(np.diff(curve, axis=0), axis=1).cumsum()])
    at = np.linspace(0, along[-1], max(1, round(along[-1] / step)) + 1)
    points = np.stack([np.interp(at, along, curve[:, axis]) for axis in (0, 1)], axis=1)
    points[0], points[-1] = curve[0], curve[-1]
    return points


def distance_to(marks: Curve, places: Curve) -> Curve:
    """Return how far each place (M, 2) is from the nearest mark (K, 2), (M,)."""
    # Not by the expanded square: its matrix product keeps every core busy for a millisecond's work.
    squares = (places[:, :1] - marks[:, 0]) ** 2
    squares += (places[:, 1:] - marks[:, 1]) ** 2
    nearest: Curve = np.sqrt(squares.min(axis=1))
    return nearest
