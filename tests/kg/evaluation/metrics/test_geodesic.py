import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.sparse.csgraph import shortest_path
from scipy.spatial.distance import cdist

from kg.evaluation.metrics.geodesic import Surface


def slow(cloud, neighbours):
    """Dijkstra's algorithm over a matrix of the graph."""
    away = cdist(cloud, cloud)
    graph = np.zeros(away.shape)
    for node, others in enumerate(away.argsort(1)[:, 1 : neighbours + 1]):
        graph[node, others] = graph[others, node] = away[node, others]
    return shortest_path(graph, method="D", directed=False)


@pytest.mark.parametrize(("points", "neighbours"), [(5, 2), (123, 5), (400, 20)])
def test_equals_dijkstra(points, neighbours):
    cloud = np.random.default_rng(points).random((points, 3))
    found = Surface(cloud, neighbours).from_nodes(np.array([0, points - 1]))
    assert_allclose(found, slow(cloud, neighbours)[[0, points - 1]])


def test_pieces_that_no_path_joins():
    piece = np.random.default_rng(0).random((20, 3))
    surface = Surface(np.concatenate([piece, piece + 100]), 4)
    found = surface.from_nodes(np.array([0]))[0]
    assert np.isfinite(found[:20]).all()
    assert np.isinf(found[20:]).all()
    there = piece[:1] + 100
    assert_allclose(surface.along(piece[:1], there[None]), [[np.linalg.norm(there - piece[0])]])


def test_more_neighbours_than_points_and_places_upon_each_other():
    assert Surface(np.eye(3), 20).from_nodes(np.array([1])).tolist() == [[2**0.5, 0, 2**0.5]]
    assert (Surface(np.zeros((6, 3)), 2).along(np.zeros((1, 3)), np.zeros((4, 1, 3))) == 0).all()


def test_coordinates_far_from_the_origin():
    cloud = np.random.default_rng(1).random((200, 3))
    here, there = (Surface(cloud + shift, 8).from_nodes(np.arange(3)) for shift in (0.0, 1e5))
    assert_allclose(there, here, rtol=1e-5)


def test_two_layers_a_little_apart_are_joined_at_their_seam_only():
    """Two sheets, 2 cm apart, joined along one edge: the way from one to the other leads round it."""
    step = np.linspace(0, 0.4, 81)
    x, y = (axis.ravel() for axis in np.meshgrid(step, step))
    sheets = [np.stack([x, y, np.full(x.shape, height)], 1) for height in (0.01, -0.01)]
    seam = np.stack([np.full(243, -0.004), np.tile(step, 3), np.repeat([0.005, 0, -0.005], 81)], 1)
    surface = Surface(np.concatenate([*sheets, seam]), 8)
    over, under = np.array([[0.3, 0.2, 0.01]]), np.array([[[0.3, 0.2, -0.01]]])
    assert surface.along(over, under)[0, 0] == pytest.approx(0.62, rel=0.05)
