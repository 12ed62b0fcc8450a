"""Ways along clouds against Floyd and Warshall's, losses against plain loops."""

import math

import numpy as np
import pytest
import torch

from kg_detectors.selfgeo.geodesics import between_keypoints, geodesic_loss, geodesics, smoothness_loss


@pytest.fixture
def clouds():
    return torch.rand(2, 40, 3, generator=torch.Generator().manual_seed(0))


def floyd_warshall(cloud):
    """Return all shortest ways over the graph in which each point is joined to its 20 nearest."""
    apart = np.linalg.norm(cloud[:, None] - cloud, axis=2)
    near = apart <= np.sort(apart, axis=1)[:, 20:21]
    ways = np.where(near | near.T, apart, np.inf)
    for middle in range(len(cloud)):
        ways = np.minimum(ways, ways[:, middle, None] + ways[middle])
    return ways


def test_ways_are_the_shortest_over_the_graph_of_neighbours(clouds):
    places = torch.tensor([[0, 7], [39, 3]])
    found = geodesics(clouds, places).numpy()
    for cloud, rows, ways in zip(clouds.double().numpy(), places.numpy(), found, strict=True):
        np.testing.assert_allclose(ways, floyd_warshall(cloud)[rows], atol=1e-6)


def test_ways_go_around_a_bend_and_straight_where_nothing_leads():
    angle = torch.linspace(0, math.pi, 400)
    bend = torch.stack([angle.cos(), angle.sin(), 0 * angle], 1)
    ends = torch.tensor([[0, 399]])
    assert geodesics(bend[None], ends)[0, 0, 399].item() == pytest.approx(math.pi, rel=0.01)
    apart = torch.cat([bend, bend + torch.tensor([50.0, 0, 0])])[None]
    assert geodesics(apart, ends)[0, 0, 400].item() == pytest.approx(50)


def test_keypoints_are_as_far_apart_as_the_points_that_they_are_made_of(clouds):
    weights = torch.rand(2, 40, 3, generator=torch.Generator().manual_seed(1)).softmax(1)
    found = between_keypoints(clouds, weights, 0)
    for cloud, each, ways in zip(clouds.double().numpy(), weights.numpy(), found, strict=True):
        np.testing.assert_allclose(ways, each.T @ floyd_warshall(cloud) @ each, rtol=1e-5)
    # Fewer places to begin at: nearly the same.
    near = between_keypoints(clouds, weights, 20)
    torch.testing.assert_close(near, near.transpose(1, 2))
    torch.testing.assert_close(near, found, rtol=0.2, atol=0.05)
    weights.requires_grad_()
    between_keypoints(clouds, weights, 20).sum().backward()
    assert weights.grad.abs().sum() > 0


def test_the_geodesic_loss_compares_all_frames():
    ways = torch.rand(4, 3, 3, generator=torch.Generator().manual_seed(2))
    shifts = [(ways - ways.roll(shift, 0)).square().mean().item() for shift in range(1, 5)]
    assert geodesic_loss(ways, released=True).item() == pytest.approx(sum(shifts), rel=1e-5)
    pairs = [(ways[a] - ways[b]).square().mean().item() for a in range(4) for b in range(4) if a != b]
    assert geodesic_loss(ways).item() == pytest.approx(np.mean(pairs), rel=1e-5)
    assert geodesic_loss(ways[:1]).item() == 0


def test_smoothness_is_the_way_to_the_next_frame():
    keypoints = torch.zeros(3, 2, 3)
    keypoints[1, 0, 0] = 3
    keypoints[2, 0, 1] = 4
    # 3, then 5 across; the other stands still.
    assert smoothness_loss(keypoints).item() == pytest.approx((3 + 5 + 0 + 0) / 4)
    assert smoothness_loss(keypoints[:1]).item() == 0
