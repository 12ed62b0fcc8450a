"""The searches for the CPU, compiled by numba on first use and cached on disk.

Squared distances are summed in the order of the specification and without fused multiply-adds, so that
the indices are those of `torch_kernels`, ties included.
"""

# mypy: disable-error-code="misc, no-untyped-def, no-untyped-call"

import numpy as np
import torch
from numba import get_num_threads, njit, prange, set_num_threads
from torch import Tensor

BLOCK = 16
"""Queries advanced together over the points: their comparisons fill the lanes of a vector register."""

# Without NaN and signed zero a maximum may be taken in any order, which lets it be vectorised; nothing
# here permits rounding differently.
ORDER_FREE = {"nnan", "nsz"}


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
