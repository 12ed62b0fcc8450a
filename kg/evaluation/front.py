"""The way in from Python: the results of whatever is named."""

from collections.abc import Sequence
from pathlib import Path

from kg.devices import choose_device
from kg.evaluation.evaluate import asks_detector
from kg.evaluation.evaluate import evaluate as measure
from kg.evaluation.protocols import STRICT, find_protocol
from kg.evaluation.results import Result
from kg.inference.front import Part, predictions_of
from kg.inference.predictions import Predictions
from kg.inference.redetection import Redetection, detector_of


def evaluate(
    named: Predictions | Path | str = "latest",
    metrics: Sequence[str] | str | None = None,
    *,
    protocol: str = STRICT,
    threshold: float | None = None,
    split: Part | None = None,
    store: Path | str | None = None,
) -> list[Result]:
    """Measure keypoints, as `kg eval` does.

    Args:
        named: Predictions, their file, or a run or checkpoint, of which the test split is predicted first.
        metrics: Names as `kg list metrics` has them, "das" or "all". Default: the protocol's.
        protocol: A name of `kg list protocols`.
        threshold: Instead of the metrics' own.
        split: Of a run: which shapes to predict. Default: test.
        store: Another prepared store than the run's own; of predictions, where theirs lies.

    Returns:
        A `Result` for each metric: `result.metric`, `result.values`, `result.intervals`, `result.warnings`.

    Raises:
        KgError: What is named is not there, or cannot be measured.
    """
    names = [metrics] if isinstance(metrics, str) else metrics
    asks = asks_detector(names or (), find_protocol(protocol))
    again: Redetection | None = None
    if isinstance(named, Predictions):
        found = named
        detector = detector_of(found.meta, choose_device()) if asks else None
        again = None if detector is None else Redetection(detector, found)
    else:
        place = None if store is None else Path(store)
        found, again = predictions_of(named, split=split, store=place, again=asks)
    return measure(found, names, threshold=threshold, protocol=protocol, detector=again)
