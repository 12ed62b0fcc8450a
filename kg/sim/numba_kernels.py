"""The solver's inner loops, compiled by numba on first use and cached on disk.

Every loop goes through its list in order, on one thread and without reordered sums: the same input gives
the same bytes. `numpy_kernels` says what each does.
"""

# mypy: disable-error-code="misc, no-untyped-def, no-untyped-call"

import numpy as np

from kg.sim.compiled import loop
from kg.sim.contact import SLOW, STEPS
from kg.sim.numba_contacts import go_on, hold_back, keep_apart
from kg.sim.numba_search import find

__all__ = [
    "find",
    "finish",
    "foresee",
    "go_on",
    "hold_back",
    "keep_apart",
    "keep_bends",
    "keep_lengths",
    "missed",
    "predict",
    "stay_above",
]


@loop
def predict(positions, velocities, gravity, step):
    """See `numpy_kernels.predict`."""
    for i in range(len(positions)):
        for axis in range(3):
            velocities[i, axis] += gravity[axis] * step
            positions[i, axis] += velocities[i, axis] * step


@loop
def _keep_lengths(positions, inverse_masses, pairs, rest, compliance, slack, loose, pulled):
    for link in range(len(pairs)):
        i, j = pairs[link, 0], pairs[link, 1]
        weight = inverse_masses[i] + inverse_masses[j]
        x = positions[i, 0] - positions[j, 0]
        y = positions[i, 1] - positions[j, 1]
        z = positions[i, 2] - positions[j, 2]
        length = np.sqrt(x * x + y * y + z * z)
        if length == 0:
            continue
        short, gives = rest[link] - length, compliance
        if short > slack * rest[link]:
            short -= slack * rest[link]
        elif short > 0:
            gives = loose
        pull = (short - gives * pulled[link]) / (length * (weight + gives))
        pulled[link] += pull * length
        first, second = pull * inverse_masses[i], pull * inverse_masses[j]
        positions[i, 0] += first * x
        positions[i, 1] += first * y
        positions[i, 2] += first * z
        positions[j, 0] -= second * x
        positions[j, 1] -= second * y
        positions[j, 2] -= second * z


def keep_lengths(positions, inverse_masses, links, compliance, slack, loose, pulled):
    """See `numpy_kernels.keep_lengths`."""
    _keep_lengths(positions, inverse_masses, links.pairs, links.rest, compliance, slack, loose, pulled)


@loop
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


@loop
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


@loop
def missed(before, ahead, foreseen, velocities, step, windows):
    """See `numpy_kernels.missed`."""
    shares = np.empty(len(before))
    for i in range(len(before)):
        near, far = 0.0, 0.0
        for axis in range(3):
            foreseen[i, axis] += step * velocities[i, axis]
            near += (before[i, axis] - foreseen[i, axis]) ** 2
            far += (ahead[i, axis] - foreseen[i, axis]) ** 2
        shares[i] = np.sqrt(max(near, far)) / windows[i] if windows[i] > 0 else np.inf
    return shares


@loop
def foresee(lost, before, velocities, step, seconds, least, foreseen, windows, going):
    """See `numpy_kernels.foresee`."""
    for i in range(len(before)):
        if not lost[i]:
            continue
        x, y, z = velocities[i, 0], velocities[i, 1], velocities[i, 2]
        speed = np.sqrt(x * x + y * y + z * z)
        windows[i] = max(least, STEPS * step * speed)
        stays = speed * seconds <= SLOW * windows[i]
        for axis in range(3):
            going[i, axis] = 0.0 if stays else velocities[i, axis]
            foreseen[i, axis] = before[i, axis] + step * going[i, axis]


@loop
def finish(positions, before, velocities, step, kept):
    """See `numpy_kernels.finish`."""
    for i in range(len(positions)):
        for axis in range(3):
            velocities[i, axis] = kept * (positions[i, axis] - before[i, axis]) / step
