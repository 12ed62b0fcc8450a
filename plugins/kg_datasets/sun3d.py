"""SUN3D: fragments of indoor scenes, as the 3DMatch benchmark has them (Zeng et al., CVPR 2017)."""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kg.data import Dataset, Get, Item, PrepareOptions, Remote, Shape, find_folder, locate, read_shape
from kg.errors import KgError, unknown_name

SCENES = (
    "7-scenes-redkitchen",
    "sun3d-home_at-home_at_scan1_2013_jan_1",
    "sun3d-home_md-home_md_scan9_2012_sep_30",
    "sun3d-hotel_uc-scan3",
    "sun3d-hotel_umd-maryland_hotel1",
    "sun3d-hotel_umd-maryland_hotel3",
    "sun3d-mit_76_studyroom-76-1studyroom2",
    "sun3d-mit_lab_hj-lab_hj_tea_nov_2_2012_scan1_erika",
)
ALL = "all"
FRAGMENTS = "https://3dvision.princeton.edu/projects/2016/3DMatch/downloads/scene-fragments"
RADIUS = 0.5
"""Metres: a crop is what lies in a ball of this radius, about as much as a chair or a desk takes."""

CROPS = 8
"""Crops of each fragment."""

ATTEMPTS = 16
"""Places tried for a crop before its fragment is called too thin."""

FRAGMENT = re.compile(r"cloud_bin_(\d+)\.ply")


class Sun3d(Dataset):
    """Crops of surfaces fused from 50 depth images each, in metres.

    Raw folder: <scene>/cloud_bin_<i>.ply, or these files alone, and beside each scene
    <scene>-evaluation/gt.log, whose headers "i j n" name the fragments that show a common place.

    A crop is every point within 0.5 m of a point drawn at random, 8 of them a fragment; a place with fewer
    than N points around it is drawn again. A category is a scene, or "all".

    An object is a group of fragments that overlap, directly or through others, so that no place is on
    both sides of a split; the whole scene where there is no gt.log. A scene is mostly one group: to train
    on one scene alone split by frame, which lets its crops overlap.
    """

    name = "sun3d"
    title = "SUN3D, crops of indoor scenes from the 3DMatch benchmark"
    licence = "For research; 7-Scenes non-commercial only; see the source"
    url = "https://3dmatch.cs.princeton.edu"
    categories = (ALL, *SCENES)
    parts = SCENES
    keypoints = 20
    farthest = 24
    variant = "crops"
    unit = "metre"

    def downloads(self, part: str | None, get: Get) -> Sequence[Remote]:
        """Return the archives of a scene; its fragments come last, by which it is known to be there."""
        return [
            Remote(name, f"{FRAGMENTS}/{name}.zip", unpack=True) for name in (f"{part}-evaluation", f"{part}")
        ]

    def find_root(self, folder: Path) -> Path:
        """Return the folder that holds scenes, or the one scene itself."""
        root = find_folder(folder, lambda candidate: bool(_scenes(candidate)))
        if root is None:
            raise KgError("It holds no fragments cloud_bin_<i>.ply.", "See: kg fetch sun3d")
        return root

    def find_categories(self, raw: Path) -> tuple[str, ...]:
        """Return "all" and the scenes whose fragments are there; a scene alone needs no "all"."""
        scenes = tuple(_scenes(locate(self.find_root, raw, raw)))
        return scenes if len(scenes) == 1 else (ALL, *scenes)

    def items(self, category: str, raw: Path, options: PrepareOptions) -> Sequence[Item]:
        """Return the crops of every fragment; where they lie follows from the seed.

        Raises:
            KgError: The scene is unknown, or its gt.log is broken.
        """
        scenes = _scenes(locate(self.find_root, raw, raw))
        if category in SCENES and category not in scenes:
            raise KgError(
                f"{raw} has not the scene '{category}'.", f"Obtain it: kg fetch sun3d --category {category}"
            )
        if category not in (ALL, *scenes):
            raise unknown_name("scene", category, (ALL, *scenes))
        items: list[Item] = []
        frames: dict[str, int] = {}
        for scene, folder in scenes.items():
            if category not in (ALL, scene):
                continue
            fragments = _fragments(folder)
            groups = _groups(list(fragments), _pairs(folder))
            for number, file in fragments.items():
                thing = f"{scene}/{groups[number]}"
                for crop in range(CROPS):
                    frames[thing] = frames.get(thing, -1) + 1
                    source = (file, (options.seed, number, crop), options.points)
                    items.append(Item(f"{scene}/{number}-{crop}", thing, frames[thing], source=source))
        return items

    def load(self, item: Item) -> Shape:
        """Cut one crop out of its fragment.

        Raises:
            KgError: The fragment is broken, or no place in it has enough points around it.
        """
        file, seed, count = item.source
        points = _read(file)
        rng = np.random.default_rng(seed)
        for centre in points[rng.integers(len(points), size=ATTEMPTS)]:
            crop = points[np.linalg.norm(points - centre, axis=1) <= RADIUS]
            if len(crop) >= count:
                return Shape(crop)
        raise KgError(
            f"{file}: none of {ATTEMPTS} places has {count} points within {RADIUS} m.",
            "Ask for fewer with --points.",
        )


def _scenes(folder: Path) -> dict[str, Path]:
    """Return the folder of each scene by its name."""
    if _fragments(folder):
        return {folder.resolve().name: folder}
    children = sorted(child for child in folder.iterdir() if child.is_dir())
    return {child.name: child for child in children if _fragments(child)}


def _fragments(folder: Path) -> dict[int, Path]:
    fragments = {
        int(match[1]): path for path in folder.glob("*.ply") if (match := FRAGMENT.fullmatch(path.name))
    }
    return dict(sorted(fragments.items()))


def _pairs(scene: Path) -> list[tuple[int, int]] | None:
    """Return the fragments that overlap, as the scene's gt.log has them; None if there is none."""
    file = scene.resolve()
    file = file.with_name(f"{file.name}-evaluation") / "gt.log"
    if not file.is_file():
        return None
    lines = [line.split() for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
    try:
        # A header and the four rows of a transformation, over and over.
        if len(lines) % 5:
            raise ValueError(f"{len(lines)} lines are no multiple of 5")
        return [(int(i), int(j)) for i, j, _ in lines[::5]]
    except ValueError as error:
        raise KgError(f"{file} is broken or cut short: {error}", "Obtain it again.") from error


def _groups(fragments: Sequence[int], pairs: Sequence[tuple[int, int]] | None) -> Mapping[int, int]:
    """Return for each fragment the lowest number among those that it is connected to."""
    if pairs is None:
        return dict.fromkeys(fragments, min(fragments))
    group = {number: number for number in fragments}
    for first, second in pairs:
        if first in group and second in group:
            low, high = sorted((group[first], group[second]))
            group = {number: low if own == high else own for number, own in group.items()}
    return group


@lru_cache(maxsize=1)
def _read(file: Path) -> NDArray[np.float64]:
    """Return the points of a fragment, which its crops ask for one after the other."""
    return read_shape(file).vertices
