"""The prepared store: one HDF5 file of clouds, ready to train on.

points          (n, N, 3) float32   normalised
scale, offset   (n,) float64        source = normalised * scale + offset
ids, objects    (n,) string
frame           (n,) int32
split/object    (n,) uint8          0 train, 1 val, 2 test; no object on both sides
split/frame     (n,) uint8          the paper's, frames of one object on all sides
landmarks       (n, A, 3) float32   normalised, NaN where a shape has none; optional
landmark_ids    (n, A) int32        semantic ids, -1 where a shape has none; optional
material        (n, N, 3) float32   where each point lies on the object at rest; optional
kin             (n,) string         rows that share it share the object at rest; its own by default
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
from kg.data.split import SPLITS
from kg.errors import KgError

FORMAT, VERSION = "kg-store", 1

SplitBy = Literal["object", "frame"]

COLUMNS = {"rest_positions": "material", "rest_id": "kin"}
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

    def __len__(self) -> int:
        return len(self.ids)


class Store:
    """A prepared store, open for reading only while something is read.

    Raises:
        KgError: There is no such file, or it is no kg store of a version that is known.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = path = Path(path).expanduser()
        if not path.is_file():
            raise KgError(f"There is no prepared store at {path}.", "Make one with: kg prepare --help")
        with self._open() as file:
            attributes = dict(file.attrs)
            if attributes.get("format") != FORMAT or attributes.get("version") != VERSION:
                raise KgError(
                    f"{path} is no kg store of version {VERSION}.",
                    "Prepare it again, with --force: kg prepare --help",
                )
            self.dataset = str(attributes["dataset"])
            self.category = str(attributes["category"])
            self.variant = str(attributes["variant"])
            self.unit = str(attributes["unit"])
            self.checksum = str(attributes["checksum"])
            self.provenance: dict[str, Any] = json.loads(attributes["provenance"])
            names = json.loads(attributes["landmark_names"])
            self.landmark_names: dict[int, str] = {int(key): name for key, name in names.items()}
            self.count, self.points_per_cloud = file["points"].shape[:2]
            self.landmark_count = file["landmarks"].shape[1] if "landmarks" in file else 0
            self.has_landmarks = self.landmark_count > 0
            self.has_rest_positions = COLUMNS["rest_positions"] in file

    @contextmanager
    def _open(self) -> Iterator[Any]:
        try:
            file = h5py.File(self.path, "r", locking=False)
        except OSError as error:
            raise KgError(
                f"{self.path} cannot be read: {error}", "Prepare it again, with --force: kg prepare --help"
            ) from error
        with file:
            yield file

    @property
    def name(self) -> str:
        """Data set, category and variant, for people to read."""
        return f"{self.dataset}/{self.category}/{self.variant}"

    def splits(self, by: SplitBy = "object") -> NDArray[np.uint8]:
        """Return the split of every row, (n,) indices into ("train", "val", "test")."""
        with self._open() as file:
            split: NDArray[np.uint8] = file[f"split/{by}"][:]
        return split

    def rest_ids(self) -> list[str]:
        """Return for every row, (n,), whose rest positions can be compared with its own."""
        with self._open() as file:
            return list(file[COLUMNS["rest_id"] if COLUMNS["rest_id"] in file else "objects"].asstr()[:])

    def read_column(self, name: Literal["ids", "objects"]) -> list[str]:
        """Return the ids or the objects of all rows, (n,)."""
        with self._open() as file:
            return list(file[name].asstr()[:])

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

    def read_rows(self, rows: NDArray[np.int64] | slice) -> Clouds:
        """Return the rows of these numbers, which ascend."""
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
            )


def read_checksum(path: Path) -> str | None:
    """Return the checksum that a store says it has; None of a file that is no store, or being written."""
    try:
        with h5py.File(path, "r") as file:
            found = file.attrs.get("checksum")
    except OSError:
        return None
    return None if found is None else str(found)


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
