"""One table of a sweep: methods by categories, mean and standard deviation over seeds."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from kg.evaluation.metrics import METRICS
from kg.evaluation.metrics.published import ABLATION, DETECTORS, PAPER, published_on
from kg.evaluation.results import COLLAPSED, is_das
from kg.evaluation.tables import save_csv, save_latex, tabular
from kg.sweep.plan import Job

AVERAGE = "average"
ABREAST = 8
"""Columns that a page holds."""

TABLE_5 = {
    (): "full",
    ("encoder-features",): "no encoder features in the decoder",
    ("heatmap",): "no grid heatmap",
    ("similarity",): "no similarity loss",
    ("farthest-point",): "no farthest point loss",
}
"""What the published ablation calls a method without some of its parts."""


@dataclass(frozen=True)
class Cell:
    """A result over trainings with different seeds.

    Attributes:
        values: By seed.
        collapsed: A training's keypoints lie in one place, so that there is no mean.
    """

    values: Mapping[int, float]
    collapsed: bool = False

    @property
    def mean(self) -> float:
        """Over the seeds; NaN for none, and where one has collapsed."""
        return fmean(self.values.values()) if self.values and not self.collapsed else math.nan

    @property
    def deviation(self) -> float | None:
        """The standard deviation over the seeds (of the sample, n - 1); None for a single one."""
        return stdev(self.values.values()) if len(self.values) > 1 else None

    def __str__(self) -> str:
        if self.collapsed:
            return COLLAPSED
        if not self.values:
            return "–"
        spread = "" if self.deviation is None else f" ± {self.deviation:.1f}"
        return f"{self.mean:.1f}{spread}"


@dataclass(frozen=True)
class Row:
    """A method, and its results by column.

    Attributes:
        label: Of the method.
        without: Parts that it lacks.
        cells: By column.
        published: What the paper has for it, by the paper's own columns.
    """

    label: str
    without: tuple[str, ...]
    cells: Mapping[str, Cell]
    published: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Summary:
    """A table for one metric.

    Attributes:
        metric, part, unit: What its results are.
        facts: Split, protocol and how many shapes, for people.
        rows: The methods; all have the same columns, the data and the average where there are several.
        floors: Keypoints that no detector found, on the same clouds; in the same columns.
        caution: What has to be said with its results.
    """

    metric: str
    part: str
    unit: str
    facts: str
    rows: tuple[Row, ...]
    floors: tuple[Row, ...] = ()
    caution: str = ""

    @property
    def published(self) -> tuple[str, ...]:
        """The columns that the paper has results in."""
        return tuple(dict.fromkeys(name for row in self.rows for name in row.published))

    @property
    def title(self) -> str:
        """What the results are, for people."""
        return f"{self.metric} ({self.part}), {self.unit}"

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        rows = [
            {
                "method": row.label,
                "figures": {
                    column: {
                        "mean": None if cell.collapsed else cell.mean,
                        "deviation": cell.deviation,
                        "n": len(cell.values),
                        "collapsed": cell.collapsed,
                        "by_seed": dict(cell.values),
                    }
                    for column, cell in row.cells.items()
                    if cell.values
                },
                "published": dict(row.published),
            }
            for row in self.rows
        ]
        described = {"metric": self.metric, "part": self.part, "unit": self.unit, "measured": self.facts}
        floors = [
            {
                "name": row.label,
                "figures": {column: cell.mean for column, cell in row.cells.items() if cell.values},
            }
            for row in self.floors
        ]
        return {**described, "rows": rows, "floors": floors}

    def grid(self) -> list[list[str]]:
        """Return the table as text: the headings, then a line for each method; published results last.

        With more columns than fit on a page it has a line for each of them.
        """
        columns, published = self.rows[0].cells, self.published
        lines = [["method", *columns, *(f"{name} †" for name in published)]]
        for row in (*self.rows, *self.floors):
            theirs = (f"{row.published[name]:.1f}" if name in row.published else "–" for name in published)
            lines.append([row.label, *map(str, row.cells.values()), *theirs])
        if len(lines[0]) <= max(ABREAST, len(lines)):
            return lines
        turned = [list(line) for line in zip(*lines, strict=True)]
        turned[0][0] = "data"
        return turned

    def caption(self) -> str:
        """Return what it takes to read the table."""
        counts = {len(cell.values) for row in self.rows for cell in row.cells.values()}
        several = " ± standard deviation" if max(counts) > 1 else ""
        sentences = f"Mean{several} over seeds, n = {_span(counts)}; {self.facts}."
        if self.caution:
            sentences += f" {self.caution}"
        if any(cell.collapsed for row in self.rows for cell in row.cells.values()):
            sentences += " COLLAPSED: keypoints lie in one place on most shapes, and their DAS means nothing."
        if self.floors:
            sentences += f" {', '.join(row.label for row in self.floors)}: keypoints that no detector found."
        return f"{sentences} † published: {PAPER}, on its own data." if self.published else sentences


def _span(numbers: Iterable[int]) -> str:
    known = sorted(set(numbers))
    return f"{known[0]}" if len(known) == 1 else f"{known[0]} to {known[-1]}"


def summarise(
    answers: Mapping[Job, Mapping[str, Any]], jobs: Sequence[Job], ablation: bool = False
) -> list[Summary]:
    """Return a table for each metric that was measured.

    Args:
        answers: What `kg eval --json` said of each job; a job without one is left out of the means.
        jobs: All jobs of the sweep, in order.
        ablation: Put the paper's ablation beside what counts as it does, if need be in a table of its own;
            otherwise what it has of each detector on such data.
    """
    columns = column_names(jobs)
    results = [(job, result) for job in jobs if job in answers for result in answers[job]["results"]]
    names = list(dict.fromkeys(result["metric"] for _, result in results))
    theirs = [from_paper.measured_as for from_paper in ABLATION if ablation]
    made = []
    for name in names:
        of_metric = [(job, row) for job, row in results if row["metric"] == name]
        parts = [METRICS[name].headline, *METRICS[name].beside]
        parts += [part for metric, part in theirs if metric == name]
        for part in dict.fromkeys(parts):
            table = _table(name, part, of_metric, jobs, columns)
            table = replace(table, floors=_floors(name, part, answers, jobs, columns))
            made.append(_beside_ablation(table) if ablation else _beside_published(table, jobs))
    return made


def column_names(jobs: Sequence[Job]) -> dict[str, str]:
    """Return the heading of each store, by its name: as short as keeps them apart."""
    stores = {job.store.name: job.store for job in jobs}
    short = [[store.category, f"{store.category} {store.variant}", name] for name, store in stores.items()]
    for choice in zip(*short, strict=True):
        if len(set(choice)) == len(choice):
            return dict(zip(stores, choice, strict=True))
    return {name: name for name in stores}


def _table(
    metric: str,
    part: str,
    results: list[tuple[Job, Mapping[str, Any]]],
    jobs: Sequence[Job],
    columns: dict[str, str],
) -> Summary:
    units = results[0][1]["units"]
    rows = []
    for method in {job.method.label: job.method for job in jobs}.values():
        cells: dict[str, dict[int, float]] = {name: {} for name in columns.values()}
        fallen: set[str] = set()
        for job, result in results:
            if job.method.label == method.label and is_das(metric) and result.get("collapsed"):
                fallen |= {columns[job.store.name], AVERAGE}
            value = result["values"][part]
            if job.method.label == method.label and value is not None:
                cells[columns[job.store.name]][job.seed] = value
        made = {name: Cell(by_seed, name in fallen) for name, by_seed in with_average(cells).items()}
        rows.append(Row(method.label, method.recipe.without, made))
    splits = " and ".join(dict.fromkeys(result["split"] for _, result in results))
    protocols = " and ".join(dict.fromkeys(result["protocol"] for _, result in results))
    shapes = _span(result["shapes"] for _, result in results)
    facts = f"{splits} split, {shapes} shapes, protocol {protocols}"
    return Summary(metric, part, units[part], facts, tuple(rows), caution=METRICS[metric].caution)


def _floors(
    metric: str,
    part: str,
    answers: Mapping[Job, Mapping[str, Any]],
    jobs: Sequence[Job],
    columns: dict[str, str],
) -> tuple[Row, ...]:
    """Return a row for each kind of reference keypoints: those of the first method, where methods differ."""
    cells: dict[str, dict[str, dict[int, float]]] = {}
    for job in jobs:
        for floor in answers[job].get("floors", []) if job in answers else []:
            values = [result["values"][part] for result in floor["results"] if result["metric"] == metric]
            if values and values[0] is not None:
                of_floor = cells.setdefault(floor["name"], {name: {} for name in columns.values()})
                of_floor[columns[job.store.name]].setdefault(job.seed, values[0])
    return tuple(
        Row(name, (), {column: Cell(by_seed) for column, by_seed in with_average(by_column).items()})
        for name, by_column in cells.items()
    )


def with_average(cells: dict[str, dict[int, float]]) -> dict[str, dict[int, float]]:
    """Return the results of a row, by column and seed, with their average where there are several columns."""
    if len(cells) == 1:
        return cells
    # Over the same seeds everywhere, or it would be of other data.
    shared = sorted(set.intersection(*(set(by_seed) for by_seed in cells.values())))
    average = {seed: fmean(by_seed[seed] for by_seed in cells.values()) for seed in shared}
    return {**cells, AVERAGE: average}


def _beside_published(summary: Summary, jobs: Sequence[Job]) -> Summary:
    """Return a table with what the paper has of each whole detector on such data, counted in this way."""
    published: dict[str, dict[str, float]] = {}
    for job in jobs:
        theirs = DETECTORS.get(job.config.model.detector)
        for from_paper in published_on(job.store.dataset, job.store.category, job.store.variant):
            same = (from_paper.method, from_paper.source) == (theirs, PAPER)
            if same and from_paper.measured_as == (summary.metric, summary.part) and not job.recipe.without:
                published.setdefault(job.method.label, {})[from_paper.on] = from_paper.value
    rows = [replace(row, published=published.get(row.label, {})) for row in summary.rows]
    return replace(summary, rows=tuple(rows))


def _beside_ablation(summary: Summary) -> Summary:
    """Return a table with the results of the paper's ablation that count as it does."""

    def published(without: tuple[str, ...]) -> dict[str, float]:
        return {
            from_paper.on: from_paper.value
            for from_paper in ABLATION
            if from_paper.method == f"Key-Grid, {TABLE_5.get(without)}"
            and from_paper.measured_as == (summary.metric, summary.part)
        }

    rows = [replace(row, published=published(row.without)) for row in summary.rows]
    return replace(summary, rows=tuple(rows))


