"""Laying a garment down: from the flat pattern to a shape that cloth could have.

1. The layers part, more where the garment is wide, each in billows of its own; a collar lies upon them.
2. The whole is thrown into waves and bent a little.
3. Each sleeve or leg swings in the plane and curls out of it.
4. Edges pull back to their rest lengths, for what the other steps stretched.

Axes of the result: x to the wearer's left, y up, z out of the front, metres, centred on the bounding
box, and turned in the plane by a few degrees at most.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from kg_datasets.garments.covers import Cover, covers
from kg_datasets.garments.layers import heights
from kg_datasets.garments.pattern import EDGE, Limb
from kg_datasets.garments.sewing import Garment

Array = NDArray[np.float64]

SWING = 0.02
"""Most strain at the sides of a sleeve or leg that swings in the plane."""
CURL = 0.4
"""Most curvature (1/m) of a sleeve or leg out of the plane."""
BEND = 0.35
"""Most curvature (1/m) of the whole."""
WAVES = 3
WAVE_LENGTHS = (0.28, 0.60)
WAVE_SLOPE = 0.20
"""Most slope of each wave: amplitude times 2π / wave length."""
YAW = np.radians(4.0)
PULLS = 40
"""Rounds in which the edges pull, where they are of the usual length."""

OUT = np.array([0.0, 0.0, 1.0])


def lay(garment: Garment, rng: np.random.Generator) -> Array:
    """Return the vertices (V, 3) of a garment laid down in some way, metres."""
    above, upon = heights(garment, rng), covers(garment)
    for cover in upon:
        above[cover.vertices] = cover.below(above) + cover.rise
    points = np.concatenate([garment.flat, above[:, None]], axis=1)
    # The gentler a bend, the later: what is bent already stretches at a bend by height times curvature.
    for _ in range(WAVES):
        points = _ripple(points, rng)
    points = _bend(points, rng)
    for limb in garment.limbs:
        points = _move(points, limb, garment.flat, rng)
    points = _turn(_pull(points, garment, upon), rng.uniform(-YAW, YAW))
    centred: Array = points - (points.min(axis=0) + points.max(axis=0)) / 2
    return centred


def _ripple(points: Array, rng: np.random.Generator) -> Array:
    """Return the points thrown into one wave that runs across the pattern in some direction.

    A line along that direction keeps its length: it is drawn in by as much as the wave uses up. Both
    layers are lifted alike, whatever lies between them.
    """
    along = _direction(rng)
    slope, length = WAVE_SLOPE * rng.uniform(0.3, 1), rng.uniform(*WAVE_LENGTHS)
    phase = rng.uniform(0, 2 * np.pi)
    s = points[:, :2] @ along
    way = np.linspace(s.min(), s.max(), 400)
    angle = slope * np.cos(2 * np.pi * way / length + phase)
    drawn_in = np.interp(s, way, _integral(way, np.cos(angle) - 1))
    lift = np.interp(s, way, _integral(way, np.sin(angle)))
    rippled: Array = points + np.concatenate([drawn_in[:, None] * along, lift[:, None]], axis=1)
    return rippled


def _integral(way: Array, values: Array) -> Array:
    """Return the integral over a way by the trapezoidal rule, 0 at its beginning."""
    return np.concatenate([[0.0], ((values[1:] + values[:-1]) / 2 * np.diff(way)).cumsum()])


def _arc(points: Array, origin: Array, along: Array, towards: Array, curvature: float) -> Array:
    """Return the points with the way from `origin` (3,) `along` a unit vector bent into an arc.

    It bends `towards` another unit vector, at right angles to the first, with so much curvature (1/m).
    Lengths stay as they are in the plane through the origin that `towards` is normal to.
    """
    offset = points - origin
    s, height = offset @ along, offset @ towards
    angle = curvature * s
    # sin(a)/a and (1 - cos(a))/a in forms that hold at 0; NumPy's sinc has a factor of pi in it.
    forward = s * (np.sinc(angle / np.pi) - 1) - height * np.sin(angle)
    up = s * angle / 2 * np.sinc(angle / (2 * np.pi)) ** 2 + height * (np.cos(angle) - 1)
    bent: Array = points + forward[:, None] * along + up[:, None] * towards
    return bent


def _bend(points: Array, rng: np.random.Generator) -> Array:
    middle = np.append((points[:, :2].min(axis=0) + points[:, :2].max(axis=0)) / 2, 0.0)
    along = np.append(_direction(rng), 0.0)
    return _arc(points, middle, along, OUT, rng.uniform(-BEND, BEND))


def _move(points: Array, limb: Limb, flat: Array, rng: np.random.Generator) -> Array:
    """Return the points with a limb swung in the plane and curled out of it.

    Both begin at the limb's corner and grow from nothing, so that it stays joined to the rest.
    """
    origin = np.append(limb.corner + limb.width / 2 * limb.across, 0.0)
    along, across = np.append(limb.along, 0.0), np.append(limb.across, 0.0)
    moved = _arc(points, origin, along, across, 2 / limb.width * rng.uniform(-SWING, SWING))
    moved = _arc(moved, origin, along, OUT, rng.uniform(-CURL, CURL))
    return np.where(limb.contains(flat)[:, None], moved, points)


def _pull(points: Array, garment: Garment, upon: Sequence[Cover]) -> Array:
    """Return the vertices after the edges have pulled and pushed towards their rest lengths.

    In each round a vertex moves by the mean of what its edges ask of it, and what lies upon a layer stays
    clear of it.
    """
    count, start, end = len(points), *np.ascontiguousarray(garment.edges.T)
    rest = np.linalg.norm(garment.flat[end] - garment.flat[start], axis=1)
    degree = np.bincount(start, minlength=count) + np.bincount(end, minlength=count)
    axes = np.ascontiguousarray(points.T)
    offsets = [np.stack([axis[cover.vertices] - cover.below(axis) for axis in axes]) for cover in upon]
    # A round reaches as far as one edge, and its work spreads as heat does.
    for _ in range(round(PULLS * (EDGE / garment.edge) ** 2)):
        steps = [axis[end] - axis[start] for axis in axes]
        ask = (1 - rest / np.sqrt(steps[0] ** 2 + steps[1] ** 2 + steps[2] ** 2)) / 2
        for axis, step in zip(axes, steps, strict=True):
            pull = ask * step
            axis += (np.bincount(start, pull, count) - np.bincount(end, pull, count)) / degree
        for cover, offset in zip(upon, offsets, strict=True):
            cover.keep(axes, offset)
    return axes.T


def _turn(points: Array, angle: float) -> Array:
    cos, sin = np.cos(angle), np.sin(angle)
    turned: Array = points @ np.array([[cos, sin, 0.0], [-sin, cos, 0.0], [0.0, 0.0, 1.0]])
    return turned


def _direction(rng: np.random.Generator) -> Array:
    angle = rng.uniform(0, np.pi)
    return np.array([np.cos(angle), np.sin(angle)])
