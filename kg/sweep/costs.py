"""What trainings cost: time and memory, in tables like those of the results."""

import math
from collections.abc import Callable, Mapping, Sequence

from kg.sweep.plan import Job
from kg.sweep.state import is_trained
from kg.sweep.summary import Cell, Row, Summary, column_names, with_average
from kg.train import runs

COST = "training"

Entries = Sequence[Mapping[str, float]]


def _minutes(entries: Entries) -> float:
    return sum(entry["seconds"] for entry in entries) / 60


def _gibibytes(entries: Entries) -> float:
    # Runs of older versions do not say.
    return max((entry.get("memory", math.nan) for entry in entries), default=math.nan)


PARTS: Mapping[str, tuple[str, Callable[[Entries], float]]] = {
    "time": ("minutes", _minutes),
    "peak memory": ("GiB", _gibibytes),
}
"""What is told of a training, by what its log holds."""


def summarise_costs(jobs: Sequence[Job]) -> list[Summary]:
    """Return a table for the time and one for the memory of the trainings that are finished.

    The time is that of steps and validation, whatever else the machine did meanwhile; the memory is all
    that the process had.
    """
    finished = [job for job in jobs if is_trained(job)]
    devices = dict.fromkeys(runs.read_environment(job.folder).get("device", "") for job in finished)
    facts = f"trained on {' and '.join(filter(None, devices)) or 'an unknown device'}"
    columns = column_names(jobs)
    made = []
    for part, (unit, cost) in PARTS.items():
        rows = []
        for label in dict.fromkeys(job.method.label for job in jobs):
            cells: dict[str, dict[int, float]] = {name: {} for name in columns.values()}
            for job in finished:
                value = cost(runs.read_metrics(job.folder))
                if job.method.label == label and not math.isnan(value):
                    cells[columns[job.store.name]][job.seed] = value
            averaged = {name: Cell(by_seed) for name, by_seed in with_average(cells).items()}
            rows.append(Row(label, (), averaged))
        if any(cell.values for row in rows for cell in row.cells.values()):
            made.append(Summary(COST, part, unit, facts, tuple(rows)))
    return made
