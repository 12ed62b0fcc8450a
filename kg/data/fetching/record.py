"""What was downloaded: sizes and checksums, kept in a small file in the data set's folder."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from kg import paths
from kg.data.dataset import Remote
from kg.data.fetching.answer import name_of, public_url
from kg.data.fetching.download import Got
from kg.errors import KgError

NAME = "kg-fetch.json"


class Record:
    """The downloaded files of a data set's folder.

    A file's entry has its `size`, `sha256` and `url`; `published`, whether its authors publish that
    checksum; and `unpacked`, whether it was an archive, of which its content alone is kept.

    Args:
        folder: The data set's folder; it need not be there.

    Raises:
        KgError: Its record is no such thing.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files: dict[str, dict[str, Any]] = {}
        file = folder / NAME
        if not file.is_file():
            return
        try:
            self.files = json.loads(file.read_text(encoding="utf-8"))["files"]
            for entry in self.files.values():
                int(entry["size"]), str(entry["sha256"]), bool(entry["unpacked"])
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise KgError(
                f"{file} is no record of what was downloaded.",
                "Remove it; what is there stays, but is no longer checked.",
            ) from error

    def checksums(self) -> Mapping[str, str]:
        """Return the SHA-256 of every file, by its path or archive's name."""
        return {name: entry["sha256"] for name, entry in self.files.items()}

    def holds(self, remote: Remote) -> bool:
        """Tell whether a loose file lies in the folder as it was recorded."""
        return not remote.unpack and remote.path in self.files and self._is_there(remote.path)

    def is_whole(self) -> bool:
        """Tell whether every loose file that was recorded is still there as it was."""
        return all(entry["unpacked"] or self._is_there(name) for name, entry in self.files.items())

    def _is_there(self, name: str) -> bool:
        file = self.folder / name
        return file.is_file() and file.stat().st_size == self.files[name]["size"]

    def add(self, gots: Iterable[Got]) -> None:
        """Take note of files."""
        for got in gots:
            self.files[name_of(got.remote)] = {
                "size": got.size,
                "sha256": got.sha256,
                "url": public_url(got.url),
                "published": got.remote.sha256 is not None,
                "unpacked": got.remote.unpack,
            }

    def write(self, folder: Path) -> None:
        """Write the record to a folder, this one or one that is about to become it."""
        with paths.replacing(folder / NAME) as file:
            file.write_text(json.dumps({"files": self.files}, indent=1), encoding="utf-8")
