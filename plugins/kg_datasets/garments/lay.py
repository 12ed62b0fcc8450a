"""Laying a garment down: from the flat pattern to a shape that cloth could have.

Four steps, of which the second and the third keep lengths on a sheet without thickness exactly:
1. the layers part, more where the garment is wide, each in its own soft billows;
2. each sleeve or leg swings in the plane and curls out of it;
3. the whole is bent and thrown into waves;
4. edges pull back to their rest lengths, for what the steps above stretched.

Axes of the result: x to the wearer's left, y up, z out of the front, metres, centred on the bounding
box, and turned in the plane by a few degrees at most.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kg_datasets.garments.pattern import Limb
from kg_datasets.garments.sew import Garment

Array = NDArray[np.float64]

FULLNESS = 0.09
"""Height of a narrow tube's layer over the seams' plane, as a share of its width."""
HIGHEST = 0.03
"""Metres that this height does not exceed, however wide the garment."""
BILLOWS = 0.35
"""How much the layers' own billows change that height, as a share of it."""
SWING, CURL = 0.25, 0.7
"""Most curvature (1/m) of a sleeve or leg within the plane and out of it."""
BEND = 0.35
"""Most curvature (1/m) of the whole."""
WAVES = 3
WAVE_LENGTHS = (0.28, 0.60)
WAVE_SLOPE = 0.13
"""Most slope of each wave: amplitude times 2π / wave length."""
YAW = np.radians(4.0)
PULLS = 40
"""Rounds in which the edges pull."""


def lay(garment: Garment, rng: np.random.Generator) -> Array:
    """Return the vertices (V, 3) of a garment laid down in some way, metres."""
    points = np.concatenate([garment.flat, _part(garment, rng)[:, None]], axis=1)
    for limb in garment.limbs:
        _move(points, limb, limb.contains(garment.flat), rng)
    points = _bend_all(points, rng)
    points = _pull(points, garment)
    points = points @ _turn(rng.uniform(-YAW, YAW)).T
    return points - (points.min(axis=0) + points.max(axis=0)) / 2


def _part(garment: Garment, rng: np.random.Generator) -> Array:
    """Return how far above (front) or below (back) the seams' plane each vertex is, (V,)."""
    width = np.sqrt(8 * _torsion(garment))
    height = HIGHEST * (1 - np.exp(-FULLNESS * width / HIGHEST))
    billows = np.where(garment.side > 0, _field(garment.flat, rng), _field(garment.flat, rng))
    return garment.side * height * (1 + BILLOWS * billows)


def _torsion(garment: Garment) -> Array:
    """Return the solution (V,) in m² of ∇²u = -1 with u = 0 on the seams, free at openings.

    In a strip of width w it is w²/8 in the middle, so that it measures how wide a garment is at each
    place. Solved by conjugate gradients with linear elements, all taken as equilateral.
    """
    faces, free = garment.faces, garment.side != 0
    count = len(garment.flat)
    start, end = faces.ravel(), np.roll(faces, -1, axis=1).ravel()
    area = np.bincount(start, minlength=count) * _face_area(garment) / 3

    def stiffness(u: Array) -> Array:
        flow = (u[start] - u[end]) / (2 * np.sqrt(3))
        return free * (
            np.bincount(start, flow, minlength=count) - np.bincount(end, flow, minlength=count)
        )

    u = np.zeros(count)
    residual = direction = free * area
    left = residual @ residual
    enough = 1e-6 * left
    while left > enough:
        image = stiffness(direction)
        step = left / (direction @ image)
        u = u + step * direction
        residual = residual - step * image
        before, left = left, residual @ residual
        direction = residual + left / before * direction
    return u.clip(min=0)


def _face_area(garment: Garment) -> float:
    a, b, c = np.moveaxis(garment.flat[garment.faces], 1, 0)
    areas = np.abs((b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0]) / 2
    return float(areas.mean())


def _field(flat: Array, rng: np.random.Generator, waves: int = 8) -> Array:
    """Return a smooth random field (V,) on the pattern, within -1 and 1."""
    lengths, phases = rng.uniform(0.12, 0.35, waves), rng.uniform(0, 2 * np.pi, waves)
    directions = _directions(rng.uniform(0, 2 * np.pi, waves))
    total: Array = np.sin(2 * np.pi * (flat @ directions.T) / lengths + phases).sum(axis=1)
    return total / np.abs(total).max()


