"""How far the trainings of a sweep are, read from their run folders, and how long the rest will take."""

import json
from collections.abc import Iterable, Sequence
from contextlib import suppress
from statistics import median
from typing import Any

from kg.config import Config
from kg.config.options import DERIVED
from kg.errors import KgError
from kg.model.checkpoint import BEST, checkpoints
from kg.sweep.plan import Job
from kg.train import runs

EVALUATION = "evaluation.json"
"""In a run folder: what `kg eval --json` answered, and the words that asked it."""


def epochs_done(job: Job) -> int:
    """Return how many epochs of a training are done, whole ones."""
    entries = runs.read_metrics(job.folder)
    return int(entries[-1]["epoch"]) if entries else 0


def is_trained(job: Job) -> bool:
    """Tell whether a training is finished."""
    return epochs_done(job) >= job.config.train.epochs


def check_options(jobs: Iterable[Job]) -> None:
    """Compare the run folders that are there with what is to be in them.

    Raises:
        KgError: One was trained with other options or on other data; names the first that differs.
    """
    for job in jobs:
        if not job.folder.is_dir():
            continue
        there, planned = _flat(runs.read_config(job.folder)), _flat(job.config)
        for name, value in planned.items():
            if name == "keypoints" and planned["choose_keypoints"]:
                # What it planned with is not what it chose.
                continue
            if there[name] != value:
                raise KgError(
                    f"{job.folder} is there with {name} {there[name]}, not {value}.",
                    "Give this sweep another --name, or remove that folder.",
                )


def _flat(config: Config) -> dict[str, Any]:
    values = config.to_dict()
    # The same data may lie elsewhere by now: the checksum tells. Older runs do not say what follows.
    values["data"].pop("store")
    for name in DERIVED:
        values["model"].pop(name)
    return {**values["model"], **values["train"], **values["data"]}


def measured(job: Job, words: Sequence[str]) -> dict[str, Any] | None:
    """Return a run's results as `kg eval --json` gave them, if these words asked and of this checkpoint."""
    path = job.folder / EVALUATION
    if not path.is_file() or path.stat().st_mtime < checkpoints(job.folder, BEST)[0].stat().st_mtime:
        return None
    content: dict[str, Any] = json.loads(path.read_text())
    return content if content["words"] == list(words) else None


def keep_measured(job: Job, words: Sequence[str], printed: str) -> None:
    """Write what `kg eval --json` printed of a run into its folder."""
    runs.write_json(job.folder / EVALUATION, {"words": list(words), **json.loads(printed)})


def seconds_an_epoch(job: Job) -> float | None:
    """Return how long an epoch takes; None if it is not known.

    It is by runs of the same detector on the same data with as many points.
    """
    own_pace = _pace_of(job.config)
    alike = []
    for folder in (*runs.list_runs(job.sweep), *runs.list_runs()):
        # A run of another version, or one that is just being removed, is nothing to fail by.
        with suppress(KgError, OSError, LookupError):
            config = runs.read_config(folder)
            if _pace_of(config) == own_pace:
                alike += [entry["seconds"] for entry in runs.read_metrics(folder)]
    return median(alike) if alike else None


def _pace_of(config: Config) -> tuple[str, str, int]:
    """Return what runs have in common that are as fast as each other."""
    return config.model.detector, config.data.checksum, config.train.points


def seconds_left(jobs: Sequence[Job], together: int) -> float | None:
    """Return about how long the rest of some trainings takes, so many together; None if it is not known.

    Those of which nothing is known count as the mean of the others.
    """
    paces: dict[tuple[str, str, int], float | None] = {}
    total, known, unknown = 0.0, 0, 0
    for job in jobs:
        key = _pace_of(job.config)
        if key not in paces:
            paces[key] = seconds_an_epoch(job)
        left = job.config.train.epochs - epochs_done(job)
        pace = paces[key]
        if pace is None:
            unknown += left
        else:
            total, known = total + left * pace, known + left
    if not known:
        return None if unknown else 0.0
    return (total + unknown * total / known) / min(together, len(jobs))
