"""Poses that are mixed of others."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from kg.data import Mesh, read_mesh
from kg.data.mixing import mix_files
from kg.data.poses import Poses
from kg.errors import KgError

LONG, ROUND = 21, 8


def tube():
    """Return the vertices of a tube along x, radius 0.1, length 2, and its quads."""
    around = 2 * np.pi * np.arange(ROUND) / ROUND
    ring = 0.1 * np.stack([np.zeros(ROUND), np.cos(around), np.sin(around)], axis=1)
    vertices = np.concatenate([ring + np.array([x, 0, 0]) for x in np.linspace(-1, 1, LONG)])
    here = np.arange((LONG - 1) * ROUND).reshape(LONG - 1, ROUND)
    after = np.roll(here, -1, axis=1)
    return vertices, np.stack([here, after, after + ROUND, here + ROUND], axis=2).reshape(-1, 4)


def bent(vertices, left, right):
    """Return a tube whose ends are bent upwards by degrees, in arcs from its middle."""
    placed = vertices.copy()
    for side, degrees in ((-1, left), (1, right)):
        angle = np.radians(degrees)
        there = side * vertices[:, 0] > 0
        along, up = side * vertices[there, 0], vertices[there, 2]
        radius = 1 / angle if angle else np.inf
        turned = angle * along
        x = radius * np.sin(turned) if angle else along
        z = radius * (1 - np.cos(turned)) if angle else 0 * along
        placed[there, 0] = side * (x - up * np.sin(turned))
        placed[there, 2] = z + up * np.cos(turned)
    return placed


def mesh(vertices, polygons):
    return Mesh.of_corners(vertices, polygons.ravel(), np.full(len(polygons), polygons.shape[1]))


def poses(*angles):
    vertices, quads = tube()
    return Poses([mesh(bent(vertices, *pair), quads) for pair in angles])


def aligned(places, others):
    """Return how far places (V, 3) are from others at most, after the best rigid motion."""
    one, other = places - places.mean(axis=0), others - others.mean(axis=0)
    turn, _ = Rotation.align_vectors(other, one)
    return np.linalg.norm(turn.apply(one) - other, axis=1).max()


def test_all_of_one_pose_is_that_pose():
    vertices, _ = tube()
    some = poses((0, 0), (90, 0), (0, 60))
    for number, angles in enumerate([(0, 0), (90, 0), (0, 60)]):
        shares = np.zeros((len(some.faces), 3))
        shares[:, number] = 1
        assert aligned(some.of_shares(shares), bent(vertices, *angles)) < 1e-6


def test_half_of_two_poses_is_bent_half_as_far_and_keeps_its_length():
    vertices, _ = tube()
    some = poses((0, 0), (90, 90))
    made = some.of_shares(np.full((len(some.faces), 2), 0.5))
    # A plain average of places would be shorter.
    assert aligned(made, bent(vertices, 45, 45)) < 0.02
    assert aligned((vertices + bent(vertices, 90, 90)) / 2, bent(vertices, 45, 45)) > 0.05


def test_parts_take_after_different_poses():
    vertices, _ = tube()
    some = poses((0, 0), (60, 60))
    left = vertices[some.faces].mean(axis=1)[:, 0] < 0
    made = some.of_shares(np.stack([left, ~left], axis=1).astype(float))
    assert aligned(made, bent(vertices, 0, 60)) < 0.02


def test_how_a_pose_lies_is_no_matter_of_its_parts():
    vertices, quads = tube()
    turn = Rotation.from_euler("xyz", [20, 130, -50], degrees=True)
    some = Poses([mesh(vertices, quads), mesh(turn.apply(bent(vertices, 60, 60)) + 5, quads)])
    assert aligned(some.of_shares(np.full((len(some.faces), 2), 0.5)), bent(vertices, 30, 30)) < 0.02


def test_what_hangs_on_nothing_else_stays_beside_the_rest():
    vertices, quads = tube()
    both, faces = (
        np.concatenate([vertices, vertices + np.array([0, 1, 0])]),
        np.concatenate([quads, quads + len(vertices)]),
    )
    some = Poses([mesh(both, faces), mesh(both * [1.1, 1, 1], faces)])
    one, other = np.split(some.of_shares(np.full((len(some.faces), 2), 0.5)), 2)
    np.testing.assert_allclose(other.mean(axis=0) - one.mean(axis=0), [0, 1, 0], atol=0.01)


def test_new_poses_differ_and_are_as_long_as_the_known_ones():
    some = poses((0, 0), (90, 0), (0, 90))
    rng = np.random.default_rng(0)
    made = [some.mixed(rng) for _ in range(20)]
    spine = np.stack([pose.reshape(LONG, ROUND, 3).mean(axis=1) for pose in made])
    lengths = np.linalg.norm(np.diff(spine, axis=1), axis=2).sum(axis=1)
    assert lengths.min() > 1.9
    assert lengths.max() < 2.1
    assert min(aligned(one, other) for one in made[:5] for other in made[5:]) > 0.005


def test_meshes_that_do_not_correspond():
    vertices, quads = tube()
    with pytest.raises(KgError, match="two poses or more"):
        Poses([mesh(vertices, quads)])
    with pytest.raises(KgError, match="poses of one mesh"):
        Poses([mesh(vertices, quads), mesh(vertices, quads[::-1])])
    with pytest.raises(KgError, match="no area"):
        Poses([mesh(vertices * [1, 0, 0], quads), mesh(vertices, quads)])
    with pytest.raises(KgError, match="NaN"):
        Poses([mesh(vertices, quads), mesh(vertices * np.nan, quads)])


def test_files_have_the_faces_of_the_given_ones_and_are_the_same_again(tmp_path):
    vertices, quads = tube()
    for name, angles in {"a": (0, 0), "b": (80, 10)}.items():
        lines = [f"v {x} {y} {z}" for x, y, z in bent(vertices, *angles)]
        lines += ["f " + " ".join(str(corner + 1) for corner in quad) for quad in quads]
        (tmp_path / f"{name}.obj").write_text("\n".join(lines))
    files = mix_files([tmp_path], tmp_path / "out", 3, 1)
    assert [file.name for file in files] == ["mixed-000.obj", "mixed-001.obj", "mixed-002.obj"]
    assert all(read_mesh(file).has_topology_of(read_mesh(tmp_path / "a.obj")) for file in files)
    both = [tmp_path / "a.obj", tmp_path / "b.obj"]
    again = mix_files(both, tmp_path / "again", 2, 1)
    assert [file.read_bytes() for file in again] == [file.read_bytes() for file in files[:2]]
    with pytest.raises(KgError, match="there already"):
        mix_files(both, tmp_path / "out", 1, 0)
    (tmp_path / "c.obj").write_text("v 0 0 0\nv 1 0 0\nv 0 1 0\nv 1 1 0\nf 1 2 3\nf 2 4 3\n")
    with pytest.raises(KgError, match=r"c\.obj: Its faces"):
        mix_files([*both, tmp_path / "c.obj"], tmp_path / "new", 1, 0)
    assert not (tmp_path / "new").exists()
