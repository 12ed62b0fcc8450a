import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kg.data.mesh import Mesh, groups, weld
from kg.errors import KgError


def shoelace(corners: np.ndarray) -> float:
    x, y = corners[:, 0], corners[:, 1]
    return float(abs(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2)


def total_area(mesh: Mesh) -> float:
    a, b, c = (mesh.vertices[mesh.triangles()[:, corner]] for corner in range(3))
    return float(np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2)


def one_polygon(corners: np.ndarray, rotation: np.ndarray) -> Mesh:
    flat = np.c_[corners, np.zeros(len(corners))]
    return Mesh.of_polygons(flat @ rotation.T, [list(range(len(corners)))])


@settings(deadline=None, max_examples=60)
@given(st.integers(3, 12), st.integers(0, 2**32 - 1), st.booleans())
def test_triangles_cover_any_star_shaped_polygon_once(count: int, seed: int, clockwise: bool) -> None:
    rng = np.random.default_rng(seed)
    # Every third of the circle has a corner, so that the centre is inside.
    angle = np.sort((np.arange(count) + rng.uniform(0, 0.9, count)) * 2 * np.pi / count)
    radius = rng.uniform(0.2, 1, count)
    corners = np.c_[radius * np.cos(angle), radius * np.sin(angle)][:: -1 if clockwise else 1]
    rotation = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    mesh = one_polygon(np.roll(corners, rng.integers(count), axis=0), rotation)
    assert mesh.triangles().shape == (count - 2, 3)
    # A triangle outside, or two on top of each other, would add to the area.
    assert total_area(mesh) == pytest.approx(shoelace(corners), rel=1e-9)


@pytest.mark.parametrize("start", range(4))
def test_a_concave_quad_is_cut_through_its_notch(start: int) -> None:
    dart = np.array([[0.0, 0], [2, 1], [4, 0], [2, 4]])
    mesh = one_polygon(np.roll(dart, start, axis=0), np.eye(3))
    assert total_area(mesh) == pytest.approx(shoelace(dart))


def test_a_spiral_is_covered() -> None:
    """No corner of it sees all others, so that no fan would do."""
    outline = np.array(
        [[0, 0], [5, 0], [5, 5], [1, 5], [1, 2], [3, 2], [3, 3], [2, 3], [2, 4], [4, 4], [4, 1], [0, 1]],
        float,
    )
    assert total_area(one_polygon(outline, np.eye(3))) == pytest.approx(shoelace(outline))


def test_a_hole_that_a_bridge_joins_to_the_outline_stays_open() -> None:
    """An outline of 4 by 5 with a hole of 2 by 4, as OBJ files write it: f 1 2 3 4 1 5 6 7 8 5."""
    outline, hole = [[0, 0], [5, 0], [5, 4], [0, 4]], [[0.5, 1], [0.5, 3], [4.5, 3], [4.5, 1]]
    corners = np.array([*outline, *hole], float)
    for turn in (np.eye(3), np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]):
        flat = np.c_[corners, np.zeros(8)]
        mesh = Mesh.of_polygons(flat @ turn.T, [[0, 1, 2, 3, 0, 4, 5, 6, 7, 4]])
        assert total_area(mesh) == pytest.approx(12)


def test_triangles_face_as_their_polygon_does() -> None:
    outline = np.array([[0, 0], [4, 0], [4, 4], [2, 1], [0, 4]], float)
    for corners, up in ((outline, 1), (outline[::-1], -1)):
        mesh = one_polygon(np.roll(corners, 1, axis=0), np.eye(3))
        a, b, c = (mesh.vertices[mesh.triangles()[:, corner]] for corner in range(3))
        assert (np.cross(b - a, c - a)[:, 2] * up > 0).all()


