"""The space that the model works in, and the way back."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kg.errors import KgError

Array = NDArray[np.float64]

Kind = Literal["longest-side", "range"]
"""The centre of the box and half its longest side, kg's own; or one minimum and one maximum over all axes, as
Key-Grid has it, by which a cloud moves with its distance from the origin."""

SMALLEST = 0.05
"""Share of the range that a cloud's largest extent fills at least. A crumpled mask that is dragged 1.2 m away
may fill a fifteenth, most garments half and more."""


@dataclass(frozen=True)
class Scaling:
    """The map from normalised to source coordinates: `source = normalised * scale + offset`.

    Attributes:
        scale: Source units for one normalised unit; above 0.
        offset: Source coordinates of the normalised origin, (3,).
    """

    scale: float
    offset: tuple[float, float, float]

    def to_source(self, normalised: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return points (..., 3) in source units, float64."""
        return np.asarray(normalised, dtype=np.float64) * self.scale + self.offset

    def to_normalised(self, source: NDArray[np.floating]) -> NDArray[np.float32]:
        """Return points (..., 3) in the normalised space, float32."""
        return ((np.asarray(source, dtype=np.float64) - self.offset) / self.scale).astype(np.float32)


def normalisation_for(detector: str) -> Kind:
    """Return by what clouds are normalised for a detector that normalises them in this way itself."""
    return "range" if detector == "range" else "longest-side"


def normalise(points: NDArray[np.floating], how: Kind = "longest-side") -> Scaling:
    """Return the scaling that brings a cloud (N, 3) into [-1, 1] (see `scaling_of`).

    Raises:
        KgError: All points lie in one place, or, by their range, so far from the origin that the cloud would
            be a dot: its largest extent is less than `SMALLEST` of (max - min).
    """
    scaling = scaling_of(points, how)
    extent = float(np.ptp(points, axis=0).max())
    if not extent > 0:
        raise KgError("All points of the cloud lie in one place.")
    share = extent / (2 * scaling.scale)
    if share < SMALLEST:
        raise KgError(
            f"The cloud lies too far from the origin: normalised, it would fill {share:.1g} of the range.",
            "Move it to the origin: subtract its centre.",
        )
    return scaling


def scaling_of(points: NDArray[np.floating], how: Kind = "longest-side") -> Scaling:
    """Return the scaling that brings a cloud (N, 3) into [-1, 1], wherever in there it comes to lie.

    By "longest-side" the centre of its box comes to the origin. By "range" there is one scalar minimum and
    maximum over all points and axes, as Key-Grid has it: `2 (X - min) / (max - min) - 1`; the centre of the
    axes is not kept. The aspect ratio is kept by both.

    Raises:
        KgError: There is no extent to divide by.
    """
    low, high = points.min(axis=0).astype(np.float64), points.max(axis=0).astype(np.float64)
    if how == "range":
        low, high = np.full(3, low.min()), np.full(3, high.max())
    scale, (x, y, z) = float((high - low).max()) / 2, ((high + low) / 2).tolist()
    if not scale > 0:
        raise KgError("All points of the cloud lie in one place.")
    return Scaling(scale, (x, y, z))


def to_source(normalised: ArrayLike, scale: NDArray[np.floating], offset: NDArray[np.floating]) -> Array:
    """Return points of several clouds (n, M, 3) in source units, float64.

    Args:
        normalised: (n, M, 3).
        scale: (n,) of each cloud.
        offset: (n, 3), or (n,) where it is one number for all axes.
    """
    places: Array = np.asarray(normalised, np.float64) * scale[:, None, None] + _each(offset)[:, None]
    return places


def from_source(places: ArrayLike, scale: NDArray[np.floating], offset: NDArray[np.floating]) -> Array:
    """Return points of several clouds in source units (n, M, 3), normalised, float64: `to_source` undone."""
    normalised: Array = (np.asarray(places, np.float64) - _each(offset)[:, None]) / scale[:, None, None]
    return normalised


def off_range(scale: NDArray[np.floating], offset: NDArray[np.floating]) -> Array:
    """Return what has to be added to clouds so that only their range is to be normalised, (n, 3).

    Their axes then lie to each other as in the source; 0 where they do already.

    Args:
        scale: (n,) of each cloud.
        offset: (n, 3) or (n,).
    """
    each = _each(offset)
    return np.broadcast_to((each - each[:, :1]) / scale[:, None], (len(each), 3)).copy()


def _each(offset: NDArray[np.floating]) -> Array:
    """Return offsets (n, 3) or (n,) as (n, 3) or (n, 1)."""
    each = np.asarray(offset, np.float64)
    return each if each.ndim == 2 else each[:, None]
