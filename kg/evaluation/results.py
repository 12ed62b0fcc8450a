"""A result with everything that it takes to read it, and how it is written down."""

import math
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kg.evaluation.metrics import Curve

NO_PROTOCOL = "none"
COLLAPSED = "collapsed"
"""What stands in place of a result that means nothing."""


@dataclass(frozen=True, eq=False)
class Result:
    """One metric's answer.

    Attributes:
        metric: Its name.
        values: Its named parts; NaN where one is undefined. With several runs the mean over them.
        units: Of the parts.
        protocol: By which it was measured, and what of it is not kept; `NO_PROTOCOL` for a metric that the
            protocol does not have.
        split: Which part of the data the shapes are.
        shapes: How many it was measured on, n.
        space: Where distances were measured, with the unit for source coordinates.
        threshold: In units of the space; None if it has none.
        seeds: Of the trainings that it is the mean of; None for one that is not known.
        checkpoints: SHA-256 of their files, the first digits, in the same order.
        reference: Id of the shape that the others were compared with; None if it compares with none.
        warnings: What a reader has to know before trusting it.
        intervals: 95 % of each part over resampled objects (bootstrap); a part without one is missing.
        deviations: Standard deviation of each part over several trainings; empty for one.
        ids: (n,) of the shapes.
        per_shape: Parts of each shape by itself, (n,), NaN where it has none.
        per_keypoint: Parts of each keypoint by itself, (K,); of one training only, as those of another
            are in another order.
        curves: Of the metric, such as a share over a threshold.
        draws: (R,) the parts on each resampling. Two results on the same shapes have the same
            resamplings, so that their difference has an interval too.
        collapsed: The keypoints lie in one place on most shapes, see `kg.evaluation.metrics.spread`.
    """

    metric: str
    values: dict[str, float]
    units: dict[str, str]
    protocol: str
    split: str
    shapes: int
    space: str
    threshold: float | None
    seeds: tuple[int | None, ...]
    checkpoints: tuple[str, ...]
    reference: str | None
    warnings: tuple[str, ...]
    intervals: dict[str, tuple[float, float]] = field(default_factory=dict)
    deviations: dict[str, float] = field(default_factory=dict)
    # What has a row for every shape is no part of what is printed.
    ids: NDArray[np.str_] = field(default_factory=lambda: np.array([], str), repr=False)
    per_shape: dict[str, NDArray[np.float64]] = field(default_factory=dict, repr=False)
    per_keypoint: dict[str, NDArray[np.float64]] = field(default_factory=dict, repr=False)
    curves: tuple[Curve, ...] = field(default=(), repr=False)
    draws: dict[str, NDArray[np.float64]] = field(default_factory=dict, repr=False)
    collapsed: bool = False

    @property
    def meaningless(self) -> bool:
        """Whether the results must not be shown: a DAS of keypoints that lie in one place."""
        return self.collapsed and is_das(self.metric)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON, which knows no NaN: None stands for undefined."""
        written = asdict(self)
        del written["draws"]
        plain: dict[str, Any] = to_plain(written)
        return plain


def is_das(metric: str) -> bool:
    """Tell whether a metric is a dual alignment score, which keypoints in one place can have for nothing."""
    return metric.startswith("das-")


def to_plain(value: Any) -> Any:
    """Return a value made of dictionaries, lists and plain values, None in place of NaN."""
    if isinstance(value, dict):
        return {key: to_plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_plain(item) for item in value]
    if isinstance(value, np.ndarray):
        return to_plain(value.tolist())
    if isinstance(value, float) and math.isnan(value):
        return None
    return value
