"""Small pieces of cloth."""

import numpy as np
import pytest

from kg.sim.numpy_contacts import apart


@pytest.fixture
def crossed(lying):
    """Two sheets, one upright through the middle of the other."""
    vertices, faces = lying
    upright = vertices[:, [0, 2, 1]] + np.array([0.003, -0.11, 0.12])
    return np.concatenate([vertices, upright]), np.concatenate([faces, faces + len(vertices)])


def gap(simulation):
    """Return the least distance between the first half of a cloth's vertices and the second, metres."""
    half, positions = len(simulation.positions) // 2, simulation.positions
    edges, faces = simulation.cloth.edges.pairs, simulation.cloth.faces
    vertices = np.arange(len(positions))[:, None]
    found = []
    for sides, others in ((vertices, faces), (edges, edges)):
        one, two = np.nonzero((sides[:, :1] < half) != (others[:, 0] < half))
        corners = np.concatenate([sides[one], others[two]], axis=1)
        found.append(np.linalg.norm(apart(positions, corners, sides.shape[1])[1], axis=1).min())
    return min(found)


@pytest.fixture
def layer_gap():
    return gap
