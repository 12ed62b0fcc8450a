"""The sections of a report about what was measured."""

import math
from collections.abc import Sequence
from dataclasses import replace
from html import escape

import numpy as np

from kg.evaluation.floors import Floor
from kg.evaluation.metrics import METRICS, Curve
from kg.evaluation.report.charts import Line, bars, line_chart, strip
from kg.evaluation.report.html import between, card, folded, grid, number, section, table
from kg.evaluation.report.pictures import extremes, picture
from kg.evaluation.report.subject import Subject
from kg.evaluation.results import COLLAPSED, Result
from kg.viz.colours import PALETTE

SHOWN = 4
"""Shapes that are pictured as the worst, and as the best."""

TILES = 6
"""Metrics that stand at the top."""


def title(subject: Subject) -> str:
    """Return what the report is called."""
    category = subject.predictions.meta.get("category")
    return f"Keypoints of {category}" if category else "Keypoints"


def head(subject: Subject) -> str:
    """Return what was measured on what, the figures in large, and what to know before trusting them."""
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
    line = " · ".join(escape(fact) for fact in facts if fact)
    tiles = "".join(_tile(result) for result in subject.results[:TILES])
    warnings = dict.fromkeys(text for result in subject.results for text in result.warnings)
    if len(first.checkpoints) > 1:
        told = "pictures, confidences, losses, options and the heatmap's use are of the first."
        warnings[f"The figures are means over {len(first.checkpoints)} trainings; {told}"] = None
    notes = "".join(f"<li>{escape(text)}</li>" for text in warnings)
    said = f'<ul class="notes">{notes}</ul>' if notes else ""
    return (
        f'<h1>{escape(title(subject))}</h1><p class="soft">{line}</p><div class="tiles">{tiles}</div>{said}'
    )


def _protocols(subject: Subject) -> set[str]:
    return {result.protocol for result in subject.results}


def _tile(result: Result) -> str:
    part = METRICS[result.metric].headline
    unit = result.units[part]
    sign = "%" if unit.startswith("%") else ""
    within = None if result.meaningless else result.intervals.get(part)
    value = COLLAPSED if result.meaningless else number(result.values[part])
    said = [part] if part != "value" else []
    said += [unit] if unit != "%" else []
    interval = f"95 % {between(within)}" if within else ""
    return (
        f'<div class="card tile"><span class="name">{escape(result.metric)}</span>'
        f"<b>{value}<small>{'' if result.meaningless else sign}</small></b>"
        f"<span>{escape(', '.join(said))}</span><span>{interval}</span></div>"
    )


def figures(subject: Subject) -> str:
    """Return every part of every metric, with what it takes to read it."""
    names = [floor.name for floor in subject.floors]
    rows = [_row(result, part, subject.floors) for result in subject.results for part in result.units]
    columns = ["metric", "part", "value", *names, "unit", "95 %", "n", "space", "threshold"]
    if len(_protocols(subject)) > 1:
        columns.append("protocol")
        protocols = [result.protocol for result in subject.results for _ in result.units]
        rows = [[*row, protocol] for row, protocol in zip(rows, protocols, strict=True)]
    asked = "".join(
        f"<li><b>{escape(result.metric)}</b>: {escape(METRICS[result.metric].title)}</li>"
        for result in subject.results
    )
    numeric = {columns.index(name) for name in ("value", *names, "95 %", "n", "threshold")}
    said = ["The intervals hold 95 % of the figures on resampled objects (bootstrap)."]
    if names:
        said.append("Beside the values stand those of keypoints that no detector found, on the same clouds.")
        said += [f"{floor.name}: {floor.about}." for floor in subject.floors]
    return section(
        "Figures",
        card(table(columns, rows, numeric)) + folded("What the metrics ask", f"<ul>{asked}</ul>"),
        " ".join(said),
    )


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


def shapes(subject: Subject) -> str:
    """Return the worst and the best shapes, by the first metric that tells them apart."""
    judged = _judge(subject.results)
    if judged is None:
        return ""
    result, part = judged
    values = result.per_shape[part]
    lower = part in METRICS[result.metric].lower_is_better
    value_of = dict(zip(result.ids.tolist(), values.tolist(), strict=True))
    cards = []
    for name, ids in zip(("Worst", "Best"), extremes(values, result.ids, SHOWN, lower), strict=True):
        if ids:
            said = ", ".join(f"{escape(one)} <b>{number(value_of[one])}</b>" for one in ids)
            drawn = picture(subject.predictions, ids, f"{name} shapes with their keypoints")
            cards.append(card(f'{drawn}<p class="soft caption">{said}</p>', name))
    by = f"{result.metric} ({part})"
    chart = strip(values, f"{by} of each shape, {result.units[part]}")
    return section(
        "Shapes",
        f"{grid(cards)}{card(chart, 'All shapes, and their median')}{_every_shape(subject.results)}",
        f"By {by}. A keypoint has one colour and one number everywhere.",
    )


