"""The space that the model works in, and the way back."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kg.errors import KgError


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
    """Return the frame that brings a cloud (N, 3) into [-1, 1].

    One scalar minimum and maximum over all points and axes, as Key-Grid has it:
    `2 (X - min) / (max - min) - 1`. The aspect ratio is kept, the centre of the axes is not.

    Raises:
        KgError: All coordinates are equal, so there is no extent to divide by.
    """
    low, high = float(points.min()), float(points.max())
    if not high > low:
        raise KgError("All points of the cloud lie in one place.")
    return Frame(scale=(high - low) / 2, offset=(high + low) / 2)
