"""Neighbours of points, and values carried from one cloud to another."""

from typing import NamedTuple

import torch
from torch import Tensor

from kg.ops.kernels import choose
from kg.ops.sampling import gather


class Interpolation(NamedTuple):
    """How values move from a coarse cloud to a fine one: `indices` and `weights`, both (B, S, 3)."""

    indices: Tensor
    weights: Tensor


def _check(name: str, points: Tensor) -> None:
    if points.ndim != 3 or points.shape[2] != 3:
        raise ValueError(f"{name} must be (B, N, 3), not {tuple(points.shape)}")
    if points.shape[1] == 0:
        raise ValueError(f"{name} has no points")


def ball_query(points: Tensor, centres: Tensor, radius: float, count: int, *, nearest: bool = True) -> Tensor:
    """Return indices (B, S, count) of points within a radius of each centre.

    Args:
        points: (B, N, 3).
        centres: (B, S, 3).
        radius: In the clouds' units; a point at exactly the radius is inside.
        count: Neighbours per centre. Where the ball holds fewer, the first is repeated; where it is
            empty, the nearest point of the cloud fills it.
        nearest: The nearest first, ties by index (a function of the set of points); otherwise the
            lowest indices (as PointNet++'s released code, which depends on the order of the points).

    Raises:
        ValueError: A cloud has another shape or no points.
    """
    _check("points", points)
    _check("centres", centres)
    run = choose("ball_query", points.device).run
    found: Tensor = run(points.detach(), centres.detach(), radius, count, nearest)
    return found


def nearest_neighbours(queries: Tensor, points: Tensor, count: int = 1) -> Tensor:
    """Return indices (B, S, count) of the points nearest to each query, the nearest first, ties by index.

    Args:
        queries: (B, S, 3).
        points: (B, N, 3) with N of at least `count`.
        count: Neighbours per query.

    Raises:
        ValueError: A cloud has another shape, or there are fewer than `count` points.
    """
    _check("queries", queries)
    _check("points", points)
    if points.shape[1] < count:
        raise ValueError(f"{count} neighbours asked of {points.shape[1]} points")
    run = choose("nearest_neighbours", points.device).run
    found: Tensor = run(queries.detach(), points.detach(), count)
    return found


def interpolation_weights(fine: Tensor, coarse: Tensor) -> Interpolation:
    """Return how to bring values of a coarse cloud to a fine one (Key-Grid eq. 9, 10).

    The three nearest coarse points, weighted by 1 / (d² + 1e-8) and normalised.

    Args:
        fine: (B, S, 3).
        coarse: (B, M, 3); with fewer than three points, as many as there are.
    """
    indices = nearest_neighbours(fine, coarse, min(3, coarse.shape[1]))
    with torch.no_grad():
        weights = 1 / ((fine[:, :, None] - gather(coarse, indices)).square().sum(3) + 1e-8)
        return Interpolation(indices, weights / weights.sum(2, keepdim=True))


def three_interpolate(features: Tensor, interpolation: Interpolation) -> Tensor:
    """Return features (B, M, C) of a coarse cloud at the points of a fine one, (B, S, C) (eq. 8)."""
    indices, weights = interpolation
    result = gather(features, indices[..., 0]) * weights[..., 0, None]
    for rank in range(1, indices.shape[2]):
        result = result + gather(features, indices[..., rank]) * weights[..., rank, None]
    return result
