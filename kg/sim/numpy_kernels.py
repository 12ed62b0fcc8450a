"""The solver's inner loops in NumPy: what `numba_kernels` does, in the same order, many times slower.

Pairs that share a vertex are worked on one after another, others at once, which comes to the same.
"""

import numpy as np
from numpy.typing import NDArray

from kg.sim.cloth import Hinges, Links

Points = NDArray[np.float64]
Values = NDArray[np.float64]
Pairs = NDArray[np.int64]
Near = tuple[Pairs, Pairs, Values]


def predict(positions: Points, velocities: Points, gravity: Values, step: float) -> None:
    """Let the vertices (V, 3) fly on for a step, in place."""
    velocities += gravity * step
    positions += velocities * step


def keep_lengths(positions: Points, inverse_masses: Values, links: Links, compliance: float) -> None:
    """Move the ends of each link towards its length, in place.

    Args:
        positions: (V, 3).
        inverse_masses: (V,) 1/kg.
        links: The pairs and their lengths.
        compliance: Inverse of their stiffness over the square of the step, 1/kg.
    """
    for first, last in zip((0, *links.ends), links.ends, strict=False):
        i, j = links.pairs[first:last].T
        between = positions[i] - positions[j]
        length = np.sqrt((between * between).sum(axis=1))
        weight = inverse_masses[i] + inverse_masses[j] + compliance
        with np.errstate(divide="ignore", invalid="ignore"):
            pull = np.where(length > 0, (links.rest[first:last] - length) / (length * weight), 0.0)
        positions[i] += (pull * inverse_masses[i])[:, None] * between
        positions[j] -= (pull * inverse_masses[j])[:, None] * between


def keep_bends(
    positions: Points, inverse_masses: Values, hinges: Hinges, rest: Values, compliance: float, crease: float
) -> None:
    """Move the corners of each hinge towards its bend at rest, and that towards the bend, in place.

    Args:
        positions: (V, 3).
        inverse_masses: (V,) 1/kg.
        hinges: The pairs of triangles.
        rest: (H,) metres, their bends at rest now.
        compliance: Inverse of the bending stiffness over the square of the step, 1/(kg m²).
        crease: Share of the difference that the bend at rest takes up.
    """
    for first, last in zip((0, *hinges.ends), hinges.ends, strict=False):
        corners, weights = hinges.corners[first:last], hinges.weights[first:last]
        masses = inverse_masses[corners]
        mean = (weights[:, :, None] * positions[corners]).sum(axis=1)
        bend = np.sqrt((mean * mean).sum(axis=1))
        stiff = (masses * weights * weights).sum(axis=1) + compliance * hinges.areas[first:last]
        with np.errstate(divide="ignore", invalid="ignore"):
            pull = np.where(bend > 0, (rest[first:last] - bend) / (bend * stiff), 0.0)
        positions[corners] += (pull[:, None] * masses * weights)[:, :, None] * mean[:, None]
        rest[first:last] += np.where(bend > 0, crease * (bend - rest[first:last]), 0.0)


def keep_apart(
    positions: Points, before: Points, inverse_masses: Values, pairs: Pairs, apart: Values, friction: float
) -> None:
    """Push pairs of vertices apart that are nearer than they may be, with friction, in place.

    Args:
        positions: (V, 3).
        before: (V, 3), where they were when the step began.
        inverse_masses: (V,) 1/kg.
        pairs: (P, 2) that may be too near.
        apart: (P,) metres, how near they may be.
        friction: Coulomb coefficient.
    """
    left = np.arange(len(pairs))
    while len(left):
        # A pair waits for those before it that share a vertex with it.
        earliest = np.full(len(positions), len(pairs))
        np.minimum.at(earliest, pairs[left].ravel(), np.repeat(left, 2))
        ready = (earliest[pairs[left]] == left[:, None]).all(axis=1)
        _push(positions, before, inverse_masses, pairs[left[ready]], apart[left[ready]], friction)
        left = left[~ready]


