"""The loops over contacts, compiled by numba; `numpy_contacts` says what each does."""

# mypy: disable-error-code="misc, no-untyped-def, no-untyped-call"

import numpy as np
from numba import njit

from kg.sim.contact import EDGES_CLOSER, Pairs
from kg.sim.numpy_contacts import PARALLEL, ROUNDING


@njit(cache=True, nogil=True)
def _on_triangle(x, p, a, b, c):
    """Return the shares of a, b, c in the point of their triangle that is nearest to p (Ericson, 2005)."""
    abx, aby, abz = x[b, 0] - x[a, 0], x[b, 1] - x[a, 1], x[b, 2] - x[a, 2]
    acx, acy, acz = x[c, 0] - x[a, 0], x[c, 1] - x[a, 1], x[c, 2] - x[a, 2]
    px, py, pz = x[p, 0] - x[a, 0], x[p, 1] - x[a, 1], x[p, 2] - x[a, 2]
    d1 = abx * px + aby * py + abz * pz
    d2 = acx * px + acy * py + acz * pz
    if d1 <= 0 and d2 <= 0:
        return 1.0, 0.0, 0.0
    px, py, pz = x[p, 0] - x[b, 0], x[p, 1] - x[b, 1], x[p, 2] - x[b, 2]
    d3 = abx * px + aby * py + abz * pz
    d4 = acx * px + acy * py + acz * pz
    if d3 >= 0 and d4 <= d3:
        return 0.0, 1.0, 0.0
    vc = d1 * d4 - d3 * d2
    if vc <= 0 and d1 >= 0 and d3 <= 0 and d1 > d3:
        share = d1 / (d1 - d3)
        return 1 - share, share, 0.0
    px, py, pz = x[p, 0] - x[c, 0], x[p, 1] - x[c, 1], x[p, 2] - x[c, 2]
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


@njit(cache=True, nogil=True)
def _share(part, whole):
    """Return a share, kept within 0 to 1; 0 of nothing."""
    return min(1.0, max(0.0, part / whole)) if whole > 0 else 0.0


@njit(cache=True, nogil=True)
def _on_edges(x, i, j, k, m):
    """Return how far along two edges, 0 to 1, the points lie that are nearest to each other."""
    ax, ay, az = x[j, 0] - x[i, 0], x[j, 1] - x[i, 1], x[j, 2] - x[i, 2]
    bx, by, bz = x[m, 0] - x[k, 0], x[m, 1] - x[k, 1], x[m, 2] - x[k, 2]
    rx, ry, rz = x[i, 0] - x[k, 0], x[i, 1] - x[k, 1], x[i, 2] - x[k, 2]
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


@njit(cache=True, nogil=True)
def _apart(x, i, j, k, m, of_triangle):
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


@njit(cache=True, nogil=True)
def _boxes_apart(x, i, j, k, m, of_triangle, reach):
    """Tell whether the boxes around a pair's two sides are farther apart than `reach` along some axis."""
    for axis in range(3):
        a, b, c, d = x[i, axis], x[j, axis], x[k, axis], x[m, axis]
        if of_triangle:
            low, high = a, a
            least, most = min(b, c, d), max(b, c, d)
        else:
            low, high = min(a, b), max(a, b)
            least, most = min(c, d), max(c, d)
        if low - most > reach or least - high > reach:
            return True
    return False


@njit(cache=True, nogil=True)
def _boxes(x, ways, sides, reaches, lost):
    """Return boxes around sides, their ways and reach, as a heap: node n holds nodes 2n and 2n + 1.

    And whether any vertex of what is in a box is lost.
    """
    leaves = 1
    while leaves < len(sides):
        leaves *= 2
    # Half the memory, and wider than rounding.
    low = np.full((2 * leaves, 3), np.inf, np.float32)
    high = np.full((2 * leaves, 3), -np.inf, np.float32)
    any_lost = np.zeros(2 * leaves, np.bool_)
    for leaf in range(len(sides)):
        node = leaves + leaf
        reach = 0.0
        for corner in range(sides.shape[1]):
            i = sides[leaf, corner]
            reach = max(reach, reaches[i])
            any_lost[node] |= lost[i]
            for axis in range(3):
                low[node, axis] = min(low[node, axis], x[i, axis] + min(ways[i, axis], 0.0))
                high[node, axis] = max(high[node, axis], x[i, axis] + max(ways[i, axis], 0.0))
        for axis in range(3):
            low[node, axis] -= reach + ROUNDING
            high[node, axis] += reach + ROUNDING
    for node in range(leaves - 1, 0, -1):
        any_lost[node] = any_lost[2 * node] or any_lost[2 * node + 1]
        for axis in range(3):
            low[node, axis] = min(low[2 * node, axis], low[2 * node + 1, axis])
            high[node, axis] = max(high[2 * node, axis], high[2 * node + 1, axis])
    return low, high, any_lost


