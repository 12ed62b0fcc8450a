"""A place at rest as bins: a distribution over each axis of the object's own box."""

import torch
from torch import Tensor

from kg.ops.precision import full_precision

BINS = 32
"""Of each axis; their centres run from -1 to 1, ends included."""
REACH = 2
"""Bins on either side of the likeliest that a place is the mean of."""


def between(places: Tensor) -> tuple[Tensor, Tensor]:
    """Return the bin below each coordinate, int64, and how far towards the next one it lies, 0 to 1.

    Args:
        places: Of any shape, in [-1, 1]; what is beyond counts as at the end.
    """
    position = (places.clamp(-1, 1) + 1) / 2 * (BINS - 1)
    below = position.floor().clamp(max=BINS - 2)
    return below.to(torch.int64), position - below


def bin_loss(logits: Tensor, places: Tensor) -> Tensor:
    """Return the cross-entropy of each cloud on each axis, (B, 3), mean over its points.

    A true place is shared between the two bins that it lies between, so that it is their mean.

    Args:
        logits: (B, N, 3, BINS).
        places: (B, N, 3) in [-1, 1].
    """
    below, share = between(places)
    logs = logits.log_softmax(3)
    lower, upper = (logs.gather(3, bins[..., None])[..., 0] for bins in (below, below + 1))
    return -(lower * (1 - share) + upper * share).mean(1)


def decode(logits: Tensor) -> Tensor:
    """Return the likeliest place of each point, (B, N, 3): the mean around the mode of each axis.

    Args:
        logits: (B, N, 3, BINS).
    """
    bins = torch.arange(BINS, device=logits.device)
    near = (bins - logits.argmax(3, keepdim=True)).abs() <= REACH
    weights = logits.softmax(3) * near
    centres = torch.linspace(-1, 1, BINS, device=logits.device)
    return (weights * centres).sum(3) / weights.sum(3)


def expected(logits: Tensor) -> Tensor:
    """Return the expected place of each point, (B, N, 3).

    Args:
        logits: (B, N, 3, BINS).
    """
    return logits.softmax(3) @ torch.linspace(-1, 1, BINS, device=logits.device)


def likelihood(logits: Tensor, places: Tensor) -> Tensor:
    """Return how likely each point lies at each of some places, (B, N, M), up to a factor of the point.

    Between the centres of bins a probability is interpolated; axes are independent.

    Args:
        logits: (B, N, 3, BINS).
        places: (B, M, 3) in [-1, 1].
    """
    below, share = between(places)
    # What interpolates is a matrix of two numbers a place: faster by far than to look bins up for each point.
    weights = logits.new_zeros(*places.shape, BINS)
    weights.scatter_(3, below[..., None], 1 - share[..., None])
    weights.scatter_(3, below[..., None] + 1, share[..., None])
    with full_precision(logits.device):
        # Shares of a place sum to 1, so that what is added to all bins is added to the place.
        first, *others = (
            (values + LEAST) @ shares.mT
            for values, shares in zip(logits.softmax(3).unbind(2), weights.unbind(2), strict=True)
        )
    for other in others:
        first *= other
    return first


LEAST = 1e-6
"""Probability of a bin that nothing speaks for: no point is ruled out by one axis alone."""
