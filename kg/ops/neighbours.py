"""Neighbours of points, and values carried from one cloud to another."""

from typing import Any, NamedTuple

import torch
from torch import Tensor

from kg.ops.kernels import run
from kg.ops.signature import Signature, check_indices
from kg.ops.torch_kernels import gather

_BALLS = Signature("points B N 3, centres B S 3")
_QUERIES = Signature("queries B S 3, points B N 3")
_FINE_AND_COARSE = Signature("fine B S 3, coarse B M 3")
_INTERPOLATION = Signature("features:float B M C, indices:index B S R, weights B S R")


class Interpolation(NamedTuple):
    """How values move from a coarse cloud to a fine one: `indices` and `weights`, both (B, S, 3)."""

    indices: Tensor
    weights: Tensor


def _far_away(points: Tensor) -> Tensor:
    """Return points with each coordinate that is not finite so large that its square overflows.

    Such a point is infinitely far from all others, with no NaN in the arithmetic.
    """
    far = 2 * torch.finfo(points.dtype).max ** 0.5
    return torch.where(points.isfinite(), points, far).contiguous()


@torch.library.custom_op("kg::ball_query", mutates_args=())
def _ball_query(points: Tensor, centres: Tensor, radius: float, count: int, nearest: bool) -> Tensor:
    # Of two that are not finite neither is near the other.
    indices: Tensor = run("ball_query", _far_away(points), -_far_away(-centres), radius, count, nearest)
    return indices


@_ball_query.register_fake
def _(points: Tensor, centres: Tensor, radius: float, count: int, nearest: bool) -> Tensor:
    return points.new_empty((*centres.shape[:2], count), dtype=torch.int64)


def ball_query(points: Tensor, centres: Tensor, radius: float, count: int, *, nearest: bool = True) -> Tensor:
    """Return indices (B, S, count) of points within a radius of each centre.

    Args:
        points: (B, N, 3), in any layout. One that is not finite is infinitely far from every centre.
        centres: (B, S, 3), S may be 0. One that is not finite is infinitely far from every point.
        radius: In the clouds' units; a point at exactly the radius is inside.
        count: Neighbours per centre. Where the ball holds fewer, the first is repeated; where it is
            empty, the nearest point of the cloud fills it (of equally near ones the lowest index).
        nearest: The nearest first, ties by index (a function of the set of points); otherwise the
            lowest indices (as PointNet++'s released code, which depends on the order of the points).

    Raises:
        ValueError: The shapes or dtypes do not belong together, there are no points, no neighbours are
            asked for, or the radius is below 0 or no number.
    """
    if _BALLS.check(points, centres)["N"] == 0:
        raise ValueError(f"points {tuple(points.shape)} has no points")
    if count < 1 or not radius >= 0:
        raise ValueError(f"cannot take {count} of the points in a ball of radius {radius}")
    indices: Tensor = _ball_query(points.detach(), centres.detach(), radius, count, nearest)
    return indices


@torch.library.custom_op("kg::nearest_neighbours", mutates_args=())
def _nearest_neighbours(queries: Tensor, points: Tensor, count: int) -> Tensor:
    indices: Tensor = run("nearest_neighbours", -_far_away(-queries), _far_away(points), count)
    return indices


@_nearest_neighbours.register_fake
def _(queries: Tensor, points: Tensor, count: int) -> Tensor:
    return points.new_empty((*queries.shape[:2], count), dtype=torch.int64)


def nearest_neighbours(queries: Tensor, points: Tensor, count: int = 1) -> Tensor:
    """Return indices (B, S, count) of the points nearest to each query, the nearest first, ties by index.

    Args:
        queries: (B, S, 3), in any layout, S may be 0. One that is not finite is infinitely far from all.
        points: (B, N, 3) with N of at least `count`. One that is not finite is infinitely far from all.
        count: Neighbours per query.

    Raises:
        ValueError: The shapes or dtypes do not belong together, or there are fewer than `count` points.
    """
    if not 1 <= count <= _QUERIES.check(queries, points)["N"]:
        raise ValueError(f"{count} neighbours asked of {points.shape[1]} points")
    indices: Tensor = _nearest_neighbours(queries.detach(), points.detach(), count)
    return indices


def interpolation_weights(fine: Tensor, coarse: Tensor) -> Interpolation:
    """Return how to bring values of a coarse cloud to a fine one (Key-Grid eq. 9, 10).

    The three nearest coarse points, weighted by 1 / (d² + 1e-8) and normalised.

    Args:
        fine: (B, S, 3).
        coarse: (B, M, 3); with fewer than three points, as many as there are.

    Raises:
        ValueError: The shapes or dtypes do not belong together, or `coarse` has no points.
    """
    if _FINE_AND_COARSE.check(fine, coarse)["M"] == 0:
        raise ValueError(f"coarse {tuple(coarse.shape)} has no points")
    indices = nearest_neighbours(fine, coarse, min(3, coarse.shape[1]))
    with torch.no_grad():
        weights = 1 / ((fine[:, :, None] - gather(coarse, indices)).square().sum(3) + 1e-8)
        return Interpolation(indices, weights / weights.sum(2, keepdim=True))


