"""From where a sheet's shapes are seen: one orthographic view for all of them, so that they compare."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kg.errors import KgError
from kg.viz.shade import hidden_share

NAMED = {"front": (0.0, 0.0), "back": (180.0, 0.0), "side": (90.0, 0.0), "top": (0.0, 90.0)}
CLEARLY = 0.02


@dataclass(frozen=True)
class View:
    """A direction to look from; +y is up and +z is the front.

    Attributes:
        azimuth: Degrees around +y: 0 is the front (+z), 90 is +x.
        elevation: Degrees above the horizon, -90 to 90.
    """

    azimuth: float
    elevation: float

    def rotation(self) -> NDArray[np.float64]:
        """Return the rows (right, up, towards the viewer), a rotation (3, 3)."""
        azimuth, elevation = math.radians(self.azimuth), math.radians(self.elevation)
        sin, cos, rise = math.sin(azimuth), math.cos(azimuth), math.sin(elevation)
        right = np.array([cos, 0.0, -sin])
        towards = np.array([sin * math.cos(elevation), rise, cos * math.cos(elevation)])
        return np.stack([right, np.cross(towards, right), towards])

    def apply(self, points: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return points (..., 3) as (right, up, nearness)."""
        turned: NDArray[np.float64] = np.asarray(points, dtype=np.float64) @ self.rotation().T
        return turned


def upright(points: NDArray[np.floating], up: str | None) -> NDArray[np.float64]:
    """Return points (..., 3) turned so that +y is up; `up` is the axis that is up in them, y (or None) or z.

    Where z is up, the front is taken to be -y.

    Raises:
        KgError: It is another axis.
    """
    coordinates = np.asarray(points, dtype=np.float64)
    if up in ("y", None):
        return coordinates
    if up == "z":
        return coordinates[..., [0, 2, 1]] * [1, 1, -1]
    raise KgError(f"'{up}' is no axis that can be up.", "Known: y, z.")


def parse_view(text: str, clouds: Sequence[NDArray[np.floating]]) -> View:
    """Return the view that a user named: auto, front, back, side, top or "azimuth,elevation" in degrees.

    Raises:
        KgError: It is none of these.
    """
    word = text.strip().lower()
    if word == "auto":
        return choose_view(clouds)
    if word in NAMED:
        return View(*NAMED[word])
    try:
        azimuth, elevation = (float(part) for part in word.split(","))
    except ValueError:
        azimuth, elevation = math.nan, math.nan
    if not (math.isfinite(azimuth) and -90 <= elevation <= 90):
        raise KgError(
            f"'{text}' is no view.",
            f"Known: auto, {', '.join(NAMED)}, or azimuth,elevation in degrees, such as 35,20.",
        )
    return View(azimuth, elevation)


def choose_view(clouds: Sequence[NDArray[np.floating]]) -> View:
    """Return the view that shows most of shapes (N, 3).

    Flat things are seen almost at a right angle to their plane, others from three quarters: that is told
    by the median of their extents. Then the front, unless the back hides clearly fewer points; what lies
    flat has its front at the bottom of the picture, whatever is folded over what.
    """
    x, y, z = (float(extent) for extent in np.median([np.ptp(cloud, axis=0) for cloud in clouds], axis=0))
    if y <= min(x, z):
        thickness = _share(y, x, z)
        bulk = _ramp(thickness, 0.15, 0.35)
        front = View(azimuth=35 * bulk, elevation=60 - 25 * bulk - 12 * _ramp(thickness, 0.35, 0.7))
        if not bulk:
            return front
    elif z <= x:
        bulk = _ramp(_share(z, x, y), 0.25, 0.6)
        front = View(azimuth=10 + 25 * bulk, elevation=15 + 5 * bulk)
    else:
        bulk = _ramp(_share(x, y, z), 0.25, 0.6)
        front = View(azimuth=75 - 40 * bulk, elevation=15 + 5 * bulk)
    back = View(180 - front.azimuth, front.elevation)
    return back if _hidden(clouds, back) < _hidden(clouds, front) - CLEARLY else front


def _share(extent: float, one: float, other: float) -> float:
    """Return an extent by the mean of two that are no less; of points on a line all but one are 0."""
    return extent / math.sqrt(one * other) if extent else 0.0


def _hidden(clouds: Sequence[NDArray[np.floating]], view: View) -> float:
    turned = [view.apply(cloud - (cloud.min(axis=0) + cloud.max(axis=0)) / 2) for cloud in clouds]
    return float(np.mean([hidden_share(points, float(np.abs(points).max())) for points in turned]))


def _ramp(value: float, low: float, high: float) -> float:
    return min(1.0, max(0.0, (value - low) / (high - low)))
