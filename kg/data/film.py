"""A soap film over a flat mesh: how wide the mesh is at each place."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

SLIVER = 1e-3
"""Least double area of a triangle, in parts of its squared sides: a flatter one counts as that."""
ENOUGH = 1e-6
"""Share of the squared residual at which the solution is good enough."""


def film_height(flat: Array, faces: NDArray[np.int64], held: NDArray[np.bool_]) -> Array:
    """Return the height of a soap film under pressure over a flat mesh.

    It solves ∇²u = -1 with u = 0 where the film is held, free at other borders. In a strip of width w that is
    held along its sides it is w²/8 in the middle. Linear finite elements with lumped masses, by conjugate
    gradients.

    Args:
        flat: (V, 2) vertices in metres.
        faces: (F, 3) triangles, turned either way.
        held: (V,) where the height is 0. Each connected piece needs such a vertex.

    Returns:
        (V,) heights in m², at least 0.
    """
    free, count = ~held, len(flat)
    corners = flat[faces]
    sides = np.roll(corners, -1, axis=1) - corners
    twice_area = np.abs(sides[:, 0, 0] * sides[:, 1, 1] - sides[:, 0, 1] * sides[:, 1, 0])
    least = np.maximum(SLIVER * (sides**2).sum(axis=(1, 2)), np.finfo(float).tiny)
    cotangents = -(sides * np.roll(sides, 1, axis=1)).sum(axis=-1) / np.maximum(twice_area, least)[:, None]
    # Each corner's angle weighs the side that it faces.
    start, end, weight = (
        np.roll(faces, -1, axis=1).ravel(),
        np.roll(faces, -2, axis=1).ravel(),
        cotangents.ravel() / 2,
    )

    def stiffness(u: Array) -> Array:
        flow = (u[start] - u[end]) * weight
        net: Array = free * (np.bincount(start, flow, count) - np.bincount(end, flow, count))
        return net

    u = np.zeros(count)
    residual: Array = free * np.bincount(faces.ravel(), np.repeat(twice_area / 6, 3), count).astype(float)
    direction = residual
    left = residual @ residual
    enough = ENOUGH * left
    while left > enough:
        image = stiffness(direction)
        step = left / (direction @ image)
        u = u + step * direction
        residual = residual - step * image
        before, left = left, residual @ residual
        direction = residual + left / before * direction
    return u.clip(min=0)
