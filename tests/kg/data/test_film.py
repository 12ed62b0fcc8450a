"""Soap films over flat meshes."""

import numpy as np
import pytest
from scipy.spatial import Delaunay

from kg.data.film import film_height


@pytest.mark.parametrize("width", [0.2, 0.4, 0.7])
def test_a_strip_held_along_its_sides_is_as_high_as_the_formula_says(width):
    x, y = np.meshgrid(np.linspace(0, width, 25), np.linspace(0, 0.5, 31))
    flat = np.stack([x.ravel(), y.ravel()], axis=1)
    faces = Delaunay(flat).simplices.astype(np.int64)
    held = (flat[:, 0] == 0) | (flat[:, 0] == width)
    # ∇²u = -1 between two lines is u = x (w - x) / 2, whatever the length: the ends are free.
    expected = flat[:, 0] * (width - flat[:, 0]) / 2
    assert film_height(flat, faces, held) == pytest.approx(expected, abs=0.003 * width**2 / 8)


def test_a_disc_of_scattered_points():
    rng = np.random.default_rng(0)
    angles = np.linspace(0, 2 * np.pi, 120, endpoint=False)
    rim = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    inner = rng.uniform(-1, 1, (3000, 2))
    inner = inner[np.linalg.norm(inner, axis=1) < 0.98]
    flat = np.concatenate([rim, inner])
    faces = Delaunay(flat).simplices.astype(np.int64)
    held = np.arange(len(flat)) < len(rim)
    turned = np.where(rng.random((len(faces), 1)) < 0.5, faces, faces[:, ::-1])
    height = film_height(flat, turned, held)
    assert height == pytest.approx((1 - (flat**2).sum(axis=1)).clip(0) / 4, abs=0.01 / 4)
    assert (height[held] == 0).all()


def test_no_triangle_divides_by_nothing():
    square = np.array([[0.0, 0], [1, 0], [1, 1], [0, 1], [0.5, 0.5], [0.5, 0.5], [2, 2]])
    faces = np.array([[0, 1, 4], [1, 2, 4], [2, 3, 4], [3, 0, 4], [0, 0, 1], [4, 4, 5], [6, 6, 6]])
    height = film_height(square, faces, np.arange(7) < 4)
    # One free vertex: a third of the area over the sum of its cotangents, which is 4.
    assert height == pytest.approx([0, 0, 0, 0, 1 / 12, 0, 0], abs=1e-9)
    assert (film_height(square, faces, np.ones(7, bool)) == 0).all()
