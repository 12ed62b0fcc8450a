"""The prepared store: clouds, ready to train on, in one HDF5 file or in several that open as one.

`kg.data.store_file` says what is in a file. Of several the rows follow each other in the order of the files'
names; the checksum is that of their checksums.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, Literal

import h5py
import numpy as np
from numpy.typing import NDArray

from kg import paths
from kg.data.dataset import Split
from kg.data.remote import store_here, url_of
from kg.data.split import SPLITS
from kg.data.store_file import COLUMNS, FORMAT, VERSION, Clouds, StoreFile, joined
from kg.errors import KgError

__all__ = ["Clouds", "SplitBy", "Store", "read_checksum", "store_files", "write_store"]

SplitBy = Literal["object", "frame"]


class Store:
    """A prepared store.

    Args:
        path: Its file, the folder of its files, or a pattern of their names, as shirts-*.h5; or the URL of
            one of these, which is copied here (see `kg.data.remote`).

    Attributes:
        place: Where it lies, for others to find it: an absolute path, or the URL.
        files: Its files, in the order of their rows.
        starts: The number of the first row of each.

    Raises:
        KgError: There is no such file, one is no kg store, was written by a newer kg, or points at other
            files; or files do not go together, or one of them is missing.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = path = Path(path).expanduser()
        self.place = url_of(path) or str(path.resolve())
        self.files = [StoreFile(file) for file in store_files(path)]
        _check_together(path, self.files)
        first = self.files[0]
        self.dataset: str = first.attributes["dataset"]
        self.category: str = first.attributes["category"]
        self.variant: str = first.attributes["variant"]
        self.unit: str = first.attributes["unit"]
        # The last file is the one that joined last.
        self.provenance: dict[str, Any] = self.files[-1].attributes["provenance"]
        self.checksum = _whole([file.attributes["checksum"] for file in self.files])
        self.landmark_names: dict[int, str] = {}
        for file in self.files:
            self.landmark_names |= file.attributes["landmark_names"]
        ends = np.cumsum([file.count for file in self.files])
        self.starts: list[int] = [0, *ends[:-1].tolist()]
        self.count = int(ends[-1])
        self.points_per_cloud: int = first.kind["points"]
        self.landmark_count: int = first.kind["landmarks"]
        self.has_landmarks = self.landmark_count > 0
        self.has_rest_positions: bool = first.kind["rest positions"]
        self.has_motion: bool = first.kind["motion"]

    @property
    def name(self) -> str:
        """Data set, category and variant, for people to read."""
        return f"{self.dataset}/{self.category}/{self.variant}"

    @property
    def seed(self) -> int | None:
        """What its objects were made by; None where they come from files, and so are the same by any seed."""
        options = self.provenance.get("options", {})
        seed: int | None = options.get("seed") if options.get("raw") == "" else None
        return seed

    @property
    def size(self) -> int:
        """Bytes on the disk."""
        return sum(file.path.stat().st_size for file in self.files)

    def splits(self, by: SplitBy = "object") -> NDArray[np.uint8]:
        """Return the split of every row, (n,) indices into ("train", "val", "test")."""
        return np.concatenate([file.splits(by) for file in self.files])

    def rest_ids(self) -> list[str]:
        """Return for every row, (n,), whose rest positions can be compared with its own."""
        return [name for file in self.files for name in file.rest_ids()]

    def read_column(self, name: Literal["ids", "objects"]) -> list[str]:
        """Return the ids or the objects of all rows, (n,)."""
        return [value for file in self.files for value in file.text(name)]

    def read_numbers(self, name: Literal["frame", "scale", "offset"]) -> NDArray[Any]:
        """Return what all rows have of a column, (n,) or (n, 3)."""
        return np.concatenate([file.column(name) for file in self.files])

    def read(self, split: Split | None = None, by: SplitBy = "object") -> Clouds:
        """Return the rows of a split, or all of them.

        Raises:
            KgError: The split is unknown.
        """
        if split is not None and split not in SPLITS:
            raise KgError(f"There is no split '{split}'.", f"Known: {', '.join(SPLITS)}.")
        if split is None:
            return self.read_rows(slice(None))
        return self.read_rows(np.flatnonzero(self.splits(by) == SPLITS.index(split)))

    def read_rows(self, rows: NDArray[np.int64] | slice, *, motion: bool = False) -> Clouds:
        """Return the rows of these numbers, which ascend, and their motion, if it is wanted and known."""
        blocks = [file.read_rows(own, motion) for file, own in self._parted(rows)]
        return joined(blocks or [self.files[0].read_rows(slice(0), motion)])

    def _parted(
        self, rows: NDArray[np.int64] | slice
    ) -> Iterator[tuple[StoreFile, NDArray[np.int64] | slice]]:
        """Yield each file that has some of the rows, and these by their numbers within it."""
        for file, start in zip(self.files, self.starts, strict=True):
            end = start + file.count
            if isinstance(rows, slice):
                first, last, _ = rows.indices(self.count)
                if max(first, start) < min(last, end):
                    yield file, slice(max(first, start) - start, min(last, end) - start)
            else:
                low, high = np.searchsorted(rows, [start, end])
                if low < high:
                    yield file, rows[low:high] - start


