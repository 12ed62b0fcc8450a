import numpy as np
import pytest
from scipy.spatial import cKDTree

from kg.data import Shape
from kg.data.sample import farthest_points, sample_shape
from kg.errors import KgError

SQUARE = Shape(np.array([[0.0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]]), np.array([[0, 1, 2], [0, 2, 3]]))


def test_a_mesh_gives_exactly_the_points_asked_for_on_its_surface() -> None:
    points, rest_positions = sample_shape(SQUARE, 200, np.random.default_rng(0))
    assert points.shape == (200, 3)
    assert rest_positions is None
    assert (points[:, 2] == 0).all()
    assert points.min() >= 0
    assert points.max() <= 1


def test_samples_follow_the_area_not_the_triangles() -> None:
    """Three quarters of the area lie in one triangle, one quarter in 300."""
    fan = np.array([[4.0 + np.cos(t), np.sin(t), 0] for t in np.linspace(0, 2 * np.pi, 301)])
    ring_area = 150 * np.sin(2 * np.pi / 300)
    side = np.sqrt(2 * 3 * ring_area)
    vertices = np.concatenate([[[-side, 0, 0], [0, 0, 0], [-side, side, 0], [4, 0, 0]], fan])
    faces = np.array([[0, 1, 2], *([3, 4 + k, 5 + k] for k in range(300))])
    points, _ = sample_shape(Shape(vertices, faces), 1000, np.random.default_rng(0))
    # Farthest point sampling favours borders a little.
    assert (points[:, 0] <= 0).mean() == pytest.approx(0.75, abs=0.03)


def test_samples_are_even() -> None:
    """The closest pair of 256 random points lies 20 times closer than of these."""
    points, _ = sample_shape(SQUARE, 256, np.random.default_rng(0))
    gaps = cKDTree(points).query(points, k=2)[0][:, 1]
    assert gaps.min() > 0.03
    assert cKDTree(points).query(np.random.default_rng(1).random((2000, 3)) * [1, 1, 0])[0].max() < 0.09


def test_material_follows_its_point() -> None:
    """Material that is linear in the vertices is the same linear function of the samples."""
    rng = np.random.default_rng(0)
    matrix, shift = rng.normal(size=(3, 3)), rng.normal(size=3)
    shape = Shape(SQUARE.vertices, SQUARE.faces, rest_positions=SQUARE.vertices @ matrix + shift)
    points, rest_positions = sample_shape(shape, 100, rng)
    assert rest_positions is not None
    np.testing.assert_allclose(rest_positions, points @ matrix + shift, atol=1e-12)
    cloud = Shape(points, rest_positions=rest_positions)
    thinned, thinned_material = sample_shape(cloud, 40, rng)
    assert thinned_material is not None
    np.testing.assert_allclose(thinned_material, thinned @ matrix + shift, atol=1e-12)


def test_the_seed_decides() -> None:
    first, again, other = (sample_shape(SQUARE, 50, np.random.default_rng(seed))[0] for seed in (1, 1, 2))
    assert (first == again).all()
    assert not (first == other).all()


def test_a_cloud_of_that_size_stays_as_it_is() -> None:
    cloud = np.random.default_rng(0).normal(size=(64, 3))
    assert (sample_shape(Shape(cloud), 64, np.random.default_rng(0))[0] == cloud).all()


def test_a_larger_cloud_is_thinned_to_points_of_its_own_whatever_their_order() -> None:
    rng = np.random.default_rng(0)
    cloud = rng.normal(size=(300, 3)).astype(np.float32).astype(np.float64)
    thinned = cloud[farthest_points(cloud, 40)]
    shuffled = rng.permutation(cloud)
    assert set(map(tuple, shuffled[farthest_points(shuffled, 40)])) == set(map(tuple, thinned))
    gaps = cKDTree(thinned).query(thinned, k=2)[0][:, 1]
    # Of farthest points no one left out lies farther from those chosen than these from each other.
    assert cKDTree(thinned).query(cloud)[0].max() <= gaps.min() + 1e-6


@pytest.mark.parametrize("away", [1e4, 1e8])
def test_far_from_the_origin_the_points_are_as_even(away: float) -> None:
    """In float32 a cloud of extent 1 is a grid of 1e-3 there, or one of 8."""
    cloud = np.random.default_rng(0).random((2000, 3))
    moved = cloud + np.array([away, 0, -away])
    near, far = (cloud[farthest_points(places, 200)] for places in (cloud, moved))
    gaps = [cKDTree(chosen).query(chosen, k=2)[0][:, 1].min() for chosen in (near, far)]
    assert gaps[1] == pytest.approx(gaps[0], rel=0.02)


def test_too_few_points() -> None:
    with pytest.raises(KgError, match="10 points, 20 are needed") as caught:
        sample_shape(Shape(np.random.default_rng(0).normal(size=(10, 3))), 20, np.random.default_rng(0))
    assert "--points 10" in caught.value.hint


def test_a_mesh_without_area() -> None:
    flat = Shape(np.array([[0.0, 0, 0], [1, 0, 0], [2, 0, 0]]), np.array([[0, 1, 2]]))
    with pytest.raises(KgError, match="no area"):
        sample_shape(flat, 10, np.random.default_rng(0))
