"""The skeleton of keypoints and its heat (Key-Grid section 3.2)."""

from typing import Literal

import torch
from torch import Tensor

from kg.ops.sampling import gather

Sign = Literal["near", "far"]


def edge_pairs(keypoints: int, device: torch.device | None = None) -> Tensor:
    """Return the E = K (K - 1) / 2 edges of the skeleton, (E, 2): (0, 1), (0, 2), ..., (K - 2, K - 1)."""
    return torch.triu_indices(keypoints, keypoints, 1, device=device).T


def nearest_node(points: Tensor, grid: tuple[int, int, int]) -> Tensor:
    """Return the coordinates (..., 3) of the grid node nearest to each point (..., 3).

    The grid has grid[axis] nodes, evenly over [-1, 1], the ends included. Found by rounding.
    """
    last = torch.tensor(grid, dtype=points.dtype, device=points.device) - 1
    index = ((points + 1) / 2 * last).round().clamp(min=torch.zeros_like(last), max=last)
    return index / last * 2 - 1


def _edge_distances(points: Tensor, start: Tensor, end: Tensor) -> Tensor:
    """Return squared distances of points to segments; the last axis is xyz, the rest broadcasts."""
    along, offset = end - start, points - start
    length = along.square().sum(-1)
    # An edge between two keypoints in one place is that place.
    fraction = ((offset * along).sum(-1) / length.clamp_min(1e-12)).clamp(0, 1)
    return (offset - fraction[..., None] * along).square().sum(-1)


def skeleton_heatmap(
    points: Tensor, keypoints: Tensor, edges: Tensor, *, sigma: float, sign: Sign = "near"
) -> Tensor:
    """Return the heat (B, P) of points: `max over edges of weight · exp(∓ d² / σ²)` (eq. 3, 4, 5).

    d is the distance from the point to the edge's segment. Differentiable in keypoints and edges; the
    gradient flows through the edge that wins (the lowest index among equals).

    Args:
        points: (B, P, 3), any points; for the grid heatmap of the paper, the nodes of the grid.
        keypoints: (B, K, 3), K of at least 2.
        edges: (B, E) weights, in the order of `edge_pairs`.
        sigma: Width, in the clouds' units.
        sign: "near", the released code's minus sign, is warm along the skeleton; "far", the plus sign
            that the paper prints, grows with the distance.
    """
    first, second = edge_pairs(keypoints.shape[1], keypoints.device).unbind(1)
    factor = (-1 if sign == "near" else 1) / sigma**2
    with torch.no_grad():
        # One edge at a time: no (B, P, E, 3) tensor, and nothing kept for the backward pass.
        winner = torch.zeros(points.shape[:2], dtype=torch.int64, device=points.device)
        best = torch.full(points.shape[:2], -torch.inf, dtype=points.dtype, device=points.device)
        for edge in range(len(first)):
            start, end = keypoints[:, first[edge], None], keypoints[:, second[edge], None]
            heat = edges[:, edge, None] * torch.exp(factor * _edge_distances(points, start, end))
            better = heat > best
            best = torch.where(better, heat, best)
            winner = torch.where(better, edge, winner)
    start, end = gather(keypoints, first[winner]), gather(keypoints, second[winner])
    return edges.gather(1, winner) * torch.exp(factor * _edge_distances(points, start, end))
