"""The file that `kg predict` writes and `kg eval` and `kg viz` read.

ids              (n,) string         of the clouds
objects          (n,) string         identity of the things they show
points           (n, N, 3) float32   the clouds, normalised
scale            (n,) float64        source = normalised * scale + offset
offset           (n, 3) float64      (n,) in older files: one number for all axes
keypoints        (n, K, 3) float32   normalised
keypoints_source (n, K, 3) float64   in the source's own units
indices          (n, K) int64        the cloud point nearest to each keypoint
confidences      (n, K) float32      0 to 1, as the detector has it
edge_pairs       (E, 2) int64        the skeleton's edges, as pairs of keypoints
edges            (n, E) float32      0 to 1: weight of each edge
rest             (n, N, 3) float32   where each point lies on its object at rest, in the object's own box,
                                    [-1, 1] on each axis; of `kg predict --dense`
visible          (n, K) bool         whether the cloud shows the place of each keypoint on its object; only of
                                    detectors that say so
rotations        (n, 3, 3) float64   rotation @ x lies as the category does; of `kg predict --align`
turns            (n, 3, 3) float64   turn @ x is how the cloud x was turned first; of `kg predict --turned`
meta             JSON                run, checkpoint, store, split, inference, precision ...
version          () int64            of this format; files from before it have none
"""

import json
import struct
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kg import paths
from kg.data.find import find_by_checksum
from kg.data.formats.arrays import refuse_bomb
from kg.data.store import Store
from kg.errors import KgError

VERSION = 1
AGAIN = "Write it again with: kg predict"
UNREADABLE = (
    OSError,
    ValueError,
    EOFError,
    RuntimeError,
    NotImplementedError,
    MemoryError,
    KeyError,
    TypeError,
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
)
"""What numpy and zipfile raise at a file that is no .npz, or a broken one."""
OPTIONAL = ("rest", "visible", "rotations", "turns")
TEXTS = (
    *("run", "checkpoint", "preset", "detector", "dataset", "category", "variant", "split", "split_by"),
    *("inference", "precision", "unit", "up", "anchors", "search", "keypoints", "command", "kg"),
)
NONE = type(None)
META: dict[str, tuple[type, ...]] = {
    "store": (dict, NONE),
    "turned": (int, NONE),
    "views": (int, NONE),
    **dict.fromkeys(TEXTS, (str, NONE)),
}
"""Kinds of what `meta` may hold and something is done by."""


@dataclass(frozen=True, eq=False)
class Predictions:
    """Keypoints of n clouds; the arrays are those of the module's docstring.

    `meta` holds: run, checkpoint (SHA-256), preset, seed, dataset, category, variant, store (path and
    checksum; empty for a user's own files), split, inference, precision, unit, command, kg (version).
    """

    ids: NDArray[np.str_]
    objects: NDArray[np.str_]
    points: NDArray[np.float32]
    scale: NDArray[np.float64]
    offset: NDArray[np.float64]
    keypoints: NDArray[np.float32]
    keypoints_source: NDArray[np.float64]
    indices: NDArray[np.int64]
    confidences: NDArray[np.float32]
    edge_pairs: NDArray[np.int64]
    edges: NDArray[np.float32]
    rest: NDArray[np.float32] | None = None
    visible: NDArray[np.bool_] | None = None
    rotations: NDArray[np.float64] | None = None
    turns: NDArray[np.float64] | None = None
    meta: dict[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.ids)

    def find_store(self) -> Store | None:
        """Return the prepared store that the clouds are of; None if of none, or it is nowhere to be found."""
        record = self.meta.get("store")
        if not record:
            return None
        try:
            return find_by_checksum(Path(record["path"]), record["checksum"], "the prediction")
        except KgError:
            return None

    def save(self, path: Path | str) -> None:
        """Write the file, whole or not at all; arrays are compressed."""
        arrays = {item.name: getattr(self, item.name) for item in fields(self) if item.name != "meta"}
        arrays = {name: values for name, values in arrays.items() if values is not None}
        with paths.replacing(Path(path)) as temporary, temporary.open("wb") as file:
            np.savez_compressed(
                file, **arrays, meta=np.array(json.dumps(self.meta)), version=np.array(VERSION)
            )

    @classmethod
    def load(cls, path: Path | str) -> "Predictions":
        """Read the file.

        Raises:
            KgError: There is none, it is broken, or it is no file of predictions.
        """
        path = Path(path).expanduser()
        if not path.is_file():
            raise KgError(f"There is no file {path}.", "Write one with: kg predict")
        names = [item.name for item in fields(cls)]
        try:
            refuse_bomb(path)
            with np.load(path, allow_pickle=False) as file:
                missing = [name for name in names if name not in (*file.files, *OPTIONAL)]
                if missing:
                    raise KgError(f"It lacks {', '.join(missing)}.")
                values = {name: file[name] for name in (*names, "version") if name in file.files}
            _check(values)
            meta = _meta(str(values.pop("meta")))
        except KgError as error:
            raise KgError(
                f"{path} holds no predictions of kg: {error.message}", error.hint or AGAIN
            ) from error
        except (*UNREADABLE, RecursionError) as error:
            reason = str(error) or type(error).__name__
            raise KgError(f"{path} cannot be read: {reason}", AGAIN) from error
        values.pop("version", None)
        return cls(**values, meta=meta)


