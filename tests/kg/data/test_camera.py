"""What a camera sees, against the geometry of rays and triangles, done another way and one by one."""

import numpy as np
import pytest
from numpy.typing import NDArray

from kg.data import Shape
from kg.data.camera import Camera, points_seen, surface_seen
from kg.data.sample import sample_shape
from kg.errors import KgError

Points = NDArray[np.float64]


def soup(seed: int) -> Shape:
    """Fifty triangles at random, that hide and cross each other; rest_positions is linear in space."""
    rng = np.random.default_rng(seed)
    vertices = rng.normal(size=(150, 3)) * 0.7 + np.repeat(rng.normal(size=(50, 3)), 3, axis=0)
    return Shape(vertices, np.arange(150).reshape(50, 3), rest_positions=vertices @ np.diag([1.0, 2, 3]) + 1)


def first_hit(shape: Shape, eye: Points, ray: Points) -> float:
    """Return how far along a ray (3,), in its lengths, it meets a triangle: one 3 × 3 system for each."""
    assert shape.faces is not None
    met = [np.inf]
    for a, b, c in shape.vertices[shape.faces]:
        # eye + t ray = a + u (b - a) + v (c - a)
        t, u, v = np.linalg.solve(np.stack([ray, a - b, a - c], axis=1), a - eye)
        if min(u, v) >= 0 and u + v <= 1:
            met.append(t)
    return min(met)


@pytest.mark.parametrize(("up", "azimuth", "elevation"), [("y", 0, 0), ("y", 130, 35), ("z", 250, 80)])
def test_nothing_stands_before_a_point_and_nothing_seen_is_left_out(
    up: str, azimuth: float, elevation: float
) -> None:
    shape, rng = soup(1), np.random.default_rng(0)
    view = Camera(azimuth, elevation, up).aim(shape.vertices)
    face, weights = surface_seen(shape, view, 300, rng)
    assert shape.faces is not None
    points = np.einsum("nc,ncd->nd", weights, shape.vertices[shape.faces[face]])
    np.testing.assert_allclose(weights.sum(axis=1), 1)
    assert weights.min() >= 0
    for point in points[::3]:
        assert first_hit(shape, view.eye, point - view.eye) == pytest.approx(1, abs=1e-9)
    # Random places on the surface: those that are seen, not edge on, have a sample near by.
    corners = shape.vertices[shape.faces[rng.integers(50, size=300)]]
    places = np.einsum("nc,ncd->nd", rng.dirichlet([1, 1, 1], 300), corners)
    dense = surface_seen(shape, view, 20_000, rng)
    seen = np.einsum("nc,ncd->nd", dense[1], shape.vertices[shape.faces[dense[0]]])
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    sizes = np.linalg.norm(normals, axis=1) * np.linalg.norm(places - view.eye, axis=1)
    facing = np.abs((normals * (places - view.eye)).sum(axis=1)) > 0.1 * sizes
    hits = np.array([first_hit(shape, view.eye, place - view.eye) for place in places])
    visible = (hits > 1 - 1e-9) & facing
    assert 50 < visible.sum() < 250
    gaps = np.array([np.linalg.norm(seen - place, axis=1).min() for place in places])
    assert np.quantile(gaps[visible], 0.95) < 0.15
    assert np.median(gaps[visible]) < 0.02


@pytest.mark.parametrize(
    ("up", "azimuth", "elevation", "towards"),
    [
        ("y", 0, 0, [0, 0, 1]),
        ("y", 90, 0, [1, 0, 0]),
        ("y", 0, 90, [0, 1, 0]),
        ("z", 0, 0, [0, -1, 0]),
        ("z", 90, 0, [1, 0, 0]),
        ("z", 0, 45, [0, -np.sqrt(0.5), np.sqrt(0.5)]),
    ],
)
def test_where_it_stands(up: str, azimuth: float, elevation: float, towards: list[float]) -> None:
    """A sphere of radius 2 around (1, 1, 1) touches the edge of 60 degrees from a distance of 4."""
    rng = np.random.default_rng(0)
    ball = rng.normal(size=(5000, 3))
    ball = 2 * np.concatenate([ball / np.linalg.norm(ball, axis=1, keepdims=True), np.eye(3), -np.eye(3)]) + 1
    view = Camera(azimuth, elevation, up).aim(ball)
    np.testing.assert_allclose(view.eye, 1 + 4 * np.array(towards), atol=1e-9)
    np.testing.assert_allclose(view.axes @ view.axes.T, np.eye(3), atol=1e-12)
    # Its up is the shape's, and what is to its right is so as people see it.
    assert view.axes[1, 1 if up == "y" else 2] >= -1e-9
    np.testing.assert_allclose(np.cross(view.axes[0], view.axes[1]), -view.axes[2], atol=1e-12)
    pixels = view.pixels(view.turned(ball), 100)
    assert -1e-9 < pixels.min() < 1
    assert 99 < pixels.max() < 100 + 1e-9


def test_of_two_sheets_the_upper_one_with_its_material() -> None:
    square = np.array([[0.0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]])
    vertices = np.concatenate([square, square - [0, 0, 0.01]])
    faces = np.array([[0, 1, 2], [0, 2, 3], [4, 5, 6], [4, 6, 7]])
    shape = Shape(vertices, faces, rest_positions=vertices * 7)
    above = Camera(elevation=60, up="z")
    points, rest_positions = sample_shape(shape, 400, np.random.default_rng(0), above)
    assert rest_positions is not None
    np.testing.assert_allclose(rest_positions, points * 7, atol=1e-9)
    # Beyond the upper sheet's edge a camera at a slant sees a strip of the lower one.
    upper = points[:, 2] > -1e-9
    assert upper.mean() > 0.97
    below, _ = sample_shape(shape, 400, np.random.default_rng(0), Camera(elevation=-90, up="z"))
    np.testing.assert_allclose(below[:, 2], -0.01, atol=1e-9)


