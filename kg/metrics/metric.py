"""What a metric is, and what it is given."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

PERCENT = "%"


@dataclass(frozen=True, eq=False)
class Sample:
    """Keypoints of n shapes and what is known of the shapes; row i of every array is shape i.

    Attributes:
        keypoints: (n, K, 3) normalised.
        points: (n, N, 3) the clouds, normalised.
        scale: (n,) of source = normalised * scale + offset.
        offset: (n,) of the same.
        objects: (n,) identity of the things that the clouds show; kin with one shape at rest count as one.
        frame: (n,) number of the cloud in its object's sequence, or None.
        landmarks: (n, A, 3) normalised, NaN where a shape has none, or None.
        landmark_ids: (n, A) semantic ids, -1 where a shape has none, or None.
        material: (n, N, 3) where each cloud point lies on the object at rest, or None.
    """

    keypoints: NDArray[np.floating]
    points: NDArray[np.floating]
    scale: NDArray[np.floating]
    offset: NDArray[np.floating]
    objects: NDArray[np.str_]
    frame: NDArray[np.integer] | None = None
    landmarks: NDArray[np.floating] | None = None
    landmark_ids: NDArray[np.integer] | None = None
    material: NDArray[np.floating] | None = None

    def __len__(self) -> int:
        return len(self.keypoints)

    def take(self, rows: NDArray[np.integer]) -> "Sample":
        """Return the shapes of these rows (m,), in their order."""
        arrays = {item.name: getattr(self, item.name) for item in fields(self)}
        taken: dict[str, Any] = {
            name: None if array is None else array[rows] for name, array in arrays.items()
        }
        return Sample(**taken)

    def to_source(self, normalised: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return positions (n, M, 3) in the source's own units."""
        scaled = np.asarray(normalised, np.float64) * self.scale[:, None, None]
        return np.asarray(scaled + self.offset[:, None, None])


@dataclass(frozen=True)
class Metric:
    """One way to measure keypoints.

    Attributes:
        name: As typed on the command line.
        title: One line for people.
        units: Of each part of the result, in the order in which they are shown.
        measure: Returns the parts, from a sample and a threshold (of no matter without one).
        space: Where distances are measured; "source" has the data set's own units.
        truth: What has to be known of the shapes; None for nothing.
        threshold: The default, in units of the space; None if the metric has none.
        compares: It compares shapes with each other, so that one shape alone says nothing.
        reference: One part compares all shapes with the first.
    """

    name: str
    title: str
    units: Mapping[str, str]
    measure: Callable[[Sample, float], Mapping[str, float]]
    space: Literal["normalised", "source", "at rest"] = "normalised"
    truth: Literal["landmarks", "material"] | None = None
    threshold: float | None = None
    compares: bool = False
    reference: bool = False
