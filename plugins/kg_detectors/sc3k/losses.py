"""What SC3K learns from: keypoints (B, K, 3) of two views of each shape, and the clouds (B, N, 3).

Where the released code and the paper's intention differ, `released` chooses the former.
"""

import torch
from torch import Tensor
from torch.nn import functional

from kg import ops

NEAR = 0.05
"""Distance within which two keypoints overlap."""
LARGEST_NORM = 2 * 2**0.5
"""Of the difference of two rotations."""


def separation_loss(keypoints: Tensor, released: bool = False) -> Tensor:
    """Return one over the mean distance of a keypoint from the nearest other one, mean over clouds.

    Args:
        keypoints: (B, K, 3).
        released: Over one mean of the whole batch, without keypoints that coincide.
    """
    nearest = _nearest_other(keypoints)
    if released:
        return nearest[nearest > 0].mean().reciprocal()
    return nearest.mean(1).clamp_min(1e-3).reciprocal().mean()


def _nearest_other(keypoints: Tensor) -> Tensor:
    """Return the distance of each keypoint from the nearest other one, (B, K)."""
    apart = keypoints.detach()[:, :, None] - keypoints.detach()[:, None]
    squared = apart.square().sum(3)
    itself = torch.eye(keypoints.shape[1], dtype=torch.bool, device=keypoints.device)
    others = squared.masked_fill(itself, torch.inf).argmin(2)
    lengths: Tensor = torch.linalg.vector_norm(keypoints - ops.gather(keypoints, others), dim=2)
    return lengths


def overlap_loss(keypoints: Tensor, released: bool = False) -> Tensor:
    """Return how many ordered pairs of keypoints overlap, a mean over clouds; it has no gradient.

    Args:
        keypoints: (B, K, 3).
        released: The sum over the batch, without pairs that coincide.
    """
    distance = torch.cdist(keypoints, keypoints, compute_mode="donot_use_mm_for_euclid_dist").detach()
    near = distance < NEAR
    if released:
        return (near & (distance > 0)).sum().to(keypoints.dtype)
    return (near.sum((1, 2)) - keypoints.shape[1]).to(keypoints.dtype).mean()


def shape_loss(keypoints: Tensor, points: Tensor, released: bool = False) -> Tensor:
    """Return the mean distance of a keypoint from the cloud.

    Args:
        keypoints: (B, K, 3).
        points: (B, N, 3).
        released: The mean distance of a point of the cloud from the keypoints.
    """
    source, target = (points, keypoints) if released else (keypoints, points)
    nearest = ops.gather(target, ops.nearest_neighbours(source, target)[..., 0])
    mean: Tensor = torch.linalg.vector_norm(source - nearest, dim=2).mean()
    return mean


def volume_loss(keypoints: Tensor, points: Tensor) -> Tensor:
    """Return the smooth L1 distance of the sides of the keypoints' box from those of the cloud's."""
    ours, theirs = (values.amax(1) - values.amin(1) for values in (keypoints, points))
    return functional.smooth_l1_loss(ours, theirs)


def consistency_loss(first: Tensor, second: Tensor, between: Tensor) -> Tensor:
    """Return the mean square by which keypoints differ once the poses are undone.

    Args:
        first: (B, K, 3), in the first view.
        second: (B, K, 3), in the second view.
        between: (B, 3, 3), what rows of the second view are multiplied with to be in the first.
    """
    return (first - second @ between).square().mean()


def pose_loss(first: Tensor, second: Tensor, between: Tensor, released: bool = False) -> Tensor:
    """Return half the angle, in radians, by which the rotation between keypoints misses the true one.

    Args:
        first: (B, K, 3), in the first view.
        second: (B, K, 3), in the second view.
        between: (B, 3, 3), as in `consistency_loss`.
        released: Of one norm over the whole batch, which makes the loss constant unless the rotations of
            all are nearly right; else the mean over clouds.
    """
    difference = between - rotation_between(first, second)
    norm = torch.linalg.vector_norm(difference) if released else _norm(difference)
    return (norm / LARGEST_NORM).clamp_max(0.99999).arcsin().mean()


def _norm(rotations: Tensor) -> Tensor:
    """Return the Frobenius norms of (B, 3, 3), with a slope at 0."""
    return (rotations.square().sum((1, 2)) + 1e-12).sqrt()


def rotation_between(first: Tensor, second: Tensor) -> Tensor:
    """Return rotations (B, 3, 3) that rows of `second` are multiplied with to be nearest to `first`.

    In float64: the gradient of the singular vectors is ill-conditioned where keypoints agree.
    """
    one, other = (values.double() - values.double().mean(1, keepdim=True) for values in (first, second))
    left, _, right = torch.linalg.svd(other.transpose(1, 2) @ one)
    sign = torch.linalg.det(left @ right).sign().detach()
    flip = torch.stack([torch.ones_like(sign), torch.ones_like(sign), sign], 1)
    rotation: Tensor = (left * flip[:, None]) @ right
    return rotation.to(first.dtype)
