"""Predictions side by side: the same metrics of each, and whether their results can be compared."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kg.evaluation.comparable import data_of, differences, differing, same_data
from kg.evaluation.floors import Floor
from kg.evaluation.metrics import METRICS
from kg.evaluation.metrics.bootstrap import interval
from kg.evaluation.metrics.published import Published, published_on
from kg.evaluation.results import COLLAPSED, Result, to_plain
from kg.evaluation.tables import rows, save_latex, tabular
from kg.inference.predictions import Predictions


@dataclass(frozen=True, eq=False)
class Entry:
    """One of those that are compared: its name, what it predicted, its results, those of its floors."""

    label: str
    predictions: Predictions
    results: Sequence[Result]
    floors: Sequence[Floor] = ()

    def result(self, metric: str) -> Result | None:
        """Return the results of one metric, if it was measured."""
        return next((result for result in self.results if result.metric == metric), None)


@dataclass(frozen=True)
class Difference:
    """How much more than the first entry, on the same shapes, with the interval that holds 95 %."""

    value: float
    interval: tuple[float, float] | None


@dataclass(frozen=True, eq=False)
class Comparison:
    """Entries, and what a reader has to know before comparing them.

    Attributes:
        entries: In the order in which they were named.
        columns: Metrics and parts: the one that stands for a metric, and one that others published.
        published: Figures of others on like data.
        warnings: Why results cannot be compared.
    """

    entries: Sequence[Entry]
    columns: Sequence[tuple[str, str]]
    published: Sequence[Published]
    warnings: Sequence[str]

    def difference(self, entry: Entry, metric: str) -> Difference | None:
        """Return an entry's difference from the first.

        None where they are not of the same shapes, or where one has no result that means anything.
        """
        part = METRICS[metric].headline
        first, other = self.entries[0].result(metric), entry.result(metric)
        if first is None or other is None or not np.array_equal(first.ids, other.ids):
            return None
        if first.meaningless or other.meaningless:
            return None
        if not same_data(self.entries[0].predictions, entry.predictions):
            return None
        # Equal shapes have equal resamplings, so what the shapes have in common falls away.
        draws = [result.draws.get(part) for result in (first, other)]
        within = None if draws[0] is None or draws[1] is None else interval(draws[1] - draws[0])
        return Difference(other.values[part] - first.values[part], within)

    def floors(self) -> list[tuple[str, Floor]]:
        """Return the floors with a name for each; entries on the same clouds have one between them."""
        named_floors: list[tuple[str, Floor]] = []
        for number, entry in enumerate(self.entries, start=1):
            for floor in entry.floors:
                alike = [other for _, other in named_floors if other.name == floor.name]
                if not any(_values(other) == _values(floor) for other in alike):
                    named_floors.append((f"{floor.name} of {number}" if number > 1 else floor.name, floor))
        return named_floors

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        entries = [
            {
                "name": entry.label,
                "predictions": entry.predictions.meta,
                "results": [result.to_dict() for result in entry.results],
                "floors": [floor.to_dict() for floor in entry.floors],
                "difference_from_first": {
                    metric: vars(difference)
                    for metric in dict(self.columns)
                    if entry is not self.entries[0] and (difference := self.difference(entry, metric))
                },
            }
            for entry in self.entries
        ]
        plain: dict[str, Any] = to_plain(
            {
                "entries": entries,
                "published": [vars(from_paper) for from_paper in self.published],
                "warnings": list(self.warnings),
            }
        )
        return plain

    def grid(self, published: bool = True) -> list[list[str]]:
        """Return the table as text: the headings, then a line for each entry; published results last."""
        (first, part), *others = self.columns
        lines = [["", first, "Δ to 1", *(_heading(*column) for column in others), "n"]]
        for entry in self.entries:
            result = entry.result(first)
            to_first = None if entry is self.entries[0] else self.difference(entry, first)
            interval = None if result is None or result.meaningless else result.intervals.get(part)
            value = _with(_cell(result, part), interval)
            difference = "" if to_first is None else _with(f"{to_first.value:+.1f}", to_first.interval, "+")
            plain = (_cell(entry.result(metric), part) for metric, part in others)
            lines.append(
                [entry.label, value, difference, *plain, str(max(of.shapes for of in entry.results))]
            )
        for name, floor in self.floors():
            own, *rest = (_cell(floor.result(metric), part) for metric, part in self.columns)
            count = max((of.shapes for of in floor.results), default=0)
            lines.append([name, own, "", *rest, str(count)])
        theirs: dict[str, dict[tuple[str, str], str]] = {}
        several = len({from_paper.on for from_paper in self.published}) > 1
        for from_paper in self.published if published else ():
            name = f"{from_paper.author}, {from_paper.on}" if several else from_paper.author
            theirs.setdefault(name, {})[from_paper.measured_as] = f"{from_paper.value:.1f}"
        for name, texts in theirs.items():
            of_first, *rest = (texts.get(column, "") for column in self.columns)
            lines.append([f"{name} †", of_first, "", *rest, ""])
        return lines

    def captions(self, published: bool = True) -> list[str]:
        """Return what it takes to read the table, in sentences."""
        sentences = [f"Shown: {', '.join(f'{metric} {part}' for metric, part in self.columns)}."]
        sentences += [f"{name}: {text}" for name in dict(self.columns) if (text := METRICS[name].caution)]
        sentences += dict.fromkeys(f"{floor.name}: {floor.about}." for _, floor in self.floors())
        sentences.append("Brackets hold 95 % of what other objects of the kind would give (bootstrap).")
        sources: dict[str, dict[str, None]] = {}
        for from_paper in self.published if published else ():
            sources.setdefault(from_paper.source, {})[f"{from_paper.data} {from_paper.category}"] = None
        sentences += [
            f"† published, not measured here: {source}; {', '.join(on)}." for source, on in sources.items()
        ]
        return sentences

    def rows(self, published: bool = True) -> list[dict[str, Any]]:
        """Return a row for every result, with all that it takes to read it alone."""
        made = []
        for entry in self.entries:
            for row in rows(entry.results, entry.predictions.meta, source="kg"):
                metric = row["metric"]
                if entry is not self.entries[0] and row["part"] == METRICS[metric].headline:
                    difference = self.difference(entry, metric)
                    low, high = (difference and difference.interval) or ("", "")
                    row |= {"difference": difference.value if difference else ""}
                    row |= {"difference_low": low, "difference_high": high}
                made.append({"name": entry.label, **row})
            for floor in entry.floors:
                floor_rows = rows(floor.results, entry.predictions.meta, source="kg", floor=floor.name)
                made += [{"name": entry.label, **row} for row in floor_rows]
        for from_paper in self.published if published else ():
            metric, part = from_paper.measured_as
            of = {"dataset": from_paper.data, "category": from_paper.category, "metric": metric, "part": part}
            made.append(
                {"name": from_paper.method, **of, "value": from_paper.value, "source": from_paper.source}
            )
        return made


def write_latex(path: Path, comparison: Comparison, published: bool = True) -> None:
    """Write the table (booktabs), whole or not at all."""
    grid = comparison.grid(published)
    notes = (f"% {text}" for text in (*comparison.captions(published), *comparison.warnings))
    save_latex(path, [*notes, *tabular("l" + "r" * (len(grid[0]) - 1), grid)])


def _cell(result: Result | None, part: str) -> str:
    if result is None:
        return "–"
    return COLLAPSED if result.meaningless else f"{result.values[part]:.1f}"


def _values(floor: Floor) -> str:
    """Return all its results, to tell floors of other clouds apart."""
    return repr([(result.metric, result.values) for result in floor.results])


def _heading(metric: str, part: str) -> str:
    return metric if part == METRICS[metric].headline else f"{metric} {part}"


def _with(text: str, interval: tuple[float, float] | None, sign: str = "") -> str:
    return text if interval is None else f"{text} [{interval[0]:{sign}.1f}, {interval[1]:{sign}.1f}]"


def compare(entries: Sequence[Entry]) -> Comparison:
    """Put entries side by side; there is at least one."""
    names = dict.fromkeys(result.metric for entry in entries for result in entry.results)
    published = [
        from_paper
        for data in dict.fromkeys(data_of(entry.predictions) for entry in entries)
        for from_paper in published_on(*data)
        if from_paper.measured_as[0] in names
    ]
    parts = [(name, part) for name in names for part in (METRICS[name].headline, *METRICS[name].beside)]
    parts += [from_paper.measured_as for from_paper in published]
    columns = sorted(dict.fromkeys(parts), key=lambda column: list(names).index(column[0]))
    return Comparison(entries, columns, published, _differences(entries))


def _differences(entries: Sequence[Entry]) -> list[str]:
    """Return a sentence for everything that ought to be alike, and is not."""
    facts = {
        "metrics": [", ".join(result.metric for result in entry.results) for entry in entries],
        "protocols": [
            " and ".join(dict.fromkeys(result.protocol for result in entry.results)) for entry in entries
        ],
    }
    sentences = [text for name, values in facts.items() if (text := differing(name, values))]
    fallen = [entry.label for entry in entries if any(result.collapsed for result in entry.results)]
    sentences += [f"COLLAPSED: the keypoints of {label} lie in one place on most shapes." for label in fallen]
    return differences([entry.predictions for entry in entries]) + sentences
