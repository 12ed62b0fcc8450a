"""Results of keypoints that no detector found, on the same clouds and in the same way as a detector's."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from kg.errors import KgError
from kg.evaluation.evaluate import measure
from kg.evaluation.ground_truth import known_sample, measurable, plain_sample
from kg.evaluation.metrics import METRICS
from kg.evaluation.protocols import STRICT, find_protocol
from kg.evaluation.reference_keypoints import (
    ABOUT,
    ABOUT_ANNOTATED,
    ORACLE,
    STANDS_STILL,
    reference_keypoints,
)
from kg.evaluation.results import Result
from kg.inference.predictions import Predictions


@dataclass(frozen=True, eq=False)
class Floor:
    """Reference keypoints and their results, a floor or a ceiling for a detector's.

    Attributes:
        name: Of the keypoints; see `kg.evaluation.reference_keypoints`.
        about: What they are, for people.
        results: The metrics that can be measured on them, without what belongs to single shapes.
    """

    name: str
    about: str
    results: Sequence[Result]

    def result(self, metric: str) -> Result | None:
        """Return the results of one metric, if it was measured."""
        return next((result for result in self.results if result.metric == metric), None)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        results = [result.to_dict() for result in self.results]
        return {"name": self.name, "about": self.about, "results": results}


def measure_floors(
    predictions: Predictions,
    results: Sequence[Result],
    *,
    threshold: float | None = None,
    protocol: str = STRICT,
) -> list[Floor]:
    """Measure the reference keypoints of the clouds on which keypoints were measured.

    Nothing is detected. So metrics that ask the detector again are left out, and a protocol that
    corrupts clouds has no floors: what stands on clean clouds is none for those.

    Args:
        predictions: The keypoints that were measured.
        results: Their results, whose metrics are measured.
        threshold: As they were measured with.
        protocol: The same.
    """
    held = find_protocol(protocol)
    if held.corruption is not None:
        return []
    plain = plain_sample(predictions)
    try:
        known = known_sample(predictions) if predictions.meta.get("store") else plain
    except KgError:
        # What was measured did without ground truth, and said so.
        known = plain
    # Of keypoints that nobody detected nobody says how sure they are, and which are visible.
    known = replace(known, confidences=None, visible=None)
    metrics = [METRICS[result.metric] for result in results if METRICS[result.metric].truth != "detector"]
    labels = {result.metric: result.protocol for result in results}
    references = reference_keypoints(known)
    at_rest = STANDS_STILL in references
    floors = []
    for name, keypoints in references.items():
        measured = [
            _alone(
                measure(
                    metric,
                    replace(plain if metric.truth is None else known, keypoints=keypoints),
                    predictions,
                    threshold,
                    held,
                    labels[metric.name],
                )
            )
            for metric in metrics
            if len(measurable(metric, known))
        ]
        about = ABOUT_ANNOTATED if name == ORACLE and not at_rest else ABOUT[name]
        floors.append(Floor(name, about, measured))
    return floors


def _alone(result: Result) -> Result:
    """Return a result without what is a detector's: trainings, cautions, and the results of single shapes."""
    return replace(
        result, seeds=(), checkpoints=(), warnings=(), ids=np.array([], str), per_shape={}, per_keypoint={}
    )
