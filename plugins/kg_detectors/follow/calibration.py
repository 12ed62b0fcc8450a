"""What validation clouds say: how far to trust confidences, and where keypoints miss the least.

What makes a confidence a probability is one temperature for all posteriors (Guo et al., ICML 2017).
"""

import torch
from torch import Tensor
from torch.nn import functional

from kg_detectors.follow.readout import CLOSE, read_out
from kg_detectors.follow.template import THIN

TEMPERATURES = tuple(2.0 ** (step / 4) for step in range(-4, 9))
"""That are tried, 0.5 to 4."""
ANCHORS = 32
"""Places that keypoints are read out at for it: the first of the template's, which are far apart."""
CLOUDS = 48
"""Of the validation split, evenly chosen: a temperature is one number."""
MEASURED = 32
"""Validation clouds of each category on which it is measured where keypoints miss the least."""
LEAST = 1e-3
"""Probability that a confidence leaves for being wrong, or right."""


def surprises(likelihood: Tensor, ways: Tensor, truths: Tensor) -> Tensor:
    """Return how surprising it is which keypoints are right, at each of `TEMPERATURES`, (T,).

    That is the negative logarithm of the probability that confidences give to what is true, mean over
    keypoints.

    Args:
        likelihood: (B, N, M), how likely each point lies at each place, up to a factor of the point.
        ways: (B, M, A), from each place to each anchor.
        truths: (S, B, N, A), from each point's true place to each anchor, in each of the ways that an object
            may lie; for a cloud the way counts that it is nearest to.
    """
    entropies = []
    for temperature in TEMPERATURES:
        indices, sure = read_out(likelihood, ways, temperature)
        rows = indices[None, :, None].expand(len(truths), -1, -1, -1)
        missed = truths.gather(2, rows)[:, :, 0]  # (S, B, A)
        own = missed.mean(2).argmin(0)
        right = missed[own, torch.arange(len(own), device=own.device)] <= CLOSE
        entropies.append(functional.binary_cross_entropy(sure.clamp(LEAST, 1 - LEAST), right.to(sure)))
    return torch.stack(entropies)


def misses(likelihood: Tensor, ways: Tensor, truths: Tensor) -> Tensor:
    """Return by how much keypoints at each of the template's places miss them on one cloud, (M,).

    Args:
        likelihood: (1, N, M), how likely each point lies at each place, up to a factor of the point.
        ways: (1, M, M) between places, shares of the box's diagonal.
        truths: (S, 1, N), which place each point lies at, in each of the ways that an object may lie; the one
            counts that keypoints are nearest to on average.
    """
    indices = read_out(likelihood, ways).indices[0]
    missed = torch.stack([ways[0][truth[0, indices]].diagonal() for truth in truths])
    return missed[missed.mean(1).argmin()]


def nearest_places(rest: Tensor, places: Tensor, boxes: Tensor) -> Tensor:
    """Return which of the template's places each point lies nearest to, (B, N).

    Args:
        rest: (B, N, 3) in [-1, 1] of the box.
        places: (B, M, 3), the same.
        boxes: (B, 3) sides of the box.
    """
    stretched = torch.maximum(boxes, THIN * boxes.norm(dim=1, keepdim=True))[:, None]
    return torch.cdist(rest * stretched, places * stretched).argmin(2)
