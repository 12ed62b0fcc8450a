"""The kernels for the CPU, compiled by numba on first use and cached on disk.

Squared distances are summed in the order of the specification and without fused multiply-adds, so that
the indices are those of `torch_kernels`, ties included.
"""

# mypy: disable-error-code="misc, no-untyped-def, no-untyped-call"

import threading
from types import FunctionType

import numpy as np
import torch
from numba import config, get_num_threads, njit, prange, set_num_threads
from torch import Tensor

from kg.compiling import compiled
from kg.ops.torch_kernels import PIECE, merge_moments, piece_counts

BLOCK = 16
"""Points compared together: they fill the lanes of a vector register."""
QUERIES = 64
"""Of a cloud, that are one thread's job."""

# Without NaN and signed zero a maximum may be taken in any order, which lets it be vectorised. Searches
# permit no other rounding; sums may use fused multiply-adds.
ORDER_FREE = {"nnan", "nsz"}
SUMS = {"nsz", "contract"}


def _array(tensor: Tensor) -> np.ndarray:
    return tensor.detach().contiguous().numpy()


SMALL = 1 << 14
"""Numbers in all arguments up to which waking other threads takes longer than they save."""


_others = threading.Lock()
"""Held while numba's threads work: a kernel that another thread of Python runs meanwhile does without.

numba's own pool, where there is no OpenMP, would end the process; OpenMP would have threads for two.
"""


def _kernel(fastmath):
    """Return what compiles a function twice, for one thread and for all that PyTorch is set to use.

    numba's threads cost microseconds a call, or milliseconds where others want the cores too, even if
    only one of them is to work.
    """

    def decorate(function):
        alone = FunctionType(function.__code__, function.__globals__, function.__name__)
        # What is kept is told apart by this name, not by how it is compiled.
        alone.__qualname__ = alone.__name__ = f"{function.__name__}_alone"
        serial = compiled(fastmath=fastmath)(alone)
        parallel = compiled(parallel=True, fastmath=fastmath)(function)

        def call(*arguments):
            threads = min(torch.get_num_threads(), config.NUMBA_NUM_THREADS)
            small = threads == 1 or sum(np.size(argument) for argument in arguments) < SMALL
            if small or not _others.acquire(blocking=False):
                return serial(*arguments)
            try:
                if get_num_threads() != threads:
                    set_num_threads(threads)
                return parallel(*arguments)
            finally:
                _others.release()

        call.parallel = parallel  # type: ignore[attr-defined]
        return call

    return decorate


@_kernel(ORDER_FREE)
def _farthest_point_sample(points, start, like, indices):
    batch, size, _ = points.shape
    for b in prange(batch):
        x, y, z = points[b, :, 0].copy(), points[b, :, 1].copy(), points[b, :, 2].copy()
        distances = np.full(size, np.inf, points.dtype)
        # Integers of the same bits have the same order, and their maximum is vectorised.
        bits = distances.view(like.dtype)
        latest = start[b]
        for step in range(indices.shape[1]):
            indices[b, step] = latest
            px, py, pz = x[latest], y[latest], z[latest]
            for i in range(size):
                dx, dy, dz = x[i] - px, y[i] - py, z[i] - pz
                distances[i] = min(distances[i], dx * dx + dy * dy + dz * dz)
            largest = like.dtype.type(-1)
            for i in range(size):
                largest = max(largest, bits[i])
            latest = 0
            while latest < size - 1 and bits[latest] != largest:
                latest += 1


