"""Shapes that are prepared but not yet in a store: so that what is done stays done.

A preparation writes the rows of a few shapes at a time to files in a folder beside the store to be. Each
file appears whole or not at all, and its name says which shapes it holds and what they were made from: a
preparation that was killed goes on behind them, unless an option or a source file has changed.
"""

import hashlib
import json
import pickle
import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from kg import paths
from kg.data.dataset import Item
from kg.data.store_file import MOTION, Clouds

Told = list[tuple[str, str]]
"""Of some shapes what a person is to know: (id, text)."""

VERSION = "2"
"""Of what is in a chunk: those of others are made again."""
NAME = re.compile(r"(\d{8,})-(\d{8,})-[0-9a-f]{16}\.npz")
BEGUN = re.compile(r"shards-(\d+)-[0-9a-f]{16}")
"""An empty file that tells into how many pieces a preparation was cut, one that began with these options."""


@dataclass(frozen=True)
class Chunk:
    """The file of shapes `first` to `last` - 1, those of them that could not be read left out."""

    path: Path
    first: int
    last: int

    def read(self) -> Clouds:
        """Return the rows."""
        with np.load(self.path) as file:
            values: dict[str, Any] = {
                item.name: file[item.name] for item in fields(Clouds) if item.name in file.files
            }
        values |= {name: values[name].tolist() for name in ("ids", "objects", "motion") if name in values}
        return Clouds(**values)

    def common(self) -> "Common":
        """Return what the rows have, without reading them all."""
        with np.load(self.path) as file:
            return Common(file["landmarks"].shape[1], "rest_positions" in file.files, "motion" in file.files)

    def told(self, what: Literal["skipped", "notes"]) -> Told:
        """Return the shapes that were left out with the reason, or what was left out of shapes."""
        with np.load(self.path) as file:
            return [(name, text) for name, text in json.loads(str(file[what]))]

    def empty(self) -> None:
        """Give up the rows: what is told, and which arrays there were, stays."""
        with np.load(self.path) as file:
            values = {
                name: file[name] if name in ("skipped", "notes") else file[name][:0] for name in file.files
            }
        _save(self.path, values)


