"""What passes through itself is found."""

from itertools import permutations

import numpy as np

from kg.sim import Cloth
from kg.sim.tangles import tangled


def tangled_in(vertices, faces):
    """Return what of a mesh is tangled."""
    return tangled(vertices, Cloth.of_mesh(vertices, faces).edges.pairs, faces)


def through(p, q, a, b, c):
    """Tell whether an edge pq meets the inside of a triangle, by the point where it meets its plane."""
    along, first, second = np.linalg.solve(np.stack([p - q, b - a, c - a], axis=1), p - a)
    return 0 < along < 1 and first > 0 and second > 0 and first + second < 1


def test_triangles_thrown_together():
    rng = np.random.default_rng(0)
    vertices = (rng.uniform(-1, 1, (70, 1, 3)) + 0.4 * rng.normal(size=(70, 3, 3))).reshape(-1, 3)
    faces = np.arange(len(vertices)).reshape(-1, 3)
    expected = np.zeros(len(vertices), dtype=bool)
    for one, other in permutations(faces, 2):
        for edge in (one[:2], one[1:], one[[2, 0]]):
            if through(*vertices[edge], *vertices[other]):
                expected[[*edge, *other]] = True
    assert 30 < expected.sum() < len(expected) - 30
    assert (tangled_in(vertices, faces) == expected).all()


def test_neighbours_in_a_sheet_are_not_tangled(lying):
    assert not tangled_in(*lying).any()


def test_sheets_are_tangled_along_the_line_where_they_cross(crossed):
    vertices, faces = crossed
    marked = tangled_in(vertices, faces)
    half = len(vertices) // 2
    assert marked[:half].any()
    assert marked[half:].any()
    # No edge is longer than 0.02.
    assert (np.abs(vertices[marked, 1] + 0.11) <= 0.02).all()
    assert (np.abs(vertices[marked, 2]) <= 0.02).all()