def _judge(results: Sequence[Result]) -> tuple[Result, str] | None:
    for result in results:
        if result.meaningless:
            continue
        parts = [METRICS[result.metric].headline, *result.per_shape]
        for part in parts:
            if part in result.per_shape and len(np.unique(result.per_shape[part])) > 1:
                return result, part
    return None


def _every_shape(results: Sequence[Result]) -> str:
    columns = {
        f"{result.metric} {part}": dict(zip(result.ids.tolist(), values.tolist(), strict=True))
        for result in results
        for part, values in result.per_shape.items()
    }
    ids = dict.fromkeys(name for found in columns.values() for name in found)
    rows = [[name, *(number(found.get(name, math.nan)) for found in columns.values())] for name in ids]
    listed = table(["shape", *columns], rows, set(range(1, len(columns) + 1)))
    return folded("Every shape", card(listed))


def keypoints(subject: Subject) -> str:
    """Return how each keypoint does by itself."""
    judged = {
        f"{result.metric} ({part})": (values, result.units[part])
        for result in subject.results
        for part, values in result.per_keypoint.items()
    }
    sure = 100 * subject.predictions.confidences.mean(0)
    judged["confidence: weight within 0.1 of the keypoint"] = (sure, "%")
    colours = [PALETTE[row % len(PALETTE)] for row in range(len(sure))]
    cards = [
        card(bars(values.tolist(), unit, colours), f"{name}, {unit}")
        for name, (values, unit) in judged.items()
    ]
    return section("Keypoints", grid(cards))


def curves(subject: Subject) -> str:
    """Return the metrics' own curves."""
    cards = [
        card(_chart([curve, *_of_floors(subject.floors, result, place)]), result.metric)
        for result in subject.results
        for place, curve in enumerate(result.curves)
        if np.isfinite(curve.y).any()
    ]
    return section("Curves", grid(cards)) if cards else ""


def _of_floors(floors: Sequence[Floor], result: Result, place: int) -> list[Curve]:
    """Return the reference keypoints' curves of a metric, each by its keypoints' name."""
    found = ((floor.name, floor.result(result.metric)) for floor in floors)
    return [
        replace(other.curves[place], name=name)
        for name, other in found
        if other is not None and np.isfinite(other.curves[place].y).any()
    ]


def robustness(subject: Subject) -> str:
    """Return how the figures fall as clouds get worse, a chart for each corruption and unit."""
    cards = []
    for found in subject.robustness:
        over = found.headlines()
        for unit in dict.fromkeys(curve.y_unit for curve in over):
            chart = _chart([curve for curve in over if curve.y_unit == unit], unit)
            cards.append(card(chart, f"{found.corruption}, {unit}"))
    about = "Keypoints found in corrupted clouds, measured on the clean ones."
    return section("On worse clouds", grid(cards), about) if cards else ""


def _chart(curves: Sequence[Curve], y_label: str = "") -> str:
    def label(text: str, unit: str) -> str:
        return f"{text}, {unit}" if unit and unit not in text else text

    first = curves[0]
    lines = [
        Line(curve.name, np.asarray(curve.x, np.float64), np.asarray(curve.y, np.float64)) for curve in curves
    ]
    return line_chart(
        lines,
        label(first.x_label, first.x_unit),
        y_label or label(first.y_label, first.y_unit),
        y_range=(0.0, 100.0) if first.y_unit == "%" else None,
    )


def heatmap(subject: Subject) -> str:
    """Return whether the decoder uses it."""
    use = subject.use
    if use is None:
        return ""
    rows = [
        [name, f"{value:.5f}", "" if value is use.own else f"{100 * (value / use.own - 1):+.1f} %"]
        for name, value in (("own", use.own), ("none", use.zeroed), ("another cloud's", use.swapped))
        if math.isfinite(value)
    ]
    return section(
        "Does the decoder use the heatmap?",
        card(table(["heatmap", "Chamfer distance", "change"], rows, {1, 2})),
        f"Chamfer distance of the reconstruction (squared, normalised units, {use.shapes} shapes) with the "
        "heat of the cloud's own keypoints, with none, and with another cloud's. No change means that the "
        "keypoints take no part in the reconstruction.",
    )
