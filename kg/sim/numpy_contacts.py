"""The loops over contacts in NumPy: what `numba_search` and `numba_contacts` do, many times slower.

A pair has two sides: a vertex and a triangle, or an edge and an edge. Pairs are found in another order here.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from kg.sim.contact import NEAREST, NO_VERTEX, ContactMesh, Corners, Kinds, Pairs, Points, Values

ROUNDING = 1e-6
"""Metres by which vertices reach farther than they need."""
THROW = 2.0
"""How many times as far as the sides of a pair lack a vertex goes at most."""
TINY = 1e-12
"""Metres that count as nothing: sides so near touch, and no vertex of theirs moves."""
SLIDES = 4
"""Times that vertices slide along planes in a step before what is left of it is cut short."""
BLOCK = 1024
"""Sides that are compared with all others at once, for the sake of memory."""
PARALLEL = 1e-12
"""Square of the sine of an angle below which edges count as parallel."""

Mask = NDArray[np.bool_]


def find(
    positions: Points,
    velocities: Points,
    seconds: float,
    mesh: ContactMesh,
    windows: Values,
    kinds: Kinds,
    lost: Mask,
) -> Kinds:
    """Return the pairs that may come near, those with a lost vertex found anew and the others as they were.

    Two sides may if they get nearer to each other than the thickness and the largest window of either
    side's vertices, when all vertices go on for some of the time, and if in no direction of `reached_by` they
    stay apart by that. Sides with a common vertex never do, nor do those that are tangled.

    Args:
        positions: (V, 3) metres, where the middles of their windows are.
        velocities: (V, 3) m/s.
        seconds: How long they go on.
        mesh: The sides, and how near they may come; those of neighbours as near as they are at rest.
        windows: (V,) metres by which each may be somewhere else than on its way.
        kinds: What was found before: pairs of vertex and triangle, pairs of edges.
        lost: (V,) bool, those that are where they are said to be, not just within their windows.
    """
    renewed = []
    ways = seconds * velocities
    for kind, leaves, other_leaves, closest in zip(
        kinds, (mesh.vertices, mesh.edges), (mesh.faces, mesh.edges), mesh.apart, strict=True
    ):
        sides, others = (some[some[:, 0] != NO_VERTEX] for some in (leaves, other_leaves))
        split = sides.shape[1]
        kept = ~lost[kind.corners].any(axis=1)
        near = np.concatenate(
            list(_near_pairs(positions, ways, sides, others, windows + closest / 2, lost, mesh.tangled))
        )
        gaps = np.linalg.norm(apart(positions, near, split)[1], axis=1)
        closing = _largest_change(velocities, near, split)
        meet = gaps < closest + _of_sides(windows, near, split) + seconds * closing
        new, gaps, closing = near[meet], gaps[meet], closing[meet]
        # What is lost has been looked at where it is; the others may be anywhere in their windows.
        gaps -= _of_sides(np.where(lost, 0.0, windows), new, split)
        renewed.append(
            Pairs(
                np.concatenate([kind.corners[kept], new]),
                np.concatenate([kind.apart[kept], _thicknesses(mesh, new, split, closest)]),
                np.concatenate([kind.closing[kept], closing]),
                np.concatenate([kind.gaps[kept], gaps]),
            )
        )
    return renewed[0], renewed[1]


def hold_back(
    positions: Points,
    before: Points,
    foreseen: Points,
    windows: Values,
    velocities: Points,
    step: float,
    kinds: Kinds,
    passes: int,
) -> None:
    """Change steps by which vertices leave their windows or could pass through something, in place.

    Two sides that could come nearer than `NEAREST` of what they are to keep have a plane half way between
    them, and none of their vertices goes farther towards it than leaves that. Where both sides go the same
    way, the plane goes with the slower one. Vertices that would go farther slide along the plane, a few times
    over. What then still would is cut short: layers that are pressed on each other would otherwise stick,
    whatever pulls at them. A vertex that is cut short may be in the way of another that relied on it, so that
    it is all looked at again.

    Args:
        positions: (V, 3) metres, after the step.
        before: (V, 3) metres, before it.
        foreseen: (V, 3) metres, where the windows are.
        windows: (V,) metres, their radii.
        velocities: (V, 3) m/s, with which vertices were taken to go on.
        step: Seconds.
        kinds: Pairs of vertex and triangle, pairs of edges; their gaps are measured where it matters.
        passes: How often it is looked at before all planes stand still, which brings it to an end.
    """
    _cut_short(positions, before, _within(positions, before, foreseen, windows))
    for _ in range(SLIDES):
        slid = False
        strays = _strays(positions, before, velocities, step)
        farthest = np.maximum(strays, step * np.linalg.norm(velocities, axis=1)) + TINY
        for kind, split in zip(kinds, (1, 2), strict=True):
            nearer = _of_sides(farthest, kind.corners, split) + step * kind.closing
            for row in np.flatnonzero(kind.gaps - NEAREST * kind.apart < nearer):
                # One pair after another: each sees where those before it have slid.
                near = _that_may_meet(before, strays, step, kind, np.array([row]), split)
                if _slide(positions, before, kind, near, split, passes > 0):
                    slid = True
                    strays = _strays(positions, before, velocities, step)
        if not slid:
            break
        _cut_short(positions, before, _within(positions, before, foreseen, windows))
    shares = np.zeros(len(positions))
    while (shares < 1).any():
        shares[:] = 1
        strays = _strays(positions, before, velocities, step)
        for kind, split in zip(kinds, (1, 2), strict=True):
            near = _that_may_meet(before, strays, step, kind, np.arange(len(kind.corners)), split)
            _lower(positions, before, kind, near, split, passes > 0, shares)
        passes -= 1
        _cut_short(positions, before, shares)


def keep_apart(
    positions: Points,
    before: Points,
    velocities: Points,
    step: float,
    inverse_masses: Values,
    kinds: Kinds,
    friction: float,
) -> None:
    """Push sides apart that are nearer than they may be, one pair after another, with friction, in place.

    Args:
        positions: (V, 3) metres.
        before: (V, 3) metres, where they were when the step began.
        velocities: (V, 3) m/s, with which vertices were taken to go on.
        step: Seconds.
        inverse_masses: (V,) 1/kg; 0 of what is held, which is not pushed.
        kinds: Pairs of vertex and triangle, pairs of edges.
        friction: Coulomb coefficient.
    """
    for kind, split in zip(kinds, (1, 2), strict=True):
        gaps = np.linalg.norm(apart(positions, kind.corners, split)[1], axis=1)
        strayed = np.zeros(len(positions))
        for row, (pair, spare) in enumerate(zip(kind.corners, (gaps - kind.apart).tolist(), strict=True)):
            # Most are farther apart than what their corners have been pushed by until now.
            if spare > 0 and spare >= strayed[pair[:split]].max() + strayed[pair[split:]].max():
                continue
            start = positions[pair]
            _push(positions, before, inverse_masses, pair, kind.apart[row], split, friction)
            strayed[pair] += np.linalg.norm(positions[pair] - start, axis=1)


def go_on(positions: Points, before: Points, velocities: Points, step: float, kinds: Kinds) -> None:
    """Take what a step (V, 3) can have brought sides nearer at most from their gaps, in place."""
    strays = _strays(positions, before, velocities, step)
    for kind, split in zip(kinds, (1, 2), strict=True):
        kind.gaps[:] -= _of_sides(strays, kind.corners, split) + step * kind.closing


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


def _strays(positions: Points, before: Points, velocities: Points, step: float) -> Values:
    """Return how far vertices (V,) are from where they would be had they gone on from before."""
    strays: Values = np.linalg.norm(positions - before - step * velocities, axis=1)
    return strays


def _largest_change(ways: Points, corners: Corners, split: int) -> Values:
    """Return by how much the distances of pairs change at most on ways (V, 3), (P,)."""
    change = ways[corners[:, :split, None]] - ways[corners[:, None, split:]]
    largest: Values = np.sqrt((change * change).sum(axis=3).max(axis=(1, 2)))
    return largest


def _within(positions: Points, before: Points, foreseen: Points, windows: Values) -> Values:
    """Return the share (V,) of each step after which a vertex leaves its window, 1 if it does not."""
    from_middle, way = before - foreseen, positions - before
    out, along, long = _dot(from_middle, from_middle), _dot(from_middle, way), _dot(way, way)
    square = windows * windows
    root = np.sqrt(np.maximum(0.0, along * along + long * (square - out)))
    leaves = (long > 0) & (out + 2 * along + long > square)
    shares: Values = np.divide(root - along, long, out=np.ones(len(long)), where=leaves).clip(0, 1)
    return shares


def _that_may_meet(
    before: Points, strays: Values, step: float, kind: Pairs, rows: NDArray[np.int64], split: int
) -> NDArray[np.int64]:
    """Return those of some pairs that may come nearer than they ever do; measure the gaps of such pairs."""
    nearer = _of_sides(strays, kind.corners[rows], split) + step * kind.closing[rows]
    seem = kind.gaps[rows] - NEAREST * kind.apart[rows] < nearer
    near, nearer = rows[seem], nearer[seem]
    _, between = apart(before, kind.corners[near], split)
    kind.gaps[near] = np.sqrt((between * between).sum(axis=1))
    meet: NDArray[np.int64] = near[kind.gaps[near] - NEAREST * kind.apart[near] < nearer]
    return meet


def _beyond(
    positions: Points, before: Points, kind: Pairs, rows: NDArray[np.int64], split: int, planes_go: bool
) -> tuple[Mask, Points, Values, Points]:
    """Return of the corners of pairs which of them go farther towards their plane than they may.

    Also the normals (P, 3) of the planes, how far corners go towards them, (P, 4), and how far they may.
    """
    corners, gaps, nearest = kind.corners[rows], kind.gaps[rows], NEAREST * kind.apart[rows]
    _, between = apart(before, corners, split)
    normals = np.divide(between, gaps[:, None], out=np.zeros_like(between), where=gaps[:, None] > TINY)
    heights = np.einsum("pcx,px->pc", before[corners], normals)
    towards = np.einsum("pcx,px->pc", (positions - before)[corners], normals)
    after = heights + towards
    towards[:, :split] *= -1
    room = np.maximum(0.0, (gaps - nearest) / 2)[:, None]
    first, second = heights[:, :split], heights[:, split:]
    low, high = first.min(axis=1, keepdims=True), second.max(axis=1, keepdims=True)
    # How far the plane may go at most for the first side, and has to go for the second.
    most = after[:, :split].min(axis=1, keepdims=True) - low + room
    least = after[:, split:].max(axis=1, keepdims=True) - high - room
    goes = np.maximum(0.0, most) + np.minimum(0.0, least) if planes_go else 0.0
    free = room + np.concatenate([first - low - goes, high - second + goes], axis=1)
    beyond = (towards > free + TINY / 100) & (gaps > TINY)[:, None]
    if planes_go:
        beyond &= most < least
    return beyond, normals, towards, free


def _slide(
    positions: Points, before: Points, kind: Pairs, rows: NDArray[np.int64], split: int, planes_go: bool
) -> bool:
    """Have the corners of a pair that go too far slide along its plane, in place; tell whether any did."""
    beyond, normals, towards, free = _beyond(positions, before, kind, rows, split, planes_go)
    for pair, corner in np.argwhere(beyond):
        vertex = kind.corners[rows[pair], corner]
        back = (towards[pair, corner] - max(0.0, free[pair, corner])) * (1 if corner < split else -1)
        # Where it was and where it goes are above the ground, and so is what lies between.
        lowest = min(positions[vertex, 2], before[vertex, 2])
        positions[vertex] += back * normals[pair]
        positions[vertex, 2] = max(positions[vertex, 2], lowest)
    return bool(beyond.any())


def _lower(
    positions: Points,
    before: Points,
    kind: Pairs,
    rows: NDArray[np.int64],
    split: int,
    planes_go: bool,
    shares: Values,
) -> None:
    """Lower shares (V,) of steps, in place, so that the sides of some pairs stay on theirs of a plane."""
    corners, gaps = kind.corners[rows], kind.gaps[rows]
    touch = corners[gaps <= TINY].ravel()
    shares[touch[(positions[touch] != before[touch]).any(axis=1)]] = 0.0
    beyond, _, towards, free = _beyond(positions, before, kind, rows, split, planes_go)
    shortened = np.where(free > TINY, free, 0.0)[beyond] / towards[beyond]
    np.minimum.at(shares, corners[beyond], shortened)


def _cut_short(positions: Points, before: Points, shares: Values) -> None:
    """Let vertices go only so much of their steps, in place."""
    cut = shares < 1
    positions[cut] = before[cut] + shares[cut, None] * (positions[cut] - before[cut])


def reached_by(positions: Points, ways: Points, reaches: Values) -> NDArray[np.float32]:
    """Return how far vertices get on their ways, (V, 18): in the directions of a box, then its diagonals.

    The opposite of each direction follows it: x, -x, y, -y, z, -z, x + y, -x - y, x - y, y - x and so on.

    Args:
        positions: (V, 3).
        ways: (V, 3).
        reaches: (V,) how far each gets in any direction from wherever it is.
    """
    reached: list[Values] = []
    for start, end in zip(_directions(positions), _directions(positions + ways), strict=True):
        wide = (reaches + ROUNDING) * (np.sqrt(2.0) if len(reached) >= 6 else 1.0)
        reached += [np.maximum(start, end) + wide, np.maximum(-start, -end) + wide]
    return np.stack(reached, axis=1).astype(np.float32)


def _directions(places: Points) -> list[Values]:
    x, y, z = places.T
    return [x, y, z, x + y, x - y, x + z, x - z, y + z, y - z]


def _near_pairs(
    positions: Points,
    ways: Points,
    sides: Corners,
    others: Corners,
    reaches: Values,
    lost: Mask,
    tangled: Mask,
) -> Iterator[Corners]:
    """Yield the pairs (side, other) with a lost vertex that meet in all directions, as corners (P, 4)."""
    split = sides.shape[1]
    reached = reached_by(positions, ways, reaches)
    mine, theirs = (reached[some].max(axis=1) for some in (sides, others))
    is_lost, other_lost = np.any(lost[sides], axis=1), np.any(lost[others], axis=1)
    for start in range(0, len(sides), BLOCK):
        block = slice(start, start + BLOCK)
        met: Mask = np.logical_or(is_lost[block, None], other_lost)
        for direction in range(mine.shape[1]):
            met &= mine[block, direction, None] + theirs[:, direction ^ 1] >= 0
        one, two = np.nonzero(met)
        one += start
        if split == 2:
            one, two = one[one < two], two[one < two]
        corners = np.concatenate([sides[one], others[two]], axis=1)
        strangers: Mask = np.all(corners[:, :split, None] != corners[:, None, split:], axis=(1, 2))
        knots = tangled[corners[:, :split]].any(axis=1) & tangled[corners[:, split:]].any(axis=1)
        yield corners[strangers & ~knots]


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
    # No vertex is thrown that hardly counts, where the others are held.
    total = max(masses @ shares**2, (masses * np.abs(shares)).max() / THROW)
    if total == 0:
        return
    move = (push * normal - held(push, slid, friction) * slid) / total
    positions[pair] += np.outer(masses * shares, move)


def held(push: float | Values, slid: Points, friction: float) -> Values:
    """Return the share of a slide (..., d) that friction takes back, (..., 1), for so much push (..., 1)."""
    way = np.sqrt((slid * slid).sum(axis=-1, keepdims=True))
    with np.errstate(divide="ignore", invalid="ignore"):
        share: Values = np.where(way > 0, np.minimum(1.0, friction * push / way), 0.0)
    return share
