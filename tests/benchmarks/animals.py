"""One animal learnt, another measured: python tests/benchmarks/animals.py RUN HORSE.obj LION.obj LION.h5.

Eight landmarks are marked on both animals at rest: the nose, the ears, the tip of the tail and the front
of each foot, at the vertices that lie farthest out there (y is up, z points ahead). A detector `follow`
that has learnt the first animal in poses finds its landmarks on clouds of the second one, of `kg prepare
folder --frames-of folder`. Printed are the distances at rest to the second animal's landmarks, in percent
of its diagonal, and the share of keypoints that are nearer to theirs than to any other: of the detector,
of the points nearest to where the landmarks are in the box of either animal at rest (standing still), and
of the points nearest to the landmarks (oracle).
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial import cKDTree

import kg
from kg.data import Store
from kg.data.read import read_shape
from kg.model.normalisation import normalised

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]

HEAD, GROUND = 0.85, 0.06
"""Shares of the height: ears are above the first, feet below the second."""


def marks(vertices: Floats) -> Rows:
    """Return the landmarks of an animal at rest, vertices (V, 3), as numbers of vertices, (8,)."""
    x, y, z = vertices.T
    head, ground = y > HEAD * y.max(), y < GROUND * y.max()
    fore = z > z[ground].mean()
    regions = [(z > 0, z), (head & (x > 0), y + x), (head & (x < 0), y - x), (z < 0, -z)]
    regions += [
        (ground & (np.sign(x) == side) & (fore == ahead), z) for ahead in (True, False) for side in (1, -1)
    ]
    return np.array([np.flatnonzero(where)[far[where].argmax()] for where, far in regions])


def within(points: Floats) -> Floats:
    """Return clouds (T, N, 3) in the coordinates of their boxes."""
    inside: Floats = normalised(torch.from_numpy(points), "stretch")[0].numpy()
    return inside


def nearest(points: Floats, places: Floats) -> Rows:
    """Return of clouds (T, N, 3) the points nearest to places (K, 3), (T, K)."""
    return np.stack([cKDTree(cloud).query(places)[1] for cloud in points])


def main() -> None:
    """Print a line each for the detector, for what stands still, and for the oracle."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run")
    for name in ("learnt", "other", "store"):
        parser.add_argument(name, type=Path)
    options = parser.parse_args()
    learnt, other = (
        np.asarray(read_shape(file).vertices, np.float64) for file in (options.learnt, options.other)
    )
    clouds = Store(options.store).read(None, "object")
    points, rest = np.asarray(clouds.points, np.float64), np.asarray(clouds.rest_positions, np.float64)
    truth, diagonal = other[marks(other)], np.linalg.norm(np.ptp(other, axis=0))
    picks = ",".join(map(str, marks(learnt)))
    detector = kg.load(options.run, anchors=f"{options.learnt}:{picks}")
    found = kg.predict(detector, store=options.store, split="all")
    rows = {
        "detector": np.asarray(found.indices),
        "stands still, at the first animal's": nearest(
            within(points), within(learnt[None])[0, marks(learnt)]
        ),
        "stands still, at its own": nearest(within(points), within(other[None])[0, marks(other)]),
        "oracle": nearest(rest, truth),
    }
    for name, indices in rows.items():
        places = np.take_along_axis(rest, indices[..., None], axis=1)
        missed = 100 * np.linalg.norm(places - truth, axis=2) / diagonal
        kept = np.linalg.norm(places[:, :, None] - truth, axis=3).argmin(2) == np.arange(len(truth))
        print(
            f"{name}: mean {missed.mean():.1f} %, median {np.median(missed):.1f} %, "
            f"identity {100 * kept.mean():.0f} %"
        )


if __name__ == "__main__":
    main()
