"""What each part of the detector `extremal` brings: python tests/benchmarks/extremal.py STORE ...

For each prepared store with landmarks, and for the detector as it is and with one part changed: DAS with
annotations and mIoU at 0.1 in percent, as the protocol `strict` counts them, on validation and on test
shapes, ten keypoints. A line is printed for each. Parts are changed with two kinds of points in each
direction. With --kinds: how sure it is, in each direction, that there are two, from all training shapes and
from ten random halves of them.
"""

import argparse
from unittest.mock import patch

import torch
from torch import Tensor

from kg.config import ModelConfig, TrainConfig
from kg.data import Store
from kg.data.normalise import to_source
from kg.data.store import Clouds
from kg.evaluation.metrics.das_annotated import dual_alignment
from kg.evaluation.metrics.miou import mean_iou
from kg.model import Examples
from kg.model.normalisation import normalised
from kg.train.examples import chosen_rows, read_examples
from kg_detectors.extremal import Extremal
from kg_detectors.extremal.recurring import along, directions, kinds_of, missing

KEYPOINTS = 10
DETECTOR, RECURRING = "kg_detectors.extremal.detector", "kg_detectors.extremal.recurring"


def corners(like: Tensor) -> Tensor:
    """Return the directions of a cube's corners, (8, 3)."""
    return directions(like)[:8]


def faces(like: Tensor) -> Tensor:
    """Return the directions of a cube's faces, (6, 3)."""
    return directions(like)[8:]


def all_around(like: Tensor) -> Tensor:
    """Return the directions of a cube's corners, edges and faces, (26, 3)."""
    each = torch.tensor([-1.0, 0, 1])
    cube = torch.cartesian_prod(each, each, each)
    return cube[cube.abs().sum(1) > 0].to(like)


def unstretched(points: Tensor, how: str) -> object:
    """Return clouds with one scale for all axes, whatever was asked for."""
    return normalised(points, "longest-side")


TWO = {"kinds": "2"}
PARTS = {
    "as it is": ({}, {}),
    "one kind in each direction": ({}, {"kinds": "1"}),
    "two kinds in each direction": ({}, TWO),
    "clouds not stretched": ({f"{DETECTOR}.normalised": unstretched}, TWO),
    "no surroundings": ({}, TWO | {"detail": "0"}),
    "apart 0": ({}, TWO | {"apart": "0"}),
    "apart 0.25": ({}, TWO | {"apart": "0.25"}),
    "apart 0.75": ({}, TWO | {"apart": "0.75"}),
    "8 corners": ({f"{RECURRING}.directions": corners}, TWO),
    "6 faces": ({f"{RECURRING}.directions": faces}, TWO),
    "26 directions": ({f"{RECURRING}.directions": all_around}, TWO),
}
"""What is changed in the modules, and options."""


def score(detector: Extremal, clouds: Clouds) -> str:
    """Return DAS and mIoU on clouds."""
    found = detector.find(torch.from_numpy(clouds.points)).keypoints.numpy()
    keypoints, points, landmarks = (
        to_source(places, clouds.scale, clouds.offset) for places in (found, clouds.points, clouds.landmarks)
    )
    das = dual_alignment(keypoints, landmarks, clouds.landmark_ids, self_pairs=False).mean
    return f"{das:.1f}, {mean_iou(keypoints, points, landmarks, clouds.landmark_ids):.1f}"


def print_kinds(store: Store, examples: Examples) -> None:
    """Print for each direction the ratio that says whether there are two kinds."""
    detector = Extremal(ModelConfig(keypoints=KEYPOINTS), TrainConfig())
    features = detector._features(examples)
    parts = {"all": torch.arange(len(features))}
    for seed in range(10):
        order = torch.randperm(len(features), generator=torch.Generator().manual_seed(seed))
        parts[f"half {seed}"] = order[: len(features) // 2]
    for name, rows in parts.items():
        own = features[rows]
        ratios = (missing(own, *kinds_of(along(own, direction))) for direction in directions(own))
        print(f"{store.category}, {name}: {' '.join(f'{ratio:.1f}' for ratio in ratios)}", flush=True)


def main() -> None:
    """Print a line for each store and part."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("stores", nargs="+", metavar="STORE", help="prepared stores")
    parser.add_argument("--kinds", action="store_true", help="print how many kinds there are")
    arguments = parser.parse_args()
    for path in arguments.stores:
        store = Store(path)
        examples = read_examples([store], "train", "object", store.points_per_cloud, "range")
        if arguments.kinds:
            print_kinds(store, examples)
            continue
        unseen = {
            split: store.read_rows(chosen_rows([store], split, "object")[0]) for split in ("val", "test")
        }
        for name, (changes, options) in PARTS.items():
            patches = [patch(target, value) for target, value in changes.items()]
            for each in patches:
                each.start()
            detector = Extremal(ModelConfig(keypoints=KEYPOINTS), TrainConfig(), **options)
            detector.fit(examples)
            scores = (f"{split} {score(detector, clouds)}" for split, clouds in unseen.items())
            print(f"{store.category}, {name}: {'; '.join(scores)}", flush=True)
            for each in patches:
                each.stop()


if __name__ == "__main__":
    main()
