"""Results for predictions, each with what it takes to read it: protocol, split, space, threshold, shapes."""

import math
import warnings
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from kg.data.box import diagonals
from kg.errors import KgError, unknown_name
from kg.evaluation.ground_truth import LEFT_OUT, known_sample, measurable, not_measurable, plain_sample
from kg.evaluation.metrics import METRICS, Measured, Metric, Sample, Terms, symmetry
from kg.evaluation.metrics.bootstrap import interval, resample
from kg.evaluation.metrics.spread import MOST, TOUCHING, collapsed
from kg.evaluation.protocols import STRICT, Protocol, find_protocol
from kg.evaluation.results import NO_PROTOCOL, Result
from kg.inference.predictions import Predictions

if TYPE_CHECKING:
    from kg.inference.redetection import Redetection

DAS, ALL = "das", "all"
CONSISTENCY = (
    "das-annotated",
    "das-rest",
    "das-unsupervised",
    "correspondence",
    "correspondence-symmetric",
    "correspondence-visible",
    "repeatability",
)
"""What keypoints that mean nothing can do well in: a template, the same points on every shape, has a perfect
DAS without annotations; keypoints that lie all in one place, a good one with them."""
COMPANIONS = ("coverage", "spread")
"""They unmask such keypoints."""

FEW = 30
"""Objects below which a result is called rough."""

LEAST = 5
"""Objects that an interval needs. On two, one of 95 % holds the truth half of the time, on five 83 %."""

PUBLISHED_SHARE = 0.1
"""What the published mIoU's threshold is of a ShapeNet shape's diagonal, which is 1."""


def evaluate(
    predictions: Predictions,
    metrics: Sequence[str] | None = None,
    *,
    threshold: float | None = None,
    protocol: str = STRICT,
    detector: "Redetection | None" = None,
) -> list[Result]:
    """Measure keypoints.

    Ground truth is read from the prepared store that the predictions name, matched by id.

    Args:
        predictions: The keypoints.
        metrics: Names in `METRICS`; "das": with annotations where there are any, else without; "all":
            whatever can be measured. `COMPANIONS` follow unasked upon any of `CONSISTENCY`. By default
            the protocol's own.
        threshold: Instead of the metrics' own.
        protocol: Name in `PROTOCOLS`. Where the predictions do not keep to all of it, the results say so.
        detector: That made the predictions, for metrics and protocols that ask it again.

    Raises:
        KgError: A metric is unknown, its ground truth is not there or its store has changed, the
            threshold fits no metric, or the predictions are broken.
    """
    held = find_protocol(protocol)
    if metrics is not None:
        check_names(metrics)
    named, optional, leading = (
        (metrics, (), ()) if metrics is not None else (held.metrics, held.optional, held.leading)
    )
    clean = plain = replace(plain_sample(predictions), detector=detector)
    if held.corruption is not None:
        predictions = _corrupted(predictions, held, detector)
        plain = replace(plain_sample(predictions), detector=detector)
    known = replace(_known(predictions, plain, [*leading, *named, *optional]), detector=detector)
    measured = _choose(named, (leading, optional), known, predictions)
    _check_threshold(measured, threshold, held)
    label = _label(held, predictions, threshold, [metric.name for metric in measured])
    results = [
        measure(
            metric,
            # What asks the detector again compares with what it found in clean clouds.
            clean if metric.truth == "detector" else plain if metric.truth is None else known,
            predictions,
            threshold,
            held,
            label,
        )
        for metric in measured
    ]
    share = collapsed(plain.keypoints, plain.points)
    if share <= MOST:
        return results
    warning = (
        f"COLLAPSED: on {share:.0%} of the shapes two keypoints or more lie in one place (less than "
        f"{TOUCHING:g} % of the diagonal apart, or at one point of the cloud). DAS then means nothing and "
        "is not shown."
    )
    return [replace(result, collapsed=True, warnings=(warning, *result.warnings)) for result in results]


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


def asks_detector(metrics: Sequence[str], protocol: Protocol) -> bool:
    """Tell whether metrics, or a protocol, can want the detector that made the predictions."""
    asks = any(name == ALL or (name in METRICS and METRICS[name].truth == "detector") for name in metrics)
    return asks or protocol.corruption is not None


def _corrupted(predictions: Predictions, protocol: Protocol, detector: "Redetection | None") -> Predictions:
    assert protocol.corruption is not None
    if detector is None:
        raise KgError(
            f"The protocol '{protocol.name}' detects anew: no run here made these predictions.",
            "Name the run instead of its predictions.",
        )
    name, level = protocol.corruption
    return detector.corrupted(name, level)


