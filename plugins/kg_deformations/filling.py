"""A flat garment is filled, by a body or by air: by geometry alone."""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from kg.data.film import film_height

Points = NDArray[np.float64]
Faces = NDArray[np.int64]

ROUND = 2 / np.pi
"""Radius of a full tube, in parts of the half width of the same tube pressed flat."""


def filled(flat: Points, faces: Faces, share: float) -> Points:
    """Return a garment that lies flat, filled to some share of what it can hold.

    The fronts of sleeves, legs and bodies rise, their backs sink, and their sides come closer, until each is
    a tube as round as its width allows. Seams, where front and back meet, lie in the middle; hems and necks
    are open. Each layer is a soap film under pressure; the square root of its height is that of a tube (as
    drawings are blown up: Williams, *Shading in Two Dimensions*, 1991).

    Args:
        flat: (V, 3) vertices, z up.
        faces: (F, 3) vertices of its triangles.
        share: 0 leaves it as it is, 1 makes tubes round.

    Returns:
        (V, 3) vertices. What has one layer, as a scarf, stays as it is.
    """
    film, side = _film(flat, faces)
    slope = _slopes(flat, faces, film)
    placed = flat.copy()
    placed[:, :2] += share * (1 - ROUND) * slope
    placed[:, 2] += share * ROUND * side * np.sqrt(2 * film)
    return placed


def _film(flat: Points, faces: Faces) -> tuple[Points, Points]:
    """Return the height of the soap films of fronts and backs (V,), 0 at seams; sides of vertices (V,)."""
    count = len(flat)
    a, b, c = flat[faces[:, 0]], flat[faces[:, 1]], flat[faces[:, 2]]
    up = np.cross(b - a, c - a)[:, 2]
    front, back = np.zeros((2, count), bool)
    front[faces[up > 0]], back[faces[up <= 0]] = True, True
    seam = front & back
    edges = np.concatenate([faces[:, :2], faces[:, 1:]])
    joined = coo_array((np.ones(len(edges)), edges.T), shape=(count, count))
    pieces = connected_components(joined, directed=False)[1]
    # A piece without a seam is held nowhere: it stays flat.
    held = seam | ~np.isin(pieces, pieces[seam])
    side = np.where(seam, 0.0, front.astype(float) - back)
    # A mesh may be wound inside out.
    return film_height(flat[:, :2], faces, held), side * (1 if (side * flat[:, 2]).sum() >= 0 else -1)


def _slopes(flat: Points, faces: Faces, film: Points) -> Points:
    """Return how steeply the film rises (V, 2), on average over the triangles of a vertex."""
    a, b, c = (flat[faces[:, corner], :2] for corner in range(3))
    double = (b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0]
    height = film[faces]
    turned = np.array([[0.0, 1.0], [-1.0, 0.0]])
    rise = (
        height[:, :1] * ((c - b) @ turned)
        + height[:, 1:2] * ((a - c) @ turned)
        + height[:, 2:] * ((b - a) @ turned)
    )
    # Weighted by areas, so that slivers do not count: rise is twice the area times the slope, up to its sign.
    slopes, weights = np.zeros((len(flat), 2)), np.zeros(len(flat))
    for corner in range(3):
        np.add.at(slopes, faces[:, corner], rise * np.sign(double)[:, None])
        np.add.at(weights, faces[:, corner], np.abs(double))
    mean: Points = slopes / np.maximum(weights, 1e-12)[:, None]
    return mean
