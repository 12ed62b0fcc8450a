"""What Key-Grid learns from: no labels, two distances."""

import torch
from torch import Tensor

from kg import ops


def similarity_loss(reconstruction: Tensor, points: Tensor) -> Tensor:
    """Return the Chamfer distance of the reconstruction (B, N, 3) from the cloud (B, N, 3)."""
    return ops.chamfer_distance(reconstruction, points)


def farthest_point_loss(
    keypoints: Tensor, points: Tensor, farthest: int, start: Tensor | None = None
) -> Tensor:
    """Return the Chamfer distance of the keypoints from the cloud's farthest points.

    Args:
        keypoints: (B, K, 3).
        points: (B, N, 3).
        farthest: J, how many points farthest point sampling chooses.
        start: (B,) where it starts; index 0 by default. The paper draws it.
    """
    with torch.no_grad():
        chosen = ops.gather(points, ops.farthest_point_sample(points, farthest, start))
    return ops.chamfer_distance(keypoints, chosen)
