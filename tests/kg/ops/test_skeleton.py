"""The heat of the skeleton and the grid that it is read on."""

import itertools
import math

import numpy as np
import pytest
import torch
from scipy.spatial import cKDTree

from kg import ops

pytestmark = pytest.mark.usefixtures("backend")


def slow_heat(point, keypoints, edges, sigma, factor):
    """Equations 3 to 5, one edge at a time."""
    best = -math.inf
    pairs = itertools.combinations(range(len(keypoints)), 2)
    for (i, j), weight in zip(pairs, edges, strict=True):
        a, b = keypoints[i], keypoints[j]
        t = float(np.dot(point - a, b - a) / np.dot(b - a, b - a))
        foot = a if t <= 0 else b if t >= 1 else (1 - t) * a + t * b
        best = max(best, weight * math.exp(factor * np.sum((point - foot) ** 2) / sigma**2))
    return best


def scene(seed=0, points=60, keypoints=5):
    rng = np.random.default_rng(seed)
    edges = rng.random((2, keypoints * (keypoints - 1) // 2))
    return rng.uniform(-1, 1, (2, points, 3)), rng.uniform(-1, 1, (2, keypoints, 3)), edges


@pytest.mark.parametrize(("sign", "factor", "sigma"), [("near", -1, 0.3), ("near", -1, 0.05), ("far", 1, 2)])
def test_it_is_the_maximum_over_edges_of_the_weighted_heat(sign, factor, sigma):
    points, keypoints, edges = scene()
    found = ops.skeleton_heatmap(*map(torch.from_numpy, (points, keypoints, edges)), sigma=sigma, sign=sign)
    for b, n in itertools.product(range(2), range(60)):
        expected = slow_heat(points[b, n], keypoints[b], edges[b], sigma, factor)
        assert found[b, n].item() == pytest.approx(expected, rel=1e-9, abs=1e-300)


@pytest.mark.parametrize("sign", ["near", "far"])
def test_its_gradients_are_right(sign):
    inputs = [torch.from_numpy(values).requires_grad_() for values in scene(1, points=12)]

    def heat(points, keypoints, edges):
        return ops.skeleton_heatmap(points, keypoints, edges, sigma=0.8, sign=sign)

    assert torch.autograd.gradcheck(heat, inputs)


def test_it_turns_with_the_scene():
    points, keypoints, edges = scene(2)
    rotation, _ = np.linalg.qr(np.random.default_rng(3).normal(size=(3, 3)))
    still = ops.skeleton_heatmap(*map(torch.from_numpy, (points, keypoints, edges)), sigma=0.3)
    turned = ops.skeleton_heatmap(
        *map(torch.from_numpy, (points @ rotation, keypoints @ rotation, edges)), sigma=0.3
    )
    torch.testing.assert_close(turned, still)


def test_two_keypoints_in_one_place_are_a_warm_point_with_a_finite_gradient():
    keypoints = torch.zeros(1, 2, 3, dtype=torch.float64, requires_grad=True)
    point = torch.tensor([[[0.3, 0, 0]]], dtype=torch.float64)
    heat = ops.skeleton_heatmap(point, keypoints, torch.ones(1, 1, dtype=torch.float64), sigma=0.5)
    assert heat.item() == pytest.approx(math.exp(-0.36))
    heat.backward()
    assert torch.isfinite(keypoints.grad).all()


def test_what_is_not_a_number_has_no_heat():
    points, keypoints, edges = map(torch.from_numpy, scene(4))
    keypoints[0, 2, 1] = torch.nan
    points[1, 3, 0] = torch.nan
    heat = ops.skeleton_heatmap(points, keypoints, edges, sigma=0.3)
    assert heat[0].isnan().all()
    assert heat[1].isnan().nonzero().flatten().tolist() == [3]


def test_shapes_that_do_not_belong_together_are_refused():
    points, keypoints, edges = map(torch.from_numpy, scene())
    assert ops.skeleton_heatmap(points[:, :0], keypoints, edges, sigma=1).shape == (2, 0)
    with pytest.raises(ValueError, match="must have E"):
        ops.skeleton_heatmap(points, keypoints[:, :4], edges, sigma=1)
    with pytest.raises(ValueError, match="must have E"):
        ops.skeleton_heatmap(points, keypoints[:, :1], edges[:, :0], sigma=1)


def test_edges_are_listed_by_their_first_keypoint():
    assert ops.edge_pairs(4).tolist() == [list(pair) for pair in itertools.combinations(range(4), 2)]


@pytest.mark.parametrize("grid", [(16, 16, 16), (16, 16, 8), (2, 3, 5)])
def test_rounding_finds_the_node_that_a_tree_finds(grid):
    axes = [np.linspace(-1, 1, size) for size in grid]
    nodes = np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 3)
    points = np.random.default_rng(0).uniform(-1.3, 1.3, (4, 100, 3))
    _, index = cKDTree(nodes).query(points)
    found = ops.nearest_node(torch.from_numpy(points), grid)
    np.testing.assert_allclose(found, nodes[index], atol=1e-12)


def test_the_grid_is_the_same_whatever_mode_it_was_first_asked_in():
    from torch._subclasses.fake_tensor import FakeTensorMode

    points = torch.rand(3, 3, generator=torch.Generator().manual_seed(0))
    grid = (7, 5, 9)  # no other test's
    with FakeTensorMode():
        ops.nearest_node(torch.zeros(3, 3), grid)
    with torch.inference_mode():
        expected = ops.nearest_node(points, grid)
    moved = points.clone().requires_grad_()
    found = ops.nearest_node(moved, grid)
    found.sum().backward()
    assert torch.equal(found.detach(), expected)
    assert torch.equal(moved.grad, torch.zeros(3, 3))
