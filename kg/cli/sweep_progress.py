"""What is seen of a sweep while it runs: a bar for each training, and a line for each that has ended."""

import time
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from kg.cli.output import SAID_EVERY, is_terminal, note

if TYPE_CHECKING:
    from kg.sweep.plan import Job
    from kg.sweep.pool import Running

REFRESH = 10.0
"""Seconds between two estimates of the time that is left, for which run folders are read."""


def duration(seconds: float) -> str:
    """Return a time for people to read, as exact as an estimate is."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    minutes = seconds / 60
    return f"{minutes:.0f} min" if minutes < 90 else f"{minutes / 60:.1f} h"


class Watch:
    """Bars on stderr while the block runs; without a terminal, lines every half minute and at each end.

    Args:
        left: What is to be done.
        total: Trainings of the sweep, those that are finished among them.
        together: Trainings at a time.
    """

    def __init__(self, left: "Sequence[Job]", total: int, together: int) -> None:
        self._left, self._together = list(left), together
        self._estimated, self._said = -REFRESH, time.monotonic()
        self._bars = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=20),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[text]}", markup=False),
            console=Console(stderr=True, highlight=False),
            transient=True,
            disable=not is_terminal(),
        )
        self._all = self._bars.add_task("trainings", total=total, completed=total - len(left), text="")
        self._tasks: dict[Job, TaskID] = {}

    def __enter__(self) -> "Watch":
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def look(self, running: "Sequence[Running]") -> None:
        """Show how far the running ones are."""
        from kg.sweep.state import seconds_left
        from kg.train import runs

        if not is_terminal():
            self._say_where(running)
            return
        for one in running:
            job = one.job
            if job not in self._tasks:
                text = f"  {_title(job)}"
                self._tasks[job] = self._bars.add_task(text, total=job.config.train.epochs, text="")
            entries = runs.read_metrics(job.folder)
            loss = f"epochs, loss {entries[-1]['loss']:.4f}" if entries else "epochs"
            self._bars.update(
                self._tasks[job],
                completed=len(entries),
                text="measuring" if one.measuring else loss,
            )
        if time.monotonic() - self._estimated > REFRESH:
            self._estimated = time.monotonic()
            seconds = seconds_left(self._left, self._together)
            self._bars.update(self._all, text="" if seconds is None else f"about {duration(seconds)} left")

    def _say_where(self, running: "Sequence[Running]") -> None:
        """Print a line for each that is running, every half minute."""
        from kg.train import runs

        if time.monotonic() - self._said < SAID_EVERY:
            return
        self._said = time.monotonic()
        for one in running:
            epochs = one.job.config.train.epochs
            where = f"epoch {len(runs.read_metrics(one.job.folder))} of {epochs}"
            note(f"{_title(one.job)}: {'measuring' if one.measuring else where}")

    def end(self, ended: "Running", reason: str | None) -> None:
        """Say how one has ended."""
        job = ended.job
        self._left.remove(job)
        if job in self._tasks:
            self._bars.remove_task(self._tasks.pop(job))
        self._bars.advance(self._all)
        if reason is None:
            note(_title(job), "done")
        else:
            note(f"{_title(job)}: {reason}", "failed")

    def stop(self, count: int) -> None:
        """Say what Ctrl-C has begun."""
        note(
            f"Stopping: {count} save themselves, and the same command goes on from there. "
            "Ctrl-C again stops them at once."
        )


def _title(job: "Job") -> str:
    return f"{job.store.name}, {job.method.label}, seed {job.seed}"
