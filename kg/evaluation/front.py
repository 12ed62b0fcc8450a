"""The way in: the results of whatever is named, as `kg eval` and Python have them."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import torch

from kg.errors import KgError
from kg.evaluation.aggregate import in_common, mean_over_runs, mean_robustness
from kg.evaluation.comparable import check_averaged, differences, other_options
from kg.evaluation.evaluate import asks_detector, check_names
from kg.evaluation.evaluate import evaluate as measure_predictions
from kg.evaluation.evaluation import Evaluation
from kg.evaluation.floors import measure_floors
from kg.evaluation.metrics import METRICS
from kg.evaluation.protocols import STRICT, Protocol, find_protocol
from kg.evaluation.results import Result
from kg.evaluation.robustness import Robustness, measure_robustness, parse_corruption
from kg.inference.front import Part, predictions_of
from kg.inference.landmarks import LandmarkKeypoint, landmark_keypoints
from kg.inference.predictions import Predictions
from kg.inference.redetection import Redetection
from kg.inference.targets import Named, find_targets

Measurable = Predictions | Named


def evaluate(
    named: Measurable | Sequence[Measurable] = "latest",
    metrics: Sequence[str] | str | None = None,
    *,
    protocol: str = STRICT,
    threshold: float | None = None,
    split: Part | None = None,
    checkpoint: str | None = None,
    store: Path | str | None = None,
    corruptions: Sequence[str] = (),
    seed: int = 0,
    floors: bool = True,
    redetect: bool = False,
    device: torch.device | str | None = None,
    progress: Callable[..., None] = lambda done, total, text="": None,
) -> Evaluation:
    """Measure keypoints, as `kg eval` does.

    Args:
        named: Predictions, their file, a run, a sweep or a checkpoint; what is not predicted yet is predicted
            first. Of several, the mean is measured.
        metrics: Names as `kg list metrics` has them, "das" or "all". Default: the protocol's.
        protocol: A name of `kg list protocols`.
        threshold: Instead of the metrics' own.
        split: Of a run: which shapes to predict. Default: test.
        checkpoint: Of a run: "best", "last" or a file. Default: best.
        store: Another prepared store than the run's own; of predictions, where theirs lies.
        corruptions: Measure on ever worse clouds too: "noise", "noise=0:0.08", as `--corrupt` takes them.
        seed: Of what is random in a corruption.
        floors: Measure keypoints that no detector found on the same clouds.
        redetect: Have the detector of predictions at hand, for a report, even where no metric asks it.
        device: "cpu", "cuda", "cuda:1" or a device. Default: the best there is.
        progress: Called with (done, total) shapes.

    Returns:
        An `Evaluation`: a `Result` for each metric, with `metric`, `values`, `intervals` and `warnings`.

    Raises:
        KgError: What is named is not there, or cannot be measured.

    Example:
        >>> evaluation = kg.evaluate(["runs/a", "runs/b"], "das", corruptions=["noise=0:0.08"])
        >>> [result.values for result in evaluation]
        >>> [curve.y for curve in evaluation.robustness[0].headlines()]
    """
    names = [metrics] if isinstance(metrics, str) else metrics
    if names is not None:
        check_names(names)
    held = find_protocol(protocol)
    levels = [parse_corruption(text) for text in corruptions]
    measure = partial(measure_predictions, threshold=threshold, protocol=protocol)
    measure_corrupted = partial(measure, metrics=_metrics_of_corrupted(names, held) if levels else None)
    per_run: list[list[Result]] = []
    curves: list[list[Robustness]] = []
    predicted: list[tuple[Predictions, Redetection | None]] = []
    for target in _targets(named):
        predictions, redetection = predictions_of(
            target,
            progress,
            split=split,
            checkpoint=checkpoint,
            store=None if store is None else Path(store),
            device=device,
            seed=seed,
            redetect=redetect or bool(levels) or asks_detector(names or (), held),
        )
        predicted.append((predictions, redetection))
        check_averaged(predicted[0][0], predictions)
        if levels and redetection is None:
            raise KgError(
                f"No run here made {_title(target)}: in corrupted clouds keypoints are detected anew.",
                "Name the run instead of its predictions.",
            )
        per_run.append(measure(predictions, names, detector=redetection))
        if redetection is not None:
            curves.append(measure_robustness(redetection, levels, measure_corrupted))
    results = mean_over_runs(per_run)
    first, redetection = predicted[0]
    of_all = [predictions for predictions, _ in predicted]
    configs = [each.detector.checkpoint.config for _, each in predicted if each is not None]
    return Evaluation(
        results=results,
        meta=in_common([predictions.meta for predictions in of_all]),
        protocol=held,
        predictions=first,
        redetection=redetection,
        robustness=[mean_robustness(of_runs) for of_runs in zip(*curves, strict=True)],
        # The clouds are the same for all runs; only a template is of the first one.
        floors=measure_floors(first, per_run[0], threshold=threshold, protocol=protocol) if floors else [],
        landmarks=_landmarks(of_all, results),
        differences=[*differences(of_all), *other_options(configs)],
    )


def _metrics_of_corrupted(names: Sequence[str] | None, protocol: Protocol) -> list[str] | None:
    """Return the metrics to measure on corrupted clouds: those that corrupt no clouds themselves.

    Raises:
        KgError: None is left, or the protocol corrupts clouds itself.
    """
    redetecting = [name for name in names or () if name in METRICS and METRICS[name].truth == "detector"]
    plain = None if names is None else [name for name in names if name not in redetecting]
    if protocol.corruption is not None or plain == []:
        what = ", ".join(redetecting) if redetecting else f"the protocol '{protocol.name}'"
        raise KgError(f"Corruption does not go with {what}, which corrupts clouds itself.", "Leave one out.")
    return plain


def _landmarks(predicted: Sequence[Predictions], results: Sequence[Result]) -> list[LandmarkKeypoint]:
    if len(predicted) > 1 or any(result.collapsed for result in results):
        return []
    return landmark_keypoints(predicted[0], predicted[0].find_store())


def _targets(named: Measurable | Sequence[Measurable]) -> Iterator[Measurable]:
    """Yield what is measured, each sweep replaced by its runs."""
    for one in [named] if named is None or isinstance(named, Predictions | Path | str) else named:
        if one is None or isinstance(one, Predictions):
            yield one
        else:
            yield from (target.path for target in find_targets([one]))


def _title(target: Measurable) -> str:
    if isinstance(target, Predictions):
        return str(target.meta.get("keypoints", "these predictions"))
    return str(target)
