"""KeypointNet: 16 categories of ShapeNet with human keypoints (You et al., CVPR 2020)."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple, get_args

import numpy as np

from kg.data import (
    Dataset,
    Get,
    Item,
    PrepareOptions,
    Remote,
    Shape,
    Split,
    find_folder,
    locate,
    read_shape,
)
from kg.errors import KgError

CLASS_IDS = {
    "airplane": "02691156",
    "bathtub": "02808440",
    "bed": "02818832",
    "bottle": "02876657",
    "cap": "02954340",
    "car": "02958343",
    "chair": "03001627",
    "guitar": "03467517",
    "helmet": "03513137",
    "knife": "03624134",
    "laptop": "03642806",
    "motorcycle": "03790512",
    "mug": "03797390",
    "skateboard": "04225987",
    "table": "04379243",
    "vessel": "04530566",
}
ALL, MISALIGNED = "all.json", "knife_misaligned.txt"
DATA = "https://huggingface.co/datasets/qq456cvb/KeypointNet/resolve/main"
CODE = "https://raw.githubusercontent.com/qq456cvb/KeypointNet/master"
SPLITS = tuple(f"splits/{split}.txt" for split in get_args(Split))
CLOUD_BYTES = 76_000
"""Mean size of a cloud's file."""
AGREEMENT = 1e-4
"""Largest distance between an annotated position and its cloud point: clouds are stored with 6 decimals."""


class _Keypoint(NamedTuple):
    """A position, the index of the cloud point that lies there, and what it means."""

    xyz: tuple[float, float, float]
    point_index: int
    semantic_id: int


class KeypointNet(Dataset):
    """Clouds of 2,048 points, Y up, with semantic keypoints and the published split.

    Raw folder: pcds/<class id>/<model id>.pcd; annotations/<category>.json or annotations/all.json;
    splits/{train,val,test}.txt; knife_misaligned.txt, which names the knives whose x axis is flipped in
    ShapeNet: they are flipped back, keypoints with them. What is missing but the clouds is done without:
    then there are no landmarks, a split is drawn, or knives stay as they are.
    """

    name = "keypointnet"
    title = "KeypointNet, 16 ShapeNet categories with human keypoints"
    licence = "MIT (annotations); the shapes under the ShapeNet terms: research only"
    url = "https://github.com/qq456cvb/KeypointNet"
    categories = tuple(CLASS_IDS)
    parts = categories
    keypoints = 10
    farthest = 14
    variant = "official"
    unit = "ShapeNet unit diagonal"

    def downloads(self, part: str | None, get: Get) -> Sequence[Remote]:
        """Return the annotations of a category, the splits, and the clouds of the annotated models."""
        assert part is not None
        annotations = _remote(f"annotations/{part}.json")
        lists = [annotations, *(Remote(path, f"{CODE}/{path}") for path in SPLITS)]
        if part == "knife":
            lists.append(replace(_remote(MISALIGNED), elsewhere=(f"{CODE}/{MISALIGNED}",), optional=True))
        models = _read_annotations(get(annotations).parent, part)
        paths = [f"pcds/{CLASS_IDS[part]}/{model}.pcd" for _, model in models]
        # The clouds come last: it is by them that a category is known to be there. One that is not there
        # is left out by `kg prepare`, which says so.
        clouds = [replace(_remote(path), about=CLOUD_BYTES, optional=True) for path in paths]
        return [*lists, *clouds]

    def find_root(self, folder: Path) -> Path:
        """Return the folder that holds the folder `pcds`."""
        root = find_folder(folder, lambda candidate: (candidate / "pcds").is_dir())
        if root is None:
            packed = find_folder(folder, lambda candidate: any(candidate.glob("pcds.*")))
            raise KgError(
                "It holds no folder 'pcds' with the clouds.",
                f"Unpack {next(packed.glob('pcds.*')).name} first."
                if packed
                else "See: kg fetch keypointnet",
            )
        return root

    def find_categories(self, raw: Path) -> tuple[str, ...]:
        """Return the categories whose clouds are there."""
        pcds = locate(self.find_root, raw, raw) / "pcds"
        return tuple(name for name, class_id in CLASS_IDS.items() if any((pcds / class_id).glob("*.pcd")))

    def items(self, category: str, raw: Path, options: PrepareOptions) -> Sequence[Item]:
        """Return one item a cloud, in the order of the model ids; one whose file is missing will not load.

        Raises:
            KgError: The category is unknown, its clouds are missing, or its annotations are broken.
        """
        self.check_category(category)
        root, class_id = locate(self.find_root, raw, raw), CLASS_IDS[category]
        folder = root / "pcds" / class_id
        models = {file.stem for file in folder.glob("*.pcd")}
        if not models:
            raise KgError(
                f"{root} has no clouds of '{category}': pcds/{class_id} is missing or empty.",
                f"Obtain them: kg fetch keypointnet --category {category}",
            )
        annotations = _read_annotations(root / "annotations", category)
        models |= {model for annotated, model in annotations if annotated == class_id}
        splits = _read_splits(root / "splits")
        flipped = _read_misaligned(root) if category == "knife" else frozenset()
        return [
            Item(
                id=model,
                object=model,
                split=splits.get(f"{class_id}-{model}"),
                source=(
                    folder / f"{model}.pcd",
                    annotations.get((class_id, model), []),
                    model in flipped,
                ),
            )
            for model in sorted(models)
        ]

    def load(self, item: Item) -> Shape:
        """Read a cloud and its keypoints.

        Raises:
            KgError: The cloud is broken, or an annotation does not lie on it.
        """
        file, keypoints, flipped = item.source
        cloud = read_shape(file)
        positions = np.array([keypoint.xyz for keypoint in keypoints], dtype=np.float64).reshape(-1, 3)
        indices = np.array([keypoint.point_index for keypoint in keypoints], dtype=np.int64)
        if ((indices < 0) | (indices >= len(cloud.vertices))).any():
            raise KgError(
                f"{file}: an annotation names a point beyond the {len(cloud.vertices)} of the cloud."
            )
        away = np.linalg.norm(cloud.vertices[indices] - positions, axis=1).max(initial=0)
        if not away <= AGREEMENT:
            raise KgError(f"{file}: an annotation lies {away:.2g} from the cloud point that it names.")
        ids = np.array([keypoint.semantic_id for keypoint in keypoints], dtype=np.int64)
        aligned = np.array([-1.0 if flipped else 1.0, 1.0, 1.0])
        return Shape(
            cloud.vertices * aligned, landmarks=positions * aligned, landmark_ids=ids, notes=cloud.notes
        )


