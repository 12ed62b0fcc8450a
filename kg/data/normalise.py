"""The space that the model works in, and the way back."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kg.errors import KgError

SMALLEST = 0.05
"""Share of the range that a cloud's largest extent fills at least. A crumpled mask that is dragged 1.2 m away
may fill a fifteenth, most garments half and more."""


@dataclass(frozen=True)
class Frame:
    """The map from normalised to source coordinates: `source = normalised * scale + offset`.

    Attributes:
        scale: Source units for one normalised unit; above 0.
        offset: Source coordinate of the normalised origin, the same on all three axes.
    """

    scale: float
    offset: float

    def to_source(self, normalised: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return points (..., 3) in source units, float64."""
        return np.asarray(normalised, dtype=np.float64) * self.scale + self.offset

    def to_normalised(self, source: NDArray[np.floating]) -> NDArray[np.float32]:
        """Return points (..., 3) in the normalised space, float32."""
        return ((np.asarray(source, dtype=np.float64) - self.offset) / self.scale).astype(np.float32)


def normalise(points: NDArray[np.floating]) -> Frame:
    """Return the frame that brings a cloud (N, 3) into [-1, 1] (see `frame_of`).

    Raises:
        KgError: All points lie in one place, or so far from the origin that the cloud would be a dot: its
            largest extent is less than `SMALLEST` of (max - min).
    """
    frame = frame_of(points)
    extent = float(np.ptp(points, axis=0).max())
    if not extent > 0:
        raise KgError("All points of the cloud lie in one place.")
    share = extent / (2 * frame.scale)
    if share < SMALLEST:
        raise KgError(
            f"The cloud lies too far from the origin: normalised, it would fill {share:.1g} of the range.",
            "Move it to the origin: subtract its centre.",
        )
    return frame


def frame_of(points: NDArray[np.floating]) -> Frame:
    """Return the frame that brings a cloud (N, 3) into [-1, 1], wherever in there it comes to lie.

    One scalar minimum and maximum over all points and axes, as Key-Grid has it:
    `2 (X - min) / (max - min) - 1`. The aspect ratio is kept, the centre of the axes is not.

    Raises:
        KgError: All coordinates are equal, so there is no extent to divide by.
    """
    low, high = float(points.min()), float(points.max())
    if not high > low:
        raise KgError("All points of the cloud lie in one place.")
    return Frame(scale=(high - low) / 2, offset=(high + low) / 2)
