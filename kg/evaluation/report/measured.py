"""What a report's page says of what was measured."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from markupsafe import Markup

from kg.evaluation.floors import Floor
from kg.evaluation.metrics import METRICS, Curve
from kg.evaluation.report.charts import chart, strip
from kg.evaluation.report.pictures import extremes, picture
from kg.evaluation.report.subject import Subject
from kg.evaluation.results import COLLAPSED, Result
from kg.viz.colours import PALETTE

SHOWN = 4
"""Shapes that are pictured as the worst, and as the best."""

TILES = 6
"""Metrics that stand at the top."""

Card = tuple[str, Markup]
"""A chart with its heading."""


def number(value: float) -> str:
    """Return a result with three digits or one decimal, "–" for one that is not finite."""
    if not math.isfinite(value):
        return "–"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.3g}"


def between(low_high: tuple[float, float]) -> str:
    """Return an interval."""
    return f"{number(low_high[0])}–{number(low_high[1])}"


def table(columns: Sequence[str], rows: Sequence[Sequence[str]], numeric: set[int]) -> dict[str, Any]:
    """Return a table of texts; the columns of these numbers stand to the right."""
    return {"columns": columns, "rows": rows, "numeric": numeric}


def told(subject: Subject) -> dict[str, Any]:
    """Return all that the page says of what was measured, by the names that its template has."""
    category = subject.predictions.meta.get("category")
    # DAS of keypoints in one place means nothing, on a single shape as on all.
    results = [result for result in subject.results if not result.meaningless]
    return {
        "title": f"Keypoints of {category}" if category else "Keypoints",
        "facts": _facts(subject),
        "tiles": [_tile(result) for result in subject.results[:TILES]],
        "notes": _notes(subject),
        "floors": subject.floors,
        "results": _results(subject),
        "metrics": [METRICS[result.metric] for result in subject.results],
        "shapes": _shapes(subject, results),
        "keypoints": _keypoints(subject, results),
        "landmarks": _landmarks(subject),
        "curves": _curves(subject, results),
        "robustness": _robustness(subject),
        "heatmap": _heatmap(subject),
    }


def _facts(subject: Subject) -> list[str]:
    """Return what was measured on what."""
    meta, first = subject.predictions.meta, subject.results[0]
    by = f" by {meta['split_by']}" if meta.get("split_by") else ""
    facts = [
        "/".join(str(meta[key]) for key in ("dataset", "category", "variant") if meta.get(key)),
        f"{first.split} split{by}",
        f"{len(subject.predictions)} shapes",
        f"{subject.predictions.keypoints.shape[1]} keypoints",
        f"preset {meta['preset']}" if meta.get("preset") else "",
        f"seed {', '.join(map(str, first.seeds))}" if first.seeds != (None,) else "",
        f"protocol {first.protocol}" if len(_protocols(subject)) == 1 else "",
    ]
    return [fact for fact in facts if fact]


def _notes(subject: Subject) -> list[str]:
    """Return what to know before trusting the results."""
    first = subject.results[0]
    notes = list(dict.fromkeys(text for result in subject.results for text in result.warnings))
    if len(first.checkpoints) > 1:
        alone = "pictures, confidences, losses, options and the heatmap's use are of the first."
        notes.append(f"The results are means over {len(first.checkpoints)} trainings; {alone}")
    return notes


def _protocols(subject: Subject) -> set[str]:
    return {result.protocol for result in subject.results}


def _tile(result: Result) -> dict[str, str]:
    part = METRICS[result.metric].headline
    unit = result.units[part]
    within = None if result.meaningless else result.intervals.get(part)
    return {
        "metric": result.metric,
        "value": COLLAPSED if result.meaningless else number(result.values[part]),
        "sign": "%" if unit.startswith("%") and not result.meaningless else "",
        "part": ", ".join([part] * (part != "value") + [unit] * (unit != "%")),
        "interval": f"95 % {between(within)}" if within else "",
    }


def _results(subject: Subject) -> dict[str, Any]:
    """Return every part of every metric, with what it takes to read it."""
    names = [floor.name for floor in subject.floors]
    rows = [_row(result, part, subject.floors) for result in subject.results for part in result.units]
    columns = ["metric", "part", "value", *names, "unit", "95 %", "n", "space", "threshold"]
    if len(_protocols(subject)) > 1:
        columns.append("protocol")
        protocols = [result.protocol for result in subject.results for _ in result.units]
        rows = [[*row, protocol] for row, protocol in zip(rows, protocols, strict=True)]
    numeric = {columns.index(name) for name in ("value", *names, "95 %", "n", "threshold")}
    return table(columns, rows, numeric)


def _row(result: Result, part: str, floors: Sequence[Floor]) -> list[str]:
    within, deviation = result.intervals.get(part), result.deviations.get(part)
    value = number(result.values[part]) + ("" if deviation is None else f" ± {number(deviation)}")
    if result.meaningless:
        within, value = None, COLLAPSED
    beside = [floor.result(result.metric) for floor in floors]
    return [
        result.metric,
        part,
        value,
        *(number(math.nan if other is None else other.values[part]) for other in beside),
        result.units[part],
        between(within) if within else "",
        str(result.shapes),
        result.space,
        "" if result.threshold is None else f"{result.threshold:g}",
    ]


def _shapes(subject: Subject, results: Sequence[Result]) -> dict[str, Any] | None:
    """Return the worst and the best shapes, by the first metric that tells them apart."""
    judged = _judge(results)
    if judged is None:
        return None
    result, part = judged
    values = result.per_shape[part]
    value_of = dict(zip(result.ids.tolist(), map(number, values.tolist()), strict=True))
    lower = part in METRICS[result.metric].lower_is_better
    shown = zip(("Worst", "Best"), extremes(values, result.ids, SHOWN, lower), strict=True)
    by = f"{result.metric} ({part})"
    return {
        "by": by,
        "extremes": [
            {
                "name": name,
                "shown": [(one, value_of[one]) for one in ids],
                **picture(subject.predictions, ids),
            }
            for name, ids in shown
            if ids
        ],
        "strip": strip(values, f"{by} of each shape, {result.units[part]}"),
        "every": _every_shape(results),
    }


def _judge(results: Sequence[Result]) -> tuple[Result, str] | None:
    for result in results:
        for part in [METRICS[result.metric].headline, *result.per_shape]:
            if part in result.per_shape and len(np.unique(result.per_shape[part])) > 1:
                return result, part
    return None


def _every_shape(results: Sequence[Result]) -> dict[str, Any]:
    columns = {
        f"{result.metric} {part}": dict(zip(result.ids.tolist(), values.tolist(), strict=True))
        for result in results
        for part, values in result.per_shape.items()
    }
    ids = dict.fromkeys(name for values in columns.values() for name in values)
    rows = [[name, *(number(values.get(name, math.nan)) for values in columns.values())] for name in ids]
    return table(["shape", *columns], rows, set(range(1, len(columns) + 1)))


def _keypoints(subject: Subject, results: Sequence[Result]) -> list[tuple[str, list[dict[str, Any]]]]:
    """Return how each keypoint does by itself: bars with their headings."""
    judged = [
        (f"{result.metric} ({part}), {result.units[part]}", values, result.units[part])
        for result in results
        for part, values in result.per_keypoint.items()
    ]
    sure = 100 * subject.predictions.confidences.mean(0)
    judged.append(("confidence: weight within 0.1 of the keypoint, %", sure, "%"))
    return [(title, _bars(values.tolist(), unit)) for title, values, unit in judged]


def _bars(values: Sequence[float], unit: str) -> list[dict[str, Any]]:
    finite = [value for value in values if math.isfinite(value)]
    most = 100.0 if unit == "%" else max(finite, default=1.0) or 1.0
    return [
        {
            "value": number(value),
            "width": round(100 * min(1.0, max(0.0, value / most)), 1) if math.isfinite(value) else 0,
            "colour": PALETTE[row % len(PALETTE)],
        }
        for row, value in enumerate(values)
    ]


def _landmarks(subject: Subject) -> dict[str, Any]:
    """Return which keypoint lies on which landmark."""
    rows = [
        [one.landmark, str(one.keypoint), f"{one.share:.0f}", f"{one.distance:.1f}", str(one.shapes)]
        for one in subject.landmarks
    ]
    columns = ["landmark", "keypoint", "lies on it, % of shapes", "away, % of diagonal", "n"]
    return table(columns, rows, {1, 2, 3, 4})


def _curves(subject: Subject, results: Sequence[Result]) -> list[Card]:
    """Return the metrics' own curves, with those of reference keypoints."""
    return [
        (result.metric, chart([curve, *_of_floors(subject.floors, result, place)]))
        for result in results
        for place, curve in enumerate(result.curves)
        if np.isfinite(curve.y).any()
    ]


