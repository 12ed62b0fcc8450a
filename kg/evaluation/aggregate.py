"""One result of several trainings."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from kg.errors import KgError
from kg.evaluation.metrics import Curve
from kg.evaluation.metrics.bootstrap import interval
from kg.evaluation.protocols import PROTOCOLS
from kg.evaluation.results import Result
from kg.evaluation.robustness import Robustness


def mean_over_runs(per_run: Sequence[Sequence[Result]]) -> list[Result]:
    """Return the mean of each metric over trainings, with their standard deviation.

    An interval is of the mean, with the same objects resampled for all. What belongs to one training
    alone, as the result of its third keypoint, is left out.

    Args:
        per_run: Of each training, the same metrics on the same shapes.

    Raises:
        KgError: A training is given twice, or they were not measured alike.
    """
    if len(per_run) == 1:
        return list(per_run[0])
    return [_mean(of_runs) for of_runs in _aligned(per_run)]


def _aligned(per_run: Sequence[Sequence[Result]]) -> list[tuple[Result, ...]]:
    names = [[result.metric for result in results] for results in per_run]
    if any(other != names[0] for other in names):
        raise KgError("The runs cannot be averaged: their data allow different metrics.", "Name a --metric.")
    aligned = list(zip(*per_run, strict=True))
    for first, *others in aligned:
        for other in others:
            if not np.array_equal(other.ids, first.ids):
                raise KgError(
                    f"The runs cannot be averaged: {first.metric} was measured on different shapes.",
                    "Measure them one at a time, or on one store with --store.",
                )
            if (other.threshold, other.space, other.split) != (first.threshold, first.space, first.split):
                raise KgError(f"The runs cannot be averaged: {first.metric} was measured in different ways.")
    checkpoints = [result.checkpoints[0] for result in aligned[0]]
    if len(set(checkpoints)) < len(checkpoints):
        twice = next(name for name in checkpoints if checkpoints.count(name) > 1)
        raise KgError(f"The checkpoint {twice} is given more than once.", "Name different runs.")
    return aligned


def _mean(of_runs: Sequence[Result]) -> Result:
    first = of_runs[0]
    trainings = PROTOCOLS[first.protocol].runs if first.protocol in PROTOCOLS else 1
    cautions = list(dict.fromkeys(warning for result in of_runs for warning in result.warnings))
    seeds = tuple(seed for result in of_runs for seed in result.seeds)
    if len(of_runs) < trainings:
        cautions.append(
            f"Only {len(of_runs)} trainings: the protocol '{first.protocol}' asks for {trainings}."
        )
    if len(set(seeds)) < len(seeds):
        cautions.append("Some of the trainings have the same seed.")
    values = {part: [result.values[part] for result in of_runs] for part in first.values}
    draws = {
        part: np.mean([result.draws[part] for result in of_runs], axis=0)
        for part in first.draws
        if all(part in result.draws for result in of_runs)
    }
    intervals = {part: interval(drawn) for part, drawn in draws.items()}
    return replace(
        first,
        values={part: float(np.mean(of_part)) for part, of_part in values.items()},
        deviations={part: float(np.std(of_part, ddof=1)) for part, of_part in values.items()},
        intervals={part: ends for part, ends in intervals.items() if ends is not None},
        seeds=seeds,
        checkpoints=tuple(name for result in of_runs for name in result.checkpoints),
        warnings=tuple(cautions),
        collapsed=any(result.collapsed for result in of_runs),
        per_shape={
            part: np.mean([result.per_shape[part] for result in of_runs], axis=0) for part in first.per_shape
        },
        per_keypoint={},
        curves=tuple(
            _mean_curve(curves) for curves in zip(*(result.curves for result in of_runs), strict=True)
        ),
        draws=draws,
    )


def _mean_curve(curves: Sequence[Curve]) -> Curve:
    return replace(curves[0], y=np.mean([curve.y for curve in curves], axis=0))


def mean_robustness(of_runs: Sequence[Robustness]) -> Robustness:
    """Return the mean over trainings at each level of one corruption."""
    at_level = zip(*(run.results for run in of_runs), strict=True)
    return replace(of_runs[0], results=[mean_over_runs(results) for results in at_level])


def in_common(metas: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return what several predictions say of themselves: a value where they agree, else all of them."""
    if len(metas) == 1:
        return metas[0]
    values = {name: [meta.get(name) for meta in metas] for name in metas[0]}
    return {
        name: of_all[0] if all(value == of_all[0] for value in of_all) else of_all
        for name, of_all in values.items()
    }
