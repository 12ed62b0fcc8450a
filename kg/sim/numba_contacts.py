"""What keeps layers of cloth apart, compiled by numba; `numpy_contacts` says what each loop does."""

# mypy: disable-error-code="misc, no-untyped-def, no-untyped-call"

import numpy as np

from kg.sim.compiled import loop
from kg.sim.contact import NEAREST
from kg.sim.numba_sides import approach, between
from kg.sim.numpy_contacts import SLIDES, THROW, TINY

ROOM = 1.5
"""How much farther vertices may stray, while they slide, before pairs that may meet are looked for again."""


@loop
def _stray(x, before, velocities, step, i):
    """Return how far a vertex is from where it would be had it gone on from before."""
    a = x[i, 0] - before[i, 0] - step * velocities[i, 0]
    b = x[i, 1] - before[i, 1] - step * velocities[i, 1]
    c = x[i, 2] - before[i, 2] - step * velocities[i, 2]
    return np.sqrt(a * a + b * b + c * c)


@loop
def _strays(x, before, velocities, step):
    strays = np.empty(len(x))
    for i in range(len(x)):
        strays[i] = _stray(x, before, velocities, step, i)
    return strays


@loop
def _farthest(strays, velocities, step):
    """Return how far vertices may stray at most however much their steps are cut short.

    What is left of a step lies between it and none at all, and so does what it strays by.
    """
    farthest = np.empty(len(strays))
    for i in range(len(strays)):
        x, y, z = velocities[i, 0], velocities[i, 1], velocities[i, 2]
        farthest[i] = max(strays[i], step * np.sqrt(x * x + y * y + z * z)) + TINY
    return farthest


@loop
def _that_may_meet(farthest, step, pairs, of_triangle):
    """Return the numbers of the pairs that may come nearer than they ever do, in order."""
    corners, apart, closing, gaps = pairs
    numbers, count, widest = np.empty(len(corners), np.uint32), 0, 2 * np.max(farthest)
    for pair in range(len(corners)):
        room = gaps[pair] - NEAREST * apart[pair] - step * closing[pair]
        # Most pairs are so far apart that no two vertices can have strayed enough.
        if room >= widest:
            continue
        i, j, k, m = corners[pair, 0], corners[pair, 1], corners[pair, 2], corners[pair, 3]
        numbers[count] = pair
        count += int(room < approach(farthest, i, j, k, m, of_triangle))
    return numbers[:count]


@loop
def _hold_back(x, before, velocities, strays, step, pairs, numbers, of_triangle, planes_go, slides, shares):
    """Keep sides on theirs of a plane: have vertices slide along it, or lower the shares of their steps."""
    corners, apart, closing, gaps = pairs
    first, slid = 1 if of_triangle else 2, False
    for pair in numbers:
        nearest = NEAREST * apart[pair]
        i, j, k, m = corners[pair, 0], corners[pair, 1], corners[pair, 2], corners[pair, 3]
        nearer = approach(strays, i, j, k, m, of_triangle) + step * closing[pair]
        if gaps[pair] - nearest >= nearer:
            continue
        _, _, _, _, nx, ny, nz = between(before, i, j, k, m, of_triangle)
        gap = np.sqrt(nx * nx + ny * ny + nz * nz)
        gaps[pair] = gap
        if gap - nearest >= nearer:
            continue
        room = max(0.0, (gap - nearest) / 2)
        if gap <= TINY:
            for corner in range(0 if slides else 4):
                i = corners[pair, corner]
                if x[i, 0] != before[i, 0] or x[i, 1] != before[i, 1] or x[i, 2] != before[i, 2]:
                    shares[i] = 0.0
            continue
        nx, ny, nz = nx / gap, ny / gap, nz / gap
        low, high, low_after, high_after = np.inf, -np.inf, np.inf, -np.inf
        for corner in range(4):
            i = corners[pair, corner]
            height = before[i, 0] * nx + before[i, 1] * ny + before[i, 2] * nz
            after = x[i, 0] * nx + x[i, 1] * ny + x[i, 2] * nz
            if corner < first:
                low, low_after = min(low, height), min(low_after, after)
            else:
                high, high_after = max(high, height), max(high_after, after)
        goes = 0.0
        if planes_go:
            # How far the plane may go at most for the first side, and has to go for the second.
            most, least = low_after - low + room, high_after - high - room
            if most >= least:
                continue
            goes = max(0.0, most) + min(0.0, least)
        for corner in range(4):
            i = corners[pair, corner]
            height = before[i, 0] * nx + before[i, 1] * ny + before[i, 2] * nz
            towards = x[i, 0] * nx + x[i, 1] * ny + x[i, 2] * nz - height
            free = high - height + room + goes
            if corner < first:
                towards, free = -towards, height - low + room - goes
            if towards <= free + TINY / 100:
                continue
            if slides:
                back = (towards - max(0.0, free)) * (1 if corner < first else -1)
                x[i, 0] += back * nx
                x[i, 1] += back * ny
                # Where it was and where it goes are above the ground, and so is what lies between.
                x[i, 2] = max(x[i, 2] + back * nz, min(x[i, 2], before[i, 2]))
                strays[i] = _stray(x, before, velocities, step, i)
                slid = True
            else:
                shares[i] = min(shares[i], free / towards if free > TINY else 0.0)
    return slid


