"""The kernels for the CPU, compiled by numba on first use and cached on disk.

Squared distances are summed in the order of the specification and without fused multiply-adds, so that
the indices are those of `torch_kernels`, ties included.
"""

# mypy: disable-error-code="misc, no-untyped-def, no-untyped-call"

import numpy as np
import torch
from numba import get_num_threads, njit, prange, set_num_threads
from torch import Tensor

from kg.ops.torch_kernels import PIECE, merge_moments, piece_counts

BLOCK = 16
"""Queries advanced together over the points: their comparisons fill the lanes of a vector register."""

# Without NaN and signed zero a maximum may be taken in any order, which lets it be vectorised. Searches
# permit no other rounding; sums may use fused multiply-adds.
ORDER_FREE = {"nnan", "nsz"}
SUMS = {"nsz", "contract"}


def _array(tensor: Tensor) -> np.ndarray:
    return tensor.detach().contiguous().numpy()


def _match_threads() -> None:
    """Use as many threads as PyTorch is set to, within what numba was started with."""
    wanted = torch.get_num_threads()
    if get_num_threads() != wanted:
        from numba import config

        set_num_threads(min(wanted, config.NUMBA_NUM_THREADS))


@njit(parallel=True, fastmath=ORDER_FREE, cache=True, nogil=True)
def _farthest_point_sample(points, start, chosen):
    batch, size, _ = points.shape
    for b in prange(batch):
        x, y, z = points[b, :, 0].copy(), points[b, :, 1].copy(), points[b, :, 2].copy()
        distances = np.full(size, np.inf, points.dtype)
        latest = start[b]
        for step in range(chosen.shape[1]):
            chosen[b, step] = latest
            px, py, pz = x[latest], y[latest], z[latest]
            largest = points.dtype.type(-1)
            for i in range(size):
                dx, dy, dz = x[i] - px, y[i] - py, z[i] - pz
                distance = min(distances[i], dx * dx + dy * dy + dz * dz)
                distances[i] = distance
                largest = max(largest, distance)
            latest = 0
            while latest < size - 1 and distances[latest] != largest:
                latest += 1


