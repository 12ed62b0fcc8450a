"""One thing that moves: its frames in the coordinates of their source, so that they do not jump or swell."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from kg.data.normalise import to_source
from kg.data.sample import farthest_points
from kg.data.spacing import spacing
from kg.data.store import Store
from kg.errors import KgError
from kg.inference.landmarks import keypoint_names, landmark_keypoints
from kg.inference.predictions import Predictions
from kg.viz.colours import place_colours
from kg.viz.contact_sheets import closest, predicted_colours
from kg.viz.origin import up_of
from kg.viz.skeleton import choose_edges
from kg.viz.store_picture import landmarks
from kg.viz.style import Style

Array = NDArray[np.float64]

FOLLOWED = 8
"""Places of a garment whose ways are shown where nobody predicted keypoints."""
AROUND = 4
"""Samples around such a place, by whose mean it is followed: each frame samples other points."""
LOST = 1.5
"""A place without a sample within so many spacings of the garment at rest is out of sight."""


@dataclass(frozen=True, eq=False)
class Motion:
    """Frames of one object, in order.

    Attributes:
        name: Of the object.
        ids: Of the frames, (n).
        points: (n, N, 3) in the source's coordinates.
        keypoints: (n, K, 3) in the same, what is followed; NaN where it is out of sight; K may be 0.
        edge_pairs: (E, 2), the skeleton that is drawn; E is 0 for none.
        strengths: (n, E) of its edges.
        colours: (n, N, 3) of the points, by their places at rest; None where these are unknown.
        up: The axis that is up, y or z.
        seconds: How long it took; None if nobody knows.
        visible: (n, K) which keypoints the clouds show the places of, by predictions; None if nobody says.
        predicted: Whether the keypoints are a detector's, so that their numbers mean something.
        names: What keypoints are called, by their numbers; those without a name are not there.
    """

    name: str
    ids: list[str]
    points: Array
    keypoints: Array
    edge_pairs: NDArray[np.int64]
    strengths: Array
    colours: Array | None
    up: str
    seconds: float | None
    predicted: bool
    names: Mapping[int, str] = field(default_factory=dict)
    visible: NDArray[np.bool_] | None = None

    def __len__(self) -> int:
        return len(self.ids)


def choose_object(objects: Sequence[str], named: str | None = None) -> str:
    """Return the object to show: the one that is wanted, else the first with several frames.

    Raises:
        KgError: The named one is not there, or it, or every one, has a single frame.
    """
    frames = Counter(objects)
    if named is not None and named not in frames:
        raise closest("object", named, list(frames))
    name = named or next((name for name, count in frames.items() if count > 1), None)
    if name is None or frames[name] == 1:
        raise KgError(
            f"There is no sequence to show: {name or 'each object'} has one frame.",
            "Make sequences with kg prepare --deform, or draw a sheet of all shapes: kg viz -o out.png",
        )
    return name


def motion_of_store(store: Store, name: str) -> Motion:
    """Return the frames of an object of a store, by their numbers.

    Followed are places well spread over it at rest, where the store knows these; else its landmarks.
    """
    rows = np.flatnonzero(np.array(store.read_column("objects")) == name)
    clouds = store.read_rows(rows)
    order = np.argsort(clouds.frame, kind="stable")
    points = to_source(clouds.points, clouds.scale, clouds.offset)
    if clouds.rest_positions is not None:
        keypoints, colours = (
            follow(points, clouds.rest_positions, FOLLOWED, int(order[0])),
            _colours(clouds.rest_positions),
        )
    else:
        marks = landmarks(clouds)
        keypoints = np.empty((len(clouds), 0, 3))
        if marks:
            keypoints = to_source(np.stack(marks), clouds.scale, clouds.offset)
        colours = None
    return Motion(
        name=name,
        ids=[clouds.ids[row] for row in order],
        points=points[order],
        keypoints=keypoints[order],
        edge_pairs=np.empty((0, 2), dtype=np.int64),
        strengths=np.empty((len(rows), 0)),
        colours=None if colours is None else colours[order],
        up=up_of(store),
        seconds=_seconds(store),
        predicted=False,
    )


def motion_of_predictions(predictions: Predictions, name: str | None, style: Style) -> Motion:
    """Return the frames of an object of predictions, in their order; of None all rows.

    What only the store of the predictions knows, time and which axis is up, is taken from there if it still
    is what it was; so are places at rest, where the predictions do not say them.
    """
    rows = np.arange(len(predictions))
    if name is not None:
        rows = np.flatnonzero(predictions.objects == name)
    ids = [str(predictions.ids[row]) for row in rows]
    columns = choose_edges(predictions, style.threshold) if style.edges else np.empty(0, dtype=np.int64)
    weights = np.asarray(predictions.edges[:, columns], dtype=np.float64)
    frames = predictions.scale[rows], predictions.offset[rows]
    store = predictions.find_store()
    colours = predicted_colours(predictions, rows)
    if colours is None and store is not None:
        colours = _colours_there(store, ids, predictions.points[rows])
    return Motion(
        name=name or "",
        ids=ids,
        points=to_source(predictions.points[rows], *frames),
        keypoints=to_source(predictions.keypoints[rows], *frames),
        edge_pairs=predictions.edge_pairs[columns],
        strengths=np.clip(weights / max(weights.max(initial=0), 1e-9), 0, 1)[rows],
        colours=colours,
        up=up_of(store),
        seconds=None if store is None else _seconds(store),
        predicted=True,
        names=keypoint_names(landmark_keypoints(predictions, store)),
        visible=None if predictions.visible is None else predictions.visible[rows],
    )


def follow(points: Array, rest_positions: NDArray[np.floating], count: int, reference: int) -> Array:
    """Return where places of a garment are in each frame, (n, count, 3), NaN where no sample is near.

    Args:
        points: (n, N, 3).
        rest_positions: (n, N, 3) where each lies at rest.
        count: Of the places: the farthest points of a frame at rest, so that they are well spread.
        reference: The number of that frame.
    """
    rest = np.asarray(rest_positions, dtype=np.float64)
    places = rest[reference][farthest_points(rest[reference], min(count, rest.shape[1]))]
    reach = LOST * spacing([rest_positions[reference]])
    ways = np.full((len(points), len(places), 3), np.nan)
    for way, cloud, sample in zip(ways, points, rest, strict=True):
        away = np.linalg.norm(sample[None] - places[:, None], axis=2)
        near = np.argsort(away, axis=1)[:, :AROUND]
        gaps = np.take_along_axis(away, near, axis=1)
        weights = 1 / (gaps + 1e-3 * reach) ** 2
        mean = (cloud[near] * weights[..., None]).sum(axis=1) / weights.sum(axis=1, keepdims=True)
        way[:] = np.where(gaps[:, :1] <= reach, mean, np.nan)
    return ways


def _colours(rest_positions: NDArray[np.floating]) -> Array:
    flat = rest_positions.reshape(-1, 3)
    return place_colours(rest_positions, flat.min(axis=0), flat.max(axis=0))


def _colours_there(store: Store, ids: Sequence[str], points: NDArray[np.float32]) -> Array | None:
    """Return the colours (n, N, 3) of predicted clouds, which are those of a store, or thinned from them."""
    row_of = {name: row for row, name in enumerate(store.read_column("ids"))}
    if not store.has_rest_positions or not set(ids) <= row_of.keys():
        return None
    rows_of_ids = np.array([row_of[name] for name in ids])
    rows, place = np.unique(rows_of_ids, return_inverse=True)
    clouds = store.read_rows(rows)
    assert clouds.rest_positions is not None
    rest_positions, count = clouds.rest_positions, points.shape[1]
    if count < clouds.points.shape[1]:
        # As kg predict thins them.
        kept = np.stack([farthest_points(cloud, count) for cloud in clouds.points])
        rest_positions = np.take_along_axis(rest_positions, kept[..., None], axis=1)
    return _colours(rest_positions)[place]


def _seconds(store: Store) -> float | None:
    deform = store.provenance.get("options", {}).get("deform") or {}
    return deform.get("seconds")
