"""Quality of the built-in garments: python tests/benchmarks/garments.py.

For each category, over many garments: vertices; the smallest angle of a triangle on the pattern; edges on
the pattern, as shares of the length aimed at; strain of the edges as the garment lies, its 95th percentile
on a garment (mean and worst) and the largest of all; garments of which triangles pass through each other
(as open3d finds them); processor time to make one.
"""

import argparse
import time

import numpy as np
import open3d as o3d

from kg_datasets.garments import CATEGORIES, Garment, lay, sew

HEADER = "category     vertices    angle  edges: mean, from, to   strain: p95, worst, max   crossed    ms"


def make(category: str, seed: int) -> tuple[Garment, np.ndarray]:
    rng = np.random.default_rng([1, seed])
    garment = sew(CATEGORIES[category].draw(rng).pattern(rng))
    return garment, lay(garment, rng)


def smallest_angle(garment: Garment) -> float:
    corners = garment.flat[garment.faces]
    after, before = np.roll(corners, -1, axis=1) - corners, np.roll(corners, 1, axis=1) - corners
    lengths = np.linalg.norm(after, axis=-1) * np.linalg.norm(before, axis=-1)
    return float(np.degrees(np.arccos(((after * before).sum(axis=-1) / lengths).max())))


def lengths(points: np.ndarray, garment: Garment) -> np.ndarray:
    start, end = garment.edges.T
    return np.linalg.norm(points[end] - points[start], axis=1)


def is_crossed(points: np.ndarray, garment: Garment) -> bool:
    vertices, triangles = o3d.utility.Vector3dVector(points), o3d.utility.Vector3iVector(garment.faces)
    return bool(o3d.geometry.TriangleMesh(vertices, triangles).is_self_intersecting())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=240, help="garments a category")
    parser.add_argument("--category", choices=CATEGORIES, action="append", help="only these")
    options = parser.parse_args()
    make("tie", 0)
    print(HEADER)
    for category in options.category or CATEGORIES:
        started = time.process_time()
        made = [make(category, seed) for seed in range(options.count)]
        spent = 1000 * (time.process_time() - started) / options.count
        rest = [lengths(garment.flat, garment) for garment, _ in made]
        strain = [
            np.abs(lengths(points, garment) / at_rest - 1)
            for (garment, points), at_rest in zip(made, rest, strict=True)
        ]
        p95 = [np.quantile(one, 0.95) for one in strain]
        shares = np.concatenate(rest) / made[0][0].edge
        counts = [len(points) for _, points in made]
        crossed = sum(is_crossed(points, garment) for garment, points in made)
        print(
            f"{category:12} {min(counts):4}-{max(counts):4}"
            f"   {min(smallest_angle(garment) for garment, _ in made):5.1f}°"
            f"   {shares.mean():9.2f} {shares.min():5.2f} {shares.max():5.2f}"
            f"   {np.mean(p95):10.1%} {max(p95):5.1%} {max(one.max() for one in strain):6.1%}"
            f"   {crossed:7}   {spent:4.0f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
