"""Small pieces of cloth."""

import numpy as np
import pytest


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
