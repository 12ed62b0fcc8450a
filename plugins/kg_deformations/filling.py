"""A flat garment is filled, by a body or by air: by geometry alone."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import spsolve

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
    film, side = _films(flat, faces)
    slope = _slopes(flat, faces, film)
    placed = flat.copy()
    placed[:, :2] += share * (1 - ROUND) * slope
    height = np.sqrt(2 * np.maximum(film, 0)).max(axis=0)
    placed[:, 2] += share * ROUND * side * height
    return placed


def _films(flat: Points, faces: Faces) -> tuple[Points, Points]:
    """Return the heights of the soap films of fronts and backs (2, V), 0 at seams; sides of vertices (V,)."""
    a, b, c = flat[faces[:, 0]], flat[faces[:, 1]], flat[faces[:, 2]]
    up = np.cross(b - a, c - a)[:, 2]
    films, sides = np.zeros((2, len(flat))), np.zeros((2, len(flat)))
    sides[0, faces[up > 0]], sides[1, faces[up <= 0]] = 1, 1
    seam = (sides > 0).all(axis=0)
    for layer, own in zip(films, (faces[up > 0], faces[up <= 0]), strict=True):
        layer[:] = _film(flat, own, seam)
    side = np.where(seam, 0.0, sides[0] - sides[1])
    # A mesh may be wound inside out.
    return films, side * (1 if (side * flat[:, 2]).sum() >= 0 else -1)


def _film(flat: Points, faces: Faces, seam: Any) -> Points:
    """Return the height of a soap film (V,) of curvature 1, held at the seams (V,)."""
    count = len(flat)
    stiffness, areas = _stiffness(flat, faces)
    pieces = connected_components(stiffness, directed=False)[1]
    # A piece without a seam is held nowhere.
    free = ~seam & (areas > 0) & np.isin(pieces, pieces[seam & (areas > 0)])
    film = np.zeros(count)
    if free.any():
        inner = stiffness[free][:, free].tocsc()
        film[free] = spsolve(inner, areas[free])
    return film


def _stiffness(flat: Points, faces: Faces) -> tuple[csr_array, Points]:
    """Return the cotangent Laplacian of triangles seen from above (V, V), and the area of vertices (V,)."""
    count = len(flat)
    rows, columns, values = [], [], []
    areas = np.zeros(count)
    for corner in range(3):
        far, i, j = (faces[:, (corner + step) % 3] for step in range(3))
        one, other = flat[i, :2] - flat[far, :2], flat[j, :2] - flat[far, :2]
        double = np.abs(one[:, 0] * other[:, 1] - one[:, 1] * other[:, 0])
        cotangent = (one * other).sum(axis=1) / np.maximum(double, 1e-3 * (one**2 + other**2).sum(axis=1))
        half = np.maximum(cotangent, 1e-3) / 2
        rows += [i, j, i, j]
        columns += [j, i, i, j]
        values += [-half, -half, half, half]
        np.add.at(areas, far, double / 6)
    entries = (np.concatenate(values), (np.concatenate(rows), np.concatenate(columns)))
    return coo_array(entries, shape=(count, count)).tocsr(), areas


def _slopes(flat: Points, faces: Faces, films: Points) -> Points:
    """Return how steeply the films rise (V, 2), on average over the triangles of a vertex."""
    a, b, c = (flat[faces[:, corner], :2] for corner in range(3))
    double = (b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0]
    # A triangle's film is that of its side.
    film = np.where(double[:, None] > 0, films[0][faces], films[1][faces])
    turned = np.array([[0.0, 1.0], [-1.0, 0.0]])
    rise = (
        film[:, :1] * ((c - b) @ turned)
        + film[:, 1:2] * ((a - c) @ turned)
        + film[:, 2:] * ((b - a) @ turned)
    )
    # Weighted by areas, so that slivers do not count: rise is twice the area times the slope, up to its sign.
    slopes, weights = np.zeros((len(flat), 2)), np.zeros(len(flat))
    for corner in range(3):
        np.add.at(slopes, faces[:, corner], rise * np.sign(double)[:, None])
        np.add.at(weights, faces[:, corner], np.abs(double))
    mean: Points = slopes / np.maximum(weights, 1e-12)[:, None]
    return mean
