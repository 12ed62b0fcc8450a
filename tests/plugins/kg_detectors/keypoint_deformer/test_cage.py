"""The cage is a closed sphere around a shape, and coordinates in it are exact for what is linear."""

from collections import Counter

import pytest
import torch

from kg_detectors.keypoint_deformer.cage import NEAR, icosphere, mean_value_coordinates, shrink


@pytest.fixture
def cage():
    vertices, faces = icosphere()
    bent = vertices + 0.1 * torch.rand(vertices.shape, generator=torch.Generator().manual_seed(1))
    return bent.double()[None], faces


def test_a_divided_icosahedron_is_closed_and_faces_outwards():
    vertices, faces = icosphere()
    assert vertices.shape == (42, 3)
    torch.testing.assert_close(vertices.norm(dim=1), torch.ones(42))
    torch.testing.assert_close(vertices.amax(0), torch.ones(3))
    edges = Counter((int(face[i]), int(face[(i + 1) % 3])) for face in faces for i in range(3))
    assert len(edges) == 2 * 120  # Euler: 42 - 120 + 80 = 2
    assert set(edges.values()) == {1}
    assert all((b, a) in edges for a, b in edges)
    a, b, c = vertices[faces].unbind(1)
    assert bool((torch.linalg.cross(b - a, c - a) * (a + b + c)).sum(1).gt(0).all())


def test_coordinates_sum_to_one_and_give_the_point_back(cage):
    vertices, faces = cage
    points = torch.rand(1, 50, 3, generator=torch.Generator().manual_seed(2)).double() - 0.5
    found = mean_value_coordinates(points, vertices, faces)
    torch.testing.assert_close(found.sum(2), torch.ones(1, 50).double())
    torch.testing.assert_close(found @ vertices, points, atol=1e-9, rtol=0)


def test_at_a_vertex_and_on_a_face_only_these_count(cage):
    vertices, faces = cage
    share = torch.tensor([0.2, 0.3, 0.5]).double()
    on_face = share @ vertices[0, faces[7]]
    found = mean_value_coordinates(torch.stack([vertices[0, 5], on_face])[None], vertices, faces)[0]
    torch.testing.assert_close(found[0], torch.eye(42).double()[5])
    expected = torch.zeros(42).double()
    expected[faces[7]] = share
    torch.testing.assert_close(found[1], expected, atol=1e-6, rtol=0)


def test_vertices_go_towards_the_origin_until_the_cloud_is_near():
    vertices, _ = icosphere()
    points = 0.5 * vertices[None]
    found = shrink(1.4 * vertices, points)[0]
    # Straight towards the point of its own: 0.9 until no more than 0.4 is left.
    lengths = found.norm(dim=1)
    torch.testing.assert_close(found / lengths[:, None], vertices)
    assert bool((lengths - 0.5 <= NEAR).all())
    assert bool((lengths / 0.99 - 0.5 > NEAR).all())
    torch.testing.assert_close(shrink(1.1 * vertices, vertices[None])[0], 1.1 * vertices)