@_kernel(ORDER_FREE)
def _first_in_ball(points, centres, squared_radius, neighbours):
    batch, size, _ = points.shape
    queries, count = neighbours.shape[1], neighbours.shape[2]
    for job in prange(batch * ((queries + QUERIES - 1) // QUERIES)):
        b, first = job % batch, job // batch * QUERIES
        x, y, z = points[b, :, 0].copy(), points[b, :, 1].copy(), points[b, :, 2].copy()
        distances = np.empty(size, points.dtype)
        for s in range(first, min(queries, first + QUERIES)):
            px, py, pz = centres[b, s, 0], centres[b, s, 1], centres[b, s, 2]
            for i in range(size):
                dx, dy, dz = px - x[i], py - y[i], pz - z[i]
                distances[i] = dx * dx + dy * dy + dz * dz
            filled = 0
            for i in range(size):
                if distances[i] <= squared_radius:
                    neighbours[b, s, filled] = i
                    filled += 1
                    if filled == count:
                        break
            if filled == 0:
                neighbours[b, s, 0] = np.argmin(distances)
                filled = 1
            neighbours[b, s, filled:] = neighbours[b, s, 0]


@compiled()
def _every_third_bit(number):
    """Return a number below 1,024 with two zeros after each of its bits."""
    number = (number | number << 16) & 0x030000FF
    number = (number | number << 8) & 0x0300F00F
    number = (number | number << 4) & 0x030C30C3
    return (number | number << 2) & 0x09249249


@compiled()
def _into_leaves(points, order, placed, boxes):
    """Place points (N, 3) along a curve that fills space, and give each `BLOCK` of them a box.

    Args:
        points: (N, 3).
        order: Their indices, as they are placed; those that fill the last leaf come after all others.
        placed: (3, leaves x BLOCK), their coordinates.
        boxes: (6, leaves), lowest and highest coordinates.
    """
    size = len(points)
    cells = np.zeros(size, np.int64)
    for axis in range(3):
        low, high = points[:, axis].min(), points[:, axis].max()
        scale = 1023 / (high - low) if high > low else 0.0
        for i in range(size):
            cells[i] |= _every_third_bit(np.int64((points[i, axis] - low) * scale)) << axis
    order[:size], order[size:] = np.argsort(cells), size
    placed[:, size:] = np.inf
    for axis in range(3):
        for i in range(size):
            placed[axis, i] = points[order[i], axis]
        for leaf in range(boxes.shape[1]):
            held = placed[axis, leaf * BLOCK : min(size, (leaf + 1) * BLOCK)]
            boxes[axis, leaf], boxes[3 + axis, leaf] = held.min(), held.max()


@compiled(fastmath=ORDER_FREE)
def _look_into_leaf(px, py, pz, leaf, order, placed, distances, best, index):
    """Take what is in a leaf and nearer than the last of the best among them, ties by index."""
    first, last = leaf * BLOCK, len(best) - 1
    least = best[last]
    for lane in range(BLOCK):
        dx, dy, dz = px - placed[0, first + lane], py - placed[1, first + lane], pz - placed[2, first + lane]
        distances[lane] = dx * dx + dy * dy + dz * dz
        least = min(least, distances[lane])
    if least > best[last]:
        return
    for lane in range(BLOCK):
        distance, i = distances[lane], order[first + lane]
        slot = last
        if distance > best[slot] or (distance == best[slot] and i >= index[slot]):
            continue
        while slot > 0 and (
            distance < best[slot - 1] or (distance == best[slot - 1] and i < index[slot - 1])
        ):
            best[slot], index[slot] = best[slot - 1], index[slot - 1]
            slot -= 1
        best[slot], index[slot] = distance, i


@compiled(fastmath=ORDER_FREE)
def _look(px, py, pz, order, placed, boxes, least, distances, best, index):
    """Take the points that come before the last of the best among them: (distance, index), ascending."""
    zero, last = boxes.dtype.type(0), len(best) - 1
    # No point of a leaf is nearer than its box: the sums are rounded alike.
    for leaf in range(len(least)):
        dx = max(boxes[0, leaf] - px, px - boxes[3, leaf], zero)
        dy = max(boxes[1, leaf] - py, py - boxes[4, leaf], zero)
        dz = max(boxes[2, leaf] - pz, pz - boxes[5, leaf], zero)
        least[leaf] = dx * dx + dy * dy + dz * dz
    nearest = np.argmin(least)
    _look_into_leaf(px, py, pz, nearest, order, placed, distances, best, index)
    for leaf in range(len(least)):
        if least[leaf] <= best[last] and leaf != nearest:
            _look_into_leaf(px, py, pz, leaf, order, placed, distances, best, index)


@_kernel(ORDER_FREE)
def _nearest(queries, points, squared_radius, neighbours):
    batch, size, _ = points.shape
    total, count = neighbours.shape[1], neighbours.shape[2]
    leaves = (size + BLOCK - 1) // BLOCK
    order = np.empty((batch, leaves * BLOCK), np.int64)
    placed = np.empty((batch, 3, leaves * BLOCK), points.dtype)
    boxes = np.empty((batch, 6, leaves), points.dtype)
    for b in prange(batch):
        _into_leaves(points[b], order[b], placed[b], boxes[b])
    for job in prange(batch * ((total + QUERIES - 1) // QUERIES)):
        b, first = job % batch, job // batch * QUERIES
        least, distances = np.empty(leaves, points.dtype), np.empty(BLOCK, points.dtype)
        best, index = np.empty(count, points.dtype), np.empty(count, np.int64)
        tree = order[b], placed[b], boxes[b]
        for s in range(first, min(total, first + QUERIES)):
            px, py, pz = queries[b, s, 0], queries[b, s, 1], queries[b, s, 2]
            best[:], index[:] = squared_radius, size
            _look(px, py, pz, *tree, least, distances, best, index)
            filled = count
            while filled > 0 and index[filled - 1] == size:
                filled -= 1
            if filled == 0:
                best[0], filled = np.inf, 1
                _look(px, py, pz, *tree, least, distances, best[:1], index[:1])
            index[filled:] = index[0]
            neighbours[b, s] = index


@_kernel(SUMS)
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


@_kernel(SUMS)
def _affine_relu(rows, slope, shift, result):
    zero = rows.dtype.type(0)
    for piece in prange((len(rows) + PIECE - 1) // PIECE):
        for row in range(piece * PIECE, min(len(rows), (piece + 1) * PIECE)):
            for c in range(rows.shape[1]):
                value = rows[row, c] * slope[c] + shift[c]
                result[row, c] = zero if value <= zero else value  # not max: it would hide a NaN


@_kernel(SUMS)
def _affine_relu_sums(grad, rows, slope, shift, mean, weighted, plain):
    zero = rows.dtype.type(0)
    for piece in prange(len(plain)):
        weighted[piece] = 0
        plain[piece] = 0
        for row in range(piece * PIECE, min(len(rows), (piece + 1) * PIECE)):
            for c in range(rows.shape[1]):
                through = grad[row, c] if rows[row, c] * slope[c] + shift[c] > zero else zero
                plain[piece, c] += through
                weighted[piece, c] += through * (rows[row, c] - mean[c])


@_kernel(SUMS)
def _affine_relu_backward(grad, rows, slope, shift, factor, constant, output):
    zero = rows.dtype.type(0)
    for piece in prange((len(rows) + PIECE - 1) // PIECE):
        for row in range(piece * PIECE, min(len(rows), (piece + 1) * PIECE)):
            for c in range(rows.shape[1]):
                value = rows[row, c]
                through = grad[row, c] if value * slope[c] + shift[c] > zero else zero
                output[row, c] = through * slope[c] + value * factor[c] + constant[c]


@_kernel(False)
def _group_rows(points, centres, members, output):
    count, channels = members.shape[1], points.shape[1]
    for group in prange(len(members)):
        for k in range(count):
            member = members[group, k]
            for c in range(channels):
                output[group, k, c] = points[member, c] - centres[group, c]


@compiled()
def _by_target(targets, starts, order):
    """Sort the places of targets (n,) by what they name: its places are order[starts[m] : starts[m + 1]]."""
    starts[:] = 0
    for target in targets:
        starts[target + 1] += 1
    for m in range(1, len(starts)):
        starts[m] += starts[m - 1]
    filled = starts[:-1].copy()
    for place in range(len(targets)):
        order[filled[targets[place]]] = place
        filled[targets[place]] += 1


@_kernel(SUMS)
def _group_rows_backward(grad, members, total, centres):
    groups, count, channels = grad.shape
    starts, order = np.empty(len(total) + 1, np.int64), np.empty(groups * count, np.int64)
    _by_target(members.ravel(), starts, order)
    for group in prange(groups):
        for c in range(channels):
            centres[group, c] = 0
        for k in range(count):
            for c in range(channels):
                centres[group, c] -= grad[group, k, c]
    for member in prange(len(total)):
        for place in order[starts[member] : starts[member + 1]]:
            for c in range(channels):
                total[member, c] += grad[place // count, place % count, c]


@_kernel({"nsz"})
def _group_extremes(groups, sign, index, extremes):
    members, channels = groups.shape[1], groups.shape[2]
    for group in prange(len(groups)):
        for c in range(channels):
            index[group, c] = 0
            extremes[group, c] = groups[group, 0, c]
        for member in range(1, members):
            for c in range(channels):
                value = groups[group, member, c]
                # Negated, so that a NaN wins; and stays, as nothing is equal to it.
                best = extremes[group, c]
                better = not value * sign[c] <= best * sign[c] and best == best
                extremes[group, c] = value if better else extremes[group, c]
                index[group, c] = np.int32(member) if better else index[group, c]


@_kernel(SUMS)
def _extremes_to_rows(total, index, pull, weight):
    for group in prange(len(pull)):
        for d in range(pull.shape[1]):
            share, member = pull[group, d], index[group, d]
            for c in range(weight.shape[1]):
                total[group, member, c] += share * weight[d, c]


@_kernel(SUMS)
def _extremes_to_weight(rows, index, pull, output):
    for d in prange(pull.shape[1]):
        for c in range(rows.shape[2]):
            output[d, c] = 0
        for group in range(len(pull)):
            share, member = pull[group, d], index[group, d]
            for c in range(rows.shape[2]):
                output[d, c] += share * rows[group, member, c]


@_kernel(False)
def _column_statistics(points, order, squared_radius, margin, output):
    batch, size, _ = points.shape
    radius = squared_radius**0.5
    for b in prange(batch):
        # Along x, so that only a strip has to be looked at.
        x, y, z = np.empty(size, points.dtype), np.empty(size, points.dtype), np.empty(size, points.dtype)
        for i in range(size):
            x[i], y[i], z[i] = points[b, order[b, i]]
        first = 0
        for i in range(size):
            # A little more than the radius: whether a point is inside is decided by the square alone.
            while x[i] - x[first] > radius * 1.001:
                first += 1
            count, below, above, low, high = 0, 0, 0, z[i], z[i]
            j = first
            while j < size and x[j] - x[i] <= radius * 1.001:
                across, along = x[i] - x[j], y[i] - y[j]
                if across * across + along * along <= squared_radius:
                    height = z[j] - z[i]
                    count += 1
                    below += height < -margin
                    above += height > margin
                    low, high = min(low, z[j]), max(high, z[j])
                j += 1
            row = output[b, order[b, i]]
            row[0], row[1], row[2] = count / size, below / count, above / count
            row[3], row[4] = z[i] - low, high - z[i]


@_kernel(ORDER_FREE)
def _neighbour_max(values, members, largest, winners):
    batch, size, ranks = members.shape
    for job in prange(batch * size):
        b, m = job // size, job % size
        best, who = largest[b, m], winners[b, m]
        best[:] = values[b, members[b, m, 0]]
        who[:] = 0
        for rank in range(1, ranks):
            row = values[b, members[b, m, rank]]
            number = np.int32(rank)
            for c in range(values.shape[2]):
                value, before = row[c], best[c]
                best[c] = max(value, before)
                who[c] = number if value > before else who[c]
        for c in range(values.shape[2]):
            who[c] = members[b, m, who[c]]


@_kernel(False)
def _neighbour_max_backward(grad, winners, output):
    for b in prange(len(grad)):
        for m in range(grad.shape[1]):
            for c in range(grad.shape[2]):
                output[b, winners[b, m, c], c] += grad[b, m, c]


@_kernel(False)
def _three_interpolate(features, indices, weights, output):
    batch, size, ranks = indices.shape
    for job in prange(batch * size):
        b, s = job // size, job % size
        for c in range(features.shape[2]):
            output[b, s, c] = features[b, indices[b, s, 0], c] * weights[b, s, 0]
        for rank in range(1, ranks):
            index, weight = indices[b, s, rank], weights[b, s, rank]
            for c in range(features.shape[2]):
                output[b, s, c] += features[b, index, c] * weight


@_kernel(SUMS)
def _three_interpolate_backward(grad, indices, weights, output):
    batch, size, ranks = indices.shape
    coarse = output.shape[1]
    starts, order = np.empty((batch, coarse + 1), np.int64), np.empty((batch, size * ranks), np.int64)
    for b in prange(batch):
        _by_target(indices[b].ravel(), starts[b], order[b])
    for job in prange(batch * coarse):
        b, m = job // coarse, job % coarse
        for place in order[b, starts[b, m] : starts[b, m + 1]]:
            s, weight = place // ranks, weights[b, place // ranks, place % ranks]
            for c in range(grad.shape[2]):
                output[b, m, c] += grad[b, s, c] * weight


@njit(inline="always")
def _to_segment(point, a, b):
    """Return what leads from a segment to a point, and where along the segment it starts."""
    number = point.dtype.type
    ux, uy, uz = b[0] - a[0], b[1] - a[1], b[2] - a[2]
    x, y, z = point[0] - a[0], point[1] - a[1], point[2] - a[2]
    length = max(ux * ux + uy * uy + uz * uz, number(1e-12))
    fraction = (x * ux + y * uy + z * uz) / length
    fraction = number(0) if fraction < number(0) else number(1) if fraction > number(1) else fraction
    return x - fraction * ux, y - fraction * uy, z - fraction * uz, fraction


@_kernel(False)
def _skeleton_heatmap(points, keypoints, edges, factor, spare, heat, winner):
    batch, size, _ = points.shape
    count = keypoints.shape[1]
    for job in prange(batch * size):
        b, p = job // size, job % size
        best, best_edge, edge = points.dtype.type(-np.inf), 0, 0
        for i in range(count):
            for j in range(i + 1, count):
                weight = edges[b, edge]
                # With the minus sign no exponential lifts a weight that is not negative.
                if not (spare and 0 <= weight <= best):
                    x, y, z, _ = _to_segment(points[b, p], keypoints[b, i], keypoints[b, j])
                    value = weight * np.exp(factor * (x * x + y * y + z * z))
                    if not value <= best and best == best:
                        best, best_edge = value, edge
                edge += 1
        heat[b, p] = best
        winner[b, p] = best_edge


@_kernel(False)
def _skeleton_heatmap_backward(
    grad, points, keypoints, edges, winner, factor, to_points, to_keypoints, to_edges
):
    batch, size, _ = points.shape
    count = keypoints.shape[1]
    first, second = np.empty(edges.shape[1], np.int64), np.empty(edges.shape[1], np.int64)
    edge = 0
    for i in range(count):
        for j in range(i + 1, count):
            first[edge], second[edge] = i, j
            edge += 1
    for b in prange(batch):
        for p in range(size):
            edge = winner[b, p]
            i, j = first[edge], second[edge]
            x, y, z, fraction = _to_segment(points[b, p], keypoints[b, i], keypoints[b, j])
            warmth = grad[b, p] * np.exp(factor * (x * x + y * y + z * z))
            to_edges[b, edge] += warmth
            push = 2 * factor * warmth * edges[b, edge]
            for axis, away in enumerate((x, y, z)):
                to_points[b, p, axis] = push * away
                to_keypoints[b, i, axis] -= push * away * (1 - fraction)
                to_keypoints[b, j, axis] -= push * away * fraction


def farthest_point_sample(points: Tensor, count: int, start: Tensor) -> Tensor:
    """See `kg.ops.farthest_point_sample`."""
    indices = np.empty((len(points), count), np.int64)
    like = np.empty(0, np.int32 if points.dtype == torch.float32 else np.int64)
    _farthest_point_sample(_array(points), _array(start), like, indices)
    return torch.from_numpy(indices)


def ball_query(points: Tensor, centres: Tensor, radius: float, count: int, nearest: bool) -> Tensor:
    """See `kg.ops.ball_query`."""
    neighbours = np.empty((*centres.shape[:2], count), np.int64)
    values = _array(points)
    square = values.dtype.type(radius**2)
    if nearest:
        _nearest(_array(centres), values, square, neighbours)
    else:
        _first_in_ball(values, _array(centres), square, neighbours)
    return torch.from_numpy(neighbours)


def nearest_neighbours(queries: Tensor, points: Tensor, count: int) -> Tensor:
    """See `kg.ops.nearest_neighbours`."""
    return ball_query(points, queries, float("inf"), count, nearest=True)


def moments(rows: Tensor) -> tuple[Tensor, Tensor]:
    """See `kg.ops.norm.moments`."""
    counts = piece_counts(len(rows))
    means, variances = torch.empty((2, len(counts), rows.shape[1]), dtype=rows.dtype)
    _moments(_array(rows), means.numpy(), variances.numpy())
    return merge_moments(means, variances, counts)


def affine_relu(rows: Tensor, slope: Tensor, shift: Tensor) -> Tensor:
    """See `torch_kernels.affine_relu`."""
    result = torch.empty(rows.shape, dtype=rows.dtype)
    _affine_relu(_array(rows), _array(slope), _array(shift), result.numpy())
    return result


def affine_relu_sums(
    grad: Tensor, rows: Tensor, slope: Tensor, shift: Tensor, mean: Tensor
) -> tuple[Tensor, Tensor]:
    """See `torch_kernels.affine_relu_sums`."""
    pieces = -(-len(rows) // PIECE)
    weighted, plain = torch.empty((2, pieces, rows.shape[1]), dtype=rows.dtype)
    arrays = map(_array, (grad, rows, slope, shift, mean))
    _affine_relu_sums(*arrays, weighted.numpy(), plain.numpy())
    return weighted.sum(0), plain.sum(0)


def affine_relu_backward(
    grad: Tensor, rows: Tensor, slope: Tensor, shift: Tensor, factor: Tensor, constant: Tensor
) -> Tensor:
    """See `torch_kernels.affine_relu_backward`."""
    output = torch.empty(rows.shape, dtype=rows.dtype)
    _affine_relu_backward(*map(_array, (grad, rows, slope, shift, factor, constant)), output.numpy())
    return output


def group_rows(points: Tensor, centres: Tensor, members: Tensor) -> Tensor:
    """See `torch_kernels.group_rows`."""
    output = torch.empty((*members.shape, points.shape[1]), dtype=points.dtype)
    _group_rows(_array(points), _array(centres), _array(members), output.numpy())
    return output


def group_rows_backward(grad: Tensor, members: Tensor, total: Tensor) -> Tensor:
    """See `torch_kernels.group_rows_backward`."""
    centres = torch.empty((len(grad), grad.shape[2]), dtype=grad.dtype)
    _group_rows_backward(_array(grad), _array(members), total.numpy(), centres.numpy())
    return centres


def group_extremes(groups: Tensor, slope: Tensor) -> tuple[Tensor, Tensor]:
    """See `torch_kernels.group_extremes`."""
    shape = (groups.shape[0], groups.shape[2])
    index, extremes = torch.empty(shape, dtype=torch.int32), torch.empty(shape, dtype=groups.dtype)
    sign = torch.where(slope < 0, -1, 1).to(groups.dtype)
    _group_extremes(_array(groups), _array(sign), index.numpy(), extremes.numpy())
    return index, extremes


def extremes_backward(total: Tensor, rows: Tensor, index: Tensor, pull: Tensor, weight: Tensor) -> Tensor:
    """See `torch_kernels.extremes_backward`."""
    output = torch.empty(weight.shape, dtype=weight.dtype)
    _extremes_to_weight(_array(rows), _array(index), _array(pull), output.numpy())
    # Last: if anything fails before, the twin adds to a total that is as it was.
    _extremes_to_rows(total.numpy(), _array(index), _array(pull), _array(weight))
    return output


def column_statistics(points: Tensor, radius: float, margin: float) -> Tensor:
    """See `kg.ops.column_statistics`."""
    output = torch.empty((*points.shape[:2], 5), dtype=points.dtype)
    cloud, order = _array(points), _array(points[..., 0].argsort(dim=1))
    kind = cloud.dtype.type
    _column_statistics(cloud, order, kind(radius * radius), kind(margin), output.numpy())
    return output


def neighbour_max(values: Tensor, members: Tensor) -> tuple[Tensor, Tensor]:
    """See `torch_kernels.neighbour_max`."""
    shape = (*members.shape[:2], values.shape[2])
    largest, winners = torch.empty(shape, dtype=values.dtype), torch.empty(shape, dtype=torch.int32)
    _neighbour_max(_array(values), _array(members), largest.numpy(), winners.numpy())
    return largest, winners


def neighbour_max_backward(grad: Tensor, winners: Tensor, size: int) -> Tensor:
    """See `torch_kernels.neighbour_max_backward`."""
    output = torch.zeros((len(grad), size, grad.shape[2]), dtype=grad.dtype)
    _neighbour_max_backward(_array(grad), _array(winners), output.numpy())
    return output


def three_interpolate(features: Tensor, indices: Tensor, weights: Tensor) -> Tensor:
    """See `kg.ops.three_interpolate`."""
    output = torch.empty((*indices.shape[:2], features.shape[2]), dtype=features.dtype)
    _three_interpolate(_array(features), _array(indices), _array(weights), output.numpy())
    return output


def three_interpolate_backward(grad: Tensor, indices: Tensor, weights: Tensor, size: int) -> Tensor:
    """See `torch_kernels.three_interpolate_backward`."""
    output = torch.zeros((len(grad), size, grad.shape[2]), dtype=grad.dtype)
    _three_interpolate_backward(_array(grad), _array(indices), _array(weights), output.numpy())
    return output


def skeleton_heatmap(
    points: Tensor, keypoints: Tensor, edges: Tensor, factor: float
) -> tuple[Tensor, Tensor]:
    """See `torch_kernels.skeleton_heatmap`."""
    heat = torch.empty(points.shape[:2], dtype=points.dtype)
    winner = torch.empty(points.shape[:2], dtype=torch.int32)
    arrays = tuple(map(_array, (points, keypoints, edges)))
    # Sparing exponentials would overlook a NaN.
    spare = factor < 0 and all(np.isfinite(array).all() for array in arrays)
    _skeleton_heatmap(*arrays, arrays[0].dtype.type(factor), spare, heat.numpy(), winner.numpy())
    return heat, winner


def skeleton_heatmap_backward(
    grad: Tensor, points: Tensor, keypoints: Tensor, edges: Tensor, winner: Tensor, factor: float
) -> tuple[Tensor, Tensor, Tensor]:
    """See `torch_kernels.skeleton_heatmap_backward`."""
    grads = torch.empty_like(points), torch.zeros_like(keypoints), torch.zeros_like(edges)
    arrays = tuple(map(_array, (grad, points, keypoints, edges, winner)))
    _skeleton_heatmap_backward(*arrays, arrays[0].dtype.type(factor), *(tensor.numpy() for tensor in grads))
    return grads