def write_csv(path: Path, summaries: Sequence[Summary]) -> None:
    """Write a line for every result of every seed, and for the published ones, whole or not at all."""
    lines: list[tuple[Any, ...]] = []
    for made in summaries:
        for row in made.rows:
            key = (made.metric, made.part, made.unit, row.label)
            for name, cell in row.cells.items():
                source = COLLAPSED if cell.collapsed else "kg"
                lines += [
                    (*key, name, seed, "" if cell.collapsed else value, source)
                    for seed, value in cell.values.items()
                ]
            lines += [(*key, name, "", value, PAPER) for name, value in row.published.items()]
        for row in made.floors:
            key = (made.metric, made.part, made.unit, row.label)
            lines += [(*key, name, "", cell.mean, "floor") for name, cell in row.cells.items() if cell.values]
    columns = ("metric", "part", "unit", "method", "data", "seed", "value", "source")
    save_csv(path, [dict(zip(columns, line, strict=True)) for line in lines])


def write_latex(path: Path, summaries: Sequence[Summary]) -> None:
    """Write a table (booktabs) for each metric, whole or not at all."""
    lines: list[str] = []
    for made in summaries:
        grid = made.grid()
        lines += [f"% {made.title}. {made.caption()}", *tabular("l" + "r" * (len(grid[0]) - 1), grid), ""]
    save_latex(path, lines)
