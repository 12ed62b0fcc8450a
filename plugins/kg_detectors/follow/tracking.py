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
STEADY = 40
"""What it costs, as a logarithm, if keypoints change places by the object's size from frame to frame."""
AGAIN = 0.1
"""How much of what a frame alone says of how it lies counts after the first: one looks much like the next,
and all are wrong alike."""
LEAST = 1e-9
"""Probability that no place is denied."""


class Before(NamedTuple):
    """What is known of the frame before.

    Attributes:
        positions: (N, 3), in the coordinates of the sequence.
        posteriors: (..., N, M), of each point over the template's places.
    """

    positions: Tensor
    posteriors: Tensor


class Path:
    """The likeliest of the ways in which the frames of a sequence may lie one after another.

    One that turns an object about, whose keypoints would all have to change places, is unlikely; that it is
    carried away says nothing. Later frames decide on earlier ones too (the algorithm of Viterbi).

    Args:
        size: Of the object, in the unit of the keypoints.
    """

    def __init__(self, size: Tensor) -> None:
        self._size = size
        self._about: Tensor | None = None
        self._scores = size.new_zeros(1)
        self._came: list[Tensor] = []

    def go_on(self, keypoints: Tensor, evidence: Tensor) -> Tensor:
        """Return from which way of the frame before each of the ways of the next one comes, (L,) int64.

        Args:
            keypoints: (L, K, 3), in the coordinates of the sequence, if it lies in each way.
            evidence: (L,) for each, from the frame alone, as logarithms.
        """
        about = keypoints - keypoints.mean(1, keepdim=True)
        scores, came = evidence, torch.zeros(len(evidence), dtype=torch.int64, device=evidence.device)
        if self._about is not None:
            moved = (self._about[:, None] - about).norm(dim=3).mean(2) / self._size  # (before, now)
            past, came = (self._scores[:, None] - STEADY * moved).max(0)
            scores = past + AGAIN * evidence
        self._about, self._scores = about, scores
        self._came.append(came)
        return came

    @property
    def best(self) -> int:
        """Which way of the last frame the likeliest path ends in."""
        return int(self._scores.argmax())

    def choices(self) -> list[int]:
        """Return which of its ways each frame of the likeliest path lies in."""
        chosen = [self.best]
        for came in self._came[:0:-1]:
            chosen.append(int(came[chosen[-1]]))
        return chosen[::-1]


def blur(ways: Tensor) -> Tensor:
    """Return how a place spreads over others, (M, M), rows sum to 1, for the ways (M, M) between them."""
    spread = torch.exp(-((ways / BLUR) ** 2))
    # What is too small for a normal number costs a processor 20 times the time of others.
    spread = spread * (spread > LEAST)
    return spread / spread.sum(1, keepdim=True)


def told(posteriors: Tensor, positions: Tensor, before: Before, spread: Tensor, size: Tensor) -> Tensor:
    """Return what the frame before says of each point, (..., N, M), rows sum to 1.

    The nearest points of the frame before tell; of layers that lie on each other those count that agree with
    what the point looks like now.

    Args:
        posteriors: (..., N, M), of this frame alone, rows sum to 1, in each way that it may lie.
        positions: (N, 3), in the coordinates of the sequence.
        before: The frame before.
        spread: See `blur`.
        size: Of the object, in the unit of the positions.
    """
    count = posteriors.shape[-1]
    near = ops.nearest_neighbours(positions[None], before.positions[None], NEIGHBOURS)[0]
    apart = (positions[:, None] - before.positions[near]).norm(dim=2) / size  # (N, NEIGHBOURS)
    theirs = before.posteriors[..., near, :]  # (..., N, NEIGHBOURS, M)
    alike = count * torch.einsum("...nkm,...nm->...nk", theirs, posteriors)
    weights = torch.exp(-((apart / NEAR) ** 2) / 2) * (alike + 1e-3) + 1e-12
    weights = weights / weights.sum(-1, keepdim=True)
    prior = torch.einsum("...nk,...nkm->...nm", weights, theirs) @ spread
    share = (1 - RESTART) * torch.exp(-((apart.amin(1, keepdim=True) / FAR) ** 2) / 2)
    return share * prior + (1 - share) / count


def carried(posterior: Tensor, prior: Tensor) -> Tensor:
    """Return the probability of each point to lie at each place, (..., N, M), given the frame before."""
    both = posterior * (prior + LEAST) ** TRUST
    return both / both.sum(-1, keepdim=True)