@njit(cache=True, nogil=True)
def _change(ways, i, j):
    """Return the square of what the distance of two vertices changes by at most on their ways."""
    x, y, z = ways[i, 0] - ways[j, 0], ways[i, 1] - ways[j, 1], ways[i, 2] - ways[j, 2]
    return x * x + y * y + z * z


@njit(cache=True, nogil=True)
def _near_pairs(x, ways, sides, others, of_triangle, reaches, thickness, lost):
    """Return the pairs (side, other) with a lost vertex that may meet, as corners (P, 4)."""
    low, high, is_lost = _boxes(x, ways, sides, reaches + thickness, lost)
    other_low, other_high, other_lost = _boxes(x, ways, others, reaches, lost)
    leaves, other_leaves = len(low) // 2, len(other_low) // 2
    pairs = np.empty((16 * len(sides), 4), np.uint32)
    found = 0
    # Pairs of nodes whose boxes may overlap.
    waiting = np.empty((256, 2), np.int64)
    waiting[0], left = 1, 1
    while left:
        left -= 1
        one, two = waiting[left, 0], waiting[left, 1]
        if (
            other_low[two, 0] > high[one, 0]
            or other_high[two, 0] < low[one, 0]
            or other_low[two, 1] > high[one, 1]
            or other_high[two, 1] < low[one, 1]
            or other_low[two, 2] > high[one, 2]
            or other_high[two, 2] < low[one, 2]
            or not (is_lost[one] or other_lost[two])
        ):
            continue
        if one < leaves and two < other_leaves:
            for half in range(2):
                for other_half in range(2):
                    # Of two halves of one node, and of all below them, the order does not matter.
                    if not of_triangle and one == two and half > other_half:
                        continue
                    waiting[left, 0], waiting[left, 1] = 2 * one + half, 2 * two + other_half
                    left += 1
            continue
        if one < leaves or two < other_leaves:
            for half in range(2):
                waiting[left, 0] = 2 * one + half if one < leaves else one
                waiting[left, 1] = 2 * two + half if two < other_leaves else two
                left += 1
            continue
        if one == two and not of_triangle:
            continue
        side, other = sides[one - leaves], others[two - other_leaves]
        p, q = side[0], side[-1]
        k, m, n = other[0], other[1], other[-1]
        if p in (k, m, n) or q in (k, m):
            continue
        change = max(_change(ways, p, k), _change(ways, p, m), _change(ways, p, n))
        if not of_triangle:
            change = max(change, max(_change(ways, q, k), _change(ways, q, m)))
        reach = (
            thickness
            + max(reaches[p], reaches[q])
            + max(reaches[k], reaches[m], reaches[n])
            + np.sqrt(change)
        )
        b, c = (k, m) if of_triangle else (q, k)
        _, _, _, _, nx, ny, nz = _apart(x, p, b, c, n, of_triangle)
        if nx * nx + ny * ny + nz * nz >= reach * reach:
            continue
        if found == len(pairs):
            wider = np.empty((2 * found, 4), np.uint32)
            wider[:found] = pairs
            pairs = wider
        pairs[found, 0], pairs[found, 1], pairs[found, 2], pairs[found, 3] = p, b, c, n
        found += 1
    return pairs[:found]


@njit(cache=True, nogil=True)
def _thicknesses(rest, pairs, of_triangle, thickness, starts, near):
    apart = np.full(len(pairs), thickness)
    for pair in range(len(pairs)):
        i, j, k, m = pairs[pair, 0], pairs[pair, 1], pairs[pair, 2], pairs[pair, 3]
        beside = False
        for n in range(starts[i], starts[i + 1]):
            beside = beside or near[n] == k or near[n] == m or (of_triangle and near[n] == j)
        if not of_triangle:
            for n in range(starts[j], starts[j + 1]):
                beside = beside or near[n] == k or near[n] == m
        if beside:
            _, _, _, _, a, b, c = _apart(rest, i, j, k, m, of_triangle)
            apart[pair] = min(thickness, np.sqrt(a * a + b * b + c * c))
    return apart


@njit(cache=True, nogil=True)
def _without(pairs, lost):
    kept = np.empty(len(pairs), np.int64)
    found = 0
    for pair in range(len(pairs)):
        if not (lost[pairs[pair, 0]] or lost[pairs[pair, 1]] or lost[pairs[pair, 2]] or lost[pairs[pair, 3]]):
            kept[found] = pair
            found += 1
    return kept[:found]


