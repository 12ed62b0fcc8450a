"""Where a mesh passes through itself at rest, as many real ones do."""

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]

BLOCK = 128
"""Edges that are compared at once with the triangles that lie beside them."""


def tangled(vertices: Points, edges: NDArray[np.int64], faces: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which vertices (V,) belong to an edge and a triangle that pass through each other.

    Args:
        vertices: (V, 3).
        edges: (E, 2).
        faces: (F, 3).
    """
    edges, faces = _from_left_to_right(vertices, edges), _from_left_to_right(vertices, faces)
    low, high = vertices[faces].min(axis=1), vertices[faces].max(axis=1)
    widest = (high - low)[:, 0].max()
    marked = np.zeros(len(vertices), dtype=np.bool_)
    for start in range(0, len(edges), BLOCK):
        block = edges[start : start + BLOCK]
        least, most = vertices[block].min(axis=1), vertices[block].max(axis=1)
        first, last = np.searchsorted(low[:, 0], [least[0, 0] - widest, most[:, 0].max()])
        near = np.ones((len(block), last - first), dtype=np.bool_)
        for axis in range(3):
            near &= low[first:last, axis] <= most[:, axis, None]
            near &= high[first:last, axis] >= least[:, axis, None]
        one, two = np.nonzero(near)
        pairs = np.concatenate([block[one], faces[first + two]], axis=1)
        pairs = pairs[(pairs[:, :2, None] != pairs[:, None, 2:]).all(axis=(1, 2))]
        marked[pairs[_through(*np.moveaxis(vertices[pairs], 1, 0))]] = True
    return marked


def _from_left_to_right(vertices: Points, sides: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return sides (n, corners) in the order of their lowest x."""
    ordered: NDArray[np.int64] = sides[vertices[sides, 0].min(axis=1).argsort(kind="stable")]
    return ordered


def _through(p: Points, q: Points, a: Points, b: Points, c: Points) -> NDArray[np.bool_]:
    """Tell whether edges pq pass through triangles abc, each (n, 3)."""
    beside = _volume(p, q, a, b), _volume(p, q, b, c), _volume(p, q, c, a)
    passes: NDArray[np.bool_] = (_volume(p, a, b, c) * _volume(q, a, b, c) < 0) & (
        (beside[0] * beside[1] > 0) & (beside[1] * beside[2] > 0)
    )
    return passes


def _volume(p: Points, a: Points, b: Points, c: Points) -> NDArray[np.float64]:
    """Return six times the signed volumes of tetrahedra, (n,)."""
    volume: NDArray[np.float64] = np.einsum("nx,nx->n", a - p, np.cross(b - p, c - p))
    return volume
