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
EVIDENCE = 3
"""How many independent points the agreement of a frame with the one before is worth."""
TRIED, UNLIKELY = 3, 0.01
"""Ways to lie that are tried besides that of the frame before, and the least probability of each."""
LEAST = 1e-9
"""Probability that no place is denied."""


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
    # What is too small for a normal number costs a processor 20 times the time of others.
    spread = spread * (spread > LEAST)
    return spread / spread.sum(1, keepdim=True)


def told(posterior: Tensor, positions: Tensor, before: Before, spread: Tensor, size: Tensor) -> Tensor:
    """Return what the frame before says of each point, (..., N, M), rows sum to 1.

    The nearest points of the frame before tell; of layers that lie on each other those count that agree with
    what the point looks like now.

    Args:
        posterior: (..., N, M), of this frame alone, rows sum to 1, in each way that it may lie.
        positions: (N, 3), in the coordinates of the sequence.
        before: The frame before.
        spread: See `blur`.
        size: Of the object, in the unit of the positions.
    """
    count = posterior.shape[-1]
    near = ops.nearest_neighbours(positions[None], before.positions[None], NEIGHBOURS)[0]
    apart = (positions[:, None] - before.positions[near]).norm(dim=2) / size  # (N, NEIGHBOURS)
    theirs = before.posterior[near]  # (N, NEIGHBOURS, M)
    alike = count * torch.einsum("nkm,...nm->...nk", theirs, posterior)
    weights = torch.exp(-((apart / NEAR) ** 2) / 2) * (alike + 1e-3) + 1e-12
    weights = weights / weights.sum(-1, keepdim=True)
    prior = torch.einsum("...nk,nkm->...nm", weights, theirs) @ spread
    share = (1 - RESTART) * torch.exp(-((apart.amin(1, keepdim=True) / FAR) ** 2) / 2)
    return share * prior + (1 - share) / count


def carried(posterior: Tensor, prior: Tensor) -> Tensor:
    """Return the probability of each point to lie at each place, (..., N, M), given the frame before."""
    both = posterior * (prior + LEAST) ** TRUST
    return both / both.sum(-1, keepdim=True)


def agreement(posterior: Tensor, prior: Tensor) -> Tensor:
    """Return how much likelier points are after the frame before than by chance, mean logarithms (...)."""
    return (prior.shape[-1] * (posterior * prior).sum(-1)).log().mean(-1)
