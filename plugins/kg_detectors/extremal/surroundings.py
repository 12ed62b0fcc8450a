"""What a point of a cloud has around it."""

import torch
from torch import Tensor

RADII = (0.2, 0.4, 0.8)
"""Of the balls that are looked at, where each axis of a cloud goes from -1 to 1."""
CHANNELS = 9 * len(RADII)


def surroundings(points: Tensor) -> Tensor:
    """Return where the mean of a ball around each point lies, and how its points spread, for several radii.

    Points of the ball count the less the farther they are, by one minus the squared share of the radius. A
    point that sticks out has a mean far away from it; one amid a surface has it where it is itself.

    Args:
        points: (B, N, 3).

    Returns:
        (B, N, 27), for each radius the mean's offset (3), as a share of it, and the covariance (6), as twice
        its share of the squared radius.
    """
    return torch.stack([_of_cloud(cloud) for cloud in points])


def _of_cloud(points: Tensor) -> Tensor:
    squared = torch.cdist(points, points).square_()
    x, y, z = points.unbind(1)
    moments = torch.stack([torch.ones_like(x), x, y, z, x * x, x * y, x * z, y * y, y * z, z * z], 1)
    channels = []
    for radius in RADII:
        sums = (1 - squared / radius**2).clamp_(min=0) @ moments
        means = sums / sums[:, :1]
        x, y, z = means[:, 1:4].unbind(1)
        spread = means[:, 4:] - torch.stack([x * x, x * y, x * z, y * y, y * z, z * z], 1)
        channels += [(means[:, 1:4] - points) / radius, 2 * spread / radius**2]
    return torch.cat(channels, 1)