def _push(
    positions: Points, before: Points, inverse_masses: Values, pairs: Pairs, apart: Values, friction: float
) -> None:
    between = positions[pairs[:, 0]] - positions[pairs[:, 1]]
    square = (between * between).sum(axis=1)
    close = (square < apart**2) & (square > 0)
    (i, j), length = pairs[close].T, np.sqrt(square[close])[:, None]
    push = apart[close][:, None] - length
    normal = between[close] / length
    slid = positions[i] - before[i] - positions[j] + before[j]
    slid -= (slid * normal).sum(axis=1, keepdims=True) * normal
    move = push * normal - _held(push, slid, friction) * slid
    weight = (inverse_masses[i] + inverse_masses[j])[:, None]
    positions[i] += inverse_masses[i][:, None] / weight * move
    positions[j] -= inverse_masses[j][:, None] / weight * move


def _held(push: Values, slid: Points, friction: float) -> Values:
    """Return the share of a slide (n, 3) that friction takes back, (n, 1), for so much push (n, 1)."""
    way = np.sqrt((slid * slid).sum(axis=1, keepdims=True))
    with np.errstate(divide="ignore", invalid="ignore"):
        held: Values = np.where(way > 0, np.minimum(1.0, friction * push / way), 0.0)
    return held


def stay_above(positions: Points, before: Points, height: float, friction: float) -> None:
    """Push vertices up to a height above the ground, with friction, in place."""
    low = np.flatnonzero(positions[:, 2] < height)
    push = height - positions[low, 2:]
    positions[low, 2] = height
    slid = positions[low, :2] - before[low, :2]
    positions[low, :2] -= _held(push, slid, friction) * slid


def finish(
    positions: Points, before: Points, velocities: Points, step: float, kept: float, farthest: float
) -> None:
    """Set the velocities to what the vertices have moved by, of which a share is kept, in place.

    No vertex moves by more than `farthest` metres; one that would is held back.
    """
    moved = positions - before
    way = np.sqrt((moved * moved).sum(axis=1, keepdims=True))
    share = np.where(way > farthest, farthest / np.maximum(way, farthest), 1.0)
    positions[:] = before + share * moved
    velocities[:] = kept * share * moved / step


def contacts(positions: Points, reach: float, thickness: float, near: Near) -> tuple[Pairs, Values]:
    """Return the pairs (P, 2) nearer than `reach` metres, and how near each may come, (P,).

    Args:
        positions: (V, 3).
        reach: Metres.
        thickness: How near any two may come, but for those of `near`.
        near: A row a vertex, as starts (V + 1,), neighbours and how near they may come.
    """
    cells = np.floor(positions / reach).astype(np.int64)
    cells -= cells.min(axis=0) - 1
    size = cells.max(axis=0) + 2
    codes = (cells[:, 0] * size[1] + cells[:, 1]) * size[2] + cells[:, 2]
    order = np.argsort(codes, kind="stable")
    ordered = codes[order]
    found = []
    # Half of the cells around, so that each pair of cells is met once.
    for place in range(13, 27):
        step = ((place // 9 - 1) * size[1] + place // 3 % 3 - 1) * size[2] + place % 3 - 1
        first = np.searchsorted(ordered, codes + step)
        count = np.searchsorted(ordered, codes + step, side="right") - first
        i = np.repeat(np.arange(len(positions)), count)
        j = order[np.arange(len(i)) - np.repeat(count.cumsum() - count - first, count)]
        between = positions[i] - positions[j]
        close = ((between * between).sum(axis=1) < reach * reach) & ((j > i) if place == 13 else True)
        found.append(np.stack([i[close], j[close], np.full(close.sum(), place)], axis=1))
    rows = np.concatenate(found)
    pairs = rows[np.lexsort((rows[:, 1], rows[:, 2], rows[:, 0])), :2]
    apart = np.full(len(pairs), thickness)
    known, values = _near_codes(near, len(positions))
    wanted = pairs[:, 0] * len(positions) + pairs[:, 1]
    at = np.searchsorted(known, wanted).clip(max=max(len(known) - 1, 0))
    if len(known):
        hit = known[at] == wanted
        apart[hit] = values[at[hit]]
    return np.ascontiguousarray(pairs), apart


def _near_codes(near: Near, count: int) -> tuple[Pairs, Values]:
    starts, neighbours, apart = near
    return np.repeat(np.arange(count), np.diff(starts)) * count + neighbours, apart


def farthest_move(positions: Points, before: Points) -> float:
    """Return how far the vertex has moved that moved the farthest, metres."""
    moved = positions - before
    return float(np.sqrt((moved * moved).sum(axis=1).max()))
