"""The prepared store: one HDF5 file of clouds, ready to train on.

points          (n, N, 3) float32   normalised
scale           (n,) float64        source = normalised * scale + offset
offset          (n, 3) float64      (n,) in stores of version 1: one number for all axes
ids, objects    (n,) string
frame           (n,) int32
split/object    (n,) uint8          0 train, 1 val, 2 test; no object on both sides
split/frame     (n,) uint8          the paper's, frames of one object on all sides
landmarks       (n, A, 3) float32   normalised, NaN where a shape has none; optional
landmark_ids    (n, A) int32        semantic ids, -1 where a shape has none; optional
material        (n, N, 3) float32   where each point lies on the object at rest; optional
kin             (n,) string         rows that share it share the object at rest; its own by default
motion          (n,) string         what happens to it, with all options: JSON; optional, as what follows
time            (n,) float64        seconds since the sequence began
hands           (n, 2, 3) float32   normalised, where hands are that hold something; NaN where none does
held            (n, 2) int32        the cloud's point next to what each holds; -1 where it holds nothing
held_material   (n, 2, 3) float32   where what each holds lies on the object at rest; NaN
contact         (n, N) uint8        1 for points that touch the ground
attributes      format, version, dataset, category, variant, unit, landmark_names (JSON),
                provenance (JSON: source, command, seed, options, versions), checksum (SHA-256
                of the points)
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal

import h5py
import numpy as np
from numpy.typing import NDArray

from kg import paths
from kg.data.dataset import Split
from kg.data.hdf5 import own_dataset
from kg.data.split import SPLITS
from kg.errors import KgError

FORMAT, VERSION = "kg-store", 2
HANDS = 2
"""Hands that a row of a motion has room for."""

SplitBy = Literal["object", "frame"]

MOTION = ("motion", "time", "hands", "held", "held_rest", "contact")
"""Arrays of clouds in motion: all of them or none."""
OPTIONAL = ("landmarks", "landmark_ids", "material", "kin", *MOTION[:4], "held_material", MOTION[5])
"""Arrays that some stores have, by their names in the file."""
AGAIN = "Prepare it again, with --force: kg prepare --help"

COLUMNS = {"rest_positions": "material", "rest_id": "kin", "held_rest": "held_material"}
"""Names of arrays in the file, where they differ from ours: files keep the first names they had."""


@dataclass(frozen=True, eq=False)
class Clouds:
    """Rows of a store, in memory. The arrays are those of the module's docstring."""

    ids: list[str]
    objects: list[str]
    frame: NDArray[np.int32]
    points: NDArray[np.float32]
    scale: NDArray[np.float64]
    offset: NDArray[np.float64]
    landmarks: NDArray[np.float32] | None = None
    landmark_ids: NDArray[np.int32] | None = None
    rest_positions: NDArray[np.float32] | None = None
    motion: list[str] | None = None
    time: NDArray[np.float64] | None = None
    hands: NDArray[np.float32] | None = None
    held: NDArray[np.int32] | None = None
    held_rest: NDArray[np.float32] | None = None
    contact: NDArray[np.uint8] | None = None

    def __len__(self) -> int:
        return len(self.ids)


