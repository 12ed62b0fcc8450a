"""How `kg eval` shows its results: tables, and what they have in common."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from kg.cli.output import plain, table
from kg.evaluation.floors import Floor
from kg.evaluation.metrics import METRICS
from kg.evaluation.metrics.metric import THIRDS
from kg.evaluation.results import COLLAPSED, Result
from kg.evaluation.robustness import Robustness
from kg.evaluation.tables import facts
from kg.inference.landmarks import MOSTLY, LandmarkKeypoint

COLUMNS = ("metric", "part", "value", "95 %", "unit", "n", "space,\nthreshold")


def results_table(results: Sequence[Result]) -> Table:
    """Return a row for every part of every metric, but those of a third of a sequence."""
    rows: list[tuple[Any, ...]] = []
    for result in results:
        threshold = "" if result.threshold is None else f", {result.threshold:g}"
        where = (result.shapes, result.space.split(" (")[0] + threshold)
        for part in METRICS[result.metric].whole:
            unit = result.units[part]
            low, high = result.intervals.get(part, (None, None))
            interval = "" if low is None or high is None else f"{_short(low)}–{_short(high)}"
            value: Any = result.values[part]
            if math.isnan(value):
                # Nothing that it could be of was there.
                continue
            if part in result.deviations:
                value = f"{value:.3g} ± {result.deviations[part]:.2g}"
            if result.meaningless:
                value, interval = COLLAPSED, ""
            rows.append((result.metric, part, value, interval, unit, *where))
    # In a narrow terminal the unit is folded, and nothing else.
    made = table("", COLUMNS, rows, whole=[name for name in COLUMNS if name != "unit"])
    made.columns[COLUMNS.index("unit")].min_width = len("points")
    return made


def _short(number: float) -> str:
    return f"{number:.2f}" if abs(number) < 10 else f"{number:.3g}"


def thirds_tables(results: Sequence[Result], floors: Sequence[Floor]) -> list[Table]:
    """Return the parts of each third of a sequence, with reference keypoints' below; nothing without them."""
    tables = []
    for result in results:
        metric = METRICS[result.metric]
        # Clouds that are their object's only ones are in the middle: there is no sequence to divide.
        names = [
            part for part in metric.whole if math.isfinite(result.values.get(f"{part} {THIRDS[0]}", math.nan))
        ]
        if not names:
            continue
        beside = [(floor.name, floor.result(metric.name)) for floor in floors]
        rows = [
            (name, whose, *(_plain(of, f"{name} {third}") for third in THIRDS))
            for name in names
            for whose, of in (("measured", result), *beside)
        ]
        made = table(f"\n{metric.name}, by thirds of a sequence", ("part", "", *THIRDS), rows)
        for column in made.columns[2:]:
            column.justify = "right"
        tables.append(made)
    return tables


def floors_table(results: Sequence[Result], floors: Sequence[Floor]) -> list[Table | Text]:
    """Return the results beside those of reference keypoints, and what these are; nothing without them."""
    if not floors:
        return []
    columns = ("metric", "part", "measured", *(floor.name for floor in floors))
    rows = [
        (
            result.metric,
            part,
            _plain(result, part),
            *(_plain(floor.result(result.metric), part) for floor in floors),
        )
        for result in results
        for part in METRICS[result.metric].whole
        if any(floor.result(result.metric) for floor in floors)
    ]
    made = table("\nFloors and ceilings, on the same clouds", columns, rows)
    for column in made.columns[2:]:
        column.justify = "right"
    return [made, plain("\n".join(f"{floor.name}: {floor.about}" for floor in floors), "dim")]


def landmarks_table(landmarks: Sequence[LandmarkKeypoint]) -> list[Table | Text]:
    """Return which keypoint lies on which landmark; nothing without named landmarks."""
    if not landmarks:
        return []
    columns = ("landmark", "keypoint", "lies on it, %", "away, % of diagonal", "n")
    lying = [one for one in landmarks if one.share >= MOSTLY]
    rows = [
        (one.landmark, one.keypoint, f"{one.share:.0f}", f"{one.distance:.1f}", one.shapes) for one in lying
    ]
    made = table("\nKeypoints on named landmarks", columns, rows)
    for column in made.columns[2:]:
        column.justify = "right"
    bare = [one.landmark for one in landmarks if one.share < MOSTLY]
    if not bare:
        return [made]
    sentence = f"Without a keypoint on most shapes: {', '.join(bare)}."
    return [*([made] if lying else []), plain(sentence if lying else f"\n{sentence}", "dim")]


def _plain(result: Result | None, part: str) -> str:
    if result is not None and result.meaningless:
        return COLLAPSED
    value = math.nan if result is None else result.values[part]
    return "–" if math.isnan(value) else f"{value:.1f}"


def levels_table(curve: Robustness) -> Table:
    """Return the headline of every metric at each level of a corruption."""
    over = curve.headlines()
    title = f"\n{over[0].x_label}" + (f" ({over[0].x_unit})" if over[0].x_unit else "")
    columns = ("metric", "unit", *(f"{level:g}" for level in curve.levels))
    return table(title, columns, [(of.name, of.y_unit, *map(float, of.y)) for of in over])


def caption(results: Sequence[Result], meta: Mapping[str, Any]) -> Text:
    """Return what the results have in common, for below them."""
    return plain("\n".join(["", *facts(results, meta)]), "dim")
