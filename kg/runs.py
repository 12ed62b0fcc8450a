"""The run folder: everything about one training, in one place.

config.json       every option
environment.json  versions, device, kernels, the command; the same of each time it was resumed
metrics.jsonl     one line an epoch
tensorboard/      the same for TensorBoard
last.pt, best.pt  checkpoints

`runs/latest` points at the newest.
"""

import json
import shutil
from datetime import datetime
from pathlib import Path
from typing import Any

from kg import paths
from kg.config import Config
from kg.errors import KgError

LATEST = "latest"


def new_run(config: Config, category: str, name: str | None = None) -> Path:
    """Make a run folder, with its configuration in it, and point `latest` at it.

    Raises:
        KgError: A folder of that name is there already.
    """
    stamp = datetime.now().strftime("%Y%m%d-%H%M%S")
    folder = paths.runs() / (name or f"{stamp}-{category}-{config.preset}")
    try:
        folder.mkdir(parents=True)
    except FileExistsError:
        raise KgError(
            f"The run {folder} is there already.",
            f"Continue it with --resume {folder}, or use another --name.",
        ) from None
    write_json(folder / "config.json", config.to_dict())
    _point_latest_at(folder)
    return folder


def discard_if_empty(run: Path) -> None:
    """Remove a run that failed before its first checkpoint, and point `latest` at the newest one left."""
    if (run / "last.pt").exists():
        return
    shutil.rmtree(run)
    left = max(list_runs(), key=lambda folder: (folder / "config.json").stat().st_mtime, default=None)
    if left is not None:
        _point_latest_at(left)
    else:
        (run.parent / LATEST).unlink(missing_ok=True)


def _point_latest_at(folder: Path) -> None:
    # A link cannot be changed in place: a new one takes the old one's name.
    link = folder.parent / f".{LATEST}-{folder.name}"
    link.symlink_to(folder.name, target_is_directory=True)
    link.replace(folder.parent / LATEST)


def find_run(run: Path | None) -> Path:
    """Return a run folder: a path, the name of one in the runs folder, or by default the latest.

    Raises:
        KgError: It does not exist or is no run folder.
    """
    candidates = [paths.runs() / LATEST] if run is None else [run, paths.runs() / run]
    for folder in candidates:
        if (folder / "config.json").is_file():
            return folder.resolve()
    if run is None:
        raise KgError(f"There is no run in {paths.runs()}.", "Train first: kg train --category shirt")
    known = ", ".join(path.name for path in list_runs())
    raise KgError(f"{run} is no run folder.", f"Known: {known or 'none'}.")


def name_of(run: Path) -> str:
    """Return what `find_run` knows a run folder by: its place in the runs folder, or its path elsewhere."""
    run, folder = run.resolve(), paths.runs().resolve()
    return run.relative_to(folder).as_posix() if run.is_relative_to(folder) else str(run)


def list_runs(folder: Path | None = None) -> list[Path]:
    """Return the run folders in a folder, by default the runs folder, sorted by name."""
    found = (path.parent for path in (folder or paths.runs()).glob("*/config.json"))
    return sorted(path for path in found if path.name != LATEST)


def read_config(run: Path) -> Config:
    """Return a run's configuration.

    Raises:
        KgError: The file is missing or broken.
    """
    try:
        return Config.from_dict(json.loads((run / "config.json").read_text()))
    except (OSError, json.JSONDecodeError) as error:
        raise KgError(f"{run / 'config.json'} cannot be read: {error}") from error


def read_environment(run: Path) -> dict[str, Any]:
    """Return a run's environment.json; nothing for a run that has none."""
    path = run / "environment.json"
    found: dict[str, Any] = json.loads(path.read_text()) if path.is_file() else {}
    return found


def read_metrics(run: Path) -> list[dict[str, float]]:
    """Return the entries of a run's metrics.jsonl; a last line that was cut short is left out."""
    path = run / "metrics.jsonl"
    if not path.is_file():
        return []
    entries = []
    for line in path.read_text().splitlines():
        try:
            entries.append(json.loads(line))
        except json.JSONDecodeError:
            break
    return entries


def write_json(path: Path, content: Any) -> None:
    """Write JSON, whole or not at all."""
    with paths.replacing(path) as temporary:
        temporary.write_text(json.dumps(content, indent=2) + "\n")
