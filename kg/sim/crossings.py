"""Where a mesh passes through itself. Needs numba."""

# mypy: disable-error-code="misc, no-untyped-def, no-untyped-call"

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from kg.sim.compiled import loop
from kg.sim.contact import as_leaves
from kg.sim.numba_lanes import BOX, EIGHT
from kg.sim.numba_tree import eights_near, grown, leaves_near, reached_by


def crossings(frames: Sequence[NDArray[np.float64]], faces: NDArray[np.int64]) -> list[int]:
    """Return how many pairs (edge, triangle) of a mesh pass through each other in each of its frames.

    Two triangles without a common vertex intersect if and only if an edge of one passes through the
    other, but for those that lie in one plane or just touch, which do not count.

    Args:
        frames: Vertices, (V, 3) each.
        faces: (F, 3).
    """
    ends = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    edges = np.unique(np.sort(ends, axis=1), axis=0)
    triangles = as_leaves(faces.astype(np.uint32), frames[0][faces].mean(axis=1))
    return [int(_crossings(np.ascontiguousarray(frame), edges, triangles)) for frame in frames]


@loop
def _volume(x, p, a, b, c):
    """Return six times the signed volume of a tetrahedron of vertices."""
    ux, uy, uz = x[a, 0] - x[p, 0], x[a, 1] - x[p, 1], x[a, 2] - x[p, 2]
    vx, vy, vz = x[b, 0] - x[p, 0], x[b, 1] - x[p, 1], x[b, 2] - x[p, 2]
    wx, wy, wz = x[c, 0] - x[p, 0], x[c, 1] - x[p, 1], x[c, 2] - x[p, 2]
    return ux * (vy * wz - vz * wy) + uy * (vz * wx - vx * wz) + uz * (vx * wy - vy * wx)


@loop
def _passes(x, p, q, a, b, c):
    """Tell whether an edge passes through a triangle."""
    if _volume(x, p, a, b, c) * _volume(x, q, a, b, c) >= 0:
        return False
    one, two, three = _volume(x, p, q, a, b), _volume(x, p, q, b, c), _volume(x, p, q, c, a)
    return one * two > 0 and two * three > 0


@loop
def _crossings(x, edges, triangles):
    nothing = np.zeros(len(x))
    reached = reached_by(x, np.zeros_like(x), nothing)
    tree = grown(reached, triangles, nothing > 0)
    count = max(1, len(triangles) // EIGHT)
    waiting, eights = np.empty((64, 2), np.int64), np.empty(count, np.int64)
    leaves, reach = np.empty(EIGHT * (count + 1), np.int64), np.empty(EIGHT, np.float32)
    crossings = 0
    for edge in range(len(edges)):
        p, q = edges[edge, 0], edges[edge, 1]
        for direction in range(BOX):
            reach[direction] = max(reached[p, direction], reached[q, direction])
        near = eights[: eights_near(reach, tree, 0, waiting, eights)]
        for leaf in leaves[: leaves_near(reach, tree, near, 0, leaves)]:
            a, b, c = triangles[leaf, 0], triangles[leaf, 1], triangles[leaf, 2]
            apart = (a != p) & (b != p) & (c != p) & (a != q) & (b != q) & (c != q)
            crossings += int(apart and _passes(x, p, q, a, b, c))
    return crossings
