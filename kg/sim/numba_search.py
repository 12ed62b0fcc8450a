"""The search for contacts, compiled by numba; `numpy_contacts` says what is found."""

# mypy: disable-error-code="misc, no-untyped-def, no-untyped-call"

import numpy as np
from numba import njit

from kg.sim.contact import NO_VERTEX, Pairs
from kg.sim.numba_sides import approach, between, largest_change
from kg.sim.numpy_contacts import ROUNDING

EIGHT = 8
"""Boxes that a node of a tree holds."""


@njit(cache=True, nogil=True)
def _starts(leaves):
    """Return where each level of a tree begins in the list of its nodes, the leaves first, and their number.

    A node holds eight of the level below, and what are eight or fewer is the last level.
    """
    starts = [0]
    size = leaves
    while size > EIGHT:
        starts.append(starts[-1] + size)
        size //= EIGHT
    starts.append(starts[-1] + EIGHT)
    return np.array(starts)


@njit(cache=True, nogil=True)
def _boxes(x, ways, sides, reaches, lost):
    """Return boxes (6, n) around the nodes of a tree: sides, their ways and reach.

    And whether all that is in a node has a vertex that is lost.
    """
    starts = _starts(len(sides))
    # Half the memory, and wider than rounding.
    boxes = np.empty((6, starts[-1]), np.float32)
    boxes[:3], boxes[3:] = np.inf, -np.inf
    all_lost = np.ones(starts[-1], np.bool_)
    for leaf in range(len(sides)):
        if sides[leaf, 0] == NO_VERTEX:
            continue
        reach, any_lost = 0.0, False
        for i in sides[leaf]:
            reach = max(reach, reaches[i])
            any_lost |= lost[i]
        all_lost[leaf] = any_lost
        for axis in range(3):
            low, high = np.inf, -np.inf
            for i in sides[leaf]:
                low = min(low, x[i, axis] + min(ways[i, axis], 0.0))
                high = max(high, x[i, axis] + max(ways[i, axis], 0.0))
            boxes[axis, leaf] = low - reach - ROUNDING
            boxes[3 + axis, leaf] = high + reach + ROUNDING
    for level in range(1, len(starts) - 1):
        below = starts[level - 1]
        for node in range((starts[level] - below) // EIGHT):
            for child in range(below + EIGHT * node, below + EIGHT * (node + 1)):
                above = starts[level] + node
                all_lost[above] &= all_lost[child]
                for axis in range(3):
                    boxes[axis, above] = min(boxes[axis, above], boxes[axis, child])
                    boxes[3 + axis, above] = max(boxes[3 + axis, above], boxes[3 + axis, child])
    return boxes, all_lost


@njit(inline="always")
def _overlap(boxes, start, box):
    """Return which of eight boxes (6, n) from a start overlap a box (6,), a bit each."""
    overlap = 0
    # Without a branch among them, the eight are compared at once.
    for node in range(EIGHT):
        at = start + node
        overlap |= (
            int(
                (boxes[0, at] <= box[3])
                & (boxes[3, at] >= box[0])
                & (boxes[1, at] <= box[4])
                & (boxes[4, at] >= box[1])
                & (boxes[2, at] <= box[5])
                & (boxes[5, at] >= box[2])
            )
            << node
        )
    return overlap


@njit(cache=True, nogil=True)
def _eights_near(box, boxes, all_lost, starts, first, waiting, eights):
    """Write to eights (n,) which eights of leaves a box (6,) may overlap; return how many.

    Those that are lost and come before the `first` are left out.
    """
    waiting[0, 0], waiting[0, 1], left, found = len(starts) - 2, 0, 1, 0
    while left:
        left -= 1
        level, eight = waiting[left, 0], waiting[left, 1]
        if level == 0:
            eights[found] = eight
            found += 1
            continue
        start = starts[level] + EIGHT * eight
        overlap = _overlap(boxes, start, box)
        for node in range(EIGHT):
            number = EIGHT * eight + node
            if overlap >> node & 1 and not (all_lost[start + node] and (number + 1) * EIGHT**level <= first):
                waiting[left, 0], waiting[left, 1] = level - 1, number
                left += 1
    return found


@njit(inline="always")
def _meet(x, ways, i, j, k, m, of_triangle, reaches, thickness):
    """Tell whether two sides come as near as their thickness and reaches."""
    reach = thickness + approach(reaches, i, j, k, m, of_triangle)
    reach += largest_change(ways, i, j, k, m, of_triangle)
    _, _, _, _, a, b, c = between(x, i, j, k, m, of_triangle)
    return a * a + b * b + c * c < reach * reach


@njit(inline="always")
def _strangers(i, j, k, m, of_triangle, tangled):
    """Tell whether two sides have no common vertex, and not a tangled one each."""
    if of_triangle:
        return (i != j) & (i != k) & (i != m) & (not tangled[i] & (tangled[j] | tangled[k] | tangled[m]))
    apart = (i != k) & (i != m) & (j != k) & (j != m)
    return apart & (not (tangled[i] | tangled[j]) & (tangled[k] | tangled[m]))


@njit(cache=True, nogil=True)
def _with_room(pairs, wanted):
    """Return pairs (P, 4) with room for as many as are wanted."""
    if wanted <= len(pairs):
        return pairs
    longer = np.empty((2 * wanted, 4), np.uint32)
    longer[: len(pairs)] = pairs
    return longer


@njit(cache=True, nogil=True)
def _asking(boxes, all_lost, sides, eight, box):
    """Make a box (6,) be around those of eight leaves that look for others; tell whether there are any."""
    box[:3], box[3:], any_asks = np.inf, -np.inf, False
    for leaf in range(EIGHT * eight, min(EIGHT * (eight + 1), len(sides))):
        if all_lost[leaf] and sides[leaf, 0] != NO_VERTEX:
            any_asks = True
            for axis in range(3):
                box[axis] = min(box[axis], boxes[axis, leaf])
                box[3 + axis] = max(box[3 + axis], boxes[3 + axis, leaf])
    return any_asks


@njit(cache=True, nogil=True)
def _leaves_near(box, boxes, all_lost, eights, first, hits):
    """Write to hits (n,) which leaves of some eights a box (6,) overlaps; return how many.

    Those that are lost and come before the `first` are left out.
    """
    found = 0
    for eight in eights:
        overlap = _overlap(boxes, EIGHT * eight, box)
        if overlap:
            for node in range(EIGHT):
                leaf = EIGHT * eight + node
                hits[found] = leaf
                found += (overlap >> node & 1) & int(not (all_lost[leaf] & (leaf < first)))
    return found


@njit(cache=True, nogil=True)
def _with_near(
    pairs, found, x, ways, tree, other_tree, sides, others, of_triangle, of_faces, reaches, thickness, tangled
):
    """Return pairs with those of lost sides that may meet others, and how many they are now.

    Faces look for vertices that are not lost, as those that are have looked for faces; edges that are both
    lost are found from the one that comes first. Eight neighbours go down the others' tree together.
    """
    (boxes, all_lost), (other_boxes, other_lost) = tree, other_tree
    starts, count = _starts(len(others)), -(-len(others) // EIGHT)
    waiting, eights = np.empty((64, 2), np.int64), np.empty(count, np.int64)
    hits, box = np.empty(EIGHT * count + 1, np.int64), np.empty(6, np.float32)
    for eight in range(-(-len(sides) // EIGHT)):
        if not _asking(boxes, all_lost, sides, eight, box):
            continue
        first = len(others) if of_faces else 0 if of_triangle else EIGHT * eight
        near = eights[: _eights_near(box, other_boxes, other_lost, starts, first, waiting, eights)]
        for leaf in range(EIGHT * eight, min(EIGHT * (eight + 1), len(sides))):
            if sides[leaf, 0] == NO_VERTEX or not all_lost[leaf]:
                continue
            box[:] = boxes[:, leaf]
            first = first if of_triangle else leaf
            hit = hits[: _leaves_near(box, other_boxes, other_lost, near, first, hits)]
            pairs, tried = _with_room(pairs, found + len(hit)), found
            # Without branches among them: what is not wanted is written over by the next.
            for other in hit:
                if of_faces:
                    i, j, k, m = others[other, 0], sides[leaf, 0], sides[leaf, 1], sides[leaf, 2]
                elif of_triangle:
                    i, j, k, m = sides[leaf, 0], others[other, 0], others[other, 1], others[other, 2]
                else:
                    one, two = min(leaf, other), max(leaf, other)
                    i, j, k, m = sides[one, 0], sides[one, 1], sides[two, 0], sides[two, 1]
                pairs[tried, 0], pairs[tried, 1], pairs[tried, 2], pairs[tried, 3] = i, j, k, m
                tried += int(_strangers(i, j, k, m, of_triangle, tangled))
            for pair in range(found, tried):
                i, j, k, m = pairs[pair, 0], pairs[pair, 1], pairs[pair, 2], pairs[pair, 3]
                pairs[found, 0], pairs[found, 1], pairs[found, 2], pairs[found, 3] = i, j, k, m
                found += int(_meet(x, ways, i, j, k, m, of_triangle, reaches, thickness))
    return pairs, found


@njit(cache=True, nogil=True)
def _near_pairs(x, ways, sides, others, of_triangle, reaches, thickness, lost, tangled):
    """Return the pairs (side, other) with a lost vertex that may meet, as corners (P, 4)."""
    reaching = reaches + thickness / 2
    tree = _boxes(x, ways, sides, reaching, lost)
    other_tree = _boxes(x, ways, others, reaching, lost) if of_triangle else tree
    pairs, found = np.empty((max(len(sides), len(others)), 4), np.uint32), 0
    known = reaches, thickness, tangled
    pairs, found = _with_near(
        pairs, found, x, ways, tree, other_tree, sides, others, of_triangle, False, *known
    )
    if of_triangle:
        pairs, found = _with_near(
            pairs, found, x, ways, other_tree, tree, others, sides, of_triangle, True, *known
        )
    return pairs[:found]


@njit(cache=True, nogil=True)
def _beside(starts, near, i, j):
    """Tell whether a vertex is a near neighbour of another."""
    beside = False
    for n in range(starts[i], starts[i + 1]):
        beside |= near[n] == j
    return beside


@njit(cache=True, nogil=True)
def _apart(rest, i, j, k, m, of_triangle, thickness, starts, near):
    """Return how near two sides may come: neighbours, as near as they are at rest."""
    beside = _beside(starts, near, i, k) or _beside(starts, near, i, m)
    if of_triangle:
        beside = beside or _beside(starts, near, i, j)
    else:
        beside = beside or _beside(starts, near, j, k) or _beside(starts, near, j, m)
    if not beside:
        return thickness
    _, _, _, _, a, b, c = between(rest, i, j, k, m, of_triangle)
    return min(thickness, np.sqrt(a * a + b * b + c * c))


@njit(cache=True, nogil=True)
def _renewed(
    corners, apart, closing, gaps, lost, new, rest, velocities, of_triangle, thickness, starts, near
):
    """Return pairs without those that have a lost vertex, and with new ones."""
    room = len(corners) + len(new)
    pairs, values = np.empty((room, 4), np.uint32), np.empty((3, room))
    found = 0
    for pair in range(len(corners)):
        i, j, k, m = corners[pair, 0], corners[pair, 1], corners[pair, 2], corners[pair, 3]
        pairs[found, 0], pairs[found, 1], pairs[found, 2], pairs[found, 3] = i, j, k, m
        values[0, found], values[1, found], values[2, found] = apart[pair], closing[pair], gaps[pair]
        found += int(not (lost[i] | lost[j] | lost[k] | lost[m]))
    for pair in range(len(new)):
        i, j, k, m = new[pair, 0], new[pair, 1], new[pair, 2], new[pair, 3]
        pairs[found, 0], pairs[found, 1], pairs[found, 2], pairs[found, 3] = i, j, k, m
        values[0, found] = _apart(rest, i, j, k, m, of_triangle, thickness, starts, near)
        values[1, found] = largest_change(velocities, i, j, k, m, of_triangle)
        values[2, found] = 0
        found += 1
    return pairs[:found], values[0, :found], values[1, :found], values[2, :found]


def find(positions, velocities, seconds, mesh, windows, kinds, lost):
    """See `numpy_contacts.find`."""
    ways = seconds * velocities
    found = []
    for kind, sides, others, closest in zip(
        kinds, (mesh.vertices, mesh.edges), (mesh.faces, mesh.edges), mesh.apart, strict=True
    ):
        of_triangle = others is mesh.faces
        new = _near_pairs(positions, ways, sides, others, of_triangle, windows, closest, lost, mesh.tangled)
        found.append(
            Pairs(
                *_renewed(
                    kind.corners,
                    kind.apart,
                    kind.closing,
                    kind.gaps,
                    lost,
                    new,
                    mesh.rest,
                    velocities,
                    of_triangle,
                    closest,
                    mesh.starts,
                    mesh.near,
                )
            )
        )
    return found
