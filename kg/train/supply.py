"""The clouds of a split as a training takes them: all in memory, or each batch from the disk."""

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kg.config import Normalisation
from kg.data.batches import thinning
from kg.data.dataset import Split
from kg.data.normalise import off_range
from kg.data.rest import Boxes, boxes_of
from kg.data.rows_on_disk import RowsOnDisk
from kg.data.store import SplitBy, Store
from kg.model.detector import Batch, Examples
from kg.train.examples import chosen_rows, joined, read_rows
from kg.train.ranges import points_by_range
from kg.train.teacher import Teacher

IN_MEMORY = 2**30
"""Bytes of points and rest positions that are read as a whole; a split of more is read as it is needed."""
SOME = 4096
"""Clouds of such a split, spread evenly over it, that a detector looks at before the first step."""
AHEAD = 4
"""Batches that are read at once: one alone would wait for the disk cloud by cloud."""
CHUNK = 256
"""Rows read at a time to find boxes at rest."""


class Selection(NamedTuple):
    """What a training asks of its clouds (see `kg.train.examples.read_examples`)."""

    split: Split
    by: SplitBy
    points: int
    normalisation: Normalisation
    categories: Sequence[str]
    teacher: Teacher | None = None


class Supply(ABC):
    """The clouds of a split.

    Attributes:
        examples: What a detector may look at before the first step: all clouds, or some.
        listed: What is known of every cloud without its points; they are there too if all are in memory.
    """

    examples: Examples
    listed: Examples

    def __len__(self) -> int:
        return len(self.listed.objects)

    @abstractmethod
    def batches(self, rows: Sequence[Tensor]) -> Iterator[Batch]:
        """Yield the batch of each of these row numbers, on the device."""

    @abstractmethod
    def some(self) -> Batch:
        """Return the clouds of `examples` as one batch, on the device."""


def supply(stores: Sequence[Store], selection: Selection, device: torch.device) -> Supply:
    """Return the clouds of a split, in memory if they are few.

    Raises:
        KgError: They have too few points.
    """
    rows = chosen_rows(stores, selection.split, selection.by)
    size = sum(
        len(own) * store.points_per_cloud * 12 * (2 if store.has_rest_positions else 1)
        for store, own in zip(stores, rows, strict=True)
    )
    kind = Streamed if size > IN_MEMORY else InMemory
    return kind(stores, rows, selection, device)


class InMemory(Supply):
    """All clouds on the device: no batch is waited for."""

    def __init__(
        self,
        stores: Sequence[Store],
        rows: Sequence[NDArray[np.int64]],
        selection: Selection,
        device: torch.device,
    ) -> None:
        self.examples = self.listed = joined(
            [
                read_rows(store, own, selection.points, selection.normalisation, selection.teacher)
                for store, own in zip(stores, rows, strict=True)
            ]
        )
        self._all, self._device = self.examples.batch(selection.categories).to(device), device

    def batches(self, rows: Sequence[Tensor]) -> Iterator[Batch]:
        """See `Supply.batches`."""
        for each in rows:
            yield self._all.rows(each.to(self._device))

    def some(self) -> Batch:
        """See `Supply.some`."""
        return self._all


