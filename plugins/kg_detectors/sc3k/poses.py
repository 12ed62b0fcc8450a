"""Poses that SC3K sees shapes in. A pose is a rotation (3, 3) that rows of points are multiplied with."""

import math
from typing import Literal

import torch
from torch import Tensor

Poses = Literal["cameras", "all"]

ELEVATIONS = (25.0, 30.0)
"""Degrees between which the authors' cameras look down."""


def draw_poses(count: int, kind: Poses, up: Literal["y", "z"], generator: torch.Generator) -> Tensor:
    """Return random poses (count, 3, 3).

    Args:
        count: How many.
        kind: "cameras": seen from anywhere around, from slightly above, upright, as the authors'; "all":
            any rotation, each as likely.
        up: The axis of the shapes that cameras see upright.
        generator: Of PyTorch, on the CPU.
    """
    if kind == "cameras":
        azimuth = 2 * math.pi * torch.rand(count, generator=generator)
        low, high = (math.radians(limit) for limit in ELEVATIONS)
        return camera(azimuth, low + (high - low) * torch.rand(count, generator=generator), up)
    parts = torch.nn.functional.normalize(torch.randn(count, 4, generator=generator), dim=1)
    w, x, y, z = parts.unbind(1)
    rows = [
        *(1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)),
        *(2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)),
        *(2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)),
    ]
    return torch.stack(rows, 1).view(count, 3, 3)


def camera(azimuth: Tensor, elevation: Tensor, up: Literal["y", "z"]) -> Tensor:
    """Return poses (B, 3, 3): turned about the vertical, then tilted about the x axis.

    Args:
        azimuth: (B,) radians.
        elevation: (B,) radians.
        up: The vertical axis.
    """
    about_x = _about(0, elevation)
    return _about({"y": 1, "z": 2}[up], azimuth) @ about_x


def _about(axis: int, angle: Tensor) -> Tensor:
    """Return rotations (B, 3, 3) about a coordinate axis, by angles (B,)."""
    first, second = (axis + 1) % 3, (axis + 2) % 3
    turns = torch.zeros(len(angle), 3, 3, dtype=angle.dtype, device=angle.device)
    turns[:, axis, axis] = 1
    turns[:, first, first] = turns[:, second, second] = angle.cos()
    turns[:, first, second], turns[:, second, first] = angle.sin(), -angle.sin()
    return turns


def posed(points: Tensor, poses: Tensor) -> Tensor:
    """Return clouds (B, N, 3) in their poses, the mean at the origin, the farthest point at distance 1."""
    turned = (points - points.mean(1, keepdim=True)) @ poses
    scaled: Tensor = turned / turned.norm(dim=2).amax(1)[:, None, None]
    return scaled
