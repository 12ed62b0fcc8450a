"""The kernels in plain PyTorch, on any device: the specification that faster versions must meet."""

from itertools import combinations

import torch
from torch import Tensor

CHUNK = 1 << 24
"""Distances held at a time, so that a search over a large cloud does not exhaust the memory."""


def _squared_distances(queries: Tensor, points: Tensor) -> Tensor:
    """Return (B, S, N). By differences: |x|² + |y|² - 2xy loses small distances in float32."""
    distances = torch.zeros((*queries.shape[:2], points.shape[1]), dtype=points.dtype, device=points.device)
    for axis in range(3):
        distances += (queries[:, :, None, axis] - points[:, None, :, axis]).square()
    return distances


def gather(values: Tensor, indices: Tensor) -> Tensor:
    """See `kg.ops.gather`."""
    batch, size, channels = values.shape
    base = torch.arange(batch, device=values.device) * size
    flat = (indices + base.view(-1, *[1] * (indices.ndim - 1))).flatten()
    return values.reshape(-1, channels).index_select(0, flat).view(*indices.shape, channels)


def _query_chunks(queries: Tensor, points: Tensor) -> list[Tensor]:
    size = max(1, CHUNK // max(1, queries.shape[0] * points.shape[1]))
    return list(torch.split(queries, size, dim=1))


def farthest_point_sample(points: Tensor, count: int, start: Tensor) -> Tensor:
    """Specification of `kg.ops.farthest_point_sample`."""
    batch = torch.arange(len(points), device=points.device)
    indices = torch.empty((len(points), count), dtype=torch.int64, device=points.device)
    distances = torch.full(points.shape[:2], torch.inf, dtype=points.dtype, device=points.device)
    latest = start
    for step in range(count):
        indices[:, step] = latest
        latest_point = points[batch, latest][:, None]  # (B, 1, 3)
        distances = torch.minimum(distances, _squared_distances(latest_point, points)[:, 0])
        latest = distances.argmax(dim=1)
    return indices


def _smallest(values: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Return the `count` smallest of the last axis and their indices, ascending, ties by index.

    Args:
        values: (B, S, N), none below 0.
        count: At most N.
    """
    if values.dtype != torch.float32:
        ordered, order = values.sort(dim=2, stable=True)
        return ordered[..., :count], order[..., :count]
    # A float32 that is not negative is ordered as its bits are. With the index behind them no two keys
    # are equal, so a selection gives what a stable sort would, for a fraction of the work.
    index = torch.arange(values.shape[2], device=values.device)
    keys = (values.view(torch.int32).to(torch.int64) << 32) | index
    order = keys.topk(count, dim=2, largest=False).values & 0xFFFFFFFF
    return values.gather(2, order), order


def ball_query(points: Tensor, centres: Tensor, radius: float, count: int, nearest: bool) -> Tensor:
    """Specification of `kg.ops.ball_query`."""
    taken = min(count, points.shape[1])
    index = torch.arange(points.shape[1], device=points.device, dtype=points.dtype)
    chunks = []
    for centre in _query_chunks(centres, points):
        distances = _squared_distances(centre, points)
        key = distances if nearest else index.expand_as(distances)
        values, order = _smallest(key.masked_fill(distances > radius**2, torch.inf), taken)
        empty = values.isinf()
        first = torch.where(empty[..., :1], distances.argmin(2, keepdim=True), order[..., :1])
        padding = first.expand(-1, -1, count - taken)
        chunks.append(torch.cat([torch.where(empty, first, order), padding], dim=2))
    return torch.cat(chunks, dim=1)


def nearest_neighbours(queries: Tensor, points: Tensor, count: int) -> Tensor:
    """Specification of `kg.ops.nearest_neighbours`."""
    chunks = [
        _smallest(_squared_distances(query, points), count)[1] for query in _query_chunks(queries, points)
    ]
    return torch.cat(chunks, dim=1)


def column_statistics(points: Tensor, radius: float, margin: float) -> Tensor:
    """Specification of `kg.ops.column_statistics`."""
    parts = []
    for part in _query_chunks(points, points):
        away = torch.zeros((*part.shape[:2], points.shape[1]), dtype=points.dtype, device=points.device)
        for axis in range(2):
            away += (part[:, :, None, axis] - points[:, None, :, axis]).square()
        inside = away <= radius * radius  # (B, S, N)
        height = points[:, None, :, 2] - part[:, :, None, 2]
        count = inside.sum(2)
        below, above = ((inside & further).sum(2) for further in (height < -margin, height > margin))
        height = height.where(inside, 0)
        shares = [count / points.shape[1], below / count, above / count]
        parts.append(torch.stack([*shares, -height.amin(2), height.amax(2)], dim=2))
    return torch.cat(parts, dim=1).to(points.dtype)


def three_interpolate(features: Tensor, indices: Tensor, weights: Tensor) -> Tensor:
    """Specification of `kg.ops.three_interpolate`."""
    result = gather(features, indices[..., 0]) * weights[..., 0, None]
    for rank in range(1, indices.shape[2]):
        result = result + gather(features, indices[..., rank]) * weights[..., rank, None]
    return result


def neighbour_max(values: Tensor, members: Tensor) -> tuple[Tensor, Tensor]:
    """Specification of `kg.ops.neighbour_max`, and the points (B, M, C) int32 that the values are of."""
    largest, rank = gather(values, members).max(dim=2)  # (B, M, C)
    return largest, members.gather(2, rank).to(torch.int32)


def neighbour_max_backward(grad: Tensor, winners: Tensor, size: int) -> Tensor:
    """Return the gradient of the values (B, size, C), from that of the maxima."""
    output = torch.zeros((len(grad), size, grad.shape[2]), dtype=grad.dtype, device=grad.device)
    return output.scatter_add_(1, winners.to(torch.int64), grad)


def three_interpolate_backward(grad: Tensor, indices: Tensor, weights: Tensor, size: int) -> Tensor:
    """Return the gradient of the features (B, size, C), for grad (B, S, C)."""
    result = grad.new_zeros((len(grad), size, grad.shape[2]))
    for rank in range(indices.shape[2]):
        index = indices[..., rank, None].expand_as(grad)
        result.scatter_add_(1, index, grad * weights[..., rank, None])
    return result


def _to_segments(points: Tensor, start: Tensor, end: Tensor) -> tuple[Tensor, Tensor]:
    """Return what leads from segments to points and where along each it starts, 0 to 1.

    The last axis is xyz, the rest broadcasts.
    """
    along, offset = end - start, points - start
    # An edge between two keypoints in one place is that place.
    fraction = ((offset * along).sum(-1) / along.square().sum(-1).clamp_min(1e-12)).clamp(0, 1)
    return offset - fraction[..., None] * along, fraction


def _pairs(keypoints: Tensor) -> Tensor:
    return torch.triu_indices(keypoints.shape[1], keypoints.shape[1], 1, device=keypoints.device)


def skeleton_heatmap(
    points: Tensor, keypoints: Tensor, edges: Tensor, factor: float
) -> tuple[Tensor, Tensor]:
    """Specification of `kg.ops.skeleton_heatmap`: the heat and the edge that wins, (B, P) each.

    `factor` stands before d² in the exponent. The winner is int32.
    """
    # One edge at a time: no (B, P, E, 3) tensor.
    winner = torch.zeros(points.shape[:2], dtype=torch.int32, device=points.device)
    best = torch.full(points.shape[:2], -torch.inf, dtype=points.dtype, device=points.device)
    for edge, (first, second) in enumerate(combinations(range(keypoints.shape[1]), 2)):
        away, _ = _to_segments(points, keypoints[:, first, None], keypoints[:, second, None])
        heat = edges[:, edge, None] * torch.exp(factor * away.square().sum(-1))
        # Written so that a heat that is not a number wins, and stays.
        better = ~(heat <= best) & ~best.isnan()
        best = torch.where(better, heat, best)
        winner = torch.where(better, edge, winner)
    return best, winner


def skeleton_heatmap_backward(
    grad: Tensor, points: Tensor, keypoints: Tensor, edges: Tensor, winner: Tensor, factor: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the gradients of points, keypoints and edges, for grad (B, P) and the edges that won.

    The foot on the segment is where the distance is least, so that its own movement adds nothing.
    """
    first, second = (ends[winner.to(torch.int64)] for ends in _pairs(keypoints))
    start, end = gather(keypoints, first), gather(keypoints, second)
    away, fraction = _to_segments(points, start, end)
    warmth = grad * torch.exp(factor * away.square().sum(-1))
    weight = edges.gather(1, winner.to(torch.int64))
    push = (2 * factor * warmth * weight)[..., None] * away
    grad_keypoints = torch.zeros_like(keypoints)
    for ends, share in ((first, 1 - fraction), (second, fraction)):
        grad_keypoints.scatter_add_(1, ends[..., None].expand_as(push), -push * share[..., None])
    grad_edges = torch.zeros_like(edges).scatter_add_(1, winner.to(torch.int64), warmth)
    return push, grad_keypoints, grad_edges


PIECE = 256
"""Rows summed naively before pieces are merged."""


def merge_moments(means: Tensor, variances: Tensor, counts: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and biased variance (C,) of pieces, (P, C) each, of `counts` (P,) rows."""
    share = (counts / counts.sum())[:, None].to(means.dtype)
    mean = (share * means).sum(0)
    return mean, (share * (variances + (means - mean).square())).sum(0)


def piece_counts(rows: int, device: torch.device | None = None, each: int = PIECE) -> Tensor:
    """Return how many rows each piece has, (P,) float64."""
    starts = torch.arange(0, rows, each, device=device, dtype=torch.float64)
    return (rows - starts).clamp(max=each)


def moments(rows: Tensor) -> tuple[Tensor, Tensor]:
    """Specification of `kg.ops.norm.moments`."""
    pieces = [torch.var_mean(piece, dim=0, correction=0) for piece in torch.split(rows, PIECE)]
    variances, means = (torch.stack(values) for values in zip(*pieces, strict=True))
    return merge_moments(means, variances, piece_counts(len(rows), rows.device))


def line(
    weight: Tensor, bias: Tensor, mean: Tensor, variance: Tensor, eps: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Specification of `kg.ops.norm.line`: slope, shift and scale."""
    scale = (variance + eps).rsqrt()
    slope = weight * scale
    return slope, bias - mean * slope, scale


def through_moments(
    slope: Tensor, scale: Tensor, mean: Tensor, grad_weight: Tensor, grad_bias: Tensor, count: int
) -> tuple[Tensor, Tensor]:
    """Specification of `kg.ops.norm.through_moments`."""
    factor = -slope * scale * grad_weight / count
    return factor, -slope * grad_bias / count - factor * mean


def affine_relu(rows: Tensor, slope: Tensor, shift: Tensor) -> Tensor:
    """Return `relu(rows · slope + shift)`, (R, C), for slope and shift (C,)."""
    return torch.addcmul(shift, rows, slope).relu_()


def affine_relu_sums(
    grad: Tensor, rows: Tensor, slope: Tensor, shift: Tensor, mean: Tensor
) -> tuple[Tensor, Tensor]:
    """Return the sums over rows of g · (rows - mean) and of g, (C,) each.

    g is grad where `affine_relu` lets it through: where rows · slope + shift > 0.
    """
    through = grad * (torch.addcmul(shift, rows, slope) > 0)
    return (through * (rows - mean)).sum(0), through.sum(0)


def affine_relu_backward(
    grad: Tensor, rows: Tensor, slope: Tensor, shift: Tensor, factor: Tensor, constant: Tensor
) -> Tensor:
    """Return `g · slope + rows · factor + constant`, (R, C); g as in `affine_relu_sums`."""
    through = grad * (torch.addcmul(shift, rows, slope) > 0)
    return torch.addcmul(constant, rows, factor).addcmul_(through, slope)


def group_rows(points: Tensor, centres: Tensor, members: Tensor) -> Tensor:
    """Return `points[members] - centre`, (G, k, C), for points (P, C), centres (G, C), members (G, k)."""
    return points[members] - centres[:, None]


def group_rows_backward(grad: Tensor, members: Tensor, total: Tensor) -> Tensor:
    """Add grad (G, k, C) to the members' rows of `total` (P, C) and return the centres' gradient (G, C)."""
    total.index_add_(0, members.flatten(), grad.flatten(0, 1))
    return -grad.sum(1)


def group_extremes(groups: Tensor, slope: Tensor) -> tuple[Tensor, Tensor]:
    """Return which member of each group (G, k, C) is largest after a line of that slope, and its value.

    That is the largest before it where the line rises, the smallest where it falls; the first among
    equals. (G, C) each; the index is int32.
    """
    index = torch.where(slope < 0, -groups, groups).argmax(1)
    return index.to(torch.int32), groups.gather(1, index[:, None])[:, 0]


def extremes_backward(total: Tensor, rows: Tensor, index: Tensor, pull: Tensor, weight: Tensor) -> Tensor:
    """Carry the pull on the winners of groups back through the linear layer before them.

    Only one member of a group is pulled in each channel, so that this costs 1/k of a matrix product.

    Args:
        total: (G, k, C), to which the gradient of the layer's input is added.
        rows: (G, k, C), the layer's input.
        index: (G, D) int32, the winners.
        pull: (G, D), the gradient of what they are.
        weight: (D, C), the layer's.

    Returns:
        The weight's gradient, (D, C).
    """
    sparse = torch.zeros((*rows.shape[:2], len(weight)), dtype=rows.dtype, device=rows.device)
    sparse.scatter_(1, index[:, None].to(torch.int64), pull[:, None])
    total += sparse @ weight
    return sparse.flatten(0, 1).T @ rows.flatten(0, 1)