class Streamed(Supply):
    """Clouds that are read from the stores ahead of the training, the same as they are in memory."""

    def __init__(
        self,
        stores: Sequence[Store],
        rows: Sequence[NDArray[np.int64]],
        selection: Selection,
        device: torch.device,
    ) -> None:
        self._selection, self._device = selection, device
        filled = [(store, own) for store, own in zip(stores, rows, strict=True) if len(own)]
        rest = all(store.has_rest_positions for store, _ in filled)
        self._sources = [_Source(store, own, selection, rest) for store, own in filled]
        self._ends = np.cumsum([len(own) for _, own in filled])
        count = int(self._ends[-1])
        spread = np.linspace(0, count - 1, min(SOME, count)).round().astype(np.int64)
        self.examples = joined(
            [source.examples(own) for source, own in zip(self._sources, self._parted(spread), strict=True)]
        )
        self.listed = joined([source.listed() for source in self._sources])
        self._keypoints: Tensor | None = None
        if selection.teacher is not None:
            self._keypoints = torch.cat([source.taught(selection.teacher) for source in self._sources])
            self.examples = replace(self.examples, keypoints=self._keypoints[torch.from_numpy(spread)])
        numbers = {name: number for number, name in enumerate(selection.categories)}
        self._category = (
            np.repeat([numbers[store.category] for store, _ in filled], [len(own) for _, own in filled])
            if len(numbers) > 1
            else None
        )

    def batches(self, rows: Sequence[Tensor]) -> Iterator[Batch]:
        """See `Supply.batches`."""
        with ThreadPoolExecutor(AHEAD) as readers:
            waiting = deque(readers.submit(self._read, each) for each in rows[:AHEAD])
            for number in range(len(rows)):
                batch = waiting.popleft().result()
                if number + AHEAD < len(rows):
                    waiting.append(readers.submit(self._read, rows[number + AHEAD]))
                yield batch.to(self._device)

    def some(self) -> Batch:
        """See `Supply.some`."""
        return self.examples.batch(self._selection.categories).to(self._device)

    def _parted(self, numbers: NDArray[np.int64]) -> list[NDArray[np.int64]]:
        """Return ascending numbers of clouds as numbers within each store."""
        firsts = [0, *self._ends[:-1].tolist()]
        return [
            numbers[(numbers >= first) & (numbers < end)] - first
            for first, end in zip(firsts, self._ends.tolist(), strict=True)
        ]

    def _read(self, rows: Tensor) -> Batch:
        """Return the clouds of these numbers, in their order."""
        numbers, count = rows.numpy(), self._selection.points
        points = np.empty((len(numbers), count, 3), np.float32)
        rest = np.empty_like(points) if self._sources[0].rest is not None else None
        keypoints = None if self._keypoints is None else self._keypoints[rows]
        of = np.searchsorted(self._ends, numbers, side="right")
        for number, source in enumerate(self._sources):
            places = np.flatnonzero(of == number)
            if len(places):
                first = int(self._ends[number]) - len(source.rows)
                points[places], own = source.read(numbers[places] - first)
                if rest is not None:
                    rest[places] = own
        category = None if self._category is None else torch.from_numpy(self._category[numbers])
        return Batch(
            torch.from_numpy(points), None if rest is None else torch.from_numpy(rest), category, keypoints
        )


class _Source:
    """The clouds that one store has of a split."""

    def __init__(self, store: Store, rows: NDArray[np.int64], selection: Selection, rest: bool) -> None:
        self.store, self.rows, self.selection = store, rows, selection
        self.points = RowsOnDisk(store, "points")
        self.rest = RowsOnDisk(store, "rest_positions") if rest else None
        self.boxes: Boxes | None = None
        if self.rest is not None:
            chunks = np.split(rows, range(CHUNK, len(rows), CHUNK))
            ids = np.asarray(store.rest_ids())[rows]
            self.boxes = boxes_of(map(self.rest.read, chunks), ids.tolist())
        self.scale, self.offset = store.read_numbers("scale")[rows], store.read_numbers("offset")[rows]
        self.off_range = selection.normalisation == "range" and off_range(self.scale, self.offset).any()

    def read(self, numbers: NDArray[np.int64]) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
        """Return clouds and their places at rest, by numbers within the split."""
        clouds = self.points.read(self.rows[numbers])
        if self.off_range:
            clouds, _ = points_by_range(clouds, self.scale[numbers], self.offset[numbers])
        kept = thinning(clouds, self.selection.points)[..., None]
        rest = None
        if self.rest is not None and self.boxes is not None:
            rest = self.boxes.rows(numbers).inside(self.rest.read(self.rows[numbers]))
            rest = np.take_along_axis(rest, kept, axis=1)
        return np.take_along_axis(clouds, kept, axis=1), rest

    def examples(self, numbers: NDArray[np.int64]) -> Examples:
        """Return some of the clouds, by ascending numbers within the split."""
        boxes = None if self.boxes is None else self.boxes.rows(numbers)
        points, how = self.selection.points, self.selection.normalisation
        return read_rows(self.store, self.rows[numbers], points, how, boxes=boxes)

    def taught(self, teacher: Teacher) -> Tensor:
        """Return a teacher's keypoints of all clouds, (n, K, 3)."""
        keypoints = []
        for chunk in np.split(self.rows, range(CHUNK, len(self.rows), CHUNK)):
            part = read_rows(self.store, chunk, self.selection.points, self.selection.normalisation, teacher)
            assert part.keypoints is not None
            keypoints.append(part.keypoints)
        return torch.cat(keypoints)

    def listed(self) -> Examples:
        """Return what is known of all clouds without their points."""
        count = len(self.rows)
        return Examples(
            points=torch.empty(count, 0, 3),
            rest=None,
            boxes=None,
            objects=[
                f"{self.store.name}/{name}"
                for name in np.asarray(self.store.read_column("objects"))[self.rows].tolist()
            ],
            frames=self.store.read_numbers("frame")[self.rows].tolist(),
            landmarks=None,
            landmark_ids=None,
            landmark_names=self.store.landmark_names,
            categories=[self.store.category] * count,
        )