def _directions(angles: Array) -> Array:
    return np.stack([np.cos(angles), np.sin(angles)], axis=-1)


@dataclass(frozen=True, eq=False)
class _Bend:
    """A bend of space about parallel axes: lengths stay as they are where `towards` is 0.

    Attributes:
        origin: (3,) where it begins to count.
        along: (3,) unit vector, the way that is bent.
        towards: (3,) unit vector at right angles, to which it bends.
        angle: The way's direction, radians from `along` to `towards`, after so many metres.

    """

    origin: Array
    along: Array
    towards: Array
    angle: Callable[[Array], Array]

    def __call__(self, points: Array) -> Array:
        offset = points - self.origin
        s, height = offset @ self.along, offset @ self.towards
        way = np.linspace(min(s.min(), 0.0), max(s.max(), 0.0), 400)
        x, y = (_integral(way, values) for values in (np.cos(self.angle(way)), np.sin(self.angle(way))))
        angle = self.angle(s)
        forward = np.interp(s, way, x) - height * np.sin(angle) - s
        up = np.interp(s, way, y) + height * np.cos(angle) - height
        bent: Array = points + forward[:, None] * self.along + up[:, None] * self.towards
        return bent


def _integral(way: Array, values: Array) -> Array:
    """Return the trapezoidal integral from 0 at every place of a way."""
    total = np.concatenate([[0.0], ((values[1:] + values[:-1]) / 2 * np.diff(way)).cumsum()])
    return total - np.interp(0.0, way, total)


def _arc(curvature: float) -> Callable[[Array], Array]:
    return lambda s: curvature * s


def _wave(slope: float, length: float, phase: float) -> Callable[[Array], Array]:
    return lambda s: slope * np.cos(2 * np.pi * s / length + phase)


OUT = np.array([0.0, 0.0, 1.0])


def _move(points: Array, limb: Limb, mask: NDArray[np.bool_], rng: np.random.Generator) -> None:
    """Swing and curl a limb, in place. Both begin at its corner, so that it stays joined to the rest."""
    origin = np.append(limb.corner + limb.width / 2 * limb.across, 0.0)
    along, across = np.append(limb.along, 0.0), np.append(limb.across, 0.0)
    for towards, most in ((OUT, CURL), (across, SWING)):
        points[mask] = _Bend(origin, along, towards, _arc(rng.uniform(-most, most)))(points[mask])


def _bend_all(points: Array, rng: np.random.Generator) -> Array:
    middle = np.append((points[:, :2].min(axis=0) + points[:, :2].max(axis=0)) / 2, 0.0)
    bends = [_arc(rng.uniform(-BEND, BEND))]
    for _ in range(WAVES):
        bends.append(_wave(rng.uniform(0.3, 1) * WAVE_SLOPE, rng.uniform(*WAVE_LENGTHS), rng.uniform(0, 2 * np.pi)))
    for angle in bends:
        along = np.append(_directions(rng.uniform(0, np.pi)), 0.0)
        points = _Bend(middle, along, OUT, angle)(points)
    return points


def _pull(points: Array, garment: Garment) -> Array:
    """Return the vertices after the edges have pulled and pushed towards their rest lengths.

    In each round a vertex moves by the mean of what its edges ask of it.
    """
    count = len(points)
    ring = np.concatenate([garment.faces[:, [0, 1]], garment.faces[:, [1, 2]], garment.faces[:, [2, 0]]])
    # Every edge once from each of its ends, sorted by that end.
    codes = np.unique(np.concatenate([ring[:, 0] * count + ring[:, 1], ring[:, 1] * count + ring[:, 0]]))
    start, end = np.divmod(codes, count)
    first = np.searchsorted(start, np.arange(count))
    degree = np.diff(np.append(first, len(start)))[:, None]
    rest = np.linalg.norm(garment.flat[end] - garment.flat[start], axis=1)
    for _ in range(PULLS):
        step = points[end] - points[start]
        length = np.sqrt(np.einsum("ij,ij->i", step, step))
        step *= ((1 - rest / length) / 2)[:, None]
        points = points + np.add.reduceat(step, first, axis=0) / degree
    return points


def _turn(angle: float) -> Array:
    cos, sin = np.cos(angle), np.sin(angle)
    return np.array([[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]])
