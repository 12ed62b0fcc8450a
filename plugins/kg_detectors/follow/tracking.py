"""What is known of each point of a cloud, carried from one frame of a sequence to the next."""

from typing import NamedTuple

import torch
from torch import Tensor

from kg import ops

NEIGHBOURS = 4
"""Points of the frame before that may be the same material as a point."""
NEAR, FAR = 0.027, 0.09
"""Shares of the object's size: how near such points are, and how far there may be none."""
RESTART = 0.2
"""Share of it that may be all wrong, so that a frame that is sure of something else has its way."""
BLUR = 0.03
"""Share of the diagonal at rest by which a place may be another one in the next frame: samples differ."""
TRUST = 0.5
"""Power of what is carried: a frame looks much like the one before, and is wrong where that was."""
LEAST = 1e-9


class Before(NamedTuple):
    """The frame before.

    Attributes:
        positions: (N, 3), in the coordinates of the sequence.
        posterior: (N, M), of each point over the template's places.
    """

    positions: Tensor
    posterior: Tensor


def blur(ways: Tensor) -> Tensor:
    """Return how a place spreads over others, (M, M), rows sum to 1, for the ways (M, M) between them."""
    spread = torch.exp(-((ways / BLUR) ** 2))
    return spread / spread.sum(1, keepdim=True)


def carried(likelihood: Tensor, positions: Tensor, before: Before, spread: Tensor, size: Tensor) -> Tensor:
    """Return the probability of each point to lie at each place, (N, M), given the frame before.

    What the nearest points of the frame before were is the prior of a point; of layers that lie on each
    other those count that agree with what the point looks like now.

    Args:
        likelihood: (N, M), of this frame alone, up to a factor of each point.
        positions: (N, 3), in the coordinates of the sequence.
        before: The frame before.
        spread: See `blur`.
        size: Of the object, in the unit of the positions.
    """
    posterior, count = likelihood / likelihood.sum(1, keepdim=True), likelihood.shape[1]
    near = ops.nearest_neighbours(positions[None], before.positions[None], NEIGHBOURS)[0]
    apart = (positions[:, None] - before.positions[near]).norm(dim=2) / size  # (N, NEIGHBOURS)
    told = before.posterior[near]  # (N, NEIGHBOURS, M)
    alike = count * torch.einsum("nkm,nm->nk", told, posterior)
    weights = torch.exp(-((apart / NEAR) ** 2) / 2) * (alike + 1e-3) + 1e-12
    prior = torch.einsum("nk,nkm->nm", weights / weights.sum(1, keepdim=True), told) @ spread
    share = (1 - RESTART) * torch.exp(-((apart.amin(1, keepdim=True) / FAR) ** 2) / 2)
    both = posterior * (share * prior + (1 - share) / count + LEAST) ** TRUST
    return both / both.sum(1, keepdim=True)
