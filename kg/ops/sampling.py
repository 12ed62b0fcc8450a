"""Choosing points of a cloud."""

import torch
from torch import Tensor

from kg.ops.kernels import run
from kg.ops.signature import Signature, check_indices
from kg.ops.torch_kernels import gather as _gather

_GATHER = Signature("values:any B N C, indices:index B ...")
_CLOUD = Signature("points B N 3")
_CLOUD_AND_START = Signature("points B N 3, start:index B")


def gather(values: Tensor, indices: Tensor) -> Tensor:
    """Return rows of each cloud.

    Args:
        values: (B, N, C), differentiable, of any dtype.
        indices: (B, ...) int64 in [0, N).

    Returns:
        (B, ..., C).

    Raises:
        ValueError: The shapes do not belong together, or an index is outside [0, N), as seen on the CPU.
    """
    _GATHER.check(values, indices)
    # Not an operator of its own, whose body would see real tensors only.
    if type(indices) is Tensor and not torch.compiler.is_compiling():
        check_indices("indices", indices, values.shape[1])
    return _gather(values, indices)


def canonical_order(points: Tensor) -> Tensor:
    """Return the order (B, N) that sorts each cloud (B, N, 3) by x, then y, then z.

    Whatever is computed from the sorted cloud is a function of the set of points alone.

    Raises:
        ValueError: `points` has another shape.
    """
    _CLOUD.check(points)
    order = points[..., 2].argsort(dim=1, stable=True)
    for axis in (1, 0):
        order = order.gather(1, points[..., axis].gather(1, order).argsort(dim=1, stable=True))
    return order


@torch.library.custom_op("kg::farthest_point_sample", mutates_args=())
def _farthest_point_sample(points: Tensor, count: int, start: Tensor) -> Tensor:
    check_indices("start", start, points.shape[1])
    start = start.contiguous()
    indices: Tensor = run("farthest_point_sample", _finite_cloud(points, start), count, start)
    return indices


@_farthest_point_sample.register_fake
def _(points: Tensor, count: int, start: Tensor) -> Tensor:
    return points.new_empty((len(points), count), dtype=torch.int64)


def _finite_cloud(points: Tensor, start: Tensor) -> Tensor:
    """Return clouds whose points that are not finite lie where sampling starts, so that it passes them by."""
    finite = points.isfinite().all(2)  # (B, N)
    anchor = torch.where(finite.gather(1, start[:, None])[:, 0], start, finite.to(torch.uint8).argmax(1))
    place = gather(points, anchor[:, None]).nan_to_num(0, 0, 0)
    return torch.where(finite[..., None], points, place).contiguous()


def farthest_point_sample(points: Tensor, count: int, start: Tensor | None = None) -> Tensor:
    """Return indices (B, count): each next point is the one farthest from those already chosen.

    Every prefix of the result is the result for a smaller count. Of equally far points the one with the
    lowest index is taken; once every place is taken, index 0 comes again. A point that is not finite is
    passed by; one to start from stands for the first that is.

    Args:
        points: (B, N, 3), in any layout; B may be 0.
        count: Points to choose, at most N.
        start: (B,) int64 indices of the first points; 0 by default.

    Raises:
        ValueError: The shapes do not belong together, there are fewer than `count` points, or a start is
            outside [0, N), as seen on the CPU.
    """
    if start is None:
        _CLOUD.check(points)
    else:
        _CLOUD_AND_START.check(points, start)
    if not 1 <= count <= points.shape[1]:
        raise ValueError(f"cannot choose {count} of {points.shape[1]} points")
    if start is None:
        start = torch.zeros(len(points), dtype=torch.int64, device=points.device)
    indices: Tensor = _farthest_point_sample(points.detach(), count, start)
    return indices
