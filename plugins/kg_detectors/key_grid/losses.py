"""What Key-Grid learns from: no labels, two distances; and one of kg's own that keeps keypoints apart."""

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
        farthest_points = ops.gather(points, ops.farthest_point_sample(points, farthest, start))
    return ops.chamfer_distance(keypoints, farthest_points)


def separation_loss(keypoints: Tensor, distance: float) -> Tensor:
    """Return the mean over pairs of keypoints (B, K, 3) of `max(0, 1 - d / distance)²`.

    Not in the paper: its losses let several keypoints settle on one place and stay there.
    """
    first, second = ops.edge_pairs(keypoints.shape[1], keypoints.device).unbind(1)
    squared = (keypoints[:, first] - keypoints[:, second]).square().sum(2)
    # The root has no slope at 0, where two keypoints coincide.
    return (1 - (squared + 1e-8).sqrt() / distance).clamp_min(0).square().mean()