def _known(predictions: Predictions, plain: Sample, metrics: Sequence[str]) -> Sample:
    """Return the sample with its ground truth, as far as it is asked for and there."""
    with_truth = [
        name for name in metrics if name in (DAS, ALL) or METRICS[name].truth not in (None, "detector")
    ]
    if not with_truth or not predictions.meta.get("store"):
        return plain
    try:
        return known_sample(predictions)
    except KgError as error:
        if set(with_truth) == {ALL}:
            warnings.warn(f"{error.message} So what needs ground truth is left out.", stacklevel=3)
            return plain
        raise


def _choose(
    names: Sequence[str],
    around: tuple[Sequence[str], Sequence[str]],
    known: Sample,
    predictions: Predictions,
) -> list[Metric]:
    """Return the metrics of these names, with those before and after them that the data allow."""
    possible = [name for name, metric in METRICS.items() if len(measurable(metric, known))]
    unasked = [name for name in possible if _says_more(name, known, predictions)]
    leading, optional = around
    chosen_names = [name for name in leading if name in unasked]
    for name in names:
        if name == ALL:
            chosen_names += unasked
        elif name == DAS:
            chosen_names.append("das-annotated" if "das-annotated" in possible else "das-unsupervised")
        elif name in possible:
            chosen_names.append(name)
        else:
            raise _not_measurable(name, predictions)
    chosen_names += [name for name in optional if name in unasked]
    if any(name in chosen_names for name in CONSISTENCY):
        chosen_names += COMPANIONS
    return [METRICS[name] for name in dict.fromkeys(chosen_names)]


def _says_more(metric: str, known: Sample, predictions: Predictions) -> bool:
    """Tell whether a metric is of use on these clouds; who asks for it by name has it anyhow."""
    if METRICS[metric].truth == "symmetry":
        # Where poses are fixed, a turn is a mistake like any other.
        return _lies_any_way(known)
    if metric == "correspondence-visible":
        # Whole clouds show all.
        store = predictions.find_store()
        return store is not None and bool(store.provenance.get("options", {}).get("camera"))
    return True


def _lies_any_way(known: Sample) -> bool:
    if known.rest_positions is None or known.rest_id is None or known.frame is None:
        return False
    return symmetry.random_poses(known.points, known.rest_positions, known.rest_id, known.frame)


def _not_measurable(name: str, predictions: Predictions) -> KgError:
    if METRICS[name].truth == "detector":
        return KgError(
            f"The metric '{name}' cannot be measured: it asks the detector again, and no run here made these "
            "predictions.",
            "Name the run instead of its predictions.",
        )
    where = predictions.meta.get("store", {}).get("path", "the prediction, which names no store,")
    return not_measurable(METRICS[name], where)


def _check_threshold(metrics: Sequence[Metric], threshold: float | None, protocol: Protocol) -> None:
    if threshold is None:
        return
    if not (math.isfinite(threshold) and threshold > 0):
        raise KgError(f"A threshold is a distance above 0, not {threshold}.")
    takers = [metric for metric in metrics if metric.threshold is not None]
    if not takers:
        takes = ", ".join(name for name, metric in METRICS.items() if metric.threshold is not None)
        raise KgError(f"None of the metrics has a threshold to be {threshold}.", f"These have one: {takes}.")
    space_of = {metric.name: protocol.spaces.get(metric.name, metric.space) for metric in takers}
    if len(set(space_of.values())) > 1:
        spaces = " and ".join(f"{name} ({space})" for name, space in space_of.items())
        raise KgError(
            f"One threshold cannot be {threshold} in different spaces: {spaces}.",
            "Measure them one at a time, each with its own --threshold.",
        )


def _label(
    protocol: Protocol, predictions: Predictions, threshold: float | None, metrics: Sequence[str]
) -> str:
    """Return the protocol's name, and what of it the predictions or the threshold do not keep to."""
    split, by = predictions.meta.get("split", "unknown"), predictions.meta.get("split_by")
    frames = len(np.unique(predictions.objects)) < len(predictions)
    fixed = [name for name in metrics if threshold not in (None, protocol.thresholds.get(name, threshold))]
    if split not in protocol.splits:
        return f"{protocol.name}, but on the split '{split}'"
    if protocol.split_by not in (None, by):
        return f"{protocol.name}, but split by {by}"
    if protocol.sequences_by_frame and frames and by != "frame":
        return f"{protocol.name}, but sequences split by {by}"
    if fixed:
        return f"{protocol.name}, but {fixed[0]} at {threshold}"
    return protocol.name