def store_files(path: Path) -> list[Path]:
    """Return the files of the store at a path: itself, those in a folder, or those of a pattern.

    Raises:
        KgError: A folder has none, or a pattern fits none; or a URL cannot be read.
    """
    if url := url_of(path):
        return store_here(url)
    if path.is_dir():
        files = sorted(path.glob("[!.]*.h5"))
    elif any(mark in path.name for mark in "*?[") and not path.exists():
        files = sorted(path.parent.glob(path.name))
    else:
        return [path]
    if not files:
        raise KgError(f"There is no file of a prepared store at {path}.", "Make one with: kg prepare --help")
    return files


def _check_together(path: Path, files: Sequence[StoreFile]) -> None:
    """Check that files make up one store.

    Raises:
        KgError: They differ in what all rows must have, or one is missing or there twice.
    """
    first = files[0]
    for file in files[1:]:
        for name, value in first.kind.items():
            if file.kind[name] != value:
                raise KgError(
                    f"{file.path} has other {name} ({file.kind[name]}) than {first.path} ({value}): "
                    "together they are no store.",
                    "Name stores that differ one by one: --store A.h5 --store B.h5",
                )
    parts = [file.attributes["part"] for file in files]
    if len(files) == 1 or None in parts:
        return
    numbers, count = [number for number, _ in parts], max(of for _, of in parts)
    if missing := sorted({*range(1, count + 1)} - {*numbers}):
        raise KgError(f"{path} lacks file {missing[0]} of {count}.", "Copy it there, or prepare it again.")
    if len(numbers) > count:
        raise KgError(f"{path} has a file twice.", "Remove the copy.")


def read_checksum(path: Path) -> str | None:
    """Return the checksum that a store says it has; None of what is no store, or being written."""
    checksums = []
    try:
        for part in store_files(path):
            with h5py.File(part, "r", locking=False) as file:
                checksums.append(str(file.attrs["checksum"]))
    except (KgError, OSError, KeyError):
        return None
    return _whole(checksums)


def _whole(checksums: Sequence[str]) -> str:
    """Return the checksum of a store, by those of its files."""
    return checksums[0] if len(checksums) == 1 else hashlib.sha256("".join(checksums).encode()).hexdigest()


def write_store(
    path: Path,
    blocks: Iterable[Clouds],
    splits: Mapping[SplitBy, list[Split]],
    *,
    dataset: str,
    category: str,
    variant: str,
    unit: str,
    landmark_names: Mapping[int, str],
    provenance: Mapping[str, Any],
    rest_ids: Sequence[str] | None = None,
    part: tuple[int, int] | None = None,
) -> None:
    """Write a store's file, whole or not at all.

    `blocks` are its rows, in order, as many at a time as are to be in memory together; all have the same
    arrays. `splits` are of each row, `part` says which of how many files it is, from 1; the other arguments
    are the attributes of `kg.data.store_file`.

    Raises:
        ValueError: There are not as many rows as splits, or none.
    """
    count = len(splits["object"])
    with paths.replacing(path) as temporary, h5py.File(temporary, "w", locking=False) as file:
        checksum = _write_rows(file, blocks, count)
        if rest_ids is not None:
            file.create_dataset(COLUMNS["rest_id"], data=list(rest_ids), dtype=h5py.string_dtype())
        for by, names in splits.items():
            codes = np.array([SPLITS.index(name) for name in names], dtype=np.uint8)
            file.create_dataset(f"split/{by}", data=codes)
        file.attrs.update(
            format=FORMAT,
            version=VERSION,
            dataset=dataset,
            category=category,
            variant=variant,
            unit=unit,
            landmark_names=json.dumps(dict(landmark_names)),
            provenance=json.dumps(dict(provenance)),
            checksum=checksum,
        )
        if part is not None:
            file.attrs["part"] = json.dumps(part)


def _write_rows(file: Any, blocks: Iterable[Clouds], count: int) -> str:
    """Write the rows and return the checksum of their points."""
    checksum, first = hashlib.sha256(), 0
    for block in blocks:
        for item in fields(Clouds):
            values = getattr(block, item.name)
            if values is None:
                continue
            name = COLUMNS.get(item.name, item.name)
            if name not in file:
                kind = h5py.string_dtype() if isinstance(values, list) else values.dtype
                file.create_dataset(name, (count, *np.shape(values)[1:]), dtype=kind)
            file[name][first : first + len(block)] = values
        checksum.update(np.ascontiguousarray(block.points).tobytes())
        first += len(block)
    if first != count or not first:
        raise ValueError(f"{first} rows, {count} splits")
    return checksum.hexdigest()
