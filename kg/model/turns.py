"""Turns about the vertical, z, and about any axis; the ways in which a cloud may lie."""

import math
from typing import Literal

import torch
from torch import Tensor

Search = Literal["none", "yaw", "sides", "tilts"]
"""Turns in which a cloud may lie: none, any about the vertical, those and all with the other side up; or
tilted forwards, backwards or to a side."""

STEPS = 12
"""Turns about the vertical: 30 degrees apart, so that one is within 15 of any other."""
TILT = 40
"""Degrees by which a cloud may be tilted."""


def about_vertical(degrees: float | Tensor) -> Tensor:
    """Return the rotations (..., 3, 3) about z by angles (...) in degrees, float32."""
    angle = torch.deg2rad(torch.as_tensor(degrees, dtype=torch.float64))
    cosine, sine, zero = angle.cos(), angle.sin(), torch.zeros_like(angle)
    rows = [cosine, -sine, zero, sine, cosine, zero, zero, zero, torch.ones_like(angle)]
    return torch.stack(rows, -1).view(*angle.shape, 3, 3).float()


def tilts() -> Tensor:
    """Return rotations (5, 3, 3) by `TILT` about x, either way, and about y, after one that turns nothing."""
    axes = torch.tensor([[0.0, 0, 0], [1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0]])
    turns: Tensor = torch.linalg.matrix_exp(cross_matrices(math.radians(TILT) * axes))
    return turns


def cross_matrices(vectors: Tensor) -> Tensor:
    """Return the matrices (..., 3, 3) that multiply as the cross product with vectors (..., 3) does."""
    x, y, z = vectors.unbind(-1)
    zero = torch.zeros_like(x)
    return torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], -1).view(*x.shape, 3, 3)


def all_around(*, sides: bool = False) -> Tensor:
    """Return `STEPS` rotations (STEPS, 3, 3) evenly about z, the first of which turns nothing.

    Args:
        sides: Then all of them again with the other side up, (2 STEPS, 3, 3).
    """
    turns = about_vertical(torch.arange(STEPS) * (360 / STEPS))
    return torch.cat([turns, turns * torch.tensor([1.0, -1, -1])]) if sides else turns