def test_concave_faces_that_would_take_minutes_are_refused() -> None:
    rng = np.random.default_rng(0)
    corners = np.c_[rng.normal(size=(30_000, 2)), np.zeros(30_000)]
    with pytest.raises(KgError, match="30000 corners"):
        Mesh.of_polygons(corners, [list(range(30_000))]).triangles()


def test_vertices_too_crowded_to_be_welded() -> None:
    points = np.random.default_rng(0).normal(size=(2000, 3))
    with pytest.raises(KgError, match="too close"):
        groups(points, 10.0)


def test_polygons_of_different_sizes() -> None:
    vertices = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0], [0.5, 2, 0]], float)
    mesh = Mesh.of_polygons(vertices, [[0, 1, 2, 3], [3, 2, 4]])
    assert sorted(map(sorted, mesh.triangles().tolist())) == [[0, 1, 2], [0, 2, 3], [2, 3, 4]]


def test_faces_that_make_no_sense() -> None:
    with pytest.raises(KgError, match="vertex 3"):
        Mesh.of_polygons(np.zeros((3, 3)), [[0, 1, 3]])
    with pytest.raises(KgError, match="None of its 1 faces has three corners"):
        Mesh.of_polygons(np.zeros((3, 3)), [[0, 1]])
    mesh = Mesh.of_polygons(np.zeros((3, 3)), [[0, 1], [0, 1, 2], [2]])
    assert mesh.corners.tolist() == [0, 1, 2]
    assert mesh.notes == ("2 of 3 faces have fewer than three corners and are left out.",)


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2**32 - 1), st.sampled_from([0.0, 0.02, 0.1, 0.5]))
def test_weld_joins_what_is_connected_within_the_tolerance(seed: int, tolerance: float) -> None:
    rng = np.random.default_rng(seed)
    points = rng.uniform(size=(60, 3)) * [1, 0.3, 0.3]
    points = np.concatenate([points, points[:20] + rng.uniform(-0.01, 0.01, (20, 3)), points[:5]])
    triangles = rng.permuted(np.tile(np.arange(len(points)), (40, 1)), axis=1)[:, :3]
    welded = weld(Mesh.of_triangles(points, triangles), tolerance)

    close = np.linalg.norm(points[:, None] - points, axis=2) <= tolerance
    while (close != (further := close @ close)).any():
        close = further
    first = close.argmax(axis=1)
    assert groups(points, tolerance).tolist() == first.tolist()
    assert sorted(welded.vertices.tolist()) == sorted(points[np.unique(first)].tolist())
    expected = [
        sorted(points[first[triangle]].tolist()) for triangle in triangles if len(set(first[triangle])) == 3
    ]
    found = [sorted(welded.vertices[triangle].tolist()) for triangle in welded.triangles()]
    assert sorted(found) == sorted(expected)


def test_weld_shortens_a_polygon_that_loses_a_corner() -> None:
    vertices = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0], [0, 1.001, 0]], float)
    welded = weld(Mesh.of_polygons(vertices, [[0, 1, 2, 3, 4], [2, 3, 4]]), 0.01)
    assert welded.sizes.tolist() == [4]
    assert total_area(welded) == pytest.approx(1)


def test_topology_is_shared_by_equal_polygons_only() -> None:
    rng = np.random.default_rng(0)
    square = Mesh.of_polygons(rng.normal(size=(4, 3)), [[0, 1, 2], [0, 2, 3]])
    assert square.has_topology_of(Mesh(rng.normal(size=(4, 3)), square.corners, square.sizes))
    assert not square.has_topology_of(Mesh.of_polygons(square.vertices, [[0, 1, 2], [0, 3, 2]]))
    assert not square.has_topology_of(Mesh(rng.normal(size=(5, 3)), square.corners, square.sizes))
    soup = Mesh.of_triangles(rng.normal(size=(6, 3)), np.arange(6).reshape(2, 3))
    assert not soup.has_topology_of(soup)
    assert not Mesh.of_cloud(square.vertices).has_topology_of(Mesh.of_cloud(square.vertices))
