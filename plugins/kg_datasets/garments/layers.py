"""How far the two layers of a garment that lies down part."""

import numpy as np
from numpy.typing import NDArray

from kg_datasets.garments.curves import distance_to
from kg_datasets.garments.pattern import BACK, FRONT, OVER
from kg_datasets.garments.sewing import Garment

Array = NDArray[np.float64]

FULLNESS = 0.09
"""Height of a narrow tube's layer over the seams' plane, as a share of its width."""
HIGHEST = 0.03
"""Metres that this height does not exceed, however wide the garment."""
BILLOWS = 0.6
"""How much the layers' own billows change that height, as a share of it."""
BILLOW_WAVES = 8
BILLOW_LENGTHS = (0.12, 0.35)
"""Metres."""
UNDER_COLLAR = 0.22
"""Slope with which a layer at most leaves its seams where a collar must lie around them."""


def heights(garment: Garment, rng: np.random.Generator) -> Array:
    """Return how far above (front) or below (back) the seams' plane each vertex is, (V,).

    A collar is left in that plane.
    """
    width = np.sqrt(8 * torsion(garment))
    height = HIGHEST * (1 - np.exp(-FULLNESS * width / HIGHEST))
    billows = np.where(garment.side > 0, _billows(garment.flat, rng), _billows(garment.flat, rng))
    height = height * (1 + BILLOWS * billows)
    if (garment.layer == OVER).any():
        height = np.minimum(height, UNDER_COLLAR * distance_to(_along_seams(garment), garment.flat))
    above: Array = garment.side.clip(BACK, FRONT) * height
    return above


def _along_seams(garment: Garment) -> Array:
    """Return the vertices on seams between front and back, and the middles of the edges there, (K, 2)."""
    edges = garment.edges
    seams = edges[(garment.side[edges] == 0).all(axis=1)]
    return np.concatenate([garment.flat[garment.side == 0], garment.flat[seams].mean(axis=1)])


def torsion(garment: Garment) -> Array:
    """Return the solution (V,) in m² of ∇²u = -1 with u = 0 on the seams, free at openings.

    In a strip of width w it is w²/8 in the middle, so that it measures how wide a garment is at each
    place. Linear finite elements with lumped masses, solved by conjugate gradients.
    """
    body = np.abs(garment.layer) <= FRONT
    faces, free = garment.faces[body], garment.side != 0
    count = len(garment.flat)
    corners = garment.flat[faces]
    sides = np.roll(corners, -1, axis=1) - corners
    twice_area = np.abs(sides[:, 0, 0] * sides[:, 1, 1] - sides[:, 0, 1] * sides[:, 1, 0])
    cotangents = -(sides * np.roll(sides, 1, axis=1)).sum(axis=-1) / twice_area[:, None]
    # Each corner's angle weighs the side that it faces.
    start, end, weight = (
        np.roll(faces, -1, axis=1).ravel(),
        np.roll(faces, -2, axis=1).ravel(),
        cotangents.ravel() / 2,
    )

    def stiffness(u: Array) -> Array:
        flow = (u[start] - u[end]) * weight
        net: Array = free * (np.bincount(start, flow, count) - np.bincount(end, flow, count))
        return net

    u = np.zeros(count)
    residual = direction = free * np.bincount(faces.ravel(), np.repeat(twice_area / 6, 3), count)
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


def _billows(flat: Array, rng: np.random.Generator) -> Array:
    """Return a smooth random field (V,) on the pattern, within -1 and 1."""
    angles, phases = rng.uniform(0, 2 * np.pi, (2, BILLOW_WAVES))
    directions = np.stack([np.cos(angles), np.sin(angles)])
    lengths = rng.uniform(*BILLOW_LENGTHS, BILLOW_WAVES)
    field: Array = np.sin(2 * np.pi * (flat @ directions) / lengths + phases).sum(axis=1)
    field /= np.abs(field).max()
    return field
