"""How a cloud lies: turned about the vertical or not, either side up."""

import math
from functools import cache

import torch
from torch import Tensor

TURNS = 12
"""About the vertical, 30 degrees apart."""
VIEWS: tuple[tuple[float, bool], ...] = (
    (0, False),
    (0, True),
    (10, False),
    (-10, True),
    (-10, False),
    (10, True),
)
"""Of a cloud: degrees that it is turned by, and whether it is mirrored then."""
LIES = 2 * TURNS
"""The first is as clouds lie in training; then come the other turns, then all with the other side up."""


def turn(degrees: float) -> Tensor:
    """Return the rotation (3, 3) about the vertical."""
    angle = math.radians(degrees)
    cosine, sine = math.cos(angle), math.sin(angle)
    return torch.tensor([[cosine, -sine, 0.0], [sine, cosine, 0.0], [0.0, 0.0, 1.0]])


@cache
def lie_rotations() -> Tensor:
    """Return the rotations (LIES, 3, 3) that bring a cloud from how it lies in training to each."""
    turns = torch.stack([turn(360 / TURNS * number) for number in range(TURNS)])
    return torch.cat([turns, turns * torch.tensor([1.0, -1, -1])])


def draw_lies(count: int, share: float, device: torch.device) -> Tensor:
    """Return at random how clouds are to lie, (count,) int64: a share of them otherwise than in training."""
    others = torch.randint(1, LIES, (count,), device=device)
    return torch.where(torch.rand(count, device=device) < share, others, 0)
