"""Where a mesh passes through itself. Needs numba."""

# mypy: disable-error-code="misc, no-untyped-def, no-untyped-call"

import numpy as np
from numpy.typing import NDArray

from kg.sim.compiled import loop


def crossings(positions: NDArray[np.float64], faces: NDArray[np.int64]) -> int:
    """Return how many pairs (edge, triangle) of a mesh pass through each other.

    Two triangles without a common vertex intersect if and only if an edge of one passes through the
    other, but for those that lie in one plane or just touch, which do not count.

    Args:
        positions: (V, 3).
        faces: (F, 3).
    """
    ends = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    edges = np.unique(np.sort(ends, axis=1), axis=0)
    lengths = np.linalg.norm(positions[edges[:, 0]] - positions[edges[:, 1]], axis=1)
    return int(_crossings(np.ascontiguousarray(positions), faces, edges, float(lengths.max())))


@loop
def _volume(p, a, b, c):
    """Return six times the signed volume of a tetrahedron."""
    u, v, w = a - p, b - p, c - p
    return (
        u[0] * (v[1] * w[2] - v[2] * w[1])
        + u[1] * (v[2] * w[0] - v[0] * w[2])
        + u[2] * (v[0] * w[1] - v[1] * w[0])
    )


@loop
def _crossings(positions, faces, edges, reach):
    # A triangle whose first corner lies more than two edges from an edge's end cannot meet the edge.
    size = 16
    while size < 2 * len(faces):
        size *= 2
    side = 2 * reach
    cells = np.empty((len(faces), 3), np.int64)
    head = np.full(size, -1, np.int64)
    chain = np.empty(len(faces), np.int64)
    for f in range(len(faces)):
        for axis in range(3):
            cells[f, axis] = np.int64(np.floor(positions[faces[f, 0], axis] / side))
        slot = (cells[f, 0] * 73856093 ^ cells[f, 1] * 19349663 ^ cells[f, 2] * 83492791) & (size - 1)
        chain[f] = head[slot]
        head[slot] = f
    found = 0
    here = np.empty(3, np.int64)
    for e in range(len(edges)):
        i, j = edges[e, 0], edges[e, 1]
        p, q = positions[i], positions[j]
        for axis in range(3):
            here[axis] = np.int64(np.floor(p[axis] / side))
        for x in range(here[0] - 1, here[0] + 2):
            for y in range(here[1] - 1, here[1] + 2):
                for z in range(here[2] - 1, here[2] + 2):
                    f = head[(x * 73856093 ^ y * 19349663 ^ z * 83492791) & (size - 1)]
                    while f >= 0:
                        if cells[f, 0] == x and cells[f, 1] == y and cells[f, 2] == z:
                            k, m, n = faces[f, 0], faces[f, 1], faces[f, 2]
                            if i != k and i != m and i != n and j != k and j != m and j != n:
                                a, b, c = positions[k], positions[m], positions[n]
                                apart = False
                                for axis in range(3):
                                    low = min(p[axis], q[axis])
                                    high = max(p[axis], q[axis])
                                    if low > max(a[axis], b[axis], c[axis]) or high < min(
                                        a[axis], b[axis], c[axis]
                                    ):
                                        apart = True
                                if not apart and _volume(p, a, b, c) * _volume(q, a, b, c) < 0:
                                    one = _volume(p, q, a, b)
                                    two = _volume(p, q, b, c)
                                    three = _volume(p, q, c, a)
                                    if one * two > 0 and two * three > 0:
                                        found += 1
                        f = chain[f]
    return found