def _remote(path: str) -> Remote:
    return Remote(path, f"{DATA}/{path}")


def _read_annotations(folder: Path, category: str) -> Mapping[tuple[str, str], list[_Keypoint]]:
    """Return the keypoints of each (class id, model id); none where there is no file."""
    file = next((file for name in (f"{category}.json", ALL) if (file := folder / name).is_file()), None)
    if file is None:
        return {}
    try:
        return {
            (entry["class_id"], entry["model_id"]): [_keypoint(point) for point in entry["keypoints"]]
            for entry in _json(file)
        }
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise KgError(f"{file} holds no annotations of KeypointNet: {error!r}", "Obtain it again.") from error


def _json(file: Path) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = json.loads(file.read_text(encoding="utf-8"))
    return entries


def _keypoint(entry: dict[str, Any]) -> _Keypoint:
    x, y, z = entry["xyz"]
    # What does not fit in 64 bits is refused here, where the file is known.
    row, meaning = (
        np.int64(int(value)) for value in (entry["pcd_info"]["point_index"], entry["semantic_id"])
    )
    return _Keypoint((float(x), float(y), float(z)), int(row), int(meaning))


def _read_splits(folder: Path) -> Mapping[str, Split]:
    """Return the published split of each "<class id>-<model id>"; nothing for a missing file."""
    splits: dict[str, Split] = {}
    for split in get_args(Split):
        file = folder / f"{split}.txt"
        if file.is_file():
            splits |= dict.fromkeys(file.read_text(encoding="utf-8").split(), split)
    return splits


def _read_misaligned(root: Path) -> frozenset[str]:
    """Return the model ids of the knives to flip, which stand one a line, maybe after their class id."""
    file = root / MISALIGNED
    if not file.is_file():
        return frozenset()
    prefix = f"{CLASS_IDS['knife']}-"
    return frozenset(line.removeprefix(prefix) for line in file.read_text(encoding="utf-8").split())
