"""Predictions side by side: the same metrics of each, and whether their figures can be compared."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kg.metrics import METRICS
from kg.metrics.bootstrap import interval
from kg.metrics.published import AVERAGE, PUBLISHED, REPRODUCED, Published
from kg.predictions import Predictions
from kg.results import Result, to_plain

DEFORMATIONS = ("drop", "drag", "fold")
"""Variants of a store that the paper has garments of."""

PANTS = {"long-pants": "pants"}
"""What the paper calls a category."""


@dataclass(frozen=True, eq=False)
class Entry:
    """One of those that are compared: its name, what it predicted, its figures."""

    label: str
    predictions: Predictions
    results: Sequence[Result]

    def result(self, metric: str) -> Result | None:
        """Return the figures of one metric, if it was measured."""
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
        columns: Metrics and the parts that stand for them.
        published: Figures of others on like data.
        warnings: Why figures cannot be compared.
    """

    entries: Sequence[Entry]
    columns: Sequence[tuple[str, str]]
    published: Sequence[Published]
    warnings: Sequence[str]

    def difference(self, entry: Entry, metric: str) -> Difference | None:
        """Return an entry's difference from the first; None where they are not of the same shapes."""
        part = dict(self.columns)[metric]
        first, other = self.entries[0].result(metric), entry.result(metric)
        if first is None or other is None or not np.array_equal(first.ids, other.ids):
            return None
        # Equal shapes have equal resamplings, so what the shapes have in common falls away.
        draws = [result.draws.get(part) for result in (first, other)]
        within = None if draws[0] is None or draws[1] is None else interval(draws[1] - draws[0])
        return Difference(other.values[part] - first.values[part], within)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        entries = [
            {
                "name": entry.label,
                "predictions": entry.predictions.meta,
                "results": [result.to_dict() for result in entry.results],
                "difference_from_first": {
                    metric: vars(found)
                    for metric, _ in self.columns
                    if entry is not self.entries[0] and (found := self.difference(entry, metric))
                },
            }
            for entry in self.entries
        ]
        plain: dict[str, Any] = to_plain(
            {
                "entries": entries,
                "published": [vars(figure) for figure in self.published],
                "warnings": list(self.warnings),
            }
        )
        return plain


def compare(entries: Sequence[Entry]) -> Comparison:
    """Put entries side by side; there is at least one."""
    names = dict.fromkeys(result.metric for entry in entries for result in entry.results)
    figures = [
        figure
        for data in dict.fromkeys(_data(entry) for entry in entries)
        for figure in published_on(*data)
        if measured_as(figure) in names
    ]
    columns = [(name, METRICS[name].headline) for name in names]
    return Comparison(entries, columns, figures, _differences(entries))


def published_on(category: str, variant: str) -> list[Published]:
    """Return what others published on data like a prepared store's; nothing where they have nothing."""
    names, data = [category], "ShapeNetCoreV2"
    names, data = [category], "ShapeNetCoreV2"
    if variant in DEFORMATIONS:
        names, data = [PANTS.get(category, category), AVERAGE], f"ClothesNet {variant}"
    known = (*PUBLISHED, *REPRODUCED)
    return [figure for figure in known if figure.data == data and figure.category in names]


def measured_as(figure: Published) -> str:
    """Return the metric, in `kg.metrics.METRICS`, that counts as a published figure does."""
    if figure.metric != "das":
        return figure.metric
    return "das-unsupervised" if figure.data.startswith("ClothesNet") else "das-annotated"


def _data(entry: Entry) -> tuple[str, str]:
    meta = entry.predictions.meta
    return str(meta.get("category", "")), str(meta.get("variant", ""))


def _differences(entries: Sequence[Entry]) -> list[str]:
    """Return a sentence for everything that must be alike, and is not."""

    def meta(entry: Entry, *names: str) -> Any:
        return tuple(entry.predictions.meta.get(name, "unknown") for name in names)

    said = []
    facts = {
        "data": [" ".join(map(str, meta(entry, "dataset", "category", "variant"))) for entry in entries],
        "splits": [" by ".join(map(str, meta(entry, "split", "split_by"))) for entry in entries],
        "numbers of points": [entry.predictions.points.shape[1] for entry in entries],
        "numbers of keypoints": [entry.predictions.keypoints.shape[1] for entry in entries],
        "inferences": [entry.predictions.meta.get("inference", "unknown") for entry in entries],
        "metrics": [", ".join(result.metric for result in entry.results) for entry in entries],
        "protocols": [
            " and ".join(dict.fromkeys(result.protocol for result in entry.results)) for entry in entries
        ],
    }
    for name, values in facts.items():
        if len(set(values)) > 1:
            said.append(f"They differ in {name}: {', '.join(map(str, dict.fromkeys(values)))}.")
    checksums = {str((entry.predictions.meta.get("store") or {}).get("checksum")) for entry in entries}
    if len(set(facts["data"])) == 1 and len(checksums) > 1:
        said.append("Their stores have other points, though the same name: the shapes are not the same.")
    elif len({tuple(sorted(entry.predictions.ids.tolist())) for entry in entries}) > 1 and not said:
        said.append("They are of different shapes of one store.")
    return said
