"""The solver's inner loops in NumPy: what `numba_kernels` does, in the same order, many times slower.

Links or hinges of a batch share no vertex, so that all of them at once come to the same.
"""

import numpy as np
from numpy.typing import NDArray

from kg.sim.cloth import Hinges, Links
from kg.sim.contact import SLOW, STEPS
from kg.sim.numpy_contacts import find, go_on, held, hold_back, keep_apart

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

Points = NDArray[np.float64]
Values = NDArray[np.float64]


def predict(positions: Points, velocities: Points, gravity: Values, step: float) -> None:
    """Let the vertices (V, 3) fly on for a step, in place."""
    velocities += gravity * step
    positions += velocities * step


def keep_lengths(
    positions: Points,
    inverse_masses: Values,
    links: Links,
    compliance: float,
    slack: float,
    loose: float,
    pulled: Values,
) -> None:
    """Move the ends of each link towards its length, in place, or to where it is short by its slack.

    Args:
        positions: (V, 3).
        inverse_masses: (V,) 1/kg.
        links: The pairs and their lengths.
        compliance: Inverse of their stiffness over the square of the step, 1/kg.
        slack: Share of its length by which a link may be short.
        loose: The compliance of what is shorter by less than that, 1/kg.
        pulled: (L,) kg m, what each has pulled in this step, in place: it gives way to all of that.
    """
    for first, last in zip((0, *links.ends), links.ends, strict=False):
        i, j = links.pairs[first:last].T
        between = positions[i] - positions[j]
        length = np.sqrt((between * between).sum(axis=1))
        rest = links.rest[first:last]
        short = rest - length
        within = (short > 0) & (short <= slack * rest)
        gives = np.where(within, loose, compliance)
        short -= np.where(short > slack * rest, slack * rest, 0.0) + gives * pulled[first:last]
        weight = inverse_masses[i] + inverse_masses[j] + gives
        with np.errstate(divide="ignore", invalid="ignore"):
            pull = np.where(length > 0, short / (length * weight), 0.0)
        pulled[first:last] += pull * length
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


def stay_above(positions: Points, before: Points, height: float, friction: float) -> None:
    """Push vertices up to a height above the ground, with friction, in place."""
    low = np.flatnonzero(positions[:, 2] < height)
    push = height - positions[low, 2:]
    positions[low, 2] = height
    slid = positions[low, :2] - before[low, :2]
    positions[low, :2] -= held(push, slid, friction) * slid


def missed(
    before: Points, ahead: Points, foreseen: Points, velocities: Points, step: float, windows: Values
) -> Values:
    """Let what was foreseen go on by a step; return how far from it vertices are, in shares of their windows.

    Args:
        before: (V, 3) metres, where they are.
        ahead: (V, 3) metres, where they will be; the farther of both counts.
        foreseen: (V, 3) metres, where they were foreseen to be, in place.
        velocities: (V, 3) m/s, how that goes on.
        step: Seconds.
        windows: (V,) metres; any distance is infinitely much of one that is not above 0.
    """
    foreseen += step * velocities
    away = np.maximum(np.linalg.norm(before - foreseen, axis=1), np.linalg.norm(ahead - foreseen, axis=1))
    shares: Values = np.divide(away, windows, out=np.full(len(windows), np.inf), where=windows > 0)
    return shares


def foresee(
    lost: NDArray[np.bool_],
    before: Points,
    velocities: Points,
    step: float,
    seconds: float,
    least: float,
    foreseen: Points,
    windows: Values,
    going: Points,
) -> None:
    """Foresee where lost vertices will be after a step, in place: they go on as they do, or stay if slow.

    Args:
        lost: (V,) bool.
        before: (V, 3) metres, where they are.
        velocities: (V, 3) m/s, how they move now.
        step: Seconds.
        seconds: For how long they are foreseen.
        least: Metres, the least radius of a window.
        foreseen: (V, 3) metres, in place.
        windows: (V,) metres, their radii, in place.
        going: (V, 3) m/s, how that goes on, in place.
    """
    speeds = np.linalg.norm(velocities[lost], axis=1)
    windows[lost] = np.maximum(least, STEPS * step * speeds)
    stays = speeds * seconds <= SLOW * windows[lost]
    going[lost] = np.where(stays[:, None], 0.0, velocities[lost])
    foreseen[lost] = before[lost] + step * going[lost]


def finish(positions: Points, before: Points, velocities: Points, step: float, kept: float) -> None:
    """Set the velocities to what the vertices have moved by, of which a share is kept, in place."""
    velocities[:] = kept * (positions - before) / step
