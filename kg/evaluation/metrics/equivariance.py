"""Equivariance: do keypoints turn with the shape."""

import numpy as np

from kg.evaluation.metrics.metric import OF_DIAGONAL, Measured, Metric, Sample, Terms, mean_part
from kg.evaluation.metrics.repeatability import shift

TURN = ("rotation", 180)
"""The corruption that turns each shape any way, and its level."""


def _measure(sample: Sample, _: Terms) -> Measured:
    assert sample.detector is not None
    moved = shift(sample.keypoints, sample.detector.keypoints(*TURN), sample.points)
    return Measured(
        {
            "mean": mean_part(moved),
            "median": mean_part(np.median(moved, axis=1)),
            "worst": mean_part(moved.max(1)),
        }
    )


METRIC = Metric(
    name="equivariance",
    title="How far the keypoints of a turned shape lie from the turned keypoints of the shape",
    units=dict.fromkeys(("mean", "median", "worst"), OF_DIAGONAL),
    measure=_measure,
    truth="detector",
    lower_is_better=frozenset({"mean", "median", "worst"}),
)
"""`median` and `worst` are of a shape's keypoints, and then the mean over shapes."""