@torch.library.custom_op("kg::three_interpolate", mutates_args=())
def _three_interpolate(features: Tensor, indices: Tensor, weights: Tensor) -> Tensor:
    check_indices("indices", indices, features.shape[1])
    result: Tensor = run("three_interpolate", features.contiguous(), indices, weights)
    return result


@_three_interpolate.register_fake
def _(features: Tensor, indices: Tensor, weights: Tensor) -> Tensor:
    return features.new_empty((*indices.shape[:2], features.shape[2]))


@torch.library.custom_op("kg::three_interpolate_backward", mutates_args=())
def _three_interpolate_backward(grad: Tensor, indices: Tensor, weights: Tensor, size: int) -> Tensor:
    result: Tensor = run("three_interpolate_backward", grad.contiguous(), indices, weights, size)
    return result


@_three_interpolate_backward.register_fake
def _(grad: Tensor, indices: Tensor, weights: Tensor, size: int) -> Tensor:
    return grad.new_empty((len(grad), size, grad.shape[2]))


def _keep(ctx: Any, inputs: tuple[Tensor, Tensor, Tensor], output: Tensor) -> None:
    features, indices, weights = inputs
    ctx.size = features.shape[1]
    ctx.save_for_backward(indices, weights)


def _backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
    return _three_interpolate_backward(grad, *ctx.saved_tensors, ctx.size), None, None


_three_interpolate.register_autograd(_backward, setup_context=_keep)


def three_interpolate(features: Tensor, interpolation: Interpolation) -> Tensor:
    """Return features (B, M, C) of a coarse cloud at the points of a fine one, (B, S, C) (eq. 8).

    Differentiable in the features.

    Raises:
        ValueError: The shapes do not belong together, or an index is outside [0, M), as seen on the CPU.
    """
    indices, weights = interpolation
    if _INTERPOLATION.check(features, indices, weights)["R"] == 0:
        raise ValueError(f"indices {tuple(indices.shape)} and weights name no point to take values of")
    result: Tensor = _three_interpolate(features.to(weights.dtype), indices, weights)
    return result


_MAXIMUM = Signature("values B N C, members:index B M R")
SHORT = (torch.bfloat16, torch.float16)


@torch.library.custom_op("kg::neighbour_max", mutates_args=())
def _neighbour_max(values: Tensor, members: Tensor) -> tuple[Tensor, Tensor]:
    check_indices("members", members, values.shape[1])
    largest, winners = run("neighbour_max", values.contiguous(), members)
    return largest, winners


@_neighbour_max.register_fake
def _(values: Tensor, members: Tensor) -> tuple[Tensor, Tensor]:
    shape = (*members.shape[:2], values.shape[2])
    return values.new_empty(shape), members.new_empty(shape, dtype=torch.int32)


@torch.library.custom_op("kg::neighbour_max_backward", mutates_args=())
def _neighbour_max_backward(grad: Tensor, winners: Tensor, size: int) -> Tensor:
    result: Tensor = run("neighbour_max_backward", grad.contiguous(), winners, size)
    return result


@_neighbour_max_backward.register_fake
def _(grad: Tensor, winners: Tensor, size: int) -> Tensor:
    return grad.new_empty((len(grad), size, grad.shape[2]))


def _keep_winners(ctx: Any, inputs: tuple[Tensor, Tensor], output: tuple[Tensor, Tensor]) -> None:
    ctx.size = inputs[0].shape[1]
    ctx.mark_non_differentiable(output[1])
    ctx.save_for_backward(output[1])


def _to_winners(ctx: Any, grad: Tensor, _: Tensor) -> tuple[Tensor, None]:
    return _neighbour_max_backward(grad, *ctx.saved_tensors, ctx.size), None


_neighbour_max.register_autograd(_to_winners, setup_context=_keep_winners)


def neighbour_max(values: Tensor, members: Tensor) -> Tensor:
    """Return the largest of each channel among the members of each neighbourhood, (B, M, C).

    Differentiable in the values: a gradient goes to the member that won, the first of equals.

    Args:
        values: (B, N, C).
        members: (B, M, R) int64 in [0, N), R of at least 1.

    Raises:
        ValueError: The shapes do not belong together, a neighbourhood has no members, or an index is
            outside [0, N), as seen on the CPU.
    """
    if _MAXIMUM.check(values, members)["R"] == 0:
        raise ValueError(f"members {tuple(members.shape)} name no point to take values of")
    # The CPU's compiled loops know no 16-bit floats. A maximum is one of the values: nothing is rounded.
    wide = values.float() if values.device.type == "cpu" and values.dtype in SHORT else values
    largest: Tensor = _neighbour_max(wide, members)[0]
    return largest.to(values.dtype)
