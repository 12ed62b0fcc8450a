"""The loops over contacts in NumPy: what `numba_contacts` does, many times slower.

A pair has two sides: a vertex and a triangle, or an edge and an edge. Pairs are found in another order here.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from kg.sim.contact import EDGES_CLOSER, ContactMesh, Corners, Indices, Pairs, Points, Values

ROUNDING = 1e-6
"""Metres by which boxes are wider than they need be."""
BLOCK = 1024
"""Sides that are compared with all others at once, for the sake of memory."""
PARALLEL = 1e-12
"""Square of the sine of an angle below which edges count as parallel."""

Mask = NDArray[np.bool_]


def find(
    positions: Points,
    ways: Points,
    mesh: ContactMesh,
    reaches: Values,
    thickness: float,
    kinds: Sequence[Pairs],
    lost: Mask,
) -> list[Pairs]:
    """Return the pairs that may meet, those with a lost vertex found anew and the others as they were.

    Two sides may meet if they get nearer to each other than the thickness and the largest reach of either
    side's vertices, when all vertices go some part of their ways. Sides with a common vertex never do.

    Args:
        positions: (V, 3) metres.
        ways: (V, 3) metres that each vertex goes, all at once.
        mesh: The sides.
        reaches: (V,) metres by which each may be somewhere else than on its way.
        thickness: How near sides may come, metres; those of neighbours as near as they are at rest.
        kinds: What was found before: pairs of vertex and triangle, pairs of edges.
        lost: (V,) bool.
    """
    found = []
    for kind, sides, others in zip(kinds, (mesh.vertices, mesh.edges), (mesh.faces, mesh.edges), strict=True):
        kept = ~lost[kind.corners].any(axis=1)
        closest = thickness if others is mesh.faces else EDGES_CLOSER * thickness
        new = np.concatenate(list(_near_pairs(positions, ways, sides, others, reaches, closest, lost)))
        found.append(
            Pairs(
                np.concatenate([kind.corners[kept], new]),
                np.concatenate([kind.apart[kept], _thicknesses(mesh, new, sides.shape[1], closest)]),
                np.concatenate([kind.gaps[kept], np.full(len(new), -1.0)]),
            )
        )
    return found


def survey(
    positions: Points, kinds: Sequence[Pairs], windows: Values, anew: Mask, safe: float, bounds: Values
) -> list[Indices]:
    """Return the rows of either kind that may come too near within the windows of their vertices.

    Gaps are measured in place where they never were or a vertex is to be measured anew. Bounds are lowered
    in place to a share of the gap of each pair that is returned.

    Args:
        positions: (V, 3) metres, where each vertex was when it was measured.
        kinds: Pairs of vertex and triangle, pairs of edges.
        windows: (V,) metres that each may move by.
        anew: (V,) bool.
        safe: Share of a gap.
        bounds: (V,) metres.
    """
    close = []
    for kind, split in zip(kinds, (1, 2), strict=True):
        measured = (kind.gaps < 0) | anew[kind.corners].any(axis=1)
        _, between = apart(positions, kind.corners[measured], split)
        kind.gaps[measured] = np.linalg.norm(between, axis=1)
        rows = np.flatnonzero(kind.gaps < kind.apart + _of_sides(windows, kind.corners, split))
        np.minimum.at(bounds, kind.corners[rows], safe * kind.gaps[rows, None])
        close.append(rows)
    return close


def keep_apart(
    positions: Points,
    before: Points,
    inverse_masses: Values,
    kinds: Sequence[Pairs],
    close: Sequence[Indices],
    friction: float,
) -> None:
    """Push sides apart that are nearer than they may be, one pair after another, with friction, in place.

    Args:
        positions: (V, 3) metres.
        before: (V, 3) metres, where they were when the step began.
        inverse_masses: (V,) 1/kg.
        kinds: Pairs of vertex and triangle, pairs of edges.
        close: The rows of either kind that are looked at, in this order.
        friction: Coulomb coefficient.
    """
    for kind, rows, split in zip(kinds, close, (1, 2), strict=True):
        corners, nearest = kind.corners[rows], kind.apart[rows]
        gaps = np.linalg.norm(apart(positions, corners, split)[1], axis=1)
        strayed = np.zeros(len(positions))
        for row, (pair, spare) in enumerate(zip(corners, (gaps - nearest).tolist(), strict=True)):
            # Most are farther apart than what their corners have been pushed by until now.
            if spare > 0 and spare >= strayed[pair[:split]].max() + strayed[pair[split:]].max():
                continue
            start = positions[pair]
            _push(positions, before, inverse_masses, pair, nearest[row], split, friction)
            strayed[pair] += np.linalg.norm(positions[pair] - start, axis=1)


def apart(positions: Points, corners: Corners, split: int) -> tuple[Points, Points]:
    """Return the shares (P, 4) of corners in the vector between nearest points, and that vector, (P, 3).

    It points from the second side to the first, whose shares add up to 1, those of the second to -1.

    Args:
        positions: (V, 3).
        corners: (P, 4) vertices.
        split: How many of them belong to the first side.
    """
    places = np.moveaxis(positions[corners], 1, 0)
    if split == 1:
        shares = np.concatenate([np.ones((len(corners), 1)), -_on_triangle(*places)], axis=1)
    else:
        first, second = _on_edges(*places)
        shares = np.stack([1 - first, first, second - 1, -second], axis=1)
    return shares, np.einsum("pc,cpx->px", shares, places)


def _on_triangle(p: Points, a: Points, b: Points, c: Points) -> Points:
    """Return the shares (n, 3) of a, b, c in the point of their triangle that is nearest to p, each (n, 3).

    That is where p lies above, if that is in the triangle; otherwise the nearest one on its border.
    """
    nothing = np.zeros(len(p))
    ab, bc, ca = _along(p, a, b), _along(p, b, c), _along(p, c, a)
    shares = np.stack(
        [
            np.stack([1 - ab, ab, nothing], axis=1),
            np.stack([nothing, 1 - bc, bc], axis=1),
            np.stack([ca, nothing, 1 - ca], axis=1),
        ]
    )
    gaps = np.linalg.norm(p - np.einsum("kns,snx->knx", shares, np.stack([a, b, c])), axis=2)
    nearest: Points = shares[gaps.argmin(axis=0), np.arange(len(p))]
    u, v, w = b - a, c - a, p - a
    uu, uv, vv, wu, wv = _dot(u, u), _dot(u, v), _dot(v, v), _dot(w, u), _dot(w, v)
    beta, gamma, total = vv * wu - uv * wv, uu * wv - uv * wu, uu * vv - uv * uv
    inside = (beta > 0) & (gamma > 0) & (beta + gamma < total)
    above = np.stack([total - beta - gamma, beta, gamma], axis=1)
    nearest[inside] = above[inside] / total[inside, None]
    return nearest


def _on_edges(i: Points, j: Points, k: Points, m: Points) -> tuple[Values, Values]:
    """Return how far along edges ij and km, 0 to 1, the points lie that are nearest to each other, (n,)."""
    a, b, r = j - i, m - k, i - k
    aa, bb, ab, ar, br = _dot(a, a), _dot(b, b), _dot(a, b), _dot(a, r), _dot(b, r)
    slant = aa * bb - ab * ab
    # Of parallel edges, the point nearest to the beginning of the first is as good as any.
    first = _share(ab * br - ar * bb, np.where(slant > PARALLEL * aa * bb, slant, 0.0))
    past = ab * first + br
    first = np.where(past <= 0, _share(-ar, aa), np.where(past >= bb, _share(ab - ar, aa), first))
    return first, _share(past, bb)


def _along(p: Points, a: Points, b: Points) -> Values:
    """Return how far along ab, 0 to 1, the point lies that is nearest to p."""
    return _share(_dot(p - a, b - a), _dot(b - a, b - a))


def _share(part: Values, whole: Values) -> Values:
    """Return a share, kept within 0 to 1; 0 of nothing."""
    share: Values = np.divide(part, whole, out=np.zeros(len(part)), where=whole > 0).clip(0, 1)
    return share


def _dot(first: Points, second: Points) -> Values:
    product: Values = (first * second).sum(axis=1)
    return product


def _of_sides(values: Values, corners: Corners, split: int) -> Values:
    """Return the sum of the largest value of either side's vertices, (P,)."""
    largest: Values = values[corners[:, :split]].max(axis=1) + values[corners[:, split:]].max(axis=1)
    return largest