@loop
def _cut_short(x, before, shares):
    """Cut the steps of vertices short; tell whether there were any."""
    cut = False
    for i in range(len(x)):
        if shares[i] < 1:
            cut = True
            for axis in range(3):
                x[i, axis] = before[i, axis] + shares[i] * (x[i, axis] - before[i, axis])
    return cut


@loop
def _stay_within(x, before, foreseen, windows):
    """Cut the steps of vertices short that leave their windows."""
    shares = np.ones(len(x))
    for i in range(len(x)):
        out, along, way = 0.0, 0.0, 0.0
        for axis in range(3):
            b, d = before[i, axis] - foreseen[i, axis], x[i, axis] - before[i, axis]
            out += b * b
            along += b * d
            way += d * d
        square = windows[i] * windows[i]
        if way > 0 and out + 2 * along + way > square:
            root = np.sqrt(max(0.0, along * along + way * (square - out)))
            shares[i] = min(1.0, max(0.0, (root - along) / way))
    _cut_short(x, before, shares)


@loop
def _near(strays, velocities, step, kinds):
    """Return how far vertices may stray, with some room, and the numbers of the pairs that then may meet."""
    farthest = ROOM * _farthest(strays, velocities, step)
    return farthest, [_that_may_meet(farthest, step, kinds[kind], kind == 0) for kind in range(2)]


@loop
def _hold_both_back(x, before, velocities, strays, step, kinds, near, planes_go, slides, shares):
    """Do `_hold_back` for either kind of pairs; tell whether any vertex slid."""
    slid = False
    for kind in range(2):
        slid |= _hold_back(
            x,
            before,
            velocities,
            strays,
            step,
            kinds[kind],
            near[kind],
            kind == 0,
            planes_go,
            slides,
            shares,
        )
    return slid


@loop
def hold_back(positions, before, foreseen, windows, velocities, step, kinds, passes):
    """See `numpy_contacts.hold_back`."""
    _stay_within(positions, before, foreseen, windows)
    shares = np.ones(len(positions))
    strays = _strays(positions, before, velocities, step)
    farthest, near = _near(strays, velocities, step, kinds)
    for _ in range(SLIDES):
        slid = _hold_both_back(
            positions, before, velocities, strays, step, kinds, near, passes > 0, True, shares
        )
        if not slid:
            break
        _stay_within(positions, before, foreseen, windows)
        strays = _strays(positions, before, velocities, step)
        # Those who slide seldom leave the room that they had.
        if np.any(strays > farthest):
            farthest, near = _near(strays, velocities, step, kinds)
    cut = True
    while cut:
        shares[:] = 1
        _hold_both_back(positions, before, velocities, strays, step, kinds, near, passes > 0, False, shares)
        passes -= 1
        cut = _cut_short(positions, before, shares)
        if cut:
            strays = _strays(positions, before, velocities, step)


@loop
def go_on(positions, before, velocities, step, kinds):
    """See `numpy_contacts.go_on`."""
    strays = _strays(positions, before, velocities, step)
    for kind in range(2):
        corners, _, closing, gaps = kinds[kind]
        for pair in range(len(corners)):
            i, j, k, m = corners[pair, 0], corners[pair, 1], corners[pair, 2], corners[pair, 3]
            gaps[pair] -= approach(strays, i, j, k, m, kind == 0) + step * closing[pair]


@loop
def _keep_apart(x, before, velocities, step, strays, inverse_masses, pairs, of_triangle, friction):
    corners, apart, closing, gaps = pairs
    for pair in range(len(corners)):
        i, j, k, m = corners[pair, 0], corners[pair, 1], corners[pair, 2], corners[pair, 3]
        nearer = approach(strays, i, j, k, m, of_triangle) + step * closing[pair]
        if gaps[pair] - apart[pair] >= nearer:
            continue
        wi, wj, wk, wm, nx, ny, nz = between(x, i, j, k, m, of_triangle)
        length = np.sqrt(nx * nx + ny * ny + nz * nz)
        gaps[pair] = max(gaps[pair], length - nearer)
        if length >= apart[pair] or length == 0:
            continue
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
        # No vertex is thrown that hardly counts, where the others are held.
        most = max(mi * abs(wi), mj * abs(wj), mk * abs(wk), mm * abs(wm))
        total = max(total, most / THROW)
        if total == 0:
            continue
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
        for corner in range(4):
            i = corners[pair, corner]
            strays[i] = _stray(x, before, velocities, step, i)


@loop
def keep_apart(positions, before, velocities, step, inverse_masses, kinds, friction):
    """See `numpy_contacts.keep_apart`."""
    strays = _strays(positions, before, velocities, step)
    for kind in range(2):
        _keep_apart(
            positions, before, velocities, step, strays, inverse_masses, kinds[kind], kind == 0, friction
        )
