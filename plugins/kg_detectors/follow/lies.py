"""How a cloud lies: turned about the vertical or not, either side up."""

from functools import cache

import torch
from torch import Tensor

from kg.model.turns import STEPS, Search, all_around, tilts

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
CLEARLY = 0.2
"""By how much more they are to agree if turned over: what is narrow, or folded in half, hardly differs."""

TRIED, UNLIKELY = 5, 0.001
"""Ways to lie that are tried, and the least probability of each but the first."""
SURE = 0.95
"""Probability of a way to lie from which a cloud alone is tried in no other."""
CONFIDENT = 50
"""How much the mean confidence of the keypoints counts, beside the logarithm of a way's probability."""


@cache
def lie_rotations() -> Tensor:
    """Return the rotations (LIES, 3, 3) that bring a cloud from how it usually lies to each."""
    return all_around(sides=True)


@cache
def possible_turns(search: Search) -> tuple[Tensor, Tensor]:
    """Return the rotations (R, 3, 3) in which a cloud may lie, and which lie each belongs to, (R,) int64."""
    if search == "tilts":
        rotations = tilts()
        return rotations, torch.zeros(len(rotations), dtype=torch.int64)
    count = {"none": 1, "yaw": STEPS, "sides": LIES}[search]
    return lie_rotations()[:count], torch.arange(count)


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


def known_lies(points: Tensor, places: Tensor) -> Tensor:
    """Return how clouds lie, (B,) int64, as places tell; 0 within `USUAL`, or where they do not.

    Args:
        points: (B, N, 3).
        places: See `likeness`.
    """
    agreement = likeness(points, places)
    (upright, turn), (over, turn_over) = agreement[:, :STEPS].max(1), agreement[:, STEPS:].max(1)
    turned_over = over > upright + CLEARLY
    beyond = torch.minimum(turn, STEPS - turn) * (360 // STEPS) > USUAL
    lies = torch.where(turned_over, STEPS + turn_over, turn * beyond)
    return lies.where(agreement.amax(1) > LIKE, torch.zeros_like(lies))


def turned_back(points: Tensor, lies: Tensor) -> Tensor:
    """Return clouds (B, N, 3) as they usually lie, which lie as (B,) numbers say."""
    return points @ lie_rotations().to(points)[lies]


def ways_to_try(logits: Tensor, sure: float) -> tuple[Tensor, Tensor]:
    """Return the ways to lie that clouds are to be tried in: which cloud, ascending, and which lie, (R,).

    Args:
        logits: (B, L) of the lies that are possible.
        sure: Probability from which a cloud is tried in no other than the most probable.
    """
    probable, order = logits.softmax(1).sort(1, descending=True)
    tried = (probable > UNLIKELY) & (probable[:, :1] < sure)
    tried[:, 0], tried[:, TRIED:] = True, False
    clouds, ranks = tried.nonzero(as_tuple=True)
    return clouds, order[clouds, ranks]
