"""Two sides of a cloth and what lies between them, compiled by numba into the loops that ask.

A side is a vertex, an edge or a triangle; a pair of them has four corners, those of the first side first.
"""

# mypy: disable-error-code="misc, no-untyped-def, no-untyped-call"

import numpy as np
from numba import njit

from kg.sim.numpy_contacts import PARALLEL


@njit(inline="always")
def _way(x, i, j):
    """Return what leads from one vertex to another."""
    return x[j, 0] - x[i, 0], x[j, 1] - x[i, 1], x[j, 2] - x[i, 2]


@njit(inline="always")
def _on_triangle(x, p, a, b, c):
    """Return the shares of a, b, c in the point of their triangle that is nearest to p (Ericson, 2005)."""
    abx, aby, abz = _way(x, a, b)
    acx, acy, acz = _way(x, a, c)
    px, py, pz = _way(x, a, p)
    d1 = abx * px + aby * py + abz * pz
    d2 = acx * px + acy * py + acz * pz
    if d1 <= 0 and d2 <= 0:
        return 1.0, 0.0, 0.0
    px, py, pz = _way(x, b, p)
    d3 = abx * px + aby * py + abz * pz
    d4 = acx * px + acy * py + acz * pz
    if d3 >= 0 and d4 <= d3:
        return 0.0, 1.0, 0.0
    vc = d1 * d4 - d3 * d2
    if vc <= 0 and d1 >= 0 and d3 <= 0 and d1 > d3:
        share = d1 / (d1 - d3)
        return 1 - share, share, 0.0
    px, py, pz = _way(x, c, p)
    d5 = abx * px + aby * py + abz * pz
    d6 = acx * px + acy * py + acz * pz
    if d6 >= 0 and d5 <= d6:
        return 0.0, 0.0, 1.0
    vb = d5 * d2 - d1 * d6
    if vb <= 0 and d2 >= 0 and d6 <= 0 and d2 > d6:
        share = d2 / (d2 - d6)
        return 1 - share, 0.0, share
    va = d3 * d6 - d5 * d4
    if va <= 0 and d4 >= d3 and d5 >= d6:
        share = (d4 - d3) / ((d4 - d3) + (d5 - d6))
        return 0.0, 1 - share, share
    total = va + vb + vc
    return 1 - vb / total - vc / total, vb / total, vc / total


@njit(inline="always")
def _share(part, whole):
    """Return a share, kept within 0 to 1; 0 of nothing."""
    return min(1.0, max(0.0, part / whole)) if whole > 0 else 0.0


@njit(inline="always")
def _on_edges(x, i, j, k, m):
    """Return how far along two edges, 0 to 1, the points lie that are nearest to each other."""
    ax, ay, az = _way(x, i, j)
    bx, by, bz = _way(x, k, m)
    rx, ry, rz = _way(x, k, i)
    aa = ax * ax + ay * ay + az * az
    bb = bx * bx + by * by + bz * bz
    ab = ax * bx + ay * by + az * bz
    ar = ax * rx + ay * ry + az * rz
    br = bx * rx + by * ry + bz * rz
    slant = aa * bb - ab * ab
    # Of parallel edges, the point nearest to the beginning of the first is as good as any.
    first = _share(ab * br - ar * bb, slant) if slant > PARALLEL * aa * bb else 0.0
    past = ab * first + br
    if past <= 0:
        return _share(-ar, aa), 0.0
    if past >= bb:
        return _share(ab - ar, aa), 1.0
    return first, past / bb


@njit(inline="always")
def between(x, i, j, k, m, of_triangle):
    """Return the shares of four corners in the vector between nearest points, and that vector."""
    if of_triangle:
        a, b, c = _on_triangle(x, i, j, k, m)
        wi, wj, wk, wm = 1.0, -a, -b, -c
    else:
        s, t = _on_edges(x, i, j, k, m)
        wi, wj, wk, wm = 1 - s, s, t - 1, -t
    return (
        wi,
        wj,
        wk,
        wm,
        wi * x[i, 0] + wj * x[j, 0] + wk * x[k, 0] + wm * x[m, 0],
        wi * x[i, 1] + wj * x[j, 1] + wk * x[k, 1] + wm * x[m, 1],
        wi * x[i, 2] + wj * x[j, 2] + wk * x[k, 2] + wm * x[m, 2],
    )


@njit(inline="always")
def _change(ways, i, j):
    """Return the square of what the distance of two vertices changes by at most on their ways."""
    x, y, z = _way(ways, i, j)
    return x * x + y * y + z * z


@njit(inline="always")
def largest_change(ways, i, j, k, m, of_triangle):
    """Return by how much the distance of two sides changes at most on their ways."""
    change = max(_change(ways, i, k), _change(ways, i, m))
    if of_triangle:
        change = max(change, _change(ways, i, j))
    else:
        change = max(change, _change(ways, j, k), _change(ways, j, m))
    return np.sqrt(change)


@njit(inline="always")
def approach(strays, i, j, k, m, of_triangle):
    """Return by how much two sides are nearer at most when their vertices have strayed."""
    if of_triangle:
        return strays[i] + max(strays[j], strays[k], strays[m])
    return max(strays[i], strays[j]) + max(strays[k], strays[m])
