"""A file on its way, and the note of what it is the beginning of."""

import io
import json
from pathlib import Path

from kg import paths
from kg.data.fetching.answer import public_url

RESUMABLE = 1 << 20
"""Bytes: a smaller file is begun again rather than gone on with."""


class PartialFile:
    """NAME.part: the beginning of a file; in NAME.part.json stands of what, if that is large enough.

    Attributes:
        path: Where it is.
        size: Bytes that are there.
        total: Bytes of the whole file; None if nobody said.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self.path = file.with_name(f"{file.name}.part")
        self._note = file.with_name(f"{file.name}.part.json")
        self._open: io.FileIO | None = None
        self.total: int | None = None
        self.size = self.path.stat().st_size if self.path.exists() else 0

    @property
    def is_whole(self) -> bool:
        """Whether nothing is lacking, as far as is known."""
        return self.total is not None and self.size == self.total

    def resume(self, url: str) -> dict[str, str]:
        """Return the headers that ask for what is lacking; forget the beginning of nobody knows what."""
        try:
            note = json.loads(self._note.read_text())
            if note["url"] != public_url(url) or not self.size:
                raise ValueError
            self.total, validator = note["total"], note["validator"]
        except (OSError, ValueError, KeyError, TypeError):
            self.clear()
            return {}
        headers = {"Range": f"bytes={self.size}-"}
        return headers | ({"If-Range": validator} if validator else {})

    def begin(self, url: str, total: int | None, validator: str | None) -> None:
        """Open it for what is to come, and note what it is the beginning of."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        if self.size == 0 and (total is None or total >= RESUMABLE):
            note = {"url": public_url(url), "total": total, "validator": validator}
            self._note.write_text(json.dumps(note))
        self.total = total
        # Unbuffered: what a full disk does not take must not come up again when the file is closed.
        self._open = self.path.open("ab", buffering=0)

    def write(self, chunk: bytes) -> None:
        """Add to it."""
        assert self._open is not None
        rest = memoryview(chunk)
        while rest:
            written = self._open.write(rest)
            self.size += written
            rest = rest[written:]

    def close(self) -> None:
        """Close it, if it is open."""
        if self._open is not None:
            self._open.close()
            self._open = None

    def clear(self) -> None:
        """Remove it."""
        self.path.unlink(missing_ok=True)
        self._note.unlink(missing_ok=True)
        self.size, self.total = 0, None

    def finish(self) -> None:
        """Give the file its name, with its content safe on the disk before."""
        paths.to_disk(self.path)
        self.path.rename(self._file)
        self._note.unlink(missing_ok=True)
