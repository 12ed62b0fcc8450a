"""What clouds are brought into [-1, 1] by before a detector sees them, and the way back."""

from typing import NamedTuple

from torch import Tensor

from kg.config import Normalisation


class Scaling(NamedTuple):
    """The map from normalised coordinates back: `points * scale + offset`.

    Attributes:
        scale: (B, 1, 1), or (B, 1, 3) where axes are stretched by themselves.
        offset: (B, 1, 1) or (B, 1, 3).
    """

    scale: Tensor
    offset: Tensor

    def back(self, points: Tensor) -> Tensor:
        """Return normalised points (B, n, 3) in the coordinates that they came from."""
        return points * self.scale + self.offset


def normalised(points: Tensor, how: Normalisation) -> tuple[Tensor, Scaling]:
    """Return clouds (B, N, 3) in [-1, 1], and the scaling that carries points back.

    "range" has one minimum and one maximum over all axes, as the stores; "longest-side" the centre of the
    box and half its longest side; "stretch" the centre and half of each side. An axis without extent is not
    stretched.
    """
    if how == "range":
        low, high = points.amin((1, 2), keepdim=True), points.amax((1, 2), keepdim=True)
    else:
        low, high = points.amin(1, keepdim=True), points.amax(1, keepdim=True)
    scale, offset = (high - low) / 2, (high + low) / 2
    longest = scale.amax(2, keepdim=True)
    scale = longest if how == "longest-side" else scale.where(scale > 0, longest)
    return (points - offset) / scale, Scaling(scale, offset)
