from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from kg.viz.scene import Scene, Shape, make_scene
from kg.viz.view import View

WHITE = np.ones(3)
NO_EDGES = np.empty((0, 2), dtype=np.int64)


def cloud(size: float, centre: float = 0.0) -> NDArray[np.float64]:
    return np.random.default_rng(0).uniform(-size, size, (300, 3)) + centre


def scene_of(*shapes: Shape) -> Scene:
    return make_scene(shapes, NO_EDGES, View(30, 20), WHITE)


def alone(points: NDArray[np.float64]) -> Shape:
    return Shape("", points, np.empty((0, 3)), np.empty(0))


def test_every_shape_is_centred_and_inside_one_frame() -> None:
    scene = scene_of(alone(cloud(1.0)), alone(cloud(0.3, centre=5.0)))
    for shape in scene.shapes:
        flat = shape.points[:, :2]
        np.testing.assert_allclose(flat.min(axis=0), -flat.max(axis=0), atol=1e-9)
        assert (np.abs(flat).max(axis=0) < scene.half).all()


def test_shapes_keep_their_relative_size() -> None:
    large, small = scene_of(alone(cloud(1.0)), alone(cloud(0.25))).shapes
    assert np.ptp(small.points[:, 0]) / np.ptp(large.points[:, 0]) == pytest.approx(0.25)


def test_a_keypoint_outside_its_cloud_is_inside_the_frame() -> None:
    shape = Shape("", cloud(0.5), np.array([[0.0, 3.0, 0.0]]), np.empty(0))
    scene = scene_of(shape)
    top = scene.shapes[0].keypoints[0, 1] + scene.keypoint_radius
    assert top < scene.half[1]


def test_keypoints_turn_and_move_with_their_cloud() -> None:
    points = cloud(0.5, centre=2.0)
    shape = scene_of(Shape("", points, points[[7, 100]], np.empty(0))).shapes[0]
    np.testing.assert_allclose(shape.keypoints, shape.points[[7, 100]], atol=1e-12)


def test_lifted_keypoints_stay_in_place_and_come_before_every_point() -> None:
    points = cloud(0.5)
    scene = scene_of(Shape("", points, points[:3], np.empty(0)))
    lifted = scene.lifted(scene.shapes[0])
    np.testing.assert_array_equal(lifted[:, :2], scene.shapes[0].keypoints[:, :2])
    assert lifted[:, 2].min() - scene.keypoint_radius > scene.shapes[0].points[:, 2].max()


def test_a_cloud_all_in_one_place_is_a_dot() -> None:
    scene = scene_of(alone(np.ones((9, 3))))
    assert min(scene.half) > 0
    np.testing.assert_array_equal(scene.shapes[0].points, 0)


def test_points_are_as_large_as_their_density_allows() -> None:
    u, v = np.meshgrid(np.linspace(-1, 1, 81), np.linspace(-1, 1, 81))
    sheet = np.stack([u, v, 0 * u], axis=-1).reshape(-1, 3)
    radius = make_scene([alone(sheet)], NO_EDGES, View(0, 0), WHITE).point_radius
    assert 0.2 < radius / (2 / 80) < 0.5
    assert make_scene([alone(sheet[::100])], NO_EDGES, View(0, 0), WHITE).point_radius < 0.05


def test_stronger_edges_are_thicker_and_further_from_the_background() -> None:
    shape = Shape("", cloud(1), np.zeros((2, 3)), np.array([0.1, 0.9]))
    scene = make_scene([shape], np.array([[0, 1], [0, 1]]), View(0, 0), WHITE)
    radii, colours = scene.rods(scene.shapes[0])
    assert radii[0] < radii[1] < scene.keypoint_radius
    assert (colours[1] < colours[0]).all()


def test_keypoints_that_are_not_visible_are_rings_and_the_legend_says_so() -> None:
    points, keypoints = cloud(1), np.array([[0.5, 0, 0], [np.nan] * 3, [0, 0.5, 0], [0, 0, 0.5]])
    hidden = Shape("", points, keypoints, np.empty(0), visible=np.array([True, False, False, True]))
    shape = scene_of(hidden).shapes[0]
    assert shape.balls.tolist() == [True, False, False, True]
    assert shape.rings.tolist() == [False, False, True, False]
    assert scene_of(hidden).entries == ["0", "1", "2", "3", "not visible"]
    said = replace(hidden, visible=np.ones(4, np.bool_))
    assert scene_of(said).entries == ["0", "1", "2", "3"]
    assert scene_of(Shape("", points, keypoints, np.empty(0))).shapes[0].rings.tolist() == [False] * 4
