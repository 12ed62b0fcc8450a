import numpy as np
import torch

from kg_detectors.extremal.surroundings import CHANNELS, RADII, surroundings


def slow(cloud, point, radius):
    weights = [max(0.0, 1 - float(((other - point) ** 2).sum()) / radius**2) for other in cloud]
    mean = sum(weight * other for weight, other in zip(weights, cloud, strict=True)) / sum(weights)
    spread = sum(
        weight * np.outer(other - mean, other - mean) for weight, other in zip(weights, cloud, strict=True)
    ) / sum(weights)
    upper = [spread[0, 0], spread[0, 1], spread[0, 2], spread[1, 1], spread[1, 2], spread[2, 2]]
    return np.concatenate([(mean - point) / radius, 2 * np.array(upper) / radius**2])


def test_they_are_the_weighted_mean_and_covariance_of_balls():
    points = torch.rand(2, 40, 3, generator=torch.Generator().manual_seed(0)) * 2 - 1
    found = surroundings(points)
    assert found.shape == (2, 40, CHANNELS)
    for cloud, rows in zip(points.double().numpy(), found.numpy(), strict=True):
        for point in (0, 17, 39):
            expected = np.concatenate([slow(cloud, cloud[point], radius) for radius in RADII])
            np.testing.assert_allclose(rows[point], expected, atol=2e-5)


def test_the_order_and_a_shift_of_the_points_change_nothing():
    points = torch.rand(1, 60, 3, generator=torch.Generator().manual_seed(1))
    order = torch.randperm(60, generator=torch.Generator().manual_seed(2))
    found = surroundings(points)
    torch.testing.assert_close(surroundings(points[:, order]), found[:, order], atol=1e-5, rtol=0)
    torch.testing.assert_close(surroundings(points + 0.3), found, atol=1e-4, rtol=0)


def test_a_corner_has_its_mean_far_away_and_the_middle_of_a_face_has_not():
    side = torch.linspace(-1, 1, 21)
    face = torch.cartesian_prod(side, side)
    points = torch.cat([face, torch.zeros(len(face), 1)], 1)[None]
    offset = surroundings(points)[0, :, -9:-6].norm(dim=1)
    corner = (points[0] - torch.tensor([1.0, 1, 0])).norm(dim=1).argmin()
    middle = points[0].norm(dim=1).argmin()
    assert offset[corner] > 0.3
    assert offset[middle] < 1e-5
