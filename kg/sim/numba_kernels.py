"""The solver's inner loops, compiled by numba on first use and cached on disk.

Every loop goes through its list in order, on one thread and without reordered sums: the same input gives
the same bytes. `numpy_kernels` says what each does.
"""

# mypy: disable-error-code="misc, no-untyped-def, no-untyped-call"

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def predict(positions, velocities, gravity, step):
    """See `numpy_kernels.predict`."""
    for i in range(len(positions)):
        for axis in range(3):
            velocities[i, axis] += gravity[axis] * step
            positions[i, axis] += velocities[i, axis] * step


@njit(cache=True, nogil=True)
def _keep_lengths(positions, inverse_masses, pairs, rest, compliance):
    for link in range(len(pairs)):
        i, j = pairs[link, 0], pairs[link, 1]
        weight = inverse_masses[i] + inverse_masses[j]
        x = positions[i, 0] - positions[j, 0]
        y = positions[i, 1] - positions[j, 1]
        z = positions[i, 2] - positions[j, 2]
        length = np.sqrt(x * x + y * y + z * z)
        if length == 0:
            continue
        pull = (rest[link] - length) / (length * (weight + compliance))
        first, second = pull * inverse_masses[i], pull * inverse_masses[j]
        positions[i, 0] += first * x
        positions[i, 1] += first * y
        positions[i, 2] += first * z
        positions[j, 0] -= second * x
        positions[j, 1] -= second * y
        positions[j, 2] -= second * z


def keep_lengths(positions, inverse_masses, links, compliance):
    """See `numpy_kernels.keep_lengths`."""
    _keep_lengths(positions, inverse_masses, links.pairs, links.rest, compliance)


@njit(cache=True, nogil=True)
def _keep_bends(positions, inverse_masses, corners, weights, areas, rest, compliance, crease):
    for hinge in range(len(corners)):
        x, y, z, weight = 0.0, 0.0, 0.0, 0.0
        for k in range(4):
            i, share = corners[hinge, k], weights[hinge, k]
            x += share * positions[i, 0]
            y += share * positions[i, 1]
            z += share * positions[i, 2]
            weight += inverse_masses[i] * share * share
        bend = np.sqrt(x * x + y * y + z * z)
        if bend == 0:
            continue
        pull = (rest[hinge] - bend) / (bend * (weight + compliance * areas[hinge]))
        for k in range(4):
            i = corners[hinge, k]
            move = pull * inverse_masses[i] * weights[hinge, k]
            positions[i, 0] += move * x
            positions[i, 1] += move * y
            positions[i, 2] += move * z
        rest[hinge] += crease * (bend - rest[hinge])


def keep_bends(positions, inverse_masses, hinges, rest, compliance, crease):
    """See `numpy_kernels.keep_bends`."""
    _keep_bends(
        positions, inverse_masses, hinges.corners, hinges.weights, hinges.areas, rest, compliance, crease
    )


@njit(cache=True, nogil=True)
def keep_apart(positions, before, inverse_masses, pairs, apart, friction):
    """See `numpy_kernels.keep_apart`."""
    for contact in range(len(pairs)):
        i, j = pairs[contact, 0], pairs[contact, 1]
        weight = inverse_masses[i] + inverse_masses[j]
        x = positions[i, 0] - positions[j, 0]
        y = positions[i, 1] - positions[j, 1]
        z = positions[i, 2] - positions[j, 2]
        square = x * x + y * y + z * z
        if square >= apart[contact] ** 2 or square == 0:
            continue
        length = np.sqrt(square)
        push = apart[contact] - length
        x, y, z = x / length, y / length, z / length
        # What the two slid past each other in this step, less what friction takes of it.
        a = positions[i, 0] - before[i, 0] - positions[j, 0] + before[j, 0]
        b = positions[i, 1] - before[i, 1] - positions[j, 1] + before[j, 1]
        c = positions[i, 2] - before[i, 2] - positions[j, 2] + before[j, 2]
        along = a * x + b * y + c * z
        a, b, c = a - along * x, b - along * y, c - along * z
        slid = np.sqrt(a * a + b * b + c * c)
        hold = min(1.0, friction * push / slid) if slid > 0 else 0.0
        first, second = inverse_masses[i] / weight, inverse_masses[j] / weight
        positions[i, 0] += first * (push * x - hold * a)
        positions[i, 1] += first * (push * y - hold * b)
        positions[i, 2] += first * (push * z - hold * c)
        positions[j, 0] -= second * (push * x - hold * a)
        positions[j, 1] -= second * (push * y - hold * b)
        positions[j, 2] -= second * (push * z - hold * c)


