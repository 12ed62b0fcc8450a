"""What lies above and below a point: in which layer of a pile of cloth it is."""

import torch
from torch import Tensor

from kg.ops.kernels import run
from kg.ops.signature import Signature

_CLOUD = Signature("points B N 3")


@torch.library.custom_op("kg::column_statistics", mutates_args=())
def _column_statistics(points: Tensor, radius: float, margin: float) -> Tensor:
    result: Tensor = run("column_statistics", points.contiguous(), radius, margin)
    return result


@_column_statistics.register_fake
def _(points: Tensor, radius: float, margin: float) -> Tensor:
    return points.new_empty((*points.shape[:2], 5))


def column_statistics(points: Tensor, radius: float, margin: float) -> Tensor:
    """Return five numbers (B, N, 5) about the vertical column around each point; z is up.

    The column holds the points that are no farther from its axis than the radius, the point itself among
    them. The numbers: its share of the cloud's points; the share of its points that lie below, and above,
    by more than the margin; the height down to its lowest and up to its highest point. They do not change
    when the cloud turns about the vertical. No gradient.

    Args:
        points: (B, N, 3).
        radius: In the clouds' units, above 0.
        margin: Likewise, 0 or more.

    Raises:
        ValueError: The points have another shape, the radius is not above 0 or the margin is below 0.
    """
    _CLOUD.check(points)
    if not (radius > 0 and margin >= 0):
        raise ValueError(f"radius must be above 0 and margin 0 or more, not {radius} and {margin}")
    statistics: Tensor = _column_statistics(points.detach(), radius, margin)
    return statistics
