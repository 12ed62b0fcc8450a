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
meta             JSON                the run, its checkpoint, the store, the split, the inference
"""

import json
import zipfile
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kg import paths
from kg.data.find import find_again
from kg.data.store import Store
from kg.errors import KgError


@dataclass(frozen=True, eq=False)
class Predictions:
    """Keypoints of n clouds; the arrays are those of the module's docstring.

    `meta` holds: run, checkpoint (SHA-256), preset, seed, dataset, category, variant, store (path and
    checksum; empty for a user's own files), split, inference, unit, command, kg (version).
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
    meta: dict[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.ids)

    def find_store(self) -> Store | None:
        """Return the prepared store that the clouds are of; None if of none, or it is nowhere to be found."""
        named = self.meta.get("store")
        if not named:
            return None
        try:
            return find_again(Path(named["path"]), named["checksum"], "the prediction")
        except KgError:
            return None

    def save(self, path: Path | str) -> None:
        """Write the file, whole or not at all; arrays are compressed."""
        arrays = {item.name: getattr(self, item.name) for item in fields(self) if item.name != "meta"}
        arrays = {name: values for name, values in arrays.items() if values is not None}
        with paths.replacing(Path(path)) as temporary, temporary.open("wb") as file:
            np.savez_compressed(file, **arrays, meta=np.array(json.dumps(self.meta)))

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
            with np.load(path, allow_pickle=False) as file:
                missing = [name for name in names if name not in file.files and name != "rest"]
                if missing:
                    raise KgError(f"{path} holds no predictions: it lacks {', '.join(missing)}.")
                values = {name: file[name] for name in names if name in file.files}
        except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
            raise KgError(f"{path} cannot be read: {error}", "Write it again with: kg predict") from error
        return cls(**{**values, "meta": json.loads(str(values["meta"]))})
