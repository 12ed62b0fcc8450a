"""How far the two layers of a garment that lies down part."""

import numpy as np
from numpy.typing import NDArray

from kg_datasets.garments.pattern import BACK, FRONT, OVER, UNDER
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
COLLAR = 0.008
"""Metres between a collar and what it lies upon."""
COLLAR_ROUND = 0.012
"""Metres from a collar's own seam within which it comes to that."""


def heights(garment: Garment, rng: np.random.Generator) -> Array:
    """Return how far above (front) or below (back) the seams' plane each vertex is, (V,)."""
    width = np.sqrt(8 * torsion(garment))
    height = HIGHEST * (1 - np.exp(-FULLNESS * width / HIGHEST))
    billows = np.where(garment.side > 0, _billows(garment.flat, rng), _billows(garment.flat, rng))
    above: Array = garment.side.clip(BACK, FRONT) * height * (1 + BILLOWS * billows)
    for side, below in ((OVER, FRONT), (UNDER, BACK)):
        upon = np.setdiff1d(garment.faces[garment.layer == side], garment.faces[garment.layer == below])
        if len(upon):
            rise = COLLAR * np.sqrt((_to_seams(garment, upon) / COLLAR_ROUND).clip(max=1))
            above[upon] = _at(garment, above, below, garment.flat[upon]) + below * rise
    return above


def _to_seams(garment: Garment, vertices: NDArray[np.int64]) -> Array:
    """Return how far each vertex is from the nearest on a seam between upper and lower layers, metres."""
    seams = garment.flat[garment.side == 0]
    return np.linalg.norm(garment.flat[vertices, None] - seams, axis=-1).min(axis=1)


def _at(garment: Garment, values: Array, side: int, places: Array) -> Array:
    """Return values (V,) read at places (M, 2) of a layer, or at the layer's point nearest to them."""
    faces = garment.faces[garment.layer == side]
    corner, *others = np.moveaxis(garment.flat[faces], 1, 0)
    basis = np.linalg.inv(np.stack([other - corner for other in others], axis=-1))
    share = np.einsum("fij,mfj->mfi", basis, places[:, None] - corner)
    weights = np.concatenate([1 - share.sum(axis=-1, keepdims=True), share], axis=-1)
    # The triangle that holds a place has no negative weight there; of the others, the least far off.
    best = weights.min(axis=-1).argmax(axis=1)
    nearest = weights[np.arange(len(places)), best].clip(min=0)
    nearest /= nearest.sum(axis=1, keepdims=True)
    read: Array = (nearest * values[faces[best]]).sum(axis=1)
    return read


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
