"""Meshes as people have them."""

import numpy as np
import pytest

from kg.data import Shape
from kg.errors import KgError
from kg.sim import Cloth
from kg.sim.refine import VERTICES, refine


def area(vertices, faces):
    a, b, c = np.moveaxis(vertices[faces], 1, 0)
    return np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2


def edges_of(faces):
    sides = np.sort(np.stack([faces, np.roll(faces, -1, axis=1)], axis=2).reshape(-1, 2), axis=1)
    return np.unique(sides, axis=0, return_counts=True)


def test_a_coarse_sheet_becomes_fine_and_stays_a_sheet():
    corners = np.array([[0.0, 0, 0], [1, 0, 0], [1, 0.5, 0], [0, 0.5, 0]])
    fine = refine(Shape(corners, np.array([[0, 1, 2], [0, 2, 3]])))
    assert VERTICES / 3 < len(fine.vertices) < 2 * VERTICES
    assert area(fine.vertices, fine.faces) == pytest.approx(0.5)
    edges, count = edges_of(fine.faces)
    assert set(count) == {1, 2}
    # One piece without holes: no vertex lies on another triangle's side.
    assert len(fine.vertices) - len(edges) + len(fine.faces) == 1
    assert np.array_equal(fine.rest_positions, fine.vertices)
    lengths = np.linalg.norm(np.diff(fine.vertices[edges], axis=1)[:, 0], axis=1)
    assert lengths.max() < 4 * lengths.mean()
    Cloth.of_mesh(fine.vertices, fine.faces)


def test_a_fine_mesh_and_its_material_stay_as_they_are(make_sheet):
    vertices, faces = make_sheet(50, 60)
    rest_positions = vertices + 7
    same = refine(Shape(vertices, faces, rest_positions=rest_positions))
    assert np.array_equal(same.vertices, vertices)
    assert np.array_equal(same.faces, faces)
    assert np.array_equal(same.rest_positions, rest_positions)


def test_a_seam_of_no_width_is_closed_and_leftovers_go():
    vertices = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [1, 0, 0], [0, 1, 0], [1, 1, 0], [5, 5, 5]])
    faces = np.array([[0, 1, 2], [3, 5, 4], [1, 3, 4]])
    fine = refine(Shape(vertices, faces))
    edges, _ = edges_of(fine.faces)
    assert len(fine.vertices) - len(edges) + len(fine.faces) == 1
    assert fine.vertices.max() == 1


@pytest.mark.parametrize("place", [0.4, 0.400005])
def test_a_seam_is_closed_wherever_it_lies(place):
    """Its sides are off by a billionth, also where a grid as fine as the tolerance would part them."""
    rng = np.random.default_rng(0)
    along = np.linspace(0, 1, 51)
    left, right = (np.stack([np.full(51, x), along, 0 * along], axis=1) for x in (0, 1))
    sides = [left + [place, 0, 0] + 1e-9 * rng.choice([-1, 1], left.shape) for _ in range(2)]
    a = np.arange(50)
    strip = np.concatenate([np.stack([a, a + 51, a + 52], axis=1), np.stack([a, a + 52, a + 1], axis=1)])
    vertices = np.concatenate([left, *sides, right])
    fine = refine(Shape(vertices, np.concatenate([strip, strip + 102])))
    edges, _ = edges_of(fine.faces)
    assert len(fine.vertices) - len(edges) + len(fine.faces) == 1
    on_seam = np.abs(fine.vertices[:, 0] - place) < 1e-6
    assert np.diff(np.sort(fine.vertices[on_seam, 1])).min() > 1e-3


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        (Shape(np.zeros((3, 3)), np.array([[0, 1, 2]])), "in one place"),
        (Shape(np.array([[0.0, 0, 0], [1, 0, 0], [2, 0, 0]]), np.array([[0, 1, 2]])), "degenerate"),
    ],
)
def test_what_is_no_cloth(shape, message):
    with pytest.raises(KgError, match=message):
        refine(shape)
