"""The file of a prepared store, HDF5: clouds, ready to train on.

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
                of the points); part (JSON: which of how many files that make up the store); optional
"""

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from kg.data.hdf5 import own_dataset
from kg.data.split import SPLITS
from kg.errors import KgError

FORMAT, VERSION = "kg-store", 2
HANDS = 2
"""Hands that a row of a motion has room for."""

MOTION = ("motion", "time", "hands", "held", "held_rest", "contact")
"""Arrays of clouds in motion: all of them or none."""
OPTIONAL = ("landmarks", "landmark_ids", "material", "kin", *MOTION[:4], "held_material", MOTION[5])
"""Arrays that some stores have, by their names in the file."""
AGAIN = "Prepare it again, with --force: kg prepare --help"

NUMBERS = ("points", "scale", "offset", "material")
"""Columns that have no place for NaN."""

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


def joined(blocks: Sequence[Clouds]) -> Clouds:
    """Return the rows of several blocks, which have the same arrays, as one."""
    if len(blocks) == 1:
        return blocks[0]
    values: dict[str, Any] = {}
    for item in fields(Clouds):
        columns = [getattr(block, item.name) for block in blocks]
        if isinstance(columns[0], list):
            values[item.name] = [value for column in columns for value in column]
        else:
            values[item.name] = None if columns[0] is None else np.concatenate(columns)
    return Clouds(**values)


class StoreFile:
    """A store's file, open for reading only while something is read.

    Attributes:
        attributes: Those of the module's docstring, JSON parsed.
        count: Rows.
        kind: What rows of two files must have in common for a store to have both: points, landmarks, and the
            like.

    Raises:
        KgError: There is no such file, it is no kg store, was written by a newer kg, or points at other
            files.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        if not path.is_file():
            raise KgError(f"There is no prepared store at {path}.", "Make one with: kg prepare --help")
        with self.open() as file:
            self.attributes = _checked_attributes(file)
            _check_columns(file)
            self.count: int = file["points"].shape[0]
            self.kind: dict[str, Any] = {
                **{name: self.attributes[name] for name in ("dataset", "category", "variant", "unit")},
                "points": file["points"].shape[1],
                "landmarks": file["landmarks"].shape[1] if "landmarks" in file else 0,
                "rest positions": COLUMNS["rest_positions"] in file,
                "motion": "motion" in file,
                "axes of offsets": file["offset"].ndim,
            }

    @contextmanager
    def open(self) -> Iterator[Any]:
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

    def column(self, name: str) -> NDArray[Any]:
        """Return an array of numbers of all rows, by its name in the file."""
        with self.open() as file:
            return checked(file[name][:], name)

    def splits(self, by: str) -> NDArray[np.uint8]:
        """Return the split of every row (see `kg.data.store.Store.splits`)."""
        with self.open() as file:
            split: NDArray[np.uint8] = file[f"split/{by}"][:]
            if split.max(initial=0) >= len(SPLITS):
                raise KgError(f"its split/{by} has a {split.max()}, where 0 to {len(SPLITS) - 1} belong")
        return split

    def text(self, name: str) -> list[str]:
        """Return an array of text of all rows, by its name in the file."""
        with self.open() as file:
            return list(file[name].asstr()[:])

    def rest_ids(self) -> list[str]:
        """Return for every row whose rest positions can be compared with its own."""
        with self.open() as file:
            return list(file[COLUMNS["rest_id"] if COLUMNS["rest_id"] in file else "objects"].asstr()[:])

    def read_rows(self, rows: NDArray[np.int64] | slice, motion: bool) -> Clouds:
        """Return the rows of these numbers, which ascend, and their motion, if it is wanted and known."""
        with self.open() as file:

            def column(name: str) -> Any:
                name = COLUMNS.get(name, name)
                return checked(file[name][rows], name) if name in file else None

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
                **(self._motion(file, rows) if motion and self.kind["motion"] else {}),
            )

    @staticmethod
    def _motion(file: Any, rows: NDArray[np.int64] | slice) -> dict[str, Any]:
        """Return the arrays of rows in motion."""
        arrays = {name: file[COLUMNS.get(name, name)][rows] for name in MOTION[1:]}
        return {"motion": list(file["motion"].asstr()[rows]), **arrays}


def checked(values: NDArray[Any], name: str) -> NDArray[Any]:
    """Return what was read of a column, by its name in the file.

    Raises:
        KgError: Some of `NUMBERS` are NaN or infinite, or a scale is not above 0. The message does not name
            the file.
    """
    if name in NUMBERS and not np.isfinite(values).all():
        raise KgError(f"its '{name}' has values that are NaN or infinite")
    if name == "scale" and not (values > 0).all():
        raise KgError("its 'scale' has values that are not above 0")
    return values


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
    attributes["part"] = _part(attributes.get("part"))
    return attributes


def _part(text: Any) -> tuple[int, int] | None:
    """Return which of how many files one is; None where it does not say."""
    if text is None:
        return None
    match = re.fullmatch(r"\[(\d{1,9}), (\d{1,9})\]", str(text))
    if match is None or not 1 <= int(match[1]) <= int(match[2]):
        raise KgError(f"its part is {str(text)[:20]!r}")
    return int(match[1]), int(match[2])


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
