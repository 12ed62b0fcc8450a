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
"""The first is as clouds usually lie; then come the other turns, then all with the other side up."""
USUAL = 60
"""Degrees about the vertical, either way, within which a cloud lies as usual."""
LIKE = 0.75
"""Least correlation, in the plane, of points with their places at rest from which their turn is known: what
is folded has less."""


@cache
def lie_rotations() -> Tensor:
    """Return the rotations (LIES, 3, 3) that bring a cloud from how it usually lies to each."""
    return all_around(sides=True)


def draw_lies(count: int, share: float, device: torch.device) -> Tensor:
    """Return at random how clouds are to lie, (count,) int64: a share of them otherwise than usual."""
    others = torch.randint(1, LIES, (count,), device=device)
    return torch.where(torch.rand(count, device=device) < share, others, 0)


def likeness(points: Tensor, places: Tensor) -> Tensor:
    """Return correlations in the plane of clouds with their places at rest, in each lie, (B, LIES).

    Args:
        points: (B, N, 3).
        places: (B, N, 3), where each point lies at rest, in one unit on all axes.
    """
    seen, flat = (column[..., :2] - column[..., :2].mean(1, keepdim=True) for column in (points, places))
    together = seen.mT @ flat
    extents = seen.square().sum((1, 2)) * flat.square().sum((1, 2))
    agreement = torch.einsum("lij,bij->bl", lie_rotations()[:, :2, :2].to(together), together)
    return agreement / extents.clamp(min=1e-12).sqrt()[:, None]


def headings(points: Tensor, places: Tensor) -> Tensor:
    """Return by which turn about the vertical clouds lie, (B,) int64; 0 within `USUAL`, or if nobody can say.

    Which side is up does not matter: what lies on its face counts as turned over about its length, y.

    Args:
        points: (B, N, 3).
        places: See `likeness`.
    """
    most, lie = likeness(points, places).max(1)
    turn = (lie + (lie >= STEPS) * (STEPS // 2)) % STEPS
    beyond = torch.minimum(turn, STEPS - turn) * (360 // STEPS) > USUAL
    return turn.where(beyond & (most > LIKE), torch.zeros_like(turn))


def turned_back(points: Tensor, lies: Tensor) -> Tensor:
    """Return clouds (B, N, 3) as they usually lie, which lie as (B,) numbers say."""
    return points @ lie_rotations().to(points)[lies]
