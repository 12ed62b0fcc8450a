"""How a cloud lies: turned about the vertical or not, either side up."""

import math

import torch
from torch import Tensor

TURNS = 12
"""About the vertical, 30 degrees apart."""
LIES = 2 * TURNS
"""The first is as clouds lie in training; then come the other turns, then all with the other side up."""


def lie_rotations() -> Tensor:
    """Return the rotations (LIES, 3, 3) that bring a cloud from how it lies in training to each."""
    angles = torch.arange(TURNS) * (2 * math.pi / TURNS)
    zero, one = torch.zeros(TURNS), torch.ones(TURNS)
    rows = [angles.cos(), -angles.sin(), zero, angles.sin(), angles.cos(), zero, zero, zero, one]
    turns = torch.stack(rows, 1).view(TURNS, 3, 3)
    return torch.cat([turns, turns * torch.tensor([1.0, -1, -1])])


def draw_lies(count: int, share: float, device: torch.device) -> Tensor:
    """Return at random how clouds are to lie, (count,) int64: a share of them otherwise than in training."""
    others = torch.randint(1, LIES, (count,), device=device)
    return torch.where(torch.rand(count, device=device) < share, others, 0)
