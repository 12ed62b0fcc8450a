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
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from itertools import chain, count
from pathlib import Path, PurePath
from typing import Any

from kg import paths
from kg.config import Config
from kg.errors import KgError

LATEST = "latest"


def new_run(config: Config, category: str, name: str | None = None) -> Path:
    """Make a run folder, with its configuration in it, and point `latest` at it.

    Args:
        config: Every option.
        category: What is trained on; a part of the default name.
        name: Of the folder, in the runs folder or, with slashes, below it.

    Raises:
        KgError: A folder of that name is there already, or it would be none below the runs folder.
    """
    for folder in map(
        paths.runs().joinpath, _names(config, category) if name is None else [check_name(name)]
    ):
        with suppress(FileExistsError):
            folder.mkdir(parents=True)
            break
    else:
        raise KgError(
            f"The run {folder} is there already.",
            f"Continue it with --resume {folder}, or use another --name.",
        )
    write_json(folder / "config.json", config.to_dict())
    _point_latest_at(folder)
    return folder


def _names(config: Config, category: str) -> Iterator[str]:
    """Return default names: of two trainings that begin in the same second the later one takes the next."""
    stamp = datetime.now().strftime("%Y%m%d-%H%M%S")
    name = f"{stamp}-{category}-{config.preset}"
    return chain([name], (f"{name}-{number}" for number in count(2)))


def check_name(name: str) -> str:
    """Return the name of a run or of a sweep.

    Raises:
        KgError: It would be no folder below the runs folder, or stand where its link to the newest run does.
    """
    parts = PurePath(name).parts
    if not parts or any(part == LATEST or part.startswith((".", "/", "\\")) for part in parts):
        raise KgError(
            f"A run cannot be called '{name}'.",
            f"Use a plain word; '{LATEST}' is the link to the newest, and KG_RUNS the folder of all.",
        )
    return name


def discard_if_empty(run: Path) -> None:
    """Remove a run that failed before its first checkpoint, and point `latest` at the newest one left."""
    if (run / "last.pt").exists():
        return
    shutil.rmtree(run)
    newest = _newest()
    if newest is not None:
        _point_latest_at(newest)
    else:
        (paths.runs() / LATEST).unlink(missing_ok=True)


def _newest() -> Path | None:
    """Return the run that began last, whatever `latest` points at."""
    configs = paths.runs().glob("**/config.json")
    newest = max(configs, key=lambda config: config.stat().st_mtime, default=None)
    return None if newest is None else newest.parent


def _point_latest_at(folder: Path) -> None:
    # A link cannot be changed in place: a new one takes the old one's name.
    link, latest = paths.runs() / f".{LATEST}-{folder.name}", paths.runs() / LATEST
    try:
        link.symlink_to(folder.relative_to(paths.runs()), target_is_directory=True)
        link.replace(latest)
    except OSError:  # no links on this file system, or for this user of Windows: `find_run` does without
        with suppress(OSError):
            latest.unlink()


def find_run(run: Path | None) -> Path:
    """Return a run folder: a path, the name of one in the runs folder, or by default the latest.

    That is what the link `latest` points at; where there can be no links, the one that began last.

    Raises:
        KgError: It does not exist or is no run folder.
    """
    link = paths.runs() / LATEST
    latest = run in (None, Path(LATEST), link)
    candidates = [link] if run is None else [run, paths.runs() / run]
    if latest and not link.exists() and (newest := _newest()) is not None:
        candidates = [newest]
    for folder in candidates:
        if (folder / "config.json").is_file():
            return folder.resolve()
    if latest:
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
