"""From a data set's shapes to rows of a store, a few at a time."""

import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from kg.data.camera import Camera
from kg.data.dataset import Dataset, Item
from kg.data.landmarks import with_trusted_landmarks
from kg.data.normalise import Kind, Scaling, normalise
from kg.data.preparing.chunks import Chunks, Told
from kg.data.sample import sample_shape
from kg.data.shape import Moment, Shape
from kg.data.store_file import HANDS, MOTION, Clouds
from kg.errors import KgError

Points = NDArray[np.float64]

SECONDS = 2.0
"""At most so much work is lost when a process is killed, or one shape."""
MOST = 256
"""Rows that a process holds at most."""


@dataclass(frozen=True)
class Job:
    """What a process has to know to make any of the rows.

    Attributes:
        dataset: Where the shapes come from.
        items: Every shape to be, in order.
        chunks: Where rows go.
        points: N, points a cloud.
        seed: Of surface samples. Every shape draws from its own random stream, (seed, number of the
            item), so that it comes out the same whoever makes it and whatever happens to the others.
        strict: Stop at a broken shape instead of leaving it out.
        camera: What each shape is seen by; None to sample whole shapes.
        normalisation: Of the clouds.
        by_id: Every shape draws from the stream (seed, id) instead: it comes out the same whatever else is
            there. For shapes that join a store, as positions change when it grows.
        start: Number of the first of the items, where they are not all.
    """

    dataset: Dataset
    items: Sequence[Item]
    chunks: Chunks
    points: int
    seed: int
    strict: bool
    camera: Camera | None = None
    normalisation: Kind = "longest-side"
    by_id: bool = False
    start: int = 0

    def make(self, numbers: range) -> Generator[int, None, None]:
        """Make the rows of these shapes and write them; yields each number when its row is made.

        However it ends, the rows that were yielded are written.

        Raises:
            KgError: A shape is broken and the job is strict, or the data set fails in another way.
            OSError: A chunk cannot be written.
        """
        first, since = numbers.start, time.monotonic()
        rows: list[_Row] = []
        skipped: Told = []
        try:
            for number in numbers:
                item = self.items[number - self.start]
                try:
                    rows.append(self._row(item, number))
                except KgError as error:
                    if self.strict:
                        raise KgError(f"{item.id}: {error.message}", error.hint) from error
                    skipped.append((item.id, f"{error.message} {error.hint}".strip()))
                except MemoryError as error:
                    if self.strict:
                        raise
                    skipped.append((item.id, f"It takes more memory than there is. {error}".strip()))
                except Exception as error:
                    raise KgError(
                        f"{self.dataset.name} failed at {item.id}: {type(error).__name__}: {error}",
                        "That is a defect of the data set's plugin. The traceback: the same with --debug",
                    ) from error
                yield number
                if len(rows) == MOST or time.monotonic() - since > SECONDS:
                    self._write(first, rows, skipped)
                    first, since, rows, skipped = number + 1, time.monotonic(), [], []
        finally:
            self._write(first, rows, skipped)

    def narrowed_to(self, numbers: range) -> "Job":
        """Return a job that knows of some of the shapes alone."""
        items = self.items[numbers.start - self.start : numbers.stop - self.start]
        return replace(self, items=items, chunks=self.chunks.narrowed_to(numbers), start=numbers.start)

    def leave_out(self, numbers: range, reason: str) -> None:
        """Write that these shapes are left out, for the same reason."""
        self._write(numbers.start, [], [(self.items[number - self.start].id, reason) for number in numbers])

    def _row(self, item: Item, number: int) -> "_Row":
        shape = with_trusted_landmarks(self.dataset.load(item))
        camera = self.camera
        if camera is not None and camera.per == "object":
            camera = camera.placed_for(item.object, self.seed)
        # No byte is 257: the stream of an id is no other's, a position's or a camera's.
        stream = [*item.id.encode(), 257] if self.by_id else [number]
        rng = np.random.default_rng([self.seed, *stream])
        points, rest_positions = sample_shape(shape, self.points, rng, camera)
        scaling = normalise(points, self.normalisation)
        return _Row(
            item=item,
            shape=shape,
            points=scaling.to_normalised(points),
            rest_positions=None if rest_positions is None else rest_positions.astype(np.float32),
            scale=scaling.scale,
            offset=scaling.offset,
            landmarks=scaling.to_normalised(shape.landmarks),
            moving=_moving(shape.moment, points, rest_positions, scaling),
        )

    def _write(self, first: int, rows: "Sequence[_Row]", skipped: Told) -> None:
        if rows or skipped:
            notes = [(row.item.id, note) for row in rows for note in row.shape.notes]
            self.chunks.write(first, _stack(rows, self.points), skipped, notes)