def _terms(metric: Metric, protocol: Protocol, threshold: float | None, unit: str) -> Terms:
    space = protocol.spaces.get(metric.name, metric.space)
    own = protocol.thresholds.get(metric.name, metric.threshold)
    return Terms(
        threshold=(own or 0.0) if threshold is None or own is None else threshold,
        space=space,
        self_pairs=protocol.self_pairs,
        snap=protocol.snap,
        unit=unit if space == "source" else space,
    )


def measure(
    metric: Metric,
    sample: Sample,
    predictions: Predictions,
    threshold: float | None,
    protocol: Protocol,
    label: str,
) -> Result:
    """Return the results of one metric.

    Args:
        metric: What to measure.
        sample: With the ground truth that it needs for one shape at least.
        predictions: That the sample is of, for their ids and what they say of themselves.
        threshold: Instead of the metric's own.
        protocol: By which it is measured.
        label: The protocol's name, and what of it is not kept.
    """
    rows = measurable(metric, sample)
    used = sample if len(rows) == len(sample) else sample.take(rows)
    meta = predictions.meta
    terms = _terms(metric, protocol, threshold, str(meta.get("unit", "unknown")))
    measured = metric.measure(used, terms)
    cautions = _cautions(metric, used, len(sample), meta)
    if terms.space == "source" and metric.threshold is not None and threshold is None:
        cautions += _unusual_threshold(used, terms.threshold, terms.unit)
    if metric.caution:
        cautions.append(metric.caution)
    covered = protocol.covers(metric.name)
    if covered and protocol.caution:
        cautions.append(protocol.caution)
    values, draws = _values(measured, used)
    intervals = {part: interval(drawn) for part, drawn in draws.items()}
    return Result(
        metric=metric.name,
        values=values,
        units=dict(metric.units),
        protocol=label if covered else NO_PROTOCOL,
        split=str(meta.get("split", "unknown")),
        shapes=len(used),
        space=f"source ({terms.unit})" if terms.space == "source" else terms.space,
        threshold=None if metric.threshold is None else terms.threshold,
        seeds=(meta.get("seed"),),
        checkpoints=(str(meta.get("checkpoint", "")),),
        reference=str(predictions.ids[rows[0]]) if metric.reference else None,
        warnings=tuple(cautions),
        intervals={part: ends for part, ends in intervals.items() if ends is not None},
        ids=predictions.ids[rows],
        per_shape=_present({name: part.per_shape for name, part in measured.parts.items()}),
        per_keypoint=_present({name: part.per_keypoint for name, part in measured.parts.items()}),
        curves=measured.curves,
        draws=draws,
    )


def _values(measured: Measured, used: Sample) -> tuple[dict[str, float], dict[str, Any]]:
    """Return the parts, and on resamplings of the objects, where there are enough of them."""
    once = np.ones((1, len(used)))
    values = {name: float(part.statistic(once)[0]) for name, part in measured.parts.items()}
    if len(np.unique(used.objects)) < LEAST:
        return values, {}
    weights = resample(used.objects)
    return values, {name: part.statistic(weights) for name, part in measured.parts.items()}


def _present(arrays: dict[str, Any]) -> dict[str, Any]:
    return {name: array for name, array in arrays.items() if array is not None}


def _cautions(metric: Metric, used: Sample, count: int, meta: dict[str, Any]) -> list[str]:
    cautions = []
    if metric.truth and len(used) < count:
        cautions.append(f"{count - len(used)} of {count} shapes are left out: {LEFT_OUT[metric.truth]}.")
    if len(used) == 1 and metric.compares:
        cautions.append("One shape alone says nothing: the metric compares shapes with each other.")
    elif (few := len(np.unique(used.objects))) < FEW:
        cautions.append(f"Only {few} object{'s' if few > 1 else ''}: the result is rough.")
    if meta.get("other_store"):
        cautions.append(
            "This is not the store that the detector was trained on; it may have seen these shapes."
        )
        return cautions
    if meta.get("split") in ("train", "all"):
        cautions.append(f"The split '{meta['split']}' may hold shapes that the detector was trained on.")
    if meta.get("split_by") == "frame":
        cautions.append("Split by frame: the detector was trained on other frames of the same objects.")
    return cautions


def _unusual_threshold(sample: Sample, threshold: float, unit: str) -> list[str]:
    share = float(np.mean(threshold / diagonals(sample.to_source(sample.points))))
    if PUBLISHED_SHARE / 2 <= share <= PUBLISHED_SHARE * 2:
        return []
    return [
        f"{threshold:g} (unit: {unit}) is {share:.1%} of a shape's diagonal, where published results have "
        f"about {PUBLISHED_SHARE:.0%}: choose a --threshold."
    ]
