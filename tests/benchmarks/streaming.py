"""How fast clouds come from a store larger than memory: python tests/benchmarks/streaming.py STORE.h5.

Makes the store where there is none: a million ellipsoids of 2,048 points, 25 GB. Prints the seconds of
opening it and of all that comes before the first step, the rate of batches in a training's order, and the
peak of memory. On Linux alone, where the store is taken out of the system's cache first.
"""

import argparse
import os
import resource
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from kg.data import Split, Store
from kg.data.batches import shuffled_batches
from kg.data.store import Clouds, write_store
from kg.train.supply import Selection, Streamed, supply

POINTS, BLOCK = 2048, 1000


def blocks(count: int) -> Iterator[Clouds]:
    """Yield ellipsoids, each of axes of its own."""
    rng = np.random.default_rng(0)
    spheres = rng.standard_normal((BLOCK, POINTS, 3), dtype=np.float32)
    spheres /= np.linalg.norm(spheres, axis=2, keepdims=True)
    for first in range(0, count, BLOCK):
        size = min(BLOCK, count - first)
        names = [f"ellipsoid-{number:07d}" for number in range(first, first + size)]
        yield Clouds(
            ids=names,
            objects=names,
            frame=np.zeros(size, np.int32),
            points=spheres[:size] * rng.uniform(0.3, 1, (size, 1, 3)).astype(np.float32),
            scale=np.full(size, 0.5),
            offset=np.zeros((size, 3)),
        )


def make(path: Path, count: int) -> None:
    """Write the store; of a hundred clouds one is for validation and one for the test."""
    kept_out: dict[int, Split] = {98: "val", 99: "test"}
    split: list[Split] = [kept_out.get(number % 100, "train") for number in range(count)]
    write_store(
        path,
        blocks(count),
        {"object": split, "frame": split},
        dataset="ellipsoids",
        category="ellipsoid",
        variant="rest",
        unit="metre",
        landmark_names={},
        provenance={},
    )


def forget(path: Path) -> None:
    """Take a file out of the system's cache."""
    file = os.open(path, os.O_RDONLY)
    os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(file)


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("store", type=Path)
    parser.add_argument("--clouds", type=int, default=1_000_000)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--batch-size", type=int, default=32)
    asked = parser.parse_args()
    if not asked.store.exists():
        make(asked.store, asked.clouds)
    forget(asked.store)
    times = [(time.monotonic(), time.process_time())]
    stores = [Store(asked.store)]
    times.append((time.monotonic(), time.process_time()))
    wanted = Selection("train", "object", POINTS, "longest-side", ("ellipsoid",))
    clouds = supply(stores, wanted, torch.device("cpu"))
    assert isinstance(clouds, Streamed), "the store is too small"
    batches = shuffled_batches(len(clouds), asked.batch_size, 0, 0)[: asked.steps]
    times.append((time.monotonic(), time.process_time()))
    count = sum(len(batch.points) for batch in clouds.batches(batches))
    times.append((time.monotonic(), time.process_time()))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{stores[0].count:,} clouds, {stores[0].size / 1e9:.1f} GB, {len(clouds):,} of them to train on")
    for what, before, after in zip(("open", "list", "read"), times, times[1:], strict=False):
        print(f"{what}: {after[0] - before[0]:.2f} s, {after[1] - before[1]:.2f} s of a core")
    seconds, core = (after - before for before, after in zip(times[2], times[3], strict=True))
    print(f"{count / seconds:,.0f} clouds/s, {count / core:,.0f} in a second of a core; peak {peak:,.0f} MiB")


if __name__ == "__main__":
    main()