def test_a_sliver_is_sampled_more_densely_and_no_point_comes_twice() -> None:
    """A plank seen from almost along it fills hardly a thousandth of the picture."""
    plank = np.array([[-1.0, 0, -1], [1, 0, -1], [1, 0, 1], [-1, 0, 1]])
    shape = Shape(plank, np.array([[0, 1, 2], [0, 2, 3]]))
    points, _ = sample_shape(shape, 256, np.random.default_rng(0), Camera(azimuth=0, elevation=0.2))
    assert len(np.unique(points, axis=0)) == 256
    assert np.ptp(points, axis=0)[[0, 2]].min() > 1.6
    with pytest.raises(KgError, match="edge on") as caught:
        sample_shape(shape, 256, np.random.default_rng(0), Camera(azimuth=0, elevation=0))
    assert "camera.elevation" in caught.value.hint


def test_noise_and_steps_are_along_the_ray() -> None:
    shape, rng = soup(2), np.random.default_rng(0)
    clean = Camera(azimuth=10, elevation=30)
    view = clean.aim(shape.vertices)
    points, _ = sample_shape(shape, 300, np.random.default_rng(3), clean)
    noisy, _ = sample_shape(shape, 300, np.random.default_rng(3), Camera(10, 30, noise=0.01))
    depth, read = view.turned(points)[:, 2], view.turned(noisy)[:, 2]
    assert (read - depth).std() == pytest.approx(0.01, rel=0.2)
    np.testing.assert_allclose(
        (noisy - view.eye) / read[:, None], (points - view.eye) / depth[:, None], atol=1e-12
    )
    stepped = Camera(10, 30, resolution=0.05).measure(points, view, rng)
    steps = view.turned(stepped)[:, 2] / 0.05
    np.testing.assert_allclose(steps, np.round(steps), atol=1e-9)
    assert np.abs(view.turned(stepped)[:, 2] - depth).max() <= 0.025 + 1e-9


@pytest.mark.parametrize("even", [True, False])
def test_of_a_cloud_the_side_towards_the_camera(even: bool) -> None:
    """A point of a sphere is seen where its normal looks to the camera."""
    ball = np.random.default_rng(0).normal(size=(6000, 3))
    ball /= np.linalg.norm(ball, axis=1, keepdims=True)
    cloud = sample_shape(Shape(ball), 2000, np.random.default_rng(0))[0] if even else ball[:2000]
    view = Camera(azimuth=40, elevation=20).aim(cloud)
    truth = ((view.eye - cloud) * cloud).sum(axis=1) > 0
    seen = np.isin(np.arange(2000), points_seen(cloud, view))
    assert (seen & ~truth).sum() < 0.12 * truth.sum()
    assert (truth & ~seen).sum() < 0.06 * truth.sum()


def test_a_cloud_is_never_filled_up() -> None:
    ball = np.random.default_rng(0).normal(size=(1000, 3))
    ball /= np.linalg.norm(ball, axis=1, keepdims=True)
    shape = Shape(ball, rest_positions=ball * 2)
    above = Camera(azimuth=0, elevation=50)
    with pytest.raises(KgError, match=r"sees \d+ of the cloud's 1000 points, 500 are needed") as caught:
        sample_shape(shape, 500, np.random.default_rng(0), above)
    most = int(caught.value.hint.split("--points ")[1].split(",")[0])
    points, rest_positions = sample_shape(shape, most, np.random.default_rng(0), above)
    assert len(np.unique(points, axis=0)) == most
    assert rest_positions is not None
    np.testing.assert_allclose(rest_positions, 2 * points)


def test_a_random_direction_is_drawn_evenly_and_a_given_one_stays() -> None:
    rng = np.random.default_rng(0)
    drawn = [Camera().placed(rng) for _ in range(2000)]
    azimuth, elevation = (
        np.array([getattr(one, name) for one in drawn]) for name in ("azimuth", "elevation")
    )
    assert np.histogram(azimuth, 4, (0, 360))[0].min() > 430
    # Of the zone between 20 and 80 degrees 49 % of the area lie below 41.5.
    assert (elevation.min() >= 20) & (elevation.max() <= 80)
    assert (elevation < 41.5).mean() == pytest.approx(0.5, abs=0.04)
    given = Camera(azimuth=12, elevation=34)
    assert given.placed(rng) == given
    assert Camera(elevation=34).placed(np.random.default_rng(1)).azimuth == (
        Camera().placed(np.random.default_rng(1)).azimuth
    )


def test_its_direction_says_nothing_of_how_its_object_moves() -> None:
    """A deformation draws from (seed, name), as `kg.sim.deformed` does; the camera draws otherwise."""
    names = [f"shirt-{number:04d}" for number in range(300)]
    stands = [Camera().placed_for(name, 3) for name in names]
    assert stands[0] == Camera().placed_for(names[0], 3)
    directions = [[camera.azimuth, camera.elevation] for camera in stands]
    moves = [np.random.default_rng([3, *name.encode()]).random(4) for name in names]
    related = np.corrcoef(np.array(directions), np.array(moves), rowvar=False)[:2, 2:]
    assert np.abs(related).max() < 0.25