@njit(parallel=True, fastmath=ORDER_FREE, cache=True, nogil=True)
def _ball_query(points, centres, squared_radius, nearest, found):
    batch, size, _ = points.shape
    queries, count = found.shape[1], found.shape[2]
    for job in prange(batch * ((queries + BLOCK - 1) // BLOCK)):
        b, block = job % batch, job // batch
        x, y, z = points[b, :, 0].copy(), points[b, :, 1].copy(), points[b, :, 2].copy()
        distances = np.empty(size, points.dtype)
        best = np.empty(count, points.dtype)
        for s in range(block * BLOCK, min(queries, (block + 1) * BLOCK)):
            px, py, pz = centres[b, s, 0], centres[b, s, 1], centres[b, s, 2]
            for i in range(size):
                dx, dy, dz = px - x[i], py - y[i], pz - z[i]
                distances[i] = dx * dx + dy * dy + dz * dz
            filled = 0
            for i in range(size):
                distance = distances[i]
                if distance > squared_radius:
                    continue
                if not nearest:
                    found[b, s, filled] = i
                    filled += 1
                    if filled == count:
                        break
                elif filled < count or distance < best[count - 1]:
                    slot = filled if filled < count else count - 1
                    while slot > 0 and best[slot - 1] > distance:
                        best[slot] = best[slot - 1]
                        found[b, s, slot] = found[b, s, slot - 1]
                        slot -= 1
                    best[slot] = distance
                    found[b, s, slot] = i
                    filled = min(filled + 1, count)
            if filled == 0:
                found[b, s, 0] = np.argmin(distances)
                filled = 1
            for slot in range(filled, count):
                found[b, s, slot] = found[b, s, 0]


@njit(parallel=True, fastmath=ORDER_FREE, cache=True, nogil=True)
def _nearest(queries, points, found):
    batch, size, _ = points.shape
    total = queries.shape[1]
    for job in prange(batch * ((total + BLOCK - 1) // BLOCK)):
        b, first = job % batch, job // batch * BLOCK
        width = min(BLOCK, total - first)
        x, y, z = np.zeros(BLOCK, points.dtype), np.zeros(BLOCK, points.dtype), np.zeros(BLOCK, points.dtype)
        for lane in range(width):
            x[lane], y[lane], z[lane] = (
                queries[b, first + lane, 0],
                queries[b, first + lane, 1],
                queries[b, first + lane, 2],
            )
        best = np.full(BLOCK, np.inf, points.dtype)
        index = np.zeros(BLOCK, np.int32)
        for i in range(size):
            px, py, pz = points[b, i, 0], points[b, i, 1], points[b, i, 2]
            for lane in range(BLOCK):
                dx, dy, dz = x[lane] - px, y[lane] - py, z[lane] - pz
                distance = dx * dx + dy * dy + dz * dz
                nearer = distance < best[lane]
                best[lane] = distance if nearer else best[lane]
                index[lane] = np.int32(i) if nearer else index[lane]
        for lane in range(width):
            found[b, first + lane, 0] = index[lane]


@njit(parallel=True, fastmath=SUMS, cache=True, nogil=True)
def _moments(rows, means, variances):
    total, channels = rows.shape
    for piece in prange(len(means)):
        first, last = piece * PIECE, min(total, (piece + 1) * PIECE)
        mean, variance = means[piece], variances[piece]
        mean[:] = 0
        variance[:] = 0
        for row in range(first, last):
            for c in range(channels):
                mean[c] += rows[row, c]
        for c in range(channels):
            mean[c] /= last - first
        for row in range(first, last):
            for c in range(channels):
                deviation = rows[row, c] - mean[c]
                variance[c] += deviation * deviation
        for c in range(channels):
            variance[c] /= last - first


@njit(parallel=True, fastmath=SUMS, cache=True, nogil=True)
def _affine_relu(rows, slope, shift, result):
    zero = rows.dtype.type(0)
    for piece in prange((len(rows) + PIECE - 1) // PIECE):
        for row in range(piece * PIECE, min(len(rows), (piece + 1) * PIECE)):
            for c in range(rows.shape[1]):
                result[row, c] = max(zero, rows[row, c] * slope[c] + shift[c])


@njit(parallel=True, fastmath=SUMS, cache=True, nogil=True)
def _affine_relu_sums(grad, result, rows, mean, weighted, plain):
    zero = rows.dtype.type(0)
    for piece in prange(len(plain)):
        weighted[piece] = 0
        plain[piece] = 0
        for row in range(piece * PIECE, min(len(rows), (piece + 1) * PIECE)):
            for c in range(rows.shape[1]):
                through = grad[row, c] if result[row, c] > zero else zero
                plain[piece, c] += through
                weighted[piece, c] += through * (rows[row, c] - mean[c])


@njit(parallel=True, fastmath=SUMS, cache=True, nogil=True)
def _affine_relu_backward(grad, result, rows, slope, factor, constant, output):
    zero = rows.dtype.type(0)
    for piece in prange((len(rows) + PIECE - 1) // PIECE):
        for row in range(piece * PIECE, min(len(rows), (piece + 1) * PIECE)):
            for c in range(rows.shape[1]):
                through = grad[row, c] if result[row, c] > zero else zero
                output[row, c] = through * slope[c] + rows[row, c] * factor[c] + constant[c]


@njit(parallel=True, fastmath=ORDER_FREE, cache=True, nogil=True)
def _group_extremes(groups, sign, index, chosen):
    members, channels = groups.shape[1], groups.shape[2]
    for group in prange(len(groups)):
        for c in range(channels):
            index[group, c] = 0
            chosen[group, c] = groups[group, 0, c]
        for member in range(1, members):
            for c in range(channels):
                value = groups[group, member, c]
                better = value * sign[c] > chosen[group, c] * sign[c]
                chosen[group, c] = value if better else chosen[group, c]
                index[group, c] = np.int32(member) if better else index[group, c]


@njit(parallel=True, fastmath=SUMS, cache=True, nogil=True)
def _group_backward(grad, index, groups, factor, constant, output):
    members, channels = groups.shape[1], groups.shape[2]
    for group in prange(len(groups)):
        for member in range(members):
            for c in range(channels):
                chosen = grad[group, c] if index[group, c] == member else groups.dtype.type(0)
                output[group, member, c] = groups[group, member, c] * factor[c] + constant[c] + chosen


def farthest_point_sample(points: Tensor, count: int, start: Tensor) -> Tensor:
    """See `kg.ops.farthest_point_sample`."""
    _match_threads()
    chosen = np.empty((len(points), count), np.int64)
    _farthest_point_sample(_array(points), _array(start), chosen)
    return torch.from_numpy(chosen)


def ball_query(points: Tensor, centres: Tensor, radius: float, count: int, nearest: bool) -> Tensor:
    """See `kg.ops.ball_query`."""
    _match_threads()
    found = np.empty((*centres.shape[:2], count), np.int64)
    values = _array(points)
    _ball_query(values, _array(centres), values.dtype.type(radius**2), nearest, found)
    return torch.from_numpy(found)


def nearest_neighbours(queries: Tensor, points: Tensor, count: int) -> Tensor:
    """See `kg.ops.nearest_neighbours`."""
    if count > 1:
        return ball_query(points, queries, float("inf"), count, nearest=True)
    _match_threads()
    found = np.empty((*queries.shape[:2], 1), np.int64)
    _nearest(_array(queries), _array(points), found)
    return torch.from_numpy(found)


def moments(rows: Tensor) -> tuple[Tensor, Tensor]:
    """See `kg.ops.norm.moments`."""
    _match_threads()
    counts = piece_counts(len(rows))
    means, variances = torch.empty((2, len(counts), rows.shape[1]), dtype=rows.dtype)
    _moments(_array(rows), means.numpy(), variances.numpy())
    return merge_moments(means, variances, counts)


def affine_relu(rows: Tensor, slope: Tensor, shift: Tensor) -> Tensor:
    """See `torch_kernels.affine_relu`."""
    _match_threads()
    result = torch.empty(rows.shape, dtype=rows.dtype)
    _affine_relu(_array(rows), _array(slope), _array(shift), result.numpy())
    return result


def affine_relu_sums(grad: Tensor, result: Tensor, rows: Tensor, mean: Tensor) -> tuple[Tensor, Tensor]:
    """See `torch_kernels.affine_relu_sums`."""
    _match_threads()
    pieces = -(-len(rows) // PIECE)
    weighted, plain = torch.empty((2, pieces, rows.shape[1]), dtype=rows.dtype)
    arrays = (_array(grad), _array(result), _array(rows), _array(mean))
    _affine_relu_sums(*arrays, weighted.numpy(), plain.numpy())
    return weighted.sum(0), plain.sum(0)


def affine_relu_backward(
    grad: Tensor, result: Tensor, rows: Tensor, slope: Tensor, factor: Tensor, constant: Tensor
) -> Tensor:
    """See `torch_kernels.affine_relu_backward`."""
    _match_threads()
    output = torch.empty(rows.shape, dtype=rows.dtype)
    arrays = (_array(grad), _array(result), _array(rows), _array(slope), _array(factor), _array(constant))
    _affine_relu_backward(*arrays, output.numpy())
    return output


def group_extremes(groups: Tensor, slope: Tensor) -> tuple[Tensor, Tensor]:
    """See `torch_kernels.group_extremes`."""
    _match_threads()
    shape = (groups.shape[0], groups.shape[2])
    index, chosen = torch.empty(shape, dtype=torch.int32), torch.empty(shape, dtype=groups.dtype)
    sign = torch.where(slope < 0, -1, 1).to(groups.dtype)
    _group_extremes(_array(groups), _array(sign), index.numpy(), chosen.numpy())
    return index, chosen


def group_backward(grad: Tensor, index: Tensor, groups: Tensor, factor: Tensor, constant: Tensor) -> Tensor:
    """See `torch_kernels.group_backward`."""
    _match_threads()
    output = torch.empty(groups.shape, dtype=groups.dtype)
    arrays = (_array(grad), _array(index), _array(groups), _array(factor), _array(constant))
    _group_backward(*arrays, output.numpy())
    return output
