"""The run folder: everything about one training, in one place.

config.json       every option
environment.json  versions, device, kernels, the command; the same of each time it was resumed
candidates.json   what K was chosen among, and why, with `--keypoints auto`
metrics.jsonl     one line an epoch
tensorboard/      the same for TensorBoard
last.safetensors  the checkpoint that the training goes on from
best.safetensors  the one of the lowest loss on the validation shapes
copy.json         the URL of the run's copy, where it has one

Wherever a run is named, `latest` is the one whose checkpoint was written last: it is looked for each time,
so that it is right after runs were removed or copied, and while another one trains.
"""

import json
import shutil
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from difflib import get_close_matches
from itertools import chain, count
from pathlib import Path, PurePath
from typing import Any

from kg import paths
from kg.config import Config
from kg.errors import KgError
from kg.model.checkpoint import LAST, checkpoints

LATEST = "latest"
CANDIDATES = "candidates.json"


def new_run(config: Config, name: str | None = None) -> Path:
    """Make a run folder, with its configuration in it.

    Args:
        config: Every option.
        name: Of the folder, in the runs folder or, with slashes, below it. Default: the time, what is
            trained on, and the preset.

    Raises:
        KgError: A folder of that name is there already, or it would be none below the runs folder.
    """
    for folder in map(paths.runs().joinpath, _names(config) if name is None else [check_name(name)]):
        with suppress(FileExistsError):
            folder.mkdir(parents=True)
            break
    else:
        raise KgError(
            f"The run {folder} is there already.",
            f"Continue it with --resume {folder}, or use another --name.",
        )
    write_json(folder / "config.json", config.to_dict())
    return folder


def _names(config: Config) -> Iterator[str]:
    """Return default names: of two trainings that begin in the same second the later one takes the next."""
    categories = config.model.categories
    words = [datetime.now().strftime("%Y%m%d-%H%M%S"), *categories[:1], config.preset]
    if len(categories) > 1:
        words.insert(2, f"and-{len(categories) - 1}-more")
    name = "-".join(words)
    return chain([name], (f"{name}-{number}" for number in count(2)))


def check_name(name: str) -> str:
    """Return the name of a run or of a sweep.

    Raises:
        KgError: It would be no folder below the runs folder, or mean the newest run.
    """
    parts = PurePath(name).parts
    if not parts or any(part == LATEST or part.startswith((".", "/", "\\")) for part in parts):
        raise KgError(
            f"A run cannot be called '{name}'.",
            f"Use a plain word; '{LATEST}' means the newest run, and KG_RUNS is the folder of all.",
        )
    return name


def discard_if_empty(run: Path) -> None:
    """Remove a run that failed before its first checkpoint."""
    if not checkpoints(run, LAST):
        shutil.rmtree(run)


def is_run(folder: Path) -> bool:
    """Tell whether a folder is a run's."""
    return (folder / "config.json").is_file()


def checkpoint_times(run: Path) -> list[int]:
    """Return when the checkpoints of a run were written, in nanoseconds; empty if it has none yet."""
    return [path.stat().st_mtime_ns for path in checkpoints(run)]


def latest_run(folder: Path | None = None) -> Path:
    """Return the run below a folder, by default the runs folder, whose checkpoint was written last.

    Raises:
        KgError: No run there has a checkpoint.
    """
    times = {run: times for run in all_runs(folder) if (times := checkpoint_times(run))}
    if not times:
        where = folder or paths.runs()
        raise KgError(
            f"There is no trained run in {where}.",
            "Train first: kg train --category shirt; or name one that comes with kg: kg list trained",
        )
    return max(times, key=lambda run: (max(times[run]), run.name)).resolve()


def find_run(named: Path | str | None) -> Path:
    """Return a run folder: a path, a name in the runs folder, or `latest`, which None stands for too.

    `FOLDER/latest` is the newest run below that folder.

    Raises:
        KgError: It does not exist or is no run folder.
    """
    path = Path(LATEST if named is None else named).expanduser()
    if path == Path(LATEST):
        return latest_run()
    if path.name == LATEST:
        return latest_run(next(filter(Path.is_dir, _places(path.parent)), path.parent))
    if folder := next(filter(is_run, _places(path)), None):
        return folder.resolve()
    known = [name_of(run) for run in all_runs()]
    close = get_close_matches(str(named), known, n=1)
    meant = f"Did you mean '{close[0]}'? " if close else ""
    raise KgError(f"{named} is no run folder.", f"{meant}Known: {', '.join(known) or 'none'}.")


def find_sweep(named: Path | str) -> list[Path]:
    """Return the runs of a sweep, by its folder or its name in the runs folder; none if it is no sweep."""
    listings = (list_runs(place) for place in _places(Path(named).expanduser()))
    return [run.resolve() for run in next(filter(None, listings), [])]


def _places(path: Path) -> tuple[Path, ...]:
    """Return where a folder may lie that the user named: right there, or in the runs folder."""
    return path, paths.runs() / path


def name_of(run: Path) -> str:
    """Return what `find_run` knows a run folder by: its place in the runs folder, or its path elsewhere."""
    run, folder = run.resolve(), paths.runs().resolve()
    return run.relative_to(folder).as_posix() if run.is_relative_to(folder) else str(run)


def list_runs(folder: Path | None = None) -> list[Path]:
    """Return the run folders in a folder, by default the runs folder, sorted by name."""
    folders = (path.parent for path in (folder or paths.runs()).glob("*/config.json"))
    return sorted(path for path in folders if not path.is_symlink())


def all_runs(folder: Path | None = None) -> list[Path]:
    """Return the run folders in a folder, by default the runs folder, and in folders below it, by name."""
    folders = (path.parent for path in (folder or paths.runs()).glob("**/config.json"))
    return sorted(path for path in folders if not path.is_symlink())


def read_config(run: Path) -> Config:
    """Return a run's configuration.

    Raises:
        KgError: The file is missing or broken.
    """
    content = _read_json(run / "config.json")
    try:
        return Config.from_dict(content)
    except KgError as error:
        raise KgError(f"{run / 'config.json'} is no configuration: {error.message}", error.hint) from error


def read_environment(run: Path) -> dict[str, Any]:
    """Return a run's environment.json; nothing for a run that has none.

    Raises:
        KgError: The file is broken.
    """
    path = run / "environment.json"
    environment = _read_json(path) if path.is_file() else {}
    if not isinstance(environment, dict):
        raise KgError(f"{path} is no record of an environment.")
    return environment


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise KgError(f"{path} cannot be read: {error}") from error


def read_metrics(run: Path) -> list[dict[str, float]]:
    """Return the entries of a run's metrics.jsonl; a last line that was cut short is left out."""
    path = run / "metrics.jsonl"
    if not path.is_file():
        return []
    entries = []
    for line in path.read_text(errors="replace").splitlines():
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError):
            break
        if not isinstance(entry, dict) or not all(isinstance(each, int | float) for each in entry.values()):
            break
        entries.append(entry)
    return entries


def write_json(path: Path, content: Any) -> None:
    """Write JSON, whole or not at all."""
    with paths.replacing(path) as temporary:
        temporary.write_text(json.dumps(content, indent=2) + "\n")