def _of_floors(floors: Sequence[Floor], result: Result, place: int) -> list[Curve]:
    """Return the reference keypoints' curves of a metric, each by its keypoints' name."""
    beside = ((floor.name, floor.result(result.metric)) for floor in floors)
    return [
        replace(other.curves[place], name=name)
        for name, other in beside
        if other is not None and np.isfinite(other.curves[place].y).any()
    ]


def _robustness(subject: Subject) -> list[Card]:
    """Return how the results fall as clouds get worse, a chart for each corruption and unit."""
    cards = []
    for robustness in subject.robustness:
        over = [curve for curve in robustness.headlines() if np.isfinite(curve.y).any()]
        for unit in dict.fromkeys(curve.y_unit for curve in over):
            of_unit = [curve for curve in over if curve.y_unit == unit]
            cards.append((f"{robustness.corruption}, {unit}", chart(of_unit, unit)))
    return cards


def _heatmap(subject: Subject) -> dict[str, Any] | None:
    """Return whether the decoder uses it."""
    use = subject.use
    if use is None:
        return None
    rows = [
        [name, f"{value:.5f}", "" if value is use.own else f"{100 * (value / use.own - 1):+.1f} %"]
        for name, value in (("own", use.own), ("none", use.zeroed), ("another cloud's", use.swapped))
        if math.isfinite(value)
    ]
    return {"shapes": use.shapes, "table": table(["heatmap", "Chamfer distance", "change"], rows, {1, 2})}
