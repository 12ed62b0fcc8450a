"""How far the two layers of a garment that lies down part."""

import numpy as np
from numpy.typing import NDArray

from kg.data.film import film_height
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
    # Front and back are held at the seams and free at openings. Over a strip of width w, √(8 u) is w.
    body = np.abs(garment.layer) <= FRONT
    width = np.sqrt(8 * film_height(garment.flat, garment.faces[body], garment.side == 0))
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


def _billows(flat: Array, rng: np.random.Generator) -> Array:
    """Return a smooth random field (V,) on the pattern, within -1 and 1."""
    angles, phases = rng.uniform(0, 2 * np.pi, (2, BILLOW_WAVES))
    directions = np.stack([np.cos(angles), np.sin(angles)])
    lengths = rng.uniform(*BILLOW_LENGTHS, BILLOW_WAVES)
    field: Array = np.sin(2 * np.pi * (flat @ directions) / lengths + phases).sum(axis=1)
    field /= np.abs(field).max()
    return field
