"""What a metric is, what it is given, and what it answers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kg.data.normalise import to_source
from kg.evaluation.metrics import arrays

PERCENT = "%"
DEGREES = "degrees"
OF_DIAGONAL = "% of diagonal"
"""Of the bounding box of a cloud."""
OF_EXTENT = "% of extent"
"""Of the diagonal of the bounding box of an object at rest."""

Space = Literal["normalised", "source", "at rest"]
Truth = Literal["landmarks", "rest_positions", "landmarks at rest", "symmetry", "confidences", "detector"]

THIRDS = ("first third", "middle", "last")
"""Of a sequence: what the names of a metric's parts for it end in."""


class Redetector(Protocol):
    """The detector that found the keypoints of a sample, to be asked again."""

    def keypoints(self, corruption: str, level: float) -> NDArray[np.floating]:
        """Return the keypoints (n, K, 3) of the corrupted clouds, carried back to the clean ones."""

    def category_keypoints(self) -> NDArray[np.float64]:
        """Return where keypoints usually are in the category's pose, (K, 3), of any size and place."""

    def reconstructions(self) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
        """Return the decoder's clouds (n, N, 3) and the clouds that they ought to be."""


@dataclass(frozen=True, eq=False)
class Sample:
    """Keypoints of n shapes and what is known of the shapes; row i of every array is shape i.

    Attributes:
        keypoints: (n, K, 3) normalised.
        points: (n, N, 3) the clouds, normalised.
        scale: (n,) of source = normalised * scale + offset.
        offset: (n, 3) of the same; (n,) where it is one number for all axes.
        objects: (n,) identity of the things that the clouds show.
        rest_id: (n,) objects with one shape at rest count as one, or None.
        frame: (n,) number of the cloud in its object's sequence, or None.
        landmarks: (n, A, 3) normalised, NaN where a shape has none, or None.
        landmark_ids: (n, A) semantic ids, -1 where a shape has none, or None.
        rest_positions: (n, N, 3) where each cloud point lies on the object at rest, or None.
        confidences: (n, K), 0 to 1, of a detector that tells sure keypoints from others, or None.
        visible: (n, K) which keypoints the detector says that the clouds show, or None.
        detector: That found the keypoints, or None where it is not at hand.
    """

    keypoints: NDArray[np.floating]
    points: NDArray[np.floating]
    scale: NDArray[np.floating]
    offset: NDArray[np.floating]
    objects: NDArray[np.str_]
    rest_id: NDArray[np.str_] | None = None
    frame: NDArray[np.integer] | None = None
    landmarks: NDArray[np.floating] | None = None
    landmark_ids: NDArray[np.integer] | None = None
    rest_positions: NDArray[np.floating] | None = None
    confidences: NDArray[np.floating] | None = None
    visible: NDArray[np.bool_] | None = None
    detector: Redetector | None = None

    def __len__(self) -> int:
        return len(self.keypoints)

    def take(self, rows: NDArray[np.integer]) -> "Sample":
        """Return the shapes of these rows (m,), in their order, without the detector, which is for all."""
        columns = {item.name: getattr(self, item.name) for item in fields(self) if item.name != "detector"}
        taken: dict[str, Any] = {
            name: None if column is None else column[rows] for name, column in columns.items()
        }
        return Sample(**taken)

    def to_source(self, normalised: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return positions (n, M, 3) in the source's own units."""
        return to_source(normalised, self.scale, self.offset)

    def within(self, space: Space) -> tuple[NDArray[np.floating], NDArray[np.floating], NDArray[np.floating]]:
        """Return keypoints, points and landmarks in a space."""
        assert self.landmarks is not None
        if space == "source":
            return self.to_source(self.keypoints), self.to_source(self.points), self.to_source(self.landmarks)
        return self.keypoints, self.points, self.landmarks


@dataclass(frozen=True)
class Terms:
    """How a metric is to be measured, where there is more than one way.

    Attributes:
        threshold: Distance in units of the space; of no matter to a metric without one.
        space: Where distances are measured.
        self_pairs: Whether a shape is also compared with itself, as Skeleton Merger does.
        snap: Whether keypoints move to the nearest point of their cloud first.
        unit: Of the space, for people.
    """

    threshold: float = 0.0
    space: Space = "normalised"
    unit: str = "normalised"
    self_pairs: bool = False
    snap: bool = True


Statistic = Callable[[NDArray[np.float64]], NDArray[np.float64]]
"""The value (R,) that a part has if shape i counted weights[r, i] times, for weights (R, n)."""


@dataclass(frozen=True, eq=False)
class Part:
    """One named result of a metric.

    Attributes:
        statistic: What it is of; with every weight 1 its value, with resampled ones its spread.
        per_shape: (n,) the part of each shape by itself, NaN where it has none; None if none has.
        per_keypoint: (K,) the part of each keypoint by itself, or None.
    """

    statistic: Statistic
    per_shape: NDArray[np.float64] | None = None
    per_keypoint: NDArray[np.float64] | None = None


@dataclass(frozen=True, eq=False)
class Curve:
    """A result over something that varies: y (m,) over x (m,)."""

    name: str
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    x_label: str
    y_label: str
    x_unit: str
    y_unit: str = PERCENT


class Measured(NamedTuple):
    """What a metric answers: its parts by name, and its curves."""

    parts: Mapping[str, Part]
    curves: tuple[Curve, ...] = ()


def mean_part(values: ArrayLike) -> Part:
    """Return the part that is a mean over shapes, of values (n,) or, over keypoints too, (n, K).

    A value that is NaN is left out.
    """
    array = np.asarray(values, np.float64)
    columns = array if array.ndim == 2 else array[:, None]
    known = ~np.isnan(columns)
    there, count = np.where(known, columns, 0), columns.shape[1]
    total, counted = there.sum(1), known.sum(1)
    return Part(
        # Of shapes that have all keypoints the means themselves count.
        ratio(total / count, counted / count),
        arrays.divide(total, counted),
        arrays.divide(there.sum(0), known.sum(0)) if array.ndim == 2 and known.any() else None,
    )


def ratio(above: NDArray[np.float64], below: NDArray[np.float64]) -> Statistic:
    """Return the statistic sum(above) / sum(below), of what each shape adds to both, (n,)."""

    def of(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        divisor = weights @ below
        return arrays.divide(weights @ above, divisor)

    return of


@dataclass(frozen=True)
class Metric:
    """One way to measure keypoints.

    Attributes:
        name: As typed on the command line.
        title: One line for people.
        units: Of each part of the result, in the order in which they are shown.
        measure: Returns the parts and the curves.
        space: Where distances are measured unless the terms say otherwise; "source" has the data set's
            own units.
        truth: What has to be known of the shapes; None for nothing.
        threshold: The default, in units of the space; None if the metric has none.
        compares: It compares shapes with each other, so that one shape alone says nothing.
        reference: One part compares all shapes with the first.
        curved: It has curves too.
        lower_is_better: Of its parts.
        caution: What has to be said with its results.
        beside: Parts that stand beside the headline in tables of many detectors.
    """

    name: str
    title: str
    units: Mapping[str, str]
    measure: Callable[[Sample, Terms], Measured]
    space: Space = "normalised"
    truth: Truth | None = None
    threshold: float | None = None
    compares: bool = False
    reference: bool = False
    curved: bool = False
    lower_is_better: frozenset[str] = field(default_factory=frozenset)
    caution: str = ""
    beside: tuple[str, ...] = ()

    @property
    def headline(self) -> str:
        """The part that stands for the metric where there is room for one."""
        return next((part for part in ("value", "mean") if part in self.units), next(iter(self.units)))

    @property
    def whole(self) -> list[str]:
        """The parts that are not of a third of a sequence."""
        return [part for part in self.units if not part.endswith(THIRDS)]
