"""Reliability: are keypoints of a confidence of 80 % right on 80 % of the clouds."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kg.evaluation.metrics import arrays
from kg.evaluation.metrics.correspondence import WITHIN, drift_of
from kg.evaluation.metrics.metric import (
    OF_EXTENT,
    PERCENT,
    Curve,
    Measured,
    Metric,
    Part,
    Sample,
    Terms,
    mean_part,
)

BINS = 10
"""Of the curve, equally wide."""


def calibration(confidences: ArrayLike, right: ArrayLike) -> tuple[Part, NDArray[np.float64]]:
    """Return the expected calibration error, percent, and the share that is right in each bin, (BINS,).

    Keypoints are put into bins by their confidence. The error is how far the mean confidence of a bin is
    from its share of right keypoints, mean over bins, each counted by its keypoints (Naeini et al., AAAI
    2015). A bin without keypoints has no share, NaN.

    Args:
        confidences: (n, K), 0 to 1.
        right: (n, K), 1 for a keypoint that is right, 0 for one that is not; a cloud with NaN is left out.
    """
    sure, true = np.asarray(confidences, np.float64), np.asarray(right, np.float64)
    there = ~np.isnan(true.sum(1))
    of_bin = np.zeros((*sure.shape, BINS), dtype=np.bool_)
    bins = np.minimum((sure * BINS).astype(np.int64), BINS - 1)
    np.put_along_axis(of_bin, bins[..., None], there[:, None, None], axis=2)
    known = np.where(there[:, None], true, 0)
    # What each cloud adds to each bin, (n, BINS).
    gaps = ((sure - known)[..., None] * of_bin).sum(1)
    counts = of_bin.sum(1).astype(np.float64)

    def error(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        return arrays.divide(100 * np.abs(weights @ gaps).sum(1), (weights @ counts).sum(1))

    shares = arrays.divide((known[..., None] * of_bin).sum((0, 1)), counts.sum(0))
    return Part(error), shares


def measure(sample: Sample, _: Terms) -> Measured:
    """Return the calibration error, the mean confidence and the share that is right, and the curve."""
    assert sample.confidences is not None
    drift = drift_of(sample).geodesic
    right = np.where(np.isnan(drift), np.nan, drift <= WITHIN)
    error, shares = calibration(sample.confidences, right)
    sure = np.where(np.isnan(right), np.nan, sample.confidences)
    centres = 100 * (np.arange(BINS) + 0.5) / BINS
    curve = Curve("reliability", centres, 100 * shares, "confidence", "keypoints within 5 %", PERCENT)
    parts = {"value": error, "confidence": mean_part(100 * sure), "right": mean_part(100 * right)}
    return Measured(parts, (curve,))


METRIC = Metric(
    name="reliability",
    title=f"How far confidences are from the share of keypoints within {WITHIN:g} {OF_EXTENT}; 0 is best",
    units={"value": PERCENT, "confidence": PERCENT, "right": PERCENT},
    measure=measure,
    space="at rest",
    truth="confidences",
    curved=True,
    lower_is_better=frozenset({"value"}),
)
