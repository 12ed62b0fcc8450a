"""The skeleton of keypoints and its heat (Key-Grid section 3.2)."""

from typing import Any, Literal, get_args

import torch
from torch import Tensor

from kg.ops.kernels import run
from kg.ops.signature import Signature

Sign = Literal["near", "far"]

_POINTS = Signature("points ... 3")
_SCENE = Signature("points B P 3, keypoints B K 3, edges B E")


def edge_pairs(keypoints: int, device: torch.device | None = None) -> Tensor:
    """Return the E = K (K - 1) / 2 edges of the skeleton, (E, 2): (0, 1), (0, 2), ..., (K - 2, K - 1)."""
    return torch.triu_indices(keypoints, keypoints, 1, device=device).T


def nearest_node(points: Tensor, grid: tuple[int, int, int]) -> Tensor:
    """Return the coordinates (..., 3) of the grid node nearest to each point (..., 3).

    The grid has grid[axis] nodes, evenly over [-1, 1], the ends included. Found by rounding.

    Raises:
        ValueError: The points have another shape, or an axis has fewer than two nodes.
    """
    _POINTS.check(points)
    if len(grid) != 3 or min(grid) < 2:
        raise ValueError(f"a grid has three axes of 2 nodes or more, not {tuple(grid)}")
    # Filled, not copied: a copy to a GPU waits for all that it has to do before.
    last = torch.cat([points.new_full((1,), size - 1) for size in grid])
    index = ((points + 1) / 2 * last).round().clamp_min(0).minimum(last)
    return index / last * 2 - 1


@torch.library.custom_op("kg::skeleton_heatmap", mutates_args=())
def _skeleton_heatmap(
    points: Tensor, keypoints: Tensor, edges: Tensor, factor: float
) -> tuple[Tensor, Tensor]:
    heat, winner = run(
        "skeleton_heatmap", points.contiguous(), keypoints.contiguous(), edges.contiguous(), factor
    )
    return heat, winner


@_skeleton_heatmap.register_fake
def _(points: Tensor, keypoints: Tensor, edges: Tensor, factor: float) -> tuple[Tensor, Tensor]:
    shape = points.shape[:2]
    return points.new_empty(shape), points.new_empty(shape, dtype=torch.int32)


@torch.library.custom_op("kg::skeleton_heatmap_backward", mutates_args=())
def _skeleton_heatmap_backward(
    grad: Tensor, points: Tensor, keypoints: Tensor, edges: Tensor, winner: Tensor, factor: float
) -> tuple[Tensor, Tensor, Tensor]:
    tensors = (tensor.contiguous() for tensor in (grad, points, keypoints, edges, winner))
    to_points, to_keypoints, to_edges = run("skeleton_heatmap_backward", *tensors, factor)
    return to_points, to_keypoints, to_edges


@_skeleton_heatmap_backward.register_fake
def _(
    grad: Tensor, points: Tensor, keypoints: Tensor, edges: Tensor, winner: Tensor, factor: float
) -> tuple[Tensor, Tensor, Tensor]:
    return points.new_empty(points.shape), keypoints.new_empty(keypoints.shape), edges.new_empty(edges.shape)


def _keep(ctx: Any, inputs: tuple[Tensor, Tensor, Tensor, float], output: tuple[Tensor, Tensor]) -> None:
    *tensors, ctx.factor = inputs
    ctx.save_for_backward(*tensors, output[1])


def _backward(ctx: Any, grad: Tensor, _: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
    return (*_skeleton_heatmap_backward(grad, *ctx.saved_tensors, ctx.factor), None)


_skeleton_heatmap.register_autograd(_backward, setup_context=_keep)


def skeleton_heatmap(
    points: Tensor, keypoints: Tensor, edges: Tensor, *, sigma: float, sign: Sign = "near"
) -> Tensor:
    """Return the heat (B, P) of points: `max over edges of weight · exp(∓ d² / σ²)` (eq. 3, 4, 5).

    d is the distance from the point to the edge's segment. Differentiable in points, keypoints and edges;
    the gradient flows through the edge that wins (the lowest index among equals). Where the heat of an
    edge is not a number, nor is the result.

    Args:
        points: (B, P, 3), any points; for the grid heatmap of the paper, the nodes of the grid.
        keypoints: (B, K, 3), K of at least 2.
        edges: (B, E) weights, in the order of `edge_pairs`.
        sigma: Width, in the clouds' units.
        sign: "near", the released code's minus sign, is warm along the skeleton; "far", the plus sign
            that the paper prints, grows with the distance.

    Raises:
        ValueError: The shapes or dtypes do not belong together, there are fewer than two keypoints, or
            sigma or sign is none.
    """
    sizes = _SCENE.check(points, keypoints, edges)
    if sizes["K"] < 2 or sizes["E"] != sizes["K"] * (sizes["K"] - 1) // 2:
        shapes = f"{tuple(keypoints.shape)} and {tuple(edges.shape)}"
        raise ValueError(f"K keypoints, 2 or more, must have E = K (K - 1) / 2 edges, not {shapes}")
    if not sigma > 0 or sign not in get_args(Sign):
        raise ValueError(f"sigma must be above 0 and sign near or far, not {sigma} and {sign}")
    heat, _ = _skeleton_heatmap(points, keypoints, edges, (-1 if sign == "near" else 1) / sigma**2)
    return heat  # type: ignore[no-any-return]