class Store:
    """A prepared store, open for reading only while something is read.

    Raises:
        KgError: There is no such file, it is no kg store, was written by a newer kg, or points at other
            files.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = path = Path(path).expanduser()
        if not path.is_file():
            raise KgError(f"There is no prepared store at {path}.", "Make one with: kg prepare --help")
        with self._open() as file:
            attributes = _checked_attributes(file)
            self.dataset: str = attributes["dataset"]
            self.category: str = attributes["category"]
            self.variant: str = attributes["variant"]
            self.unit: str = attributes["unit"]
            self.checksum: str = attributes["checksum"]
            self.provenance: dict[str, Any] = attributes["provenance"]
            self.landmark_names: dict[int, str] = attributes["landmark_names"]
            _check_columns(file)
            self.count, self.points_per_cloud = file["points"].shape[:2]
            self.landmark_count = file["landmarks"].shape[1] if "landmarks" in file else 0
            self.has_landmarks = self.landmark_count > 0
            self.has_rest_positions = COLUMNS["rest_positions"] in file
            self.has_motion = "motion" in file

    @contextmanager
    def _open(self) -> Iterator[Any]:
        """Open the file; whatever is wrong with it names it."""
        try:
            # A store is written elsewhere and put in its place, so nobody has to be locked out.
            with h5py.File(self.path, "r", locking=False) as file:
                yield file
        except KgError as error:
            raise KgError(f"{self.path} is no kg store: {error.message}.", error.hint or AGAIN) from error
        except (OSError, RuntimeError, KeyError, ValueError, TypeError, MemoryError) as error:
            reason = str(error) or type(error).__name__
            raise KgError(f"{self.path} cannot be read: {reason}", AGAIN) from error

    @property
    def name(self) -> str:
        """Data set, category and variant, for people to read."""
        return f"{self.dataset}/{self.category}/{self.variant}"

    def splits(self, by: SplitBy = "object") -> NDArray[np.uint8]:
        """Return the split of every row, (n,) indices into ("train", "val", "test")."""
        with self._open() as file:
            split: NDArray[np.uint8] = file[f"split/{by}"][:]
            if split.max(initial=0) >= len(SPLITS):
                raise KgError(f"its split/{by} has a {split.max()}, where 0 to {len(SPLITS) - 1} belong")
        return split

    def rest_ids(self) -> list[str]:
        """Return for every row, (n,), whose rest positions can be compared with its own."""
        with self._open() as file:
            return list(file[COLUMNS["rest_id"] if COLUMNS["rest_id"] in file else "objects"].asstr()[:])

    def read_column(self, name: Literal["ids", "objects"]) -> list[str]:
        """Return the ids or the objects of all rows, (n,)."""
        with self._open() as file:
            return list(file[name].asstr()[:])

    def read_numbers(self, name: Literal["frame", "scale", "offset"]) -> NDArray[Any]:
        """Return what all rows have of a column, (n,) or (n, 3)."""
        with self._open() as file:
            numbers: NDArray[Any] = file[name][:]
        return numbers

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
        with self._open() as file:

            def column(name: str) -> Any:
                name = COLUMNS.get(name, name)
                return file[name][rows] if name in file else None

            return Clouds(
                ids=list(file["ids"].asstr()[rows]),
                objects=list(file["objects"].asstr()[rows]),
                frame=column("frame"),
                points=column("points"),
                scale=column("scale"),
                offset=column("offset"),
                landmarks=column("landmarks"),
                landmark_ids=column("landmark_ids"),
                rest_positions=column("rest_positions"),
                **(self._motion(file, rows) if motion and self.has_motion else {}),
            )

    @staticmethod
    def _motion(file: Any, rows: NDArray[np.int64] | slice) -> dict[str, Any]:
        """Return the arrays of rows in motion."""
        arrays = {name: file[COLUMNS.get(name, name)][rows] for name in MOTION[1:]}
        return {"motion": list(file["motion"].asstr()[rows]), **arrays}


def read_checksum(path: Path) -> str | None:
    """Return the checksum that a store says it has; None of a file that is no store, or being written."""
    try:
        with h5py.File(path, "r", locking=False) as file:
            checksum = file.attrs.get("checksum")
    except OSError:
        return None
    return None if checksum is None else str(checksum)


def _checked_attributes(file: Any) -> dict[str, Any]:
    """Return a store's attributes, JSON parsed.

    Raises:
        KgError: It is no store, or one of another version. The message does not name the file.
    """
    attributes = dict(file.attrs)
    if attributes.get("format") != FORMAT:
        raise KgError("it has no mark of one", "Stores are made by: kg prepare")
    version = attributes.get("version")
    if not isinstance(version, int | np.integer) or version < 1:
        raise KgError(f"its version is {str(version)[:20]!r}")
    if version > VERSION:
        raise KgError(
            f"it was written by a newer kg, as version {version}; this one reads up to {VERSION}",
            "Update kg: pip install --upgrade kg",
        )
    names = ("dataset", "category", "variant", "unit", "checksum", "provenance", "landmark_names")
    for name in names:
        if not isinstance(attributes.get(name), str):
            raise KgError(f"its attribute '{name}' is no text")
    try:
        attributes["provenance"] = json.loads(attributes["provenance"])
        landmarks = json.loads(attributes["landmark_names"])
        attributes["landmark_names"] = {int(key): str(name) for key, name in landmarks.items()}
    except (ValueError, AttributeError, RecursionError) as error:
        raise KgError(f"its attributes are no JSON: {error}") from error
    if not isinstance(attributes["provenance"], dict):
        raise KgError("its provenance is no record")
    return attributes


def _check_columns(file: Any) -> None:
    """Check that all arrays are there, in this very file, of their kinds and of one length.

    Raises:
        KgError: One is not. The message does not name the file.
    """
    points = own_dataset(file, "points")
    if points.ndim != 3 or points.shape[2] != 3 or not len(points):
        raise KgError(f"its points are {points.shape}, not (n, N, 3)")
    count, size = points.shape[:2]
    there = [name for name in OPTIONAL if file.get(name, getlink=True) is not None]
    landmarks = own_dataset(file, "landmarks").shape[1:2] if "landmarks" in there else ()
    kinds: dict[str, tuple[str, tuple[int, ...]]] = {
        "points": ("f", (size, 3)),
        "scale": ("f", ()),
        "offset": ("f", own_dataset(file, "offset").shape[1:2] and (3,)),
        "ids": ("O", ()),
        "objects": ("O", ()),
        "frame": ("iu", ()),
        "split/object": ("u", ()),
        "split/frame": ("u", ()),
        "landmarks": ("f", (*landmarks, 3)),
        "landmark_ids": ("i", landmarks),
        "material": ("f", (size, 3)),
        "kin": ("O", ()),
        "motion": ("O", ()),
        "time": ("f", ()),
        "hands": ("f", (HANDS, 3)),
        "held": ("i", (HANDS,)),
        "held_material": ("f", (HANDS, 3)),
        "contact": ("u", (size,)),
    }
    if ("landmarks" in there) != ("landmark_ids" in there):
        raise KgError("it has landmarks without ids, or ids without landmarks")
    moving = [COLUMNS.get(name, name) in there for name in MOTION]
    if any(moving) != all(moving):
        raise KgError("it has some arrays of a motion, and not all")
    for name, (kind, shape) in kinds.items():
        if name in OPTIONAL and name not in there:
            continue
        column = own_dataset(file, name)
        if column.shape != (count, *shape) or column.dtype.kind not in kind:
            raise KgError(f"its '{name}' is {column.dtype} {column.shape}, where {(count, *shape)} belongs")
        if kind == "O" and h5py.check_string_dtype(column.dtype) is None:
            raise KgError(f"its '{name}' is no text")


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
) -> None:
    """Write a store, whole or not at all.

    `blocks` are its rows, in order, as many at a time as are to be in memory together; all have the same
    arrays. `splits` are of each row, the other arguments are the attributes of the module's docstring.

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