def _boxes(
    positions: Points, ways: Points, sides: Corners, reaches: Values
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the lowest and highest corner (n, 3) of boxes around sides, their ways and their reach."""
    wide = reaches[sides].max(axis=1)[:, None] + ROUNDING
    low = (positions + np.minimum(ways, 0))[sides].min(axis=1).astype(np.float32)
    high = (positions + np.maximum(ways, 0))[sides].max(axis=1).astype(np.float32)
    return (low - wide).astype(np.float32), (high + wide).astype(np.float32)


def _near_pairs(
    positions: Points,
    ways: Points,
    sides: Corners,
    others: Corners,
    reaches: Values,
    thickness: float,
    lost: Mask,
) -> Iterator[Corners]:
    """Yield the pairs (side, other) with a lost vertex that may meet, as corners (P, 4)."""
    split = sides.shape[1]
    low, high = _boxes(positions, ways, sides, reaches + thickness)
    other_low, other_high = _boxes(positions, ways, others, reaches)
    is_lost, other_lost = np.any(lost[sides], axis=1), np.any(lost[others], axis=1)
    for start in range(0, len(sides), BLOCK):
        block = slice(start, start + BLOCK)
        met: Mask = np.logical_or(is_lost[block, None], other_lost)
        for axis in range(3):
            met &= (other_low[:, axis] <= high[block, axis, None]) & (
                other_high[:, axis] >= low[block, axis, None]
            )
        one, two = np.nonzero(met)
        one += start
        if split == 2:
            one, two = one[one < two], two[one < two]
        corners = np.concatenate([sides[one], others[two]], axis=1)
        strangers: Mask = np.all(corners[:, :split, None] != corners[:, None, split:], axis=(1, 2))
        corners = corners[strangers]
        # What the distance of any two of their points changes by at most on their ways.
        change = ways[corners[:, :split, None]] - ways[corners[:, None, split:]]
        change = np.sqrt((change * change).sum(axis=3).max(axis=(1, 2)))
        _, between = apart(positions, corners, split)
        reach = thickness + _of_sides(reaches, corners, split) + change
        yield corners[(between * between).sum(axis=1) < reach * reach]


def _thicknesses(mesh: ContactMesh, corners: Corners, split: int, thickness: float) -> Values:
    """Return how near the sides of pairs may come, (P,) metres."""
    count, wide = len(mesh.rest), corners.astype(np.int64)
    known = np.repeat(np.arange(count), np.diff(mesh.starts)) * count + mesh.near
    codes = wide[:, :split, None] * count + wide[:, None, split:]
    beside = np.isin(codes, known).any(axis=(1, 2))
    nearest = np.full(len(corners), thickness)
    _, between = apart(mesh.rest, corners[beside], split)
    nearest[beside] = np.minimum(thickness, np.linalg.norm(between, axis=1))
    return nearest


def _push(
    positions: Points,
    before: Points,
    inverse_masses: Values,
    pair: Corners,
    nearest: float,
    split: int,
    friction: float,
) -> None:
    """Push the sides of a pair (4,) to their thickness apart, in place."""
    (shares,), (between,) = apart(positions, pair[None], split)
    length = np.sqrt(between @ between)
    if not 0 < length < nearest:
        return
    push, normal = nearest - length, between / length
    # What the two slid past each other in this step, less what friction takes of it.
    slid = shares @ (positions[pair] - before[pair])
    slid -= slid @ normal * normal
    masses = inverse_masses[pair]
    move = (push * normal - held(push, slid, friction) * slid) / (masses @ shares**2)
    positions[pair] += np.outer(masses * shares, move)


def held(push: float | Values, slid: Points, friction: float) -> Values:
    """Return the share of a slide (..., d) that friction takes back, (..., 1), for so much push (..., 1)."""
    way = np.sqrt((slid * slid).sum(axis=-1, keepdims=True))
    with np.errstate(divide="ignore", invalid="ignore"):
        share: Values = np.where(way > 0, np.minimum(1.0, friction * push / way), 0.0)
    return share
