"""Fine meshes that coarser ones carry."""

from dataclasses import replace

import numpy as np
import pytest

from kg.data import Shape
from kg.sim.coarsen import ENOUGH, MOST, coarsened


def sheet(count, height):
    x, y = np.meshgrid(np.linspace(0, 0.8, count), np.linspace(0, 0.6, count))
    vertices = np.stack([x.ravel(), y.ravel(), height(x, y).ravel()], axis=1)
    number = np.arange(x.size).reshape(x.shape)
    a, b, c, d = (
        part.ravel() for part in (number[:-1, :-1], number[:-1, 1:], number[1:, :-1], number[1:, 1:])
    )
    return vertices, np.concatenate([np.stack([a, b, d], axis=1), np.stack([a, d, c], axis=1)])


@pytest.fixture(scope="module")
def layers():
    """Two wavy sheets, 8 mm apart, of which the lower faces down."""
    vertices, faces = sheet(80, lambda x, y: 0.02 * np.sin(12 * x) * np.cos(9 * y))
    below = vertices - [0, 0, 0.008]
    both = np.concatenate([vertices, below])
    shape = Shape(both, np.concatenate([faces, faces[:, ::-1] + len(vertices)]), rest_positions=2 * both)
    assert len(both) > MOST
    return shape, *coarsened(shape)


def test_a_coarse_mesh_has_enough_vertices_and_carries_the_fine_one_exactly_at_rest(layers):
    shape, coarse, carried = layers
    assert 0.8 * ENOUGH < len(coarse.vertices) < 1.2 * ENOUGH
    np.testing.assert_allclose(carried.at(coarse.vertices), shape.vertices, atol=1e-12)
    np.testing.assert_allclose(np.ptp(coarse.vertices, axis=0)[:2], [0.8, 0.6], atol=0.03)
    np.testing.assert_array_equal(coarse.rest_positions, 2 * coarse.vertices)
    # Well shaped, and nearly all of the surface.
    corners = coarse.vertices[coarse.faces]
    lengths = np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=2)
    facing = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    areas = np.linalg.norm(facing, axis=1) / 2
    shapely = 4 * np.sqrt(3) * areas / (lengths**2).sum(axis=1)
    assert np.percentile(shapely, 1) > 0.3
    assert areas.sum() > 0.9 * 2 * 0.8 * 0.6


def test_turns_carry_the_fine_mesh_exactly(layers):
    shape, coarse, carried = layers
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
    turn *= np.sign(np.linalg.det(turn))
    moved = carried.at(coarse.vertices @ turn.T + [1, 2, 3])
    np.testing.assert_allclose(moved, shape.vertices @ turn.T + [1, 2, 3], atol=1e-9)


def test_each_layer_is_carried_by_its_own(layers):
    shape, coarse, carried = layers
    half = len(shape.vertices) // 2
    normals = np.cross(
        *(coarse.vertices[carried.triangles[:, k]] - coarse.vertices[carried.triangles[:, 0]] for k in (1, 2))
    )
    assert (normals[:half, 2] > 0).all()
    assert (normals[half:, 2] < 0).all()


def test_a_sheet_that_is_rolled_up_stays_smooth(layers):
    shape, coarse, carried = layers

    def rolled(points):
        angle, radius = points[:, 0] / 0.2, 0.2 + points[:, 2]
        return np.stack([radius * np.sin(angle), points[:, 1], radius * np.cos(angle)], axis=1)

    away = np.linalg.norm(carried.at(rolled(coarse.vertices)) - rolled(shape.vertices), axis=1)
    assert np.percentile(away, 99) < 0.003


def test_landmarks_stay(layers):
    shape, *_ = layers
    marked = replace(shape, landmarks=shape.vertices[:2], landmark_ids=np.array([4, 7]))
    coarse, _ = coarsened(marked)
    np.testing.assert_array_equal(coarse.landmarks, marked.landmarks)
