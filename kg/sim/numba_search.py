"""The search for contacts, compiled by numba; `numpy_contacts` says what is found."""

# mypy: disable-error-code="misc, no-untyped-def, no-untyped-call"

import numpy as np
from numba import njit

from kg.sim.compiled import loop
from kg.sim.contact import Pairs
from kg.sim.numba_lanes import EIGHT, edges_meet, vertex_meets_triangle
from kg.sim.numba_sides import approach, between, largest_change
from kg.sim.numba_tree import BITS, COUNTS, eights_near, grown, leaves_near, reach_of, reached_by


@njit(inline="always")
def _strangers(i, j, k, m, of_triangle, tangled):
    """Tell whether two sides have no common vertex, and not a tangled one each."""
    if of_triangle:
        return (i != j) & (i != k) & (i != m) & (not tangled[i] & (tangled[j] | tangled[k] | tangled[m]))
    apart = (i != k) & (i != m) & (j != k) & (j != m)
    return apart & (not (tangled[i] | tangled[j]) & (tangled[k] | tangled[m]))


@loop
def _with_room(pairs, count):
    """Return pairs (P, 4) with room for so many."""
    if count <= len(pairs):
        return pairs
    longer = np.empty((2 * count, 4), np.uint32)
    longer[: len(pairs)] = pairs
    return longer


@loop
def _with_near(pairs, count, reached, trees, sides, others, of_triangle, of_faces, tangled):
    """Return pairs with those of lost sides that may meet others, and how many they are now.

    Faces look for vertices that are not lost, as those that are have looked for faces; edges that are both
    lost are found from the one that comes first. Eight neighbours go down the others' tree together.
    """
    tree, other_tree = trees
    lost_leaves = tree[3]
    most = max(1, len(others) // EIGHT)
    waiting, eights = np.empty((64, 2), np.int64), np.empty(most, np.int64)
    leaves, reach = np.empty(EIGHT * (most + 1), np.int64), np.empty(EIGHT, np.float32)
    for eight in range(max(1, len(sides) // EIGHT)):
        mask = lost_leaves[eight]
        if not mask:
            continue
        reach_of(tree, eight, mask, reach)
        first = len(others) if of_faces else 0 if of_triangle else EIGHT * eight
        near = eights[: eights_near(reach, other_tree, first, waiting, eights)]
        for n in range(COUNTS[mask]):
            leaf = EIGHT * eight + BITS[mask, n]
            reach_of(tree, eight, 1 << BITS[mask, n], reach)
            first = first if of_triangle else leaf
            near_leaves = leaves[: leaves_near(reach, other_tree, near, first, leaves)]
            pairs = _with_room(pairs, count + len(near_leaves))
            # Without branches among them: what is not wanted is written over by the next.
            for other in near_leaves:
                if of_faces:
                    i, j, k, m = others[other, 0], sides[leaf, 0], sides[leaf, 1], sides[leaf, 2]
                elif of_triangle:
                    i, j, k, m = sides[leaf, 0], others[other, 0], others[other, 1], others[other, 2]
                else:
                    one, two = min(leaf, other), max(leaf, other)
                    i, j, k, m = sides[one, 0], sides[one, 1], sides[two, 0], sides[two, 1]
                pairs[count, 0], pairs[count, 1], pairs[count, 2], pairs[count, 3] = i, j, k, m
                meet = _strangers(i, j, k, m, of_triangle, tangled)
                if of_triangle:
                    meet &= vertex_meets_triangle(reached, i, j, k, m)
                else:
                    meet &= edges_meet(reached, i, j, k, m)
                count += int(meet)
    return pairs, count


@loop
def _near_pairs(x, ways, sides, others, of_triangle, reaches, lost, tangled):
    """Return the pairs (side, other) with a lost vertex that meet in all directions, as corners (P, 4)."""
    reached = reached_by(x, ways, reaches)
    tree = grown(reached, sides, lost)
    other_tree = grown(reached, others, lost) if of_triangle else tree
    pairs, count = np.empty((max(len(sides), len(others)), 4), np.uint32), 0
    pairs, count = _with_near(
        pairs, count, reached, (tree, other_tree), sides, others, of_triangle, False, tangled
    )
    if of_triangle:
        pairs, count = _with_near(
            pairs, count, reached, (other_tree, tree), others, sides, of_triangle, True, tangled
        )
    return pairs[:count]


@loop
def _beside(starts, near, i, j):
    """Tell whether a vertex is a near neighbour of another."""
    beside = False
    for n in range(starts[i], starts[i + 1]):
        beside |= near[n] == j
    return beside


@loop
def _apart_at_rest(rest, i, j, k, m, of_triangle, thickness, starts, near):
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


@loop
def _renewed(
    old, new, x, velocities, seconds, of_triangle, reaches, lost, rest, thickness, crowded, starts, near
):
    """Return pairs without those that have a lost vertex, and with those of the new ones that may meet."""
    corners, apart, closing, gaps = old
    room = len(corners) + len(new)
    pairs, values = np.empty((room, 4), np.uint32), np.empty((3, room))
    count = 0
    for pair in range(len(corners)):
        i, j, k, m = corners[pair, 0], corners[pair, 1], corners[pair, 2], corners[pair, 3]
        pairs[count, 0], pairs[count, 1], pairs[count, 2], pairs[count, 3] = i, j, k, m
        values[0, count], values[1, count], values[2, count] = apart[pair], closing[pair], gaps[pair]
        count += int(not (lost[i] | lost[j] | lost[k] | lost[m]))
    # What is lost has been looked at where it is; the others may be anywhere in their windows.
    astray = np.where(lost, 0.0, reaches)
    for pair in range(len(new)):
        i, j, k, m = new[pair, 0], new[pair, 1], new[pair, 2], new[pair, 3]
        change = largest_change(velocities, i, j, k, m, of_triangle)
        _, _, _, _, a, b, c = between(x, i, j, k, m, of_triangle)
        gap = np.sqrt(a * a + b * b + c * c)
        if gap < thickness + approach(reaches, i, j, k, m, of_triangle) + seconds * change:
            pairs[count, 0], pairs[count, 1], pairs[count, 2], pairs[count, 3] = i, j, k, m
            values[0, count] = thickness
            if crowded[i] & crowded[j] & crowded[k] & crowded[m]:
                values[0, count] = _apart_at_rest(rest, i, j, k, m, of_triangle, thickness, starts, near)
            values[1, count] = change
            values[2, count] = gap - approach(astray, i, j, k, m, of_triangle)
            count += 1
    return Pairs(pairs[:count], values[0, :count], values[1, :count], values[2, :count])


def find(positions, velocities, seconds, mesh, windows, kinds, lost):
    """See `numpy_contacts.find`."""
    ways = seconds * velocities
    renewed = []
    for kind, sides, others, closest in zip(
        kinds, (mesh.vertices, mesh.edges), (mesh.faces, mesh.edges), mesh.apart, strict=True
    ):
        of_triangle = others is mesh.faces
        reaches = windows + closest / 2
        new = _near_pairs(positions, ways, sides, others, of_triangle, reaches, lost, mesh.tangled)
        motion = positions, velocities, seconds, of_triangle, windows, lost
        known = mesh.rest, closest, mesh.crowded, mesh.starts, mesh.near
        renewed.append(_renewed(kind, new, *motion, *known))
    return renewed[0], renewed[1]