@dataclass(frozen=True, eq=False)
class _Row:
    item: Item
    shape: Shape
    points: np.ndarray[tuple[int, int], np.dtype[np.float32]]
    rest_positions: np.ndarray[tuple[int, int], np.dtype[np.float32]] | None
    scale: float
    offset: tuple[float, float, float]
    landmarks: np.ndarray[tuple[int, int], np.dtype[np.float32]]
    moving: dict[str, Any] | None


def _moving(
    moment: Moment | None, points: Points, rest_positions: Points | None, scaling: Scaling
) -> dict[str, Any] | None:
    """Return one row of each array of `kg.data.store.MOTION`, of a cloud (N, 3) in its source's units."""
    if moment is None:
        return None
    hands, held = np.full((HANDS, 3), np.nan, np.float32), np.full(HANDS, -1, np.int32)
    held_rest = hands.copy()
    count = min(HANDS, len(moment.hands))
    if count:
        hands[:count] = scaling.to_normalised(moment.hands[:count])
        held_rest[:count] = moment.held[:count]
        # What is held is nearest by its place on the object, not in space, where another layer may be.
        cloud, sought = (points, moment.hands) if rest_positions is None else (rest_positions, moment.held)
        held[:count] = cKDTree(cloud).query(sought[:count])[1]
    contact = (points[:, 2] <= moment.ground).astype(np.uint8)
    values = (moment.motion, moment.time, hands, held, held_rest, contact)
    return dict(zip(MOTION, values, strict=True))


def _stack(rows: Sequence[_Row], points: int) -> Clouds:
    most = max((len(row.landmarks) for row in rows), default=0)
    landmarks = np.full((len(rows), most, 3), np.nan, dtype=np.float32)
    landmark_ids = np.full((len(rows), most), -1, dtype=np.int32)
    for number, row in enumerate(rows):
        landmarks[number, : len(row.landmarks)] = row.landmarks
        landmark_ids[number, : len(row.landmarks)] = row.shape.landmark_ids
    rests = [row.rest_positions for row in rows if row.rest_positions is not None]
    moving = [row.moving for row in rows if row.moving is not None]
    motion: dict[str, Any] = {}
    if moving and len(moving) == len(rows):
        for name in MOTION:
            values = [row[name] for row in moving]
            motion[name] = values if name == "motion" else np.array(values)
    return Clouds(
        ids=[row.item.id for row in rows],
        objects=[row.item.object for row in rows],
        frame=np.array([row.item.frame for row in rows], dtype=np.int32),
        points=np.array([row.points for row in rows], dtype=np.float32).reshape(-1, points, 3),
        scale=np.array([row.scale for row in rows], dtype=np.float64),
        offset=np.array([row.offset for row in rows], dtype=np.float64).reshape(-1, 3),
        landmarks=landmarks,
        landmark_ids=landmark_ids,
        # All or none: a store with gaps in its ground truth would be scored on what happens to be there.
        rest_positions=np.array(rests, dtype=np.float32).reshape(-1, points, 3)
        if len(rests) == len(rows)
        else None,
        **motion,
    )