def _meta(text: str) -> dict[str, Any]:
    """Return what predictions say of themselves; of files from before, or of other programs, less.

    Raises:
        KgError: What is there is of another kind. The message does not name the file.
        ValueError: It is no JSON.
    """
    meta = json.loads(text)
    if not isinstance(meta, dict):
        raise KgError("Its meta is no record.")
    for name, kinds in META.items():
        if not isinstance(meta.get(name), kinds):
            raise KgError(f"Its meta has {name} = {str(meta[name])[:40]!r}.")
    store = meta.get("store") or {"path": "", "checksum": ""}
    if not all(isinstance(store.get(name), str) for name in ("path", "checksum")):
        raise KgError("Its meta has a store without path or checksum.")
    return meta


def _check(values: Mapping[str, NDArray[Any]]) -> None:
    """Check that arrays are of this version, and that their kinds and shapes go together.

    Raises:
        KgError: They do not. The message does not name the file.
    """
    version = values.get("version", np.array(VERSION))
    if version.shape or version.dtype.kind not in "iu" or version < 1:
        raise KgError("Its version is no number.")
    if version > VERSION:
        raise KgError(
            f"It was written by a newer kg, as version {version}; this one reads up to {VERSION}.",
            "Update kg: pip install --upgrade kg",
        )
    points, keypoints, pairs = values["points"], values["keypoints"], values["edge_pairs"]
    if points.ndim != 3 or keypoints.ndim != 3 or pairs.ndim != 2:
        raise KgError(
            f"Its points are {points.shape}, its keypoints {keypoints.shape}, its edge_pairs {pairs.shape}, "
            "not (n, N, 3), (n, K, 3) and (E, 2)."
        )
    count, size = points.shape[:2]
    number, edges = keypoints.shape[1], len(pairs)
    known: dict[str, tuple[str, tuple[int, ...]]] = {
        "ids": ("U", (count,)),
        "objects": ("U", (count,)),
        "points": ("f", (count, size, 3)),
        "scale": ("f", (count,)),
        # Of an axis each, or one for all of them, as files from before had it.
        "offset": ("f", (count, 3) if values["offset"].ndim == 2 else (count,)),
        "keypoints": ("f", (count, number, 3)),
        "keypoints_source": ("f", (count, number, 3)),
        "indices": ("iu", (count, number)),
        "confidences": ("f", (count, number)),
        "edge_pairs": ("iu", (edges, 2)),
        "edges": ("f", (count, edges)),
        "rest": ("f", (count, size, 3)),
        "visible": ("b", (count, number)),
        "rotations": ("f", (count, 3, 3)),
        "turns": ("f", (count, 3, 3)),
        "meta": ("U", ()),
    }
    for name, (kind, shape) in known.items():
        array = values.get(name)
        if array is not None and (array.shape != shape or array.dtype.kind not in kind):
            raise KgError(f"Its {name} are {array.dtype} {array.shape}, where {shape} belongs.")
    for name in ("points", "scale", "offset"):
        if not np.isfinite(values[name]).all():
            raise KgError(f"Its {name} are NaN or infinite in places.")
    if not (values["scale"] > 0).all():
        raise KgError("Its scale is not above 0 in places.")
    for name, most in (("indices", size), ("edge_pairs", number)):
        array = values[name]
        if array.size and not 0 <= array.min() <= array.max() < most:
            raise KgError(f"Its {name} point beyond the {most} that there are.")
