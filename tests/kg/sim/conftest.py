"""Small pieces of cloth."""

import numpy as np
import pytest

from kg.sim.numpy_contacts import apart


def sheet(columns, rows, edge=0.02):
    """An upright sheet of equilateral triangles in the plane y = 0, its top at z = 0."""
    height = np.sqrt(0.75) * edge
    vertices = [
        (edge * (column + row % 2 / 2), 0.0, -height * row)
        for row in range(rows + 1)
        for column in range(columns + 1)
    ]
    faces = []
    for row in range(rows):
        for column in range(columns):
            a = row * (columns + 1) + column
            b, c, d = a + 1, a + columns + 1, a + columns + 2
            faces += [(a, c, b), (b, c, d)] if row % 2 == 0 else [(a, c, d), (a, d, b)]
    return np.array(vertices), np.array(faces)


@pytest.fixture
def make_sheet():
    return sheet


@pytest.fixture
def lying(make_sheet):
    """A sheet that lies down: y up its length, z = 0."""
    vertices, faces = make_sheet(12, 14)
    return vertices[:, [0, 2, 1]], faces


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
