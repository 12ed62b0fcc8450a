"""Farthest point sampling of one cloud, for preparing shapes: exact, and without PyTorch.

`kg.ops.farthest_point_sample` is for batches within the network. Here clouds are larger, one comes at a
time, and worker processes start seconds sooner where nothing imports PyTorch.
"""

from collections.abc import Callable
from functools import cache

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float32]
Indices = NDArray[np.int64]

BLOCK = 128
"""Points looked at together: those of a block lie near each other in x, because the cloud is sorted."""


def farthest_of_sorted(points: Points, count: int) -> Indices:
    """Return indices (count,) into a cloud (M, 3) sorted by x, as `kg.ops.farthest_point_sample` does.

    The first is 0, each next one is the farthest from those before it, of equally far ones the lowest.
    """
    indices: Indices = _search()(np.ascontiguousarray(points.T, dtype=np.float32), count)
    return indices


@cache
def _search() -> Callable[[Points, int], Indices]:
    try:
        from kg.compiling import compiled
    except Exception:  # a broken LLVM raises whatever it likes
        return _plain
    search: Callable[[Points, int], Indices] = compiled()(_pruned)
    return search


def _plain(axes: Points, count: int) -> Indices:
    """Return the farthest points of axes (3, M): the specification of `_pruned`."""
    indices = np.zeros(count, dtype=np.int64)
    distances = np.full(axes.shape[1], np.inf, dtype=np.float32)
    for step in range(1, count):
        x, y, z = axes - axes[:, indices[step - 1], None]
        np.minimum(distances, x * x + y * y + z * z, out=distances)
        indices[step] = distances.argmax()
    return indices


def _pruned(axes: Points, count: int) -> Indices:
    """As `_plain`, for axes (3, M) whose first is sorted: compiled by numba.

    Nobody is farther from the points chosen than the latest of them was, so the latest changes nothing
    beyond that distance in x: blocks are visited from its own one outwards until they lie beyond. Squares of
    distances are compared as the integers of the same bits, which have the same order: only of those can the
    compiler take a maximum of eight at once.
    """
    x, y, z = axes[0], axes[1], axes[2]
    size = len(x)
    blocks = (size + BLOCK - 1) // BLOCK
    indices = np.zeros(count, np.int64)
    distances = np.full(size, np.inf, np.float32)
    bits = distances.view(np.int32)
    largest = np.full(blocks, np.inf, np.float32)  # of each block's distances
    largest_bits = largest.view(np.int32)
    reach = np.float32(np.inf)
    latest = 0
    for step in range(1, count):
        px, py, pz = x[latest], y[latest], z[latest]
        for way in (-1, 1):
            block = latest // BLOCK + (way + 1) // 2
            while 0 <= block < blocks:
                some = slice(block * BLOCK, min(size, (block + 1) * BLOCK))
                xs, ys, zs, nearest, nearest_bits = x[some], y[some], z[some], distances[some], bits[some]
                gap = max(np.float32(0), px - xs[-1] if way < 0 else xs[0] - px)
                if gap * gap > reach:
                    break
                for i in range(len(xs)):
                    dx, dy, dz = xs[i] - px, ys[i] - py, zs[i] - pz
                    distance = dx * dx + dy * dy + dz * dz
                    nearest[i] = nearest[i] if nearest[i] < distance else distance
                top = np.int32(0)
                for i in range(len(nearest_bits)):
                    top = max(top, nearest_bits[i])
                largest_bits[block] = top
                block += way
        top = np.int32(0)
        for block in range(blocks):
            top = max(top, largest_bits[block])
        farthest = 0
        while largest_bits[farthest] != top:
            farthest += 1
        reach = largest[farthest]
        latest = farthest * BLOCK
        while bits[latest] != top:
            latest += 1
        indices[step] = latest
    return indices
