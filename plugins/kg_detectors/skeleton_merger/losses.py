"""What Skeleton Merger learns from: how well the edges of a skeleton, weighted, cover a cloud."""

from typing import NamedTuple

import torch
from torch import Tensor

from kg import ops

SAMPLES = 200
"""The most points that an edge is sampled at."""
FEWEST = 15
DENSITY = 100
"""Points on an edge for each unit of its length."""


class Terms(NamedTuple):
    """The parts of the composite Chamfer distance, each a mean.

    Attributes:
        forward: How far an edge's points lie from the cloud, times the edge's strength.
        backward: How far the cloud's points lie from the edges that cover them.
        residual: The share of a cloud's point that no edge covers.
    """

    forward: Tensor
    backward: Tensor
    residual: Tensor


def distance(first: Tensor, second: Tensor) -> Tensor:
    """Return the distance of points (..., 3) by pairs, with a slope at 0."""
    return (1e-4 + (first - second).square().sum(-1)).sqrt()


def edge_counts(keypoints: Tensor, coupled: bool = False) -> Tensor:
    """Return how many points each edge is sampled at, (B, E).

    Args:
        keypoints: (B, K, 3).
        coupled: Of the edge's mean length over the batch, as the released code; of its own otherwise.
    """
    first, second = ops.edge_pairs(keypoints.shape[1], keypoints.device).unbind(1)
    squared = (keypoints[:, first] - keypoints[:, second]).detach().square().sum(2)
    length = (1e-3 + squared).sqrt()
    if coupled:
        length = length.mean(0, keepdim=True).expand_as(length)
    return (DENSITY * length).long().clamp(FEWEST, SAMPLES)


def edge_points(keypoints: Tensor, offsets: Tensor, counts: Tensor) -> Tensor:
    """Return the points of each edge, (B, E, SAMPLES, 3): evenly along it, each moved by its offset.

    An edge that has fewer repeats its last one.

    Args:
        keypoints: (B, K, 3).
        offsets: (E, SAMPLES, 3).
        counts: (B, E), how many it has.
    """
    first, second = ops.edge_pairs(keypoints.shape[1], keypoints.device).unbind(1)
    samples = torch.arange(SAMPLES, device=keypoints.device)
    rows = samples.minimum(counts[..., None] - 1)  # (B, E, SAMPLES)
    along = (rows.to(keypoints.dtype) / (counts[..., None] - 1))[..., None]
    straight = along * keypoints[:, second, None] + (1 - along) * keypoints[:, first, None]
    edges = torch.arange(len(offsets), device=keypoints.device)[:, None]
    return straight + offsets[edges, rows]


def composite_chamfer(
    points: Tensor, keypoints: Tensor, strengths: Tensor, offsets: Tensor, counts: Tensor
) -> Terms:
    """Return the terms of the composite Chamfer distance between clouds and their skeletons.

    Args:
        points: (B, N, 3).
        keypoints: (B, K, 3).
        strengths: (B, E), 0 to 1, of the edges in the order of `kg.ops.edge_pairs`.
        offsets: (E, SAMPLES, 3).
        counts: (B, E), points of each edge.
    """
    placed = edge_points(keypoints, offsets, counts)
    fidelity = edge_fidelity(points, placed, counts)
    covered, shares, far = cover(edge_distances(points, placed), strengths)
    return Terms((strengths * fidelity).mean(), (shares * far).sum(1).mean(), (1 - covered).mean())


def edge_fidelity(points: Tensor, placed: Tensor, counts: Tensor) -> Tensor:
    """Return the mean distance of each edge's points from the cloud, (B, E)."""
    flat = placed.flatten(1, 2)
    nearest = ops.gather(points, ops.nearest_neighbours(flat, points)[..., 0])
    own = torch.arange(SAMPLES, device=points.device) < counts[..., None]
    return (distance(flat, nearest).view(own.shape) * own).sum(2) / counts


def edge_distances(points: Tensor, placed: Tensor) -> Tensor:
    """Return the distance of each point of the cloud from each edge's points, (B, E, N)."""
    batch, edges = placed.shape[:2]
    queries, parts = points.repeat_interleave(edges, 0), placed.flatten(0, 1)
    nearest = ops.gather(parts, ops.nearest_neighbours(queries, parts)[..., 0])
    return distance(queries, nearest).view(batch, edges, -1)


def cover(distances: Tensor, strengths: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Let edges cover each point of the cloud, the nearest first, each as far as it is strong.

    Args:
        distances: (B, E, N).
        strengths: (B, E).

    Returns:
        How far each point is covered, (B, N), 0 to 1; the share of each edge, nearest first, (B, E, N);
        and their distances in the same order.
    """
    far, order = distances.sort(stable=True, dim=1)
    sums = strengths[..., None].expand_as(distances).gather(1, order).cumsum(1).clamp_max(1)
    return sums[:, -1], torch.diff(sums, dim=1, prepend=torch.zeros_like(sums[:, :1])), far
