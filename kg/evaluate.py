"""Figures for predictions, each with what it takes to read it: split, space, threshold, shapes."""

import math
import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kg.data.store import Store
from kg.errors import KgError, unknown_name
from kg.metrics import METRICS, Metric, Sample
from kg.metrics.arrays import diagonals
from kg.predictions import Predictions

DAS, ALL = "das", "all"
CONSISTENCY = ("das-annotated", "das-unsupervised", "correspondence")
"""What keypoints that mean nothing can do well in: a template, the same points on every shape, has a perfect
DAS without annotations; keypoints that lie all in one place, a good one with them."""
COMPANIONS = ("coverage", "spread")
"""They unmask such keypoints."""

FEW = 30
"""Shapes below which a figure is called rough."""

PUBLISHED_SHARE = 0.1
"""What the published mIoU's threshold is of a ShapeNet shape's diagonal, which is 1."""

LACKING = {
    "landmarks": "no annotated landmarks",
    "material": "no object with material coordinates on several frames",
}
LEFT_OUT = {"landmarks": "they have no landmarks", "material": "their objects have no other frame"}


@dataclass(frozen=True)
class Result:
    """One metric's answer.

    Attributes:
        metric: Its name.
        values: Its named parts; NaN where one is undefined.
        units: Of the parts.
        shapes: How many shapes it was measured on.
        split: Which part of the data they are.
        space: Where distances were measured, with the unit for source coordinates.
        threshold: In units of the space; None if it has none.
        reference: Id of the shape that the others were compared with; None if it compares with none.
        warnings: What a reader has to know before trusting it.
    """

    metric: str
    values: dict[str, float]
    units: dict[str, str]
    shapes: int
    split: str
    space: str
    threshold: float | None
    reference: str | None
    warnings: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON, which knows no NaN: None stands for undefined."""
        values = {part: None if math.isnan(value) else value for part, value in self.values.items()}
        return {**asdict(self), "values": values}


def evaluate(
    predictions: Predictions, metrics: Sequence[str] = (DAS,), *, threshold: float | None = None
) -> list[Result]:
    """Measure keypoints.

    Ground truth is read from the prepared store that the predictions name, matched by id.

    Args:
        predictions: The keypoints.
        metrics: Names in `METRICS`; "das": with annotations where there are any, else without; "all":
            whatever can be measured. `COMPANIONS` follow unasked upon any of `CONSISTENCY`.
        threshold: Instead of the metrics' own.

    Raises:
        KgError: A metric is unknown, its ground truth is not there or its store has changed, the
            threshold fits no metric, or the predictions are broken.
    """
    check_names(metrics)
    plain = _plain_sample(predictions)
    known = _known_sample(predictions, plain, metrics)
    chosen = _choose(metrics, known, predictions)
    _check_threshold(chosen, threshold)
    return [_measure(metric, known if metric.truth else plain, predictions, threshold) for metric in chosen]


def check_names(metrics: Sequence[str]) -> None:
    """Check the names of metrics, before anything that takes time.

    Raises:
        KgError: A metric is unknown, or none is named.
    """
    if not metrics:
        raise KgError("No metric is named.", "For example: --metric das")
    for name in metrics:
        if name not in METRICS and name not in (DAS, ALL):
            raise unknown_name("metric", name, [*METRICS, DAS, ALL])


def _plain_sample(predictions: Predictions) -> Sample:
    keypoints, points = predictions.keypoints, predictions.points
    count = len(predictions)
    if count == 0:
        raise KgError("The predictions hold no shapes.")
    if keypoints.ndim != 3 or keypoints.shape[::2] != (count, 3) or points.shape[::2] != (count, 3):
        raise KgError(
            f"The predictions do not fit together: {count} ids, keypoints {keypoints.shape}, "
            f"points {points.shape}."
        )
    broken = ~np.isfinite(keypoints).all((1, 2))
    if broken.any():
        first = predictions.ids[broken][0]
        raise KgError(f"The keypoints of {broken.sum()} shapes are NaN or infinite, the first {first}.")
    names, counts = np.unique(predictions.ids, return_counts=True)
    if (counts > 1).any():
        raise KgError(f"The predictions hold the shape {names[counts > 1][0]} more than once.")
    return Sample(
        keypoints=keypoints,
        points=points,
        scale=predictions.scale,
        offset=predictions.offset,
        objects=predictions.objects,
    )


def _known_sample(predictions: Predictions, plain: Sample, metrics: Sequence[str]) -> Sample:
    """Return the sample with its ground truth, as far as it is asked for and there."""
    wanted = [name for name in metrics if name in (DAS, ALL) or METRICS[name].truth]
    if not wanted or not predictions.meta.get("store"):
        return plain
    try:
        return _with_truth(predictions)
    except KgError as error:
        if set(wanted) == {ALL}:
            warnings.warn(f"{error.message} So what needs ground truth is left out.", stacklevel=3)
            return plain
        raise


def _with_truth(predictions: Predictions) -> Sample:
    named = predictions.meta["store"]
    without = "Predict again with: kg predict. Without ground truth: --metric das-unsupervised"
    try:
        store = Store(Path(named["path"]))
    except KgError as error:
        raise KgError(f"No ground truth: {error.message}", without) from error
    if store.checksum != named["checksum"]:
        raise KgError(f"No ground truth: {store.path} has changed since the prediction.", without)
    clouds = store.read()
    row_of = {name: row for row, name in enumerate(clouds.ids)}
    missing = [name for name in predictions.ids.tolist() if name not in row_of]
    if missing:
        raise KgError(f"No ground truth: {store.path} has no shape {missing[0]}.", without)
    rows = np.array([row_of[name] for name in predictions.ids.tolist()])

    def column(values: NDArray[Any] | None) -> Any:
        return None if values is None else values[rows]

    return Sample(
        keypoints=predictions.keypoints,
        # The store's clouds, not the thinned ones of the prediction: so figures do not depend on N.
        points=clouds.points[rows],
        scale=clouds.scale[rows],
        offset=clouds.offset[rows],
        objects=np.array(store.kin())[rows],
        frame=clouds.frame[rows],
        landmarks=column(clouds.landmarks),
        landmark_ids=column(clouds.landmark_ids),
        material=column(clouds.material),
    )


def _rows(metric: Metric, sample: Sample) -> NDArray[np.int64]:
    """Return the shapes of which enough is known for the metric."""
    if metric.truth == "landmarks" and sample.landmark_ids is not None:
        return np.flatnonzero((sample.landmark_ids >= 0).any(1))
    if metric.truth == "material" and sample.material is not None:
        _, inverse, counts = np.unique(sample.objects, return_inverse=True, return_counts=True)
        return np.flatnonzero(counts[inverse] > 1)
    return np.arange(0 if metric.truth else len(sample))


def _choose(names: Sequence[str], known: Sample, predictions: Predictions) -> list[Metric]:
    possible = [name for name, metric in METRICS.items() if len(_rows(metric, known))]
    chosen: list[str] = []
    for name in names:
        if name == ALL:
            chosen += possible
        elif name == DAS:
            chosen.append("das-annotated" if "das-annotated" in possible else "das-unsupervised")
        elif name in possible:
            chosen.append(name)
        else:
            truth = METRICS[name].truth
            assert truth is not None
            where = predictions.meta.get("store", {}).get("path", "the prediction, which names no store,")
            raise KgError(
                f"The metric '{name}' cannot be measured: {where} has {LACKING[truth]} for these shapes.",
                f"Without ground truth: {', '.join(other for other in METRICS if not METRICS[other].truth)}.",
            )
    if any(name in chosen for name in CONSISTENCY):
        chosen += COMPANIONS
    return [METRICS[name] for name in dict.fromkeys(chosen)]


def _check_threshold(chosen: Sequence[Metric], threshold: float | None) -> None:
    if threshold is None:
        return
    if not (math.isfinite(threshold) and threshold > 0):
        raise KgError(f"A threshold is a distance above 0, not {threshold}.")
    takers = [metric for metric in chosen if metric.threshold is not None]
    if not takers:
        takes = ", ".join(name for name, metric in METRICS.items() if metric.threshold is not None)
        raise KgError(f"None of the metrics has a threshold to be {threshold}.", f"These have one: {takes}.")
    if len({metric.space for metric in takers}) > 1:
        spaces = " and ".join(f"{metric.name} ({metric.space})" for metric in takers)
        raise KgError(
            f"One threshold cannot be {threshold} in different spaces: {spaces}.",
            "Measure them one at a time, each with its own --threshold.",
        )


def _measure(metric: Metric, sample: Sample, predictions: Predictions, threshold: float | None) -> Result:
    rows = _rows(metric, sample)
    used = sample.take(rows)
    distance = metric.threshold if threshold is None or metric.threshold is None else threshold
    meta = predictions.meta
    cautions = _cautions(metric, used, len(sample), meta)
    if metric.space == "source" and threshold is None:
        cautions += _unusual_threshold(used, metric.threshold, meta.get("unit", "unknown"))
    return Result(
        metric=metric.name,
        values=dict(metric.measure(used, distance or 0)),
        units=dict(metric.units),
        shapes=len(used),
        split=str(meta.get("split", "unknown")),
        space=f"source ({meta.get('unit', 'unknown')})" if metric.space == "source" else metric.space,
        threshold=distance,
        reference=str(predictions.ids[rows[0]]) if metric.reference else None,
        warnings=tuple(cautions),
    )


def _cautions(metric: Metric, used: Sample, count: int, meta: dict[str, Any]) -> list[str]:
    said = []
    if metric.truth and len(used) < count:
        said.append(f"{count - len(used)} of {count} shapes are left out: {LEFT_OUT[metric.truth]}.")
    if len(used) == 1 and metric.compares:
        said.append("One shape alone says nothing: the metric compares shapes with each other.")
    elif len(used) < FEW:
        said.append(f"Only {len(used)} shapes: the figure is rough.")
    if meta.get("split") in ("train", "all"):
        said.append(f"The split '{meta['split']}' may hold shapes that the detector was trained on.")
    if meta.get("split_by") == "frame":
        said.append("Split by frame: the detector was trained on other frames of the same objects.")
    return said


def _unusual_threshold(sample: Sample, threshold: float | None, unit: str) -> list[str]:
    assert threshold is not None
    share = float(np.mean(threshold / diagonals(sample.to_source(sample.points))))
    if PUBLISHED_SHARE / 2 <= share <= PUBLISHED_SHARE * 2:
        return []
    return [
        f"{threshold:g} (unit: {unit}) is {share:.1%} of a shape's diagonal, where published figures have "
        f"about {PUBLISHED_SHARE:.0%}: choose a --threshold."
    ]
