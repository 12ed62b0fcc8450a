"""kg's operations beside those of libraries: python tests/benchmarks/libraries.py.

Farthest points, balls, the three nearest and what a Chamfer distance looks for, on random ellipsoids, in
turns in one process. All give the nearest in a ball; building a tree is part of the search.
"""

import argparse
from collections.abc import Callable

import numpy as np
import open3d
import torch
from scipy.spatial import cKDTree

from kg import ops
from kg.ops import bench

RADIUS, MEMBERS = 0.1, 32


def each(clouds: np.ndarray, queries: np.ndarray, search: Callable[[np.ndarray, np.ndarray], object]) -> None:
    """Search every cloud of a batch (B, N, 3) for queries (B, S, 3)."""
    for cloud, asked in zip(clouds, queries, strict=True):
        search(cloud, asked)


def open3d_search(cloud: np.ndarray, radius: float | None = None) -> open3d.core.nns.NearestNeighborSearch:
    """Return open3d's search in a cloud (N, 3)."""
    made = open3d.core.nns.NearestNeighborSearch(open3d.core.Tensor(cloud))
    if radius is None:
        made.knn_index()
    else:
        made.hybrid_index(radius)
    return made


def cases(batch: int, points: int, threads: int) -> list[bench.Case]:
    """Return each operation in every library that has it."""
    cloud = bench.ellipsoids(batch, points, torch.device("cpu"))
    half, flipped = cloud[:, ::2].contiguous(), cloud.flip(1)
    clouds, halves = cloud.numpy(), half.numpy()

    def trees(count: int, reach: float = np.inf) -> Callable[[np.ndarray, np.ndarray], object]:
        return lambda cloud, asked: cKDTree(cloud).query(
            asked, count, distance_upper_bound=reach, workers=threads
        )

    def searches(count: int, reach: float | None = None) -> Callable[[np.ndarray, np.ndarray], object]:
        def search(cloud: np.ndarray, asked: np.ndarray) -> object:
            made, wanted = open3d_search(cloud, reach), open3d.core.Tensor(asked)
            return (
                made.knn_search(wanted, count) if reach is None else made.hybrid_search(wanted, reach, count)
            )

        return search

    def farthest(cloud: np.ndarray, asked: np.ndarray) -> object:
        whole = open3d.t.geometry.PointCloud(open3d.core.Tensor(cloud))
        return whole.farthest_point_down_sample(len(asked))

    balls, threes = f"balls of {MEMBERS}, {points // 2} centres", f"3 nearest, {points // 2} queries"
    pairs = f"Chamfer neighbours, {points} and {points}"
    sampling = f"{points // 2} farthest points"
    return [
        bench.Case(sampling, "kg", lambda: ops.farthest_point_sample(cloud, points // 2)),
        bench.Case(sampling, "open3d", lambda: each(clouds, halves, farthest)),
        bench.Case(balls, "kg", lambda: ops.ball_query(cloud, half, RADIUS, MEMBERS)),
        bench.Case(balls, "scipy", lambda: each(clouds, halves, trees(MEMBERS, RADIUS))),
        bench.Case(balls, "open3d", lambda: each(clouds, halves, searches(MEMBERS, RADIUS))),
        bench.Case(threes, "kg", lambda: ops.nearest_neighbours(half, cloud, 3)),
        bench.Case(threes, "scipy", lambda: each(clouds, halves, trees(3))),
        bench.Case(threes, "open3d", lambda: each(clouds, halves, searches(3))),
        bench.Case(
            pairs,
            "kg",
            lambda: (
                ops.nearest_neighbours(cloud, flipped, 1),
                ops.nearest_neighbours(flipped, cloud, 1),
            ),
        ),
        bench.Case(pairs, "scipy", lambda: [each(clouds, clouds, trees(1)) for _ in range(2)]),
        bench.Case(pairs, "open3d", lambda: [each(clouds, clouds, searches(1)) for _ in range(2)]),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--points", type=int, default=2048)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print(
        f"{options.batch} x {options.points} points, {options.threads} threads; median ms of {options.rounds}"
    )
    measured = bench.measure(
        cases(options.batch, options.points, options.threads), torch.device("cpu"), options.rounds
    )
    for row in measured:
        print(f"{row.name:36s}{row.version:8s}{1e3 * row.seconds:9.1f}")


if __name__ == "__main__":
    main()
