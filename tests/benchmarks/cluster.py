"""How a preparation on many workers grows: python tests/benchmarks/cluster.py.

Measures what the machine at the head does for a shape (listing, handing out, receiving, writing the store),
and plays a preparation of 100,000 meshes through with as many workers as are asked about: each lot of shapes
waits for a worker, what comes back waits for the head, and the store is written in the end. What a worker
needs is given: a simulated sequence takes 10 s of a core, give or take, a cloud 0.02 s.
"""

import argparse
import heapq
import os
import pickle
import resource
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from kg.data import Dataset, Item, PrepareOptions, Shape
from kg.data.preparing import cluster
from kg.data.preparing.merge import write_chunks
from kg.data.preparing.plan import Plan, make_plan
from kg.data.preparing.workers import take
from kg.data.store import Clouds

SEQUENCE, CLOUD = 10.0, 0.02
"""Seconds of a core: to simulate a garment, to sample a cloud."""
DASK = 0.002
"""Seconds of the head that Dask takes for a lot."""
MEASURED = 4096
"""Rows by which receiving and writing are measured."""
POINTS = 2048


class Many(Dataset):
    """So many meshes of so many frames, none of which is ever read."""

    name, title, licence, categories = "many", "Many", "None", ("c",)

    def __init__(self, meshes: int, frames: int) -> None:
        self.meshes, self.frames, self.by_object = meshes, frames, frames > 1

    def items(self, category: str, raw: Path, options: PrepareOptions) -> list[Item]:
        return [
            Item(f"m{mesh:06d}/{frame:03d}", f"m{mesh:06d}", frame, source=(mesh, frame))
            for mesh in range(self.meshes)
            for frame in range(self.frames)
        ]

    def load(self, item: Item) -> Shape:
        raise NotImplementedError


class Objects(Sequence[Any]):
    """The objects of rows, so many of one follow each other."""

    def __init__(self, frames: int) -> None:
        self.frames = frames

    def __len__(self) -> int:
        return 1

    def __getitem__(self, row: Any) -> Any:
        return row // self.frames


def seconds(work: Any) -> tuple[Any, float]:
    """Return what some work returns, and its seconds of a core."""
    since = time.process_time()
    result = work()
    return result, time.process_time() - since


def rows(plan: Plan, first: int, count: int, rest: bool) -> Clouds:
    """Return rows as workers make them, of random points."""
    items = plan.items[first : first + count]
    points = np.random.default_rng(first).random((count, POINTS, 3), dtype=np.float32)
    return Clouds(
        ids=[item.id for item in items],
        objects=[item.object for item in items],
        frame=np.zeros(count, np.int32),
        points=points,
        scale=np.ones(count),
        offset=np.zeros((count, 3)),
        landmarks=np.zeros((count, 0, 3), np.float32),
        landmark_ids=np.zeros((count, 0), np.int32),
        rest_positions=points if rest else None,
    )


def measured(meshes: int, frames: int) -> dict[str, float]:
    """Return what the head needs: seconds and bytes of memory a row, and seconds a lot of 64 rows."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    options = PrepareOptions(points=POINTS)
    plan, listing = seconds(lambda: make_plan(Many(meshes, frames), "c", Path(), options, variant="v"))
    memory = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    total = len(plan.items)
    lots = [range(first, first + 64) for first in range(0, MEASURED, 64)]
    _, sending = seconds(lambda: [pickle.dumps(cluster._lot(plan.job, lot, "x")) for lot in lots])
    with TemporaryDirectory() as folder:
        chunks = plan.chunks.within(Path(folder))
        for lot in lots:
            chunks.write(lot.start, rows(plan, lot.start, len(lot), frames > 1), [], [])
        content = {file.name: file.read_bytes() for file in Path(folder).iterdir()}
    plan.chunks.folder.mkdir(parents=True, exist_ok=True)
    _, receiving = seconds(lambda: cluster._receive(plan.chunks.folder, content))
    small = replace(plan, job=plan.job.narrowed_to(range(MEASURED)))
    _, writing = seconds(lambda: write_chunks(small))
    return {
        "listing": listing / total,
        "memory": memory / total,
        "sending": sending / len(lots) + DASK,
        "receiving": receiving / len(lots),
        "writing": writing / MEASURED,
    }


def played(count: int, frames: int, workers: int, costs: dict[str, float]) -> tuple[float, float]:
    """Return the seconds until all lots are back, and the share of them that the head was busy."""
    rng = np.random.default_rng(0)
    left = [range(count)]
    objects = Objects(frames) if frames > 1 else ()
    idle = [0.0] * workers
    heapq.heapify(idle)
    ready: list[tuple[float, int]] = []
    head = busy = 0.0

    def hand_out(now: float) -> None:
        lot = take(left, max(cluster.FEWEST, workers), objects)
        work = len(lot) * CLOUD
        if frames > 1:
            work += len(lot) / frames * SEQUENCE * rng.lognormal(0, 0.3)
        end = max(heapq.heappop(idle), now) + work
        heapq.heappush(idle, end)
        heapq.heappush(ready, (end, len(lot)))

    # Workers have a lot each, and the next at hand.
    for _ in range(2 * workers):
        if left:
            head, busy = head + costs["sending"], busy + costs["sending"]
            hand_out(head)
    while ready:
        end, size = heapq.heappop(ready)
        cost = costs["receiving"] * size / 64 + (costs["sending"] if left else 0)
        head, busy = max(head, end) + cost, busy + cost
        if left:
            hand_out(head)
    return head, busy / head


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--meshes", type=int, default=100_000)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 8, 64, 512])
    asked = parser.parse_args()
    with TemporaryDirectory() as home:
        os.environ["KG_HOME"] = home
        memory = 0.0
        for frames in (1, 128):
            # Costs a row are those of a hundred thousand rows; a peak of memory shows the first time only.
            costs = measured(100_000 // frames, frames)
            memory = max(memory, costs.pop("memory"))
            count = asked.meshes * frames
            print(f"{asked.meshes:,} meshes, {frames} clouds of each")
            print("  of the head:", ", ".join(f"{name} {cost:.3g}" for name, cost in costs.items()))
            print(f"  memory of the list {memory * count / 1e9:.1f} GB")
            for workers in asked.workers:
                made, share = played(count, frames, workers, costs)
                listed, written = costs["listing"] * count, costs["writing"] * count
                total = listed + made + written
                print(
                    f"  {workers:4} workers: {total / 3600:7.2f} h: list {listed:.0f} s, make {made:.0f} s "
                    f"(head busy {share:.0%}), write {written:.0f} s"
                )


if __name__ == "__main__":
    main()
