"""Measures of keypoints, one file each: a pure function of arrays, and a `METRIC` that names it."""

from kg.evaluation.metrics import (
    chamfer,
    correspondence,
    correspondence_symmetric,
    correspondence_visible,
    coverage,
    das_annotated,
    das_rest,
    das_unsupervised,
    equivariance,
    inclusivity,
    miou,
    miou_geodesic,
    pck,
    reliability,
    repeatability,
    rotation_error,
    spread,
)
from kg.evaluation.metrics.metric import Curve, Measured, Metric, Part, Sample, Terms

METRICS: dict[str, Metric] = {
    module.METRIC.name: module.METRIC
    for module in (
        das_annotated,
        das_rest,
        das_unsupervised,
        miou,
        miou_geodesic,
        pck,
        coverage,
        inclusivity,
        spread,
        correspondence,
        correspondence_symmetric,
        correspondence_visible,
        reliability,
        repeatability,
        equivariance,
        rotation_error,
        chamfer,
    )
}
"""Every metric by its name."""

__all__ = ["METRICS", "Curve", "Measured", "Metric", "Part", "Sample", "Terms"]