def find(positions, ways, mesh, reaches, thickness, kinds, lost):
    """See `numpy_contacts.find`."""
    found = []
    for kind, sides, others in zip(kinds, (mesh.vertices, mesh.edges), (mesh.faces, mesh.edges), strict=True):
        of_triangle = others is mesh.faces
        closest = thickness if of_triangle else EDGES_CLOSER * thickness
        kept = _without(kind.corners, lost)
        new = _near_pairs(positions, ways, sides, others, of_triangle, reaches, closest, lost)
        apart = _thicknesses(mesh.rest, new, of_triangle, closest, mesh.starts, mesh.near)
        found.append(
            Pairs(
                np.concatenate([kind.corners[kept], new]),
                np.concatenate([kind.apart[kept], apart]),
                np.concatenate([kind.gaps[kept], np.full(len(new), -1.0)]),
            )
        )
    return found


@njit(cache=True, nogil=True)
def _survey(x, pairs, apart, gaps, of_triangle, windows, anew, safe, bounds):
    kept = np.empty(len(pairs), np.int64)
    found = 0
    for pair in range(len(pairs)):
        i, j, k, m = pairs[pair, 0], pairs[pair, 1], pairs[pair, 2], pairs[pair, 3]
        if of_triangle:
            within = apart[pair] + windows[i] + max(windows[j], windows[k], windows[m])
        else:
            within = apart[pair] + max(windows[i], windows[j]) + max(windows[k], windows[m])
        if gaps[pair] < 0 or anew[i] or anew[j] or anew[k] or anew[m]:
            _, _, _, _, a, b, c = _apart(x, i, j, k, m, of_triangle)
            gaps[pair] = np.sqrt(a * a + b * b + c * c)
        if gaps[pair] >= within:
            continue
        kept[found] = pair
        found += 1
        for corner in range(4):
            bounds[pairs[pair, corner]] = min(bounds[pairs[pair, corner]], safe * gaps[pair])
    return kept[:found]


def survey(positions, kinds, windows, anew, safe, bounds):
    """See `numpy_contacts.survey`."""
    return [
        _survey(positions, kind.corners, kind.apart, kind.gaps, of_triangle, windows, anew, safe, bounds)
        for kind, of_triangle in zip(kinds, (True, False), strict=True)
    ]


@njit(cache=True, nogil=True)
def _keep_apart(x, before, inverse_masses, pairs, apart, close, of_triangle, friction):
    for pair in close:
        i, j, k, m = pairs[pair, 0], pairs[pair, 1], pairs[pair, 2], pairs[pair, 3]
        if _boxes_apart(x, i, j, k, m, of_triangle, apart[pair]):
            continue
        wi, wj, wk, wm, nx, ny, nz = _apart(x, i, j, k, m, of_triangle)
        square = nx * nx + ny * ny + nz * nz
        if square >= apart[pair] ** 2 or square == 0:
            continue
        length = np.sqrt(square)
        push = apart[pair] - length
        nx, ny, nz = nx / length, ny / length, nz / length
        # What the two slid past each other in this step, less what friction takes of it.
        a = wi * (x[i, 0] - before[i, 0]) + wj * (x[j, 0] - before[j, 0])
        b = wi * (x[i, 1] - before[i, 1]) + wj * (x[j, 1] - before[j, 1])
        c = wi * (x[i, 2] - before[i, 2]) + wj * (x[j, 2] - before[j, 2])
        a += wk * (x[k, 0] - before[k, 0]) + wm * (x[m, 0] - before[m, 0])
        b += wk * (x[k, 1] - before[k, 1]) + wm * (x[m, 1] - before[m, 1])
        c += wk * (x[k, 2] - before[k, 2]) + wm * (x[m, 2] - before[m, 2])
        along = a * nx + b * ny + c * nz
        a, b, c = a - along * nx, b - along * ny, c - along * nz
        slid = np.sqrt(a * a + b * b + c * c)
        hold = min(1.0, friction * push / slid) if slid > 0 else 0.0
        mi, mj, mk, mm = inverse_masses[i], inverse_masses[j], inverse_masses[k], inverse_masses[m]
        total = mi * wi * wi + mj * wj * wj + mk * wk * wk + mm * wm * wm
        a, b, c = (
            (push * nx - hold * a) / total,
            (push * ny - hold * b) / total,
            (push * nz - hold * c) / total,
        )
        mi, mj, mk, mm = mi * wi, mj * wj, mk * wk, mm * wm
        x[i, 0] += mi * a
        x[i, 1] += mi * b
        x[i, 2] += mi * c
        x[j, 0] += mj * a
        x[j, 1] += mj * b
        x[j, 2] += mj * c
        x[k, 0] += mk * a
        x[k, 1] += mk * b
        x[k, 2] += mk * c
        x[m, 0] += mm * a
        x[m, 1] += mm * b
        x[m, 2] += mm * c


def keep_apart(positions, before, inverse_masses, kinds, close, friction):
    """See `numpy_contacts.keep_apart`."""
    for kind, rows, of_triangle in zip(kinds, close, (True, False), strict=True):
        _keep_apart(positions, before, inverse_masses, kind.corners, kind.apart, rows, of_triangle, friction)