class Chunks:
    """The folder of chunks of one store to be.

    Args:
        folder: Where they lie; made when the first is written.
        stamps: Of every shape to be, in order (see `item_stamps`).
        settings: All that decides, besides the shape, what its row looks like; an attribute too.
        start: The number of the first of these shapes.
    """

    def __init__(self, folder: Path, stamps: Sequence[str], settings: str, start: int = 0) -> None:
        self.folder, self.settings = folder, settings
        self._stamps, self._start = stamps, start

    def within(self, folder: Path) -> "Chunks":
        """Return the same chunks in another folder."""
        return Chunks(folder, self._stamps, self.settings, self._start)

    def narrowed_to(self, numbers: range) -> "Chunks":
        """Return what knows of some of the shapes alone, to write chunks of them."""
        own = self._stamps[numbers.start - self._start : numbers.stop - self._start]
        return Chunks(self.folder, own, self.settings, numbers.start)

    def _path(self, first: int, last: int) -> Path:
        own = self._stamps[first - self._start : last - self._start]
        made_from = "\n".join([VERSION, self.settings, *own])
        return self.folder / f"{first:08d}-{last:08d}-{digest(made_from.encode())}.npz"

    def write(self, first: int, clouds: Clouds, skipped: Told, notes: Told) -> None:
        """Write the chunk that begins with shape `first`; it tells `skipped` and `notes` (see `Chunk`)."""
        path = self._path(first, first + len(clouds) + len(skipped))
        arrays: dict[str, Any] = {
            "skipped": np.array(json.dumps(skipped)),
            "notes": np.array(json.dumps(notes)),
        }
        for item in fields(Clouds):
            if getattr(clouds, item.name) is not None:
                arrays[item.name] = np.asarray(getattr(clouds, item.name))
        _save(path, arrays)

    def tidy(self) -> None:
        """Remove what cannot be used: half-written files, shapes made from what is otherwise now."""
        for path in self._files():
            if self._chunk(path) is None and not BEGUN.fullmatch(path.name):
                path.unlink(missing_ok=True)

    def begin(self, count: int) -> None:
        """Note that the first of so many pieces begins (see `kg.data.preparing.shards`)."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._begun(count).touch()

    def begun(self) -> list[int]:
        """Return into how many pieces this preparation was cut: one number, or several where it changed."""
        matches = (BEGUN.fullmatch(path.name) for path in self._files())
        counts = {int(match[1]) for match in matches if match}
        return sorted(count for count in counts if self._begun(count).exists())

    def _begun(self, count: int) -> Path:
        return self.folder / f"shards-{count}-{self.made_from()}"

    def made_from(self) -> str:
        """Return a fingerprint of all that decides what the rows of all shapes look like."""
        return digest("\n".join([VERSION, self.settings, *self._stamps]).encode())

    def found(self) -> list[Chunk]:
        """Return the chunks that are there, in order, none overlapping."""
        chunks = [chunk for path in self._files() if (chunk := self._chunk(path))]
        ordered: list[Chunk] = []
        # A process that outlived its parent for a moment may have written what another then made again.
        for chunk in sorted(chunks, key=lambda chunk: (chunk.first, -chunk.last)):
            if not ordered or chunk.first >= ordered[-1].last:
                ordered.append(chunk)
        return ordered

    def missing(self) -> list[range]:
        """Return the shapes that are in no chunk yet."""
        gaps, end = [], 0
        for chunk in self.found():
            gaps.append(range(end, chunk.first))
            end = chunk.last
        gaps.append(range(end, len(self._stamps)))
        return [gap for gap in gaps if gap]

    def _files(self) -> list[Path]:
        return list(self.folder.iterdir()) if self.folder.is_dir() else []

    def _chunk(self, path: Path) -> Chunk | None:
        match = NAME.fullmatch(path.name)
        chunk = Chunk(path, int(match[1]), int(match[2])) if match else None
        return chunk if chunk and path == self._path(chunk.first, chunk.last) else None

    def remove(self) -> None:
        """Remove the folder and what is in it."""
        shutil.rmtree(self.folder, ignore_errors=True)


def _save(path: Path, arrays: dict[str, Any]) -> None:
    with paths.replacing(path) as temporary, temporary.open("wb") as file:
        np.savez(file, **arrays)


class Common(NamedTuple):
    """What the rows of a store have alike: the number of landmarks; rest positions and motion, or not."""

    landmarks: int
    rest_positions: bool
    motion: bool = False


def told_of(chunks: Sequence[Chunk]) -> tuple[Told, Told]:
    """Return the shapes that were left out with the reason, and what was left out of shapes."""
    skipped = [entry for chunk in chunks for entry in chunk.told("skipped")]
    return skipped, [entry for chunk in chunks for entry in chunk.told("notes")]


def common_of(chunks: Sequence[Chunk]) -> Common:
    """Return what rows of chunks can all have."""
    each = [chunk.common() for chunk in chunks]
    return Common(
        max((common.landmarks for common in each), default=0),
        all(common.rest_positions for common in each),
        all(common.motion for common in each),
    )


def rows_of(chunks: Sequence[Chunk], common: Common) -> Iterator[Clouds]:
    """Yield the rows of each chunk, with what all are to have."""
    for chunk in chunks:
        yield widened(chunk.read(), common)


def widened(rows: Clouds, common: Common) -> Clouds:
    """Return rows with so many landmarks, missing ones among them, and rest positions or none."""
    landmarks = landmark_ids = None
    if common.landmarks:
        landmarks = np.full((len(rows), common.landmarks, 3), np.nan, np.float32)
        landmark_ids = np.full((len(rows), common.landmarks), -1, np.int32)
        if rows.landmarks is not None and rows.landmark_ids is not None:
            landmarks[:, : rows.landmarks.shape[1]] = rows.landmarks
            landmark_ids[:, : rows.landmarks.shape[1]] = rows.landmark_ids
    none: dict[str, Any] = {} if common.motion else dict.fromkeys(MOTION)
    return replace(
        rows,
        landmarks=landmarks,
        landmark_ids=landmark_ids,
        rest_positions=rows.rest_positions if common.rest_positions else None,
        **none,
    )


def item_stamps(items: Sequence[Item]) -> list[str]:
    """Return for each item what changes with it, with its source, and with the files that this names."""
    known: dict[int, str] = {}
    files: dict[Path, list[int]] = {}

    def stamp(source: Any) -> Any:
        if isinstance(source, Path):
            if source not in files:
                files[source] = _file_stamp(source)
            return files[source]
        if isinstance(source, tuple):
            return [stamp(one) for one in source]
        # Many items share what is large, as a mesh to compare with: it is looked at once.
        if id(source) not in known:
            known[id(source)] = digest(pickle.dumps(source))
        return known[id(source)]

    known_by = [item.name for item in fields(Item) if item.name != "source"]
    return [json.dumps([*(getattr(item, name) for name in known_by), stamp(item.source)]) for item in items]


def files_of(source: Any) -> dict[Path, list[int]]:
    """Return the files that an item's source names, with what tells that one has changed."""
    if isinstance(source, Path):
        return {source: _file_stamp(source)}
    if isinstance(source, tuple):
        return {path: stamp for one in source for path, stamp in files_of(one).items()}
    return {}


def digest(data: bytes) -> str:
    """Return a fingerprint of bytes."""
    return hashlib.sha256(data).hexdigest()[:16]


def _file_stamp(path: Path) -> list[int]:
    try:
        status = path.stat()
    except OSError:
        return []  # Reading it will say what is wrong.
    return [status.st_size, status.st_mtime_ns]
