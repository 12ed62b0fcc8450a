"""How a cloud lies: turned about the vertical or not, either side up."""

from functools import cache

import torch
from torch import Tensor

from kg.model.turns import STEPS, all_around

VIEWS: tuple[tuple[float, bool], ...] = (
    (0, False),
    (0, True),
    (10, False),
    (-10, True),
    (-10, False),
    (10, True),
)
"""Of a cloud: degrees that it is turned by, and whether it is mirrored then."""
LIES = 2 * STEPS
"""The first is as clouds lie in training; then come the other turns, then all with the other side up."""


@cache
def lie_rotations() -> Tensor:
    """Return the rotations (LIES, 3, 3) that bring a cloud from how it lies in training to each."""
    return all_around(sides=True)


def draw_lies(count: int, share: float, device: torch.device) -> Tensor:
    """Return at random how clouds are to lie, (count,) int64: a share of them otherwise than in training."""
    others = torch.randint(1, LIES, (count,), device=device)
    return torch.where(torch.rand(count, device=device) < share, others, 0)
