"""The tree of sides that a search for contacts goes down, compiled by numba.

Its leaves are sides, and a node holds eight of the level below, which are looked at together.
"""

# mypy: disable-error-code="call-arg, misc, no-untyped-call, no-untyped-def, unreachable, var-annotated"

import numpy as np
from numba import njit

from kg.sim.compiled import loop
from kg.sim.contact import NO_VERTEX
from kg.sim.numba_lanes import BOX, EIGHT, ROW, eight_that_meet
from kg.sim.numpy_contacts import ROUNDING

COUNTS = np.array([byte.bit_count() for byte in range(256)])
BITS = np.array([([n for n in range(8) if byte >> n & 1] + 8 * [0])[:8] for byte in range(256)], np.uint8)
"""How many bits of a byte are set, and their numbers."""


@loop
def reached_by(x, ways, reaches):
    """See `numpy_contacts.reached_by`; in rows of 24, as `numba_lanes` has them."""
    reached = np.zeros((len(x), ROW), np.float32)
    for i in range(len(x)):
        start = x[i, 0], x[i, 1], x[i, 2]
        end = start[0] + ways[i, 0], start[1] + ways[i, 1], start[2] + ways[i, 2]
        wide = reaches[i] + ROUNDING
        for a in range(3):
            reached[i, 2 * a] = max(start[a], end[a]) + wide
            reached[i, 2 * a + 1] = max(-start[a], -end[a]) + wide
        wide *= np.sqrt(2.0)
        lane = EIGHT
        for a, b in ((0, 1), (0, 2), (1, 2)):
            reached[i, lane] = max(start[a] + start[b], end[a] + end[b]) + wide
            reached[i, lane + 1] = max(-start[a] - start[b], -end[a] - end[b]) + wide
            reached[i, lane + 2] = max(start[a] - start[b], end[a] - end[b]) + wide
            reached[i, lane + 3] = max(start[b] - start[a], end[b] - end[a]) + wide
            lane += 4
    return reached


@loop
def _starts(leaves):
    """Return where each level of a tree begins in the list of its eights, the leaves first."""
    starts, eights = [0], max(1, leaves // EIGHT)
    while eights > 1:
        starts.append(starts[-1] + eights)
        eights = max(1, eights // EIGHT)
    return np.array(starts)


@loop
def grown(reached, sides, lost):
    """Return a tree of sides.

    Args:
        reached: (V, 24), what vertices reach.
        sides: (n, corners), its leaves, a power of two.
        lost: (V,) bool.

    Returns:
        What its nodes reach, in eights, (E, 6, 8); where its levels begin among the eights; and for each
        eight, a bit for each of its nodes: which hold no sides but those with a vertex that is lost, (E,),
        and which are such sides, (E,).
    """
    starts, corners = _starts(len(sides)), sides.shape[1]
    reach = np.full((starts[-1] + 1, BOX, EIGHT), -np.inf, np.float32)
    all_lost, lost_leaves = np.zeros(starts[-1] + 1, np.int64), np.zeros(len(reach), np.int64)
    for leaf in range(len(sides)):
        eight, lane, is_lost = leaf // EIGHT, leaf % EIGHT, True
        i = sides[leaf, 0]
        if i != NO_VERTEX:
            j = sides[leaf, 1] if corners > 1 else i
            k = sides[leaf, 2] if corners > 2 else i
            is_lost = lost[i] | lost[j] | lost[k]
            lost_leaves[eight] |= int(is_lost) << lane
            for direction in range(BOX):
                farthest = max(reached[i, direction], reached[j, direction], reached[k, direction])
                reach[eight, direction, lane] = farthest
        all_lost[eight] |= int(is_lost) << lane
    for level in range(1, len(starts)):
        for below in range(starts[level - 1], starts[level]):
            node = below - starts[level - 1]
            eight, lane = starts[level] + node // EIGHT, node % EIGHT
            all_lost[eight] |= int(all_lost[below] == 255) << lane
            for direction in range(BOX):
                for child in range(EIGHT):
                    farthest = max(reach[eight, direction, lane], reach[below, direction, child])
                    reach[eight, direction, lane] = farthest
    return reach, starts, all_lost, lost_leaves


@loop
def reach_of(tree, eight, lanes, reach):
    """Make reach (8,) what some leaves of an eight, a bit each, reach together."""
    reach[:] = -np.inf
    for n in range(COUNTS[lanes]):
        for direction in range(BOX):
            reach[direction] = max(reach[direction], tree[0][eight, direction, BITS[lanes, n]])


@njit(inline="always")
def _before(first, level, eight):
    """Return which nodes of an eight hold only leaves before the first that counts, a bit each."""
    return (1 << min(EIGHT, max(0, (first >> 3 * level) - EIGHT * eight))) - 1


@loop
def eights_near(reach, tree, first, waiting, eights):
    """Write to eights (n,) those with leaves that something may meet; return how many they are.

    Leaves that are lost and come before the `first` do not count. What is still to be looked at is kept in
    `waiting` (64, 2).
    """
    reached, starts, all_lost, _ = tree
    waiting[0, 0], waiting[0, 1], left, count = len(starts) - 1, 0, 1, 0
    while left:
        left -= 1
        level, eight = waiting[left, 0], waiting[left, 1]
        if level == 0:
            eights[count] = eight
            count += 1
            continue
        meet = eight_that_meet(reached, starts[level] + eight, reach)
        meet &= ~(all_lost[starts[level] + eight] & _before(first, level, eight))
        for n in range(COUNTS[meet]):
            waiting[left, 0], waiting[left, 1] = level - 1, EIGHT * eight + BITS[meet, n]
            left += 1
    return count


@loop
def leaves_near(reach, tree, eights, first, leaves):
    """Write to leaves (n,) those of some eights that something meets; return how many they are.

    Those that are lost and come before the `first` do not count. Up to eight more are written over.
    """
    reached, _, all_lost, _ = tree
    count = 0
    for eight in eights:
        meet = eight_that_meet(reached, eight, reach) & ~(all_lost[eight] & _before(first, 0, eight))
        if meet:
            for n in range(EIGHT):
                leaves[count + n] = EIGHT * eight + BITS[meet, n]
            count += COUNTS[meet]
    return count
