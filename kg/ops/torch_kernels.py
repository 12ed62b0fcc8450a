"""The kernels in plain PyTorch, on any device: the specification that faster versions must meet."""

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


def _query_chunks(queries: Tensor, points: Tensor) -> list[Tensor]:
    size = max(1, CHUNK // max(1, queries.shape[0] * points.shape[1]))
    return list(torch.split(queries, size, dim=1))


def farthest_point_sample(points: Tensor, count: int, start: Tensor) -> Tensor:
    """Specification of `kg.ops.farthest_point_sample`."""
    batch = torch.arange(len(points), device=points.device)
    chosen = torch.empty((len(points), count), dtype=torch.int64, device=points.device)
    distances = torch.full(points.shape[:2], torch.inf, dtype=points.dtype, device=points.device)
    latest = start
    for step in range(count):
        chosen[:, step] = latest
        latest_point = points[batch, latest][:, None]  # (B, 1, 3)
        distances = torch.minimum(distances, _squared_distances(latest_point, points)[:, 0])
        latest = distances.argmax(dim=1)
    return chosen


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


PIECE = 256
"""Rows summed naively before pieces are merged."""


def merge_moments(means: Tensor, variances: Tensor, counts: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and biased variance (C,) of pieces, (P, C) each, of `counts` (P,) rows."""
    share = (counts / counts.sum())[:, None].to(means.dtype)
    mean = (share * means).sum(0)
    return mean, (share * (variances + (means - mean).square())).sum(0)


def piece_counts(rows: int, device: torch.device | None = None) -> Tensor:
    """Return how many rows each piece has, (P,) float64."""
    starts = torch.arange(0, rows, PIECE, device=device, dtype=torch.float64)
    return (rows - starts).clamp(max=PIECE)


def moments(rows: Tensor) -> tuple[Tensor, Tensor]:
    """Specification of `kg.ops.norm.moments`."""
    pieces = [torch.var_mean(piece, dim=0, correction=0) for piece in torch.split(rows, PIECE)]
    variances, means = (torch.stack(values) for values in zip(*pieces, strict=True))
    return merge_moments(means, variances, piece_counts(len(rows), rows.device))


def affine_relu(rows: Tensor, slope: Tensor, shift: Tensor) -> Tensor:
    """Return `relu(rows · slope + shift)`, (R, C), for slope and shift (C,)."""
    return torch.addcmul(shift, rows, slope).relu_()


def affine_relu_sums(grad: Tensor, result: Tensor, rows: Tensor, mean: Tensor) -> tuple[Tensor, Tensor]:
    """Return the sums over rows of g · (rows - mean) and of g, (C,) each; g is grad where result > 0."""
    through = grad * (result > 0)
    return (through * (rows - mean)).sum(0), through.sum(0)


def affine_relu_backward(
    grad: Tensor, result: Tensor, rows: Tensor, slope: Tensor, factor: Tensor, constant: Tensor
) -> Tensor:
    """Return `g · slope + rows · factor + constant`, (R, C); g is grad where result > 0."""
    return torch.addcmul(constant, rows, factor).addcmul_(grad * (result > 0), slope)


def group_extremes(groups: Tensor, slope: Tensor) -> tuple[Tensor, Tensor]:
    """Return which member of each group (G, k, C) is largest after a line of that slope, and its value.

    That is the largest before it where the line rises, the smallest where it falls; the first among
    equals. (G, C) each; the index is int32.
    """
    index = groups.argmax(1)
    falling = slope < 0
    if falling.any():
        index[:, falling] = groups[:, :, falling].argmin(1)
    return index.to(torch.int32), groups.gather(1, index[:, None])[:, 0]


def group_backward(grad: Tensor, index: Tensor, groups: Tensor, factor: Tensor, constant: Tensor) -> Tensor:
    """Return `groups · factor + constant` with grad (G, C) added at the members `index` names."""
    result = torch.addcmul(constant, groups, factor)
    return result.scatter_add_(1, index[:, None].to(torch.int64), grad[:, None])
