"""What is known of predicted shapes, read from the prepared store that they are from."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kg.data.find import find_by_checksum
from kg.data.split import SPLITS
from kg.data.store import SplitBy, Store
from kg.errors import KgError
from kg.evaluation.metrics import METRICS, Metric, Sample, symmetry
from kg.inference.predictions import Predictions

LACKING = {
    "landmarks": "no annotated landmarks",
    "rest_positions": "no object with rest positions on several frames",
    "landmarks at rest": "no annotated landmarks or no rest positions",
    "symmetry": "no object on several frames that is symmetric at rest",
    "confidences": "no confidences, or no object with rest positions on several frames",
}
LEFT_OUT = {
    "landmarks": "they have no landmarks",
    "rest_positions": "their objects have no other frame",
    "landmarks at rest": "they have no landmarks",
    "symmetry": "their objects have no other frame",
    "confidences": "their objects have no other frame",
}


def plain_sample(predictions: Predictions) -> Sample:
    """Return what the predictions say by themselves.

    Raises:
        KgError: They are broken.
    """
    keypoints, points = predictions.keypoints, predictions.points
    count = len(predictions)
    if count == 0:
        raise KgError("The predictions hold no shapes.")
    if predictions.turns is not None:
        raise KgError(
            "These shapes were turned before they were predicted: nothing lies where the store has it.",
            f"Measure the run: kg eval RUN --protocol se3 --seed {predictions.meta.get('turned', 0)}",
        )
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
        confidences=_confidences(predictions),
        visible=predictions.visible,
    )


def known_sample(predictions: Predictions) -> Sample:
    """Return the sample with its ground truth, matched by id.

    Raises:
        KgError: The store is gone or was changed, or lacks a shape.
    """
    record = predictions.meta["store"]
    without = "Predict again with: kg predict. Without ground truth: --metric das-unsupervised"
    try:
        store = find_by_checksum(Path(record["path"]), record["checksum"], "the prediction")
    except KgError as error:
        raise KgError(
            f"No ground truth: {error.message}",
            "Say where the store lies: --store STORE. Without ground truth: --metric das-unsupervised",
        ) from error
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
        # The store's clouds, not the thinned ones of the prediction: so results do not depend on N.
        points=clouds.points[rows],
        scale=clouds.scale[rows],
        offset=clouds.offset[rows],
        objects=predictions.objects,
        rest_id=np.array(store.rest_ids())[rows],
        frame=clouds.frame[rows],
        landmarks=column(clouds.landmarks),
        landmark_ids=column(clouds.landmark_ids),
        rest_positions=column(clouds.rest_positions),
        confidences=_confidences(predictions),
        visible=predictions.visible,
    )


def _confidences(predictions: Predictions) -> NDArray[np.floating] | None:
    """Return the confidences, of a detector that has any: not the same for all."""
    return predictions.confidences if np.ptp(predictions.confidences) > 0 else None


def measurable(metric: Metric, sample: Sample) -> NDArray[np.int64]:
    """Return the rows of the shapes of which enough is known for the metric."""
    if metric.truth == "detector":
        return np.arange(len(sample) if sample.detector is not None else 0)
    if metric.truth == "confidences" and sample.confidences is None:
        return np.arange(0)
    return _told(metric, len(sample), sample.landmark_ids, sample.rest_positions, sample.rest_id)


def check_store(metrics: Sequence[str], store: Store, by: SplitBy) -> None:
    """Check that metrics can be measured on a store's test split, before anything that takes time.

    Raises:
        KgError: What one of them needs is not there.
    """
    with_truth = [METRICS[name] for name in metrics if name in METRICS and METRICS[name].truth in LACKING]
    if not with_truth:
        return
    rows = np.flatnonzero(store.splits(by) == SPLITS.index("test"))
    clouds, rest_id = store.read_rows(rows), np.array(store.rest_ids())[rows]
    for metric in with_truth:
        if not len(_told(metric, len(rows), clouds.landmark_ids, clouds.rest_positions, rest_id)):
            raise not_measurable(metric, str(store.path))


def not_measurable(metric: Metric, where: str) -> KgError:
    """Return what to say where a metric's ground truth is not there."""
    assert metric.truth is not None
    return KgError(
        f"The metric '{metric.name}' cannot be measured: {where} has {LACKING[metric.truth]} "
        "for these shapes.",
        f"Without ground truth: {', '.join(other for other in METRICS if not METRICS[other].truth)}.",
    )


def _told(
    metric: Metric,
    count: int,
    landmark_ids: NDArray[np.integer] | None,
    rest_positions: NDArray[np.floating] | None,
    rest_id: NDArray[np.str_] | None,
) -> NDArray[np.int64]:
    """Return the rows, of so many, of which enough is known for a metric that asks no detector."""
    if metric.truth == "landmarks at rest" and rest_positions is None:
        return np.arange(0)
    if metric.truth in ("landmarks", "landmarks at rest"):
        return np.arange(0) if landmark_ids is None else np.flatnonzero((landmark_ids >= 0).any(1))
    if metric.truth in ("rest_positions", "symmetry", "confidences"):
        if rest_positions is None or rest_id is None:
            return np.arange(0)
        if metric.truth == "symmetry" and symmetry.asymmetry(rest_positions, rest_id) > symmetry.NEARLY:
            return np.arange(0)
        _, inverse, counts = np.unique(rest_id, return_inverse=True, return_counts=True)
        return np.flatnonzero(counts[inverse] > 1)
    return np.arange(count)
