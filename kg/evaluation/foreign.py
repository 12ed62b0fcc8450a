"""Keypoints that another program found on a prepared store, as predictions that can be measured like kg's."""

import sys
import warnings
import zipfile
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

import kg
from kg.data.formats.arrays import refuse_bomb
from kg.data.normalise import to_source
from kg.data.split import SPLITS
from kg.data.store import SplitBy, Store
from kg.errors import KgError
from kg.inference.front import Part
from kg.inference.predictions import UNREADABLE, Predictions

Space = Literal["normalised", "source"]

FAR = 1.5
"""Normalised clouds lie in [-1, 1]. Where most keypoints lie beyond this, their space is another."""


def read_keypoints(
    path: Path,
    store: Path,
    *,
    space: Space = "normalised",
    split: Part = "test",
    split_by: SplitBy = "object",
) -> Predictions:
    """Return keypoints from a file as predictions on a store's shapes.

    Args:
        path: .npy, an array (n, K, 3), n being all shapes of the store or those of the split, in its order;
            or .npz, `keypoints` (n, K, 3) and `ids` (n,) of any shapes of the store, in any order.
        store: The prepared store.
        space: What the coordinates are in: "normalised" as the store's points, or its "source" units.
        split: Which shapes are measured.
        split_by: How the store is split.

    Raises:
        KgError: The file cannot be read, or does not go with the store; says why.
    """
    opened = Store(store)
    keypoints, ids = _read(path)
    rows = np.arange(opened.count)
    if split != "all":
        rows = np.flatnonzero(opened.splits(split_by) == SPLITS.index(split))
    clouds = opened.read_rows(rows)
    own = keypoints[_places(path, ids, len(keypoints), opened, rows, clouds.ids, split)]
    if ids is not None:
        # A file may hold a part of the shapes.
        known = np.isin(clouds.ids, ids)
        clouds = opened.read_rows(rows[known])
    if space == "source":
        origins = to_source(np.zeros((len(own), 1, 3)), clouds.scale, clouds.offset)
        own = (own - origins) / clouds.scale[:, None, None]
    own = own.astype(np.float32)
    if np.median(np.abs(own)) > FAR:
        warnings.warn(
            f"Most keypoints lie outside of the clouds: is their space '{space}'? See --space.", stacklevel=2
        )
    finite = np.where(np.isfinite(own), own, 0)
    indices = [cKDTree(cloud).query(one)[1] for cloud, one in zip(clouds.points, finite, strict=True)]
    return Predictions(
        ids=np.array(clouds.ids),
        objects=np.array(clouds.objects),
        points=clouds.points,
        scale=clouds.scale,
        offset=clouds.offset,
        keypoints=own,
        keypoints_source=to_source(own, clouds.scale, clouds.offset),
        indices=np.array(indices, dtype=np.int64),
        confidences=np.ones(own.shape[:2], np.float32),
        edge_pairs=np.zeros((0, 2), np.int64),
        edges=np.zeros((len(own), 0), np.float32),
        meta=_meta(path, opened, split, split_by),
    )


def _meta(path: Path, store: Store, split: Part, split_by: SplitBy) -> dict[str, Any]:
    return {
        "run": "",
        "checkpoint": "",
        "keypoints": str(path),
        "dataset": store.dataset,
        "category": store.category,
        "variant": store.variant,
        "store": {"path": store.place, "checksum": store.checksum},
        "split": split,
        "split_by": split_by,
        "unit": store.unit,
        "inference": "",
        "command": " ".join(["kg", *sys.argv[1:]]),
        "kg": kg.__version__,
    }


def _read(path: Path) -> tuple[NDArray[np.floating], list[str] | None]:
    """Return keypoints (n, K, 3) and the ids of their shapes, None if the file has none."""
    if not path.is_file():
        raise KgError(f"There is no file {path}.")
    try:
        with path.open("rb") as file:
            if zipfile.is_zipfile(path):
                refuse_bomb(path)
            content = np.load(file, allow_pickle=False)
            if isinstance(content, np.ndarray):
                keypoints, ids = content, None
            elif {"keypoints", "ids"} <= set(content.files):
                keypoints, ids = content["keypoints"], [str(name) for name in content["ids"]]
            else:
                raise KgError("It lacks keypoints or ids.", "An .npz file holds both by these names.")
    except KgError as error:
        raise KgError(f"{path}: {error.message}", error.hint) from error
    except UNREADABLE as error:
        reason = str(error) or type(error).__name__
        raise KgError(f"{path} cannot be read: {reason}", "Write it with numpy.save.") from error
    if keypoints.ndim != 3 or keypoints.shape[2] != 3 or not np.issubdtype(keypoints.dtype, np.floating):
        raise KgError(f"Keypoints are (n, K, 3) floats; {path} has {keypoints.shape} {keypoints.dtype}.")
    if ids is not None and len(ids) != len(keypoints):
        raise KgError(f"{path} has {len(ids)} ids for the keypoints of {len(keypoints)} shapes.")
    return keypoints, ids


def _places(
    path: Path,
    ids: list[str] | None,
    count: int,
    store: Store,
    rows: NDArray[np.int64],
    names: list[str],
    split: Part,
) -> NDArray[np.int64]:
    """Return where in the file the shapes of a split are, in the store's order."""
    if ids is None:
        if count == store.count:
            return rows
        if count == len(rows):
            return np.arange(count)
        raise KgError(
            f"{path} has the keypoints of {count} shapes; the store has {store.count}, {len(rows)} of them "
            f"in the split '{split}'.",
            "Give those of all or of the split, in the store's order, or an .npz file with their ids.",
        )
    place = {name: number for number, name in enumerate(ids)}
    if len(place) < len(ids):
        raise KgError(f"{path} has a shape twice: {max(ids, key=ids.count)}.")
    if unknown := sorted(set(ids) - set(store.read_column("ids"))):
        raise KgError(f"{store.path} has no shape {unknown[0]}, which {path} names.")
    numbers = [place[name] for name in names if name in place]
    if not numbers:
        raise KgError(f"{path} has no shape of the split '{split}'.", "Choose another with --split.")
    return np.array(numbers)
