"""What a detector is trained on, read from one store or several."""

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kg.config import Normalisation
from kg.data.batches import thinning
from kg.data.dataset import Split
from kg.data.normalise import from_source
from kg.data.rest import Boxes, boxes_of
from kg.data.split import SPLITS
from kg.data.store import SplitBy, Store
from kg.model.detector import Examples
from kg.train.ranges import by_range
from kg.train.teacher import Teacher

Owner = tuple[str, str, int | None, str]
"""An object: data set, category, what it was made by (see `Store.seed`), object."""


def read_examples(
    stores: Sequence[Store],
    split: Split,
    by: SplitBy,
    points: int,
    normalisation: Normalisation = "longest-side",
    teacher: Teacher | None = None,
) -> Examples:
    """Return the clouds of a split, thinned to so many points, with what is known of them.

    An object that is in several stores, deformed in several ways, or in several files of one, is kept out of
    training where one of them keeps it for validation or for the test.

    Args:
        stores: Where they are.
        split: Which.
        by: How stores are split.
        points: P, of each cloud.
        normalisation: Of the clouds: their range where it says so, else as the store has them.
        teacher: Whose keypoints are wanted too, of the clouds as they lie.

    Raises:
        KgError: The clouds have fewer points.
    """
    rows = chosen_rows(stores, split, by)
    return joined(
        [
            read_rows(store, own, points, normalisation, teacher)
            for store, own in zip(stores, rows, strict=True)
        ]
    )


def chosen_rows(stores: Sequence[Store], split: Split, by: SplitBy) -> list[NDArray[np.int64]]:
    """Return the row numbers, ascending, of a split in each store (see `read_examples`)."""
    kept_out = _kept_out(stores, split) if by == "object" else set()
    rows = []
    for store in stores:
        of_split = store.splits(by) == SPLITS.index(split)
        if kept_out:
            names = store.read_column("objects")
            of_split &= [(*_whose(store), name) not in kept_out for name in names]
        rows.append(np.flatnonzero(of_split))
    return rows


def _kept_out(stores: Sequence[Store], split: Split) -> set[Owner]:
    """Return the objects that a store has in a later split than this one, and another may not."""
    owners = set()
    if len(stores) > 1 or len(stores[0].files) > 1:
        for store in stores:
            later = store.splits("object") > SPLITS.index(split)
            objects = np.asarray(store.read_column("objects"))
            owners |= {(*_whose(store), name) for name in np.unique(objects[later]).tolist()}
    return owners


def _whose(store: Store) -> tuple[str, str, int | None]:
    """Return what tells its objects from those of the same names elsewhere."""
    return store.dataset, store.category, store.seed


def read_rows(
    store: Store,
    rows: NDArray[np.int64],
    points: int,
    normalisation: Normalisation,
    teacher: Teacher | None = None,
    boxes: Boxes | None = None,
) -> Examples:
    """Return some rows of a store (see `read_examples`).

    Args:
        store: Which.
        rows: Their numbers, which ascend.
        points: P, of each cloud.
        normalisation: Of the clouds.
        teacher: As in `read_examples`.
        boxes: Of these rows; by default those of what objects have in them.
    """
    clouds = store.read_rows(rows)
    taught = None if teacher is None or not len(clouds) else teacher.keypoints(clouds, store.category)
    if normalisation == "range":
        clouds = by_range(clouds)
    kept = thinning(clouds.points, points)[..., None]
    rest = sides = None
    if clouds.rest_positions is not None and len(clouds):
        if boxes is None:
            boxes = boxes_of([clouds.rest_positions], np.array(store.rest_ids())[rows].tolist())
        places = boxes.inside(clouds.rest_positions)
        rest = torch.from_numpy(np.take_along_axis(places, kept, axis=1))
        sides = torch.from_numpy(boxes.sides)
    keypoints = None
    if taught is not None:
        keypoints = torch.from_numpy(from_source(taught, clouds.scale, clouds.offset).astype(np.float32))
    return Examples(
        points=torch.from_numpy(np.take_along_axis(clouds.points, kept, axis=1)),
        rest=rest,
        boxes=sides,
        # A sequence is an object of one store: its frames count from the first.
        objects=[f"{store.name}/{name}" for name in clouds.objects],
        frames=clouds.frame.tolist(),
        landmarks=None if clouds.landmarks is None else torch.from_numpy(clouds.landmarks),
        landmark_ids=None if clouds.landmark_ids is None else torch.from_numpy(clouds.landmark_ids),
        landmark_names=store.landmark_names,
        categories=[store.category] * len(clouds),
        keypoints=keypoints,
    )


def joined(parts: Sequence[Examples]) -> Examples:
    """Return the examples of several stores as one; what some of them lack, all lack."""
    if len(parts) == 1:
        return parts[0]
    filled = [part for part in parts if len(part.points)] or parts[:1]
    most = max((part.landmarks.shape[1] for part in filled if part.landmarks is not None), default=0)
    values: dict[str, Any] = {}
    for item in fields(Examples):
        columns = [getattr(part, item.name) for part in filled]
        if item.name in ("landmarks", "landmark_ids"):
            columns = [None if column is None else _widened(column, most) for column in columns]
        if any(column is None for column in columns):
            values[item.name] = None
        elif isinstance(columns[0], Tensor):
            values[item.name] = torch.cat(columns)
        elif isinstance(columns[0], list):
            values[item.name] = [value for column in columns for value in column]
        else:
            values[item.name] = {key: name for column in columns for key, name in column.items()}
    return Examples(**values)


def _widened(landmarks: Tensor, count: int) -> Tensor:
    """Return landmarks, or their ids, (n, A, ...) as (n, count, ...), with none where there are no more."""
    missing: NDArray[Any] = np.full(
        (len(landmarks), count - landmarks.shape[1], *landmarks.shape[2:]),
        np.nan if landmarks.is_floating_point() else -1,
    )
    return torch.cat([landmarks, torch.from_numpy(missing).to(landmarks.dtype)], dim=1)