@njit(cache=True, nogil=True)
def stay_above(positions, before, height, friction):
    """See `numpy_kernels.stay_above`."""
    for i in range(len(positions)):
        push = height - positions[i, 2]
        if push <= 0:
            continue
        positions[i, 2] = height
        x = positions[i, 0] - before[i, 0]
        y = positions[i, 1] - before[i, 1]
        slid = np.sqrt(x * x + y * y)
        hold = min(1.0, friction * push / slid) if slid > 0 else 0.0
        positions[i, 0] -= hold * x
        positions[i, 1] -= hold * y


@njit(cache=True, nogil=True)
def finish(positions, before, velocities, step, kept, farthest):
    """See `numpy_kernels.finish`."""
    for i in range(len(positions)):
        x = positions[i, 0] - before[i, 0]
        y = positions[i, 1] - before[i, 1]
        z = positions[i, 2] - before[i, 2]
        moved = np.sqrt(x * x + y * y + z * z)
        share = farthest / moved if moved > farthest else 1.0
        positions[i, 0] = before[i, 0] + share * x
        positions[i, 1] = before[i, 1] + share * y
        positions[i, 2] = before[i, 2] + share * z
        velocities[i, 0] = kept * share * x / step
        velocities[i, 1] = kept * share * y / step
        velocities[i, 2] = kept * share * z / step


@njit(cache=True, nogil=True)
def _cell(x, y, z, mask):
    # Large odd factors, as usual for hashing places; overflow wraps around.
    return (x * 73856093 ^ y * 19349663 ^ z * 83492791) & mask


@njit(cache=True, nogil=True)
def _contacts(positions, reach, thickness, starts, near, near_apart):
    count = len(positions)
    size = 16
    while size < 2 * count:
        size *= 2
    cells = np.empty((count, 3), np.int64)
    slots = np.empty(count, np.int64)
    ends = np.zeros(size + 1, np.int64)
    for i in range(count):
        for axis in range(3):
            cells[i, axis] = np.int64(np.floor(positions[i, axis] / reach))
        slots[i] = _cell(cells[i, 0], cells[i, 1], cells[i, 2], size - 1)
        ends[slots[i] + 1] += 1
    for slot in range(size):
        ends[slot + 1] += ends[slot]
    # Vertices cell by cell, so that those of one lie side by side in memory.
    members = np.empty(count, np.int64)
    places = np.empty((count, 3))
    for i in range(count - 1, -1, -1):
        slot = slots[i]
        ends[slot + 1] -= 1
        members[ends[slot + 1]] = i
        places[ends[slot + 1]] = positions[i]
    room = 16 * count
    pairs = np.empty((room, 2), np.int64)
    apart = np.empty(room)
    found = 0
    for i in range(count):
        px, py, pz = positions[i, 0], positions[i, 1], positions[i, 2]
        # Half of the cells around, so that each pair of cells is met once.
        for cell in range(13, 27):
            x, y, z = cells[i, 0] + cell // 9 - 1, cells[i, 1] + cell // 3 % 3 - 1, cells[i, 2] + cell % 3 - 1
            slot = _cell(x, y, z, size - 1)
            first = ends[slot + 1]
            last = ends[slot + 2] if slot + 2 <= size else count
            for k in range(first, last):
                a, b, c = px - places[k, 0], py - places[k, 1], pz - places[k, 2]
                if a * a + b * b + c * c >= reach * reach:
                    continue
                j = members[k]
                if cells[j, 0] != x or cells[j, 1] != y or cells[j, 2] != z or (cell == 13 and j <= i):
                    continue
                if found == room:
                    room *= 2
                    wider, longer = np.empty((room, 2), np.int64), np.empty(room)
                    wider[:found], longer[:found] = pairs, apart
                    pairs, apart = wider, longer
                pairs[found, 0], pairs[found, 1] = i, j
                apart[found] = thickness
                for n in range(starts[i], starts[i + 1]):
                    if near[n] == j:
                        apart[found] = near_apart[n]
                found += 1
    return pairs[:found], apart[:found]


def contacts(positions, reach, thickness, near):
    """See `numpy_kernels.contacts`."""
    return _contacts(positions, reach, thickness, *near)


@njit(cache=True, nogil=True)
def farthest_move(positions, before):
    """See `numpy_kernels.farthest_move`."""
    most = 0.0
    for i in range(len(positions)):
        x = positions[i, 0] - before[i, 0]
        y = positions[i, 1] - before[i, 1]
        z = positions[i, 2] - before[i, 2]
        most = max(most, x * x + y * y + z * z)
    return np.sqrt(most)
