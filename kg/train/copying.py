"""The copy of a run folder at a URL, for machines whose disks do not stay."""

import json
import shutil
import time
import warnings
from pathlib import Path

from kg import paths
from kg.data.remote import connect, folder_here, telling, url_of
from kg.errors import KgError
from kg.model.checkpoint import CHECKPOINTS
from kg.train.runs import write_json

RECORD = "copy.json"
"""The file in a run folder that says where its copy is."""
FILES = ("config.json", "environment.json", "metrics.jsonl", *CHECKPOINTS)
"""What is read of a run at a URL."""
EVERY = 300.0
"""Seconds between two copies, at least."""


class RunCopy:
    """The copy of a run folder, brought up to date from time to time.

    Args:
        run: The run folder.
        url: Where its copy is, or is to be.

    Raises:
        KgError: Nothing can be written there.
    """

    def __init__(self, run: Path, url: str) -> None:
        self._run, self.url = run, url.rstrip("/")
        self._files, self._place = connect(url)
        self._place = self._place.rstrip("/")
        self._copied: dict[Path, int] = {}
        self._since = time.monotonic()
        write_json(run / RECORD, {"url": self.url})
        with telling(url):
            self._files.makedirs(self._place, exist_ok=True)
            self._put(run / RECORD)

    def update(self, now: bool = False) -> None:
        """Copy what has changed, unless that was done just before; a failure is a warning.

        Args:
            now: However short the time.
        """
        if not now and time.monotonic() - self._since < EVERY:
            return
        try:
            with telling(self.url):
                for file in sorted(self._run.rglob("[!.]*")):
                    if file.is_file() and self._copied.get(file) != file.stat().st_mtime_ns:
                        self._put(file)
        except (KgError, FileNotFoundError) as error:
            warnings.warn(f"The run is not copied: {error}", stacklevel=2)
        self._since = time.monotonic()

    def close(self) -> None:
        """Copy all that has changed."""
        self.update(now=True)

    def _put(self, file: Path) -> None:
        changed = file.stat().st_mtime_ns
        place = f"{self._place}/{file.relative_to(self._run).as_posix()}"
        self._files.makedirs(place.rpartition("/")[0], exist_ok=True)
        self._files.put_file(str(file), place)
        self._copied[file] = changed


def copy_of(run: Path, folder: str | None) -> RunCopy | None:
    """Return the copy of a run folder, where it has one or is to have one.

    Args:
        run: The run folder.
        folder: URL of the folder in which its copy is to be.

    Raises:
        KgError: That is no URL, or nothing can be written there.
    """
    if folder is not None:
        if url_of(folder) is None:
            raise KgError(f"'{folder}' is no URL.", "For example: --copy-to s3://bucket/runs")
        return RunCopy(run, f"{folder.rstrip('/')}/{run.name}")
    recorded = _recorded(run)
    return None if recorded is None else RunCopy(run, recorded)


def bring(url: str) -> Path:
    """Return a run folder in the runs folder made from its copy at a URL, unless one of its name is there.

    Raises:
        KgError: There is no run at the URL; or the one that is here has another copy.
    """
    url = url.rstrip("/")
    run = paths.runs() / Path(url).name
    if run.exists():
        if _recorded(run) != url:
            raise KgError(
                f"The run {run} is there already, and is not the one of {url}.",
                f"Continue it with --resume {run}, or rename it.",
            )
        return run
    here = folder_here(url, FILES)
    shutil.copytree(here, run, ignore=shutil.ignore_patterns(".*"))
    write_json(run / RECORD, {"url": url})
    return run


def _recorded(run: Path) -> str | None:
    record = run / RECORD
    return str(json.loads(record.read_text())["url"]) if record.is_file() else None
