"""The plot of an evaluation: which curves stand in which panel."""

import math
from collections.abc import Sequence
from pathlib import Path

from kg.errors import KgError
from kg.evaluation.curves import draw_curves
from kg.evaluation.evaluate import ALL, COMPANIONS, check_names
from kg.evaluation.evaluation import Evaluation
from kg.evaluation.metrics import METRICS, Curve
from kg.evaluation.results import Result
from kg.evaluation.robustness import Robustness
from kg.evaluation.tables import facts

ABREAST = 3
"""Panels in a row, at most."""
CURVED = frozenset(name for name, metric in METRICS.items() if metric.curved)


def write_plot(path: Path | str, evaluation: Evaluation) -> None:
    """Draw the curves over corruptions, or without them those of the metrics; whole or not at all.

    Args:
        path: .png, .svg or .pdf.
        evaluation: What was measured.

    Raises:
        KgError: There is nothing that varies.
    """
    draw_curves(Path(path), panels_of(evaluation.results, evaluation.robustness), _caption(evaluation))


def _caption(evaluation: Evaluation) -> str:
    """Return what the results have in common in a line, for below a plot."""
    results = evaluation.results
    fact = dict(line.split(maxsplit=1) for line in facts(results, evaluation.meta))
    shapes = f"{max(result.shapes for result in results)} shapes"
    settings = (
        f"{name} {fact[name]}" for name in ("split", "protocol", "seed", "checkpoint") if name in fact
    )
    return " · ".join((fact.get("data", ""), shapes, *settings)).removeprefix(" · ")


def check_curves(metrics: Sequence[str] | None, corruptions: Sequence[str]) -> None:
    """Check, before metrics are measured, that there will be a curve to plot; of a protocol's, nobody knows.

    Raises:
        KgError: There will be none.
    """
    check_names(metrics or [ALL])
    if metrics and not corruptions and not any(name == ALL or name in CURVED for name in metrics):
        raise _no_curve()


def _no_curve() -> KgError:
    return KgError(
        "There is no curve to plot: none of the metrics has one.",
        "For example: --corrupt noise, or --metric miou",
    )


def panels_of(results: Sequence[Result], curves: Sequence[Robustness]) -> list[list[list[Curve]]]:
    """Return the panels of a plot, in rows: corruptions side by side, a row for each unit; else all curves.

    What stands beside the metrics asked for is drawn where it shares their unit.

    Raises:
        KgError: There is nothing that varies.
    """
    if not curves:
        panels = [[curve] for result in results for curve in result.curves]
        if not panels:
            raise _no_curve()
        return _in_rows(panels)
    # What asks the detector again itself, as repeatability does, was not measured on corrupted clouds.
    names = [curve.name for curve in curves[0].headlines()]
    leading = [name for name in names if name not in COMPANIONS] or names
    units = dict.fromkeys(METRICS[name].units[METRICS[name].headline] for name in leading)
    rows = []
    for unit in units:
        of_unit = [[of for of in curve.headlines() if of.y_unit == unit] for curve in curves]
        rows += _in_rows(of_unit)
    return rows


def _in_rows(panels: list[list[Curve]]) -> list[list[list[Curve]]]:
    rows = math.ceil(len(panels) / ABREAST)
    abreast = math.ceil(len(panels) / rows)
    return [panels[first : first + abreast] for first in range(0, len(panels), abreast)]
