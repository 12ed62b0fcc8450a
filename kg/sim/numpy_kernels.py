"""The solver's inner loops in NumPy: what `numba_kernels` does, in the same order, many times slower.

Links or hinges of a batch share no vertex, so that all of them at once come to the same.
"""

import numpy as np
from numpy.typing import NDArray

from kg.sim.cloth import Hinges, Links
from kg.sim.numpy_contacts import find, held, keep_apart, survey

__all__ = [
    "find",
    "finish",
    "keep_apart",
    "keep_bends",
    "keep_lengths",
    "moved",
    "predict",
    "stay_above",
    "stay_within",
    "survey",
]

Points = NDArray[np.float64]
Values = NDArray[np.float64]


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


def stay_above(positions: Points, before: Points, height: float, friction: float) -> None:
    """Push vertices up to a height above the ground, with friction, in place."""
    low = np.flatnonzero(positions[:, 2] < height)
    push = height - positions[low, 2:]
    positions[low, 2] = height
    slid = positions[low, :2] - before[low, :2]
    positions[low, :2] -= held(push, slid, friction) * slid


def moved(positions: Points, reference: Points, bounds: Values, together: bool) -> Values:
    """Return how far vertices are from where they were, as shares (V,) of their bounds.

    Args:
        positions: (V, 3) metres.
        reference: (V, 3) metres.
        bounds: (V,) metres; any distance is infinitely much of a bound that is not above 0.
        together: What all have moved by in common does not count.
    """
    away = np.linalg.norm(positions - reference - _drift(positions, reference, together), axis=1)
    shares: Values = np.divide(away, bounds, out=np.full(len(bounds), np.inf), where=bounds > 0)
    return shares


def stay_within(positions: Points, reference: Points, bounds: Values, together: bool) -> None:
    """Hold vertices back at their bounds (V,) from their reference (V, 3), in place.

    Args:
        positions: (V, 3) metres.
        reference: (V, 3) metres; taken along, in place, by what all have in common, if they move together.
        bounds: (V,) metres.
        together: Bounds hold apart from what all have moved by in common.
    """
    reference += _drift(positions, reference, together)
    away = positions - reference
    length = np.sqrt((away * away).sum(axis=1))
    out = length > bounds
    positions[out] = reference[out] + (bounds[out] / length[out])[:, None] * away[out]


def _drift(positions: Points, reference: Points, together: bool) -> Values:
    drift: Values = (positions - reference).mean(axis=0) if together else np.zeros(3)
    return drift


def finish(positions: Points, before: Points, velocities: Points, step: float, kept: float) -> None:
    """Set the velocities to what the vertices have moved by, of which a share is kept, in place."""
    velocities[:] = kept * (positions - before) / step
