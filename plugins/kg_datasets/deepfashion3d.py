"""Deep Fashion3D V2: scans of real garments in many poses (Zhu et al., ECCV 2020)."""

import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kg.data import (
    Dataset,
    Item,
    PrepareOptions,
    Shape,
    find_folder,
    locate,
    read_mesh,
    read_shape,
)
from kg.data.dataset import Access
from kg.errors import KgError, unknown_name

CLOUDS, MESHES, LINES = "point_cloud", "filtered_registered_mesh", "featureline_annotation"
TYPES = "cloth_type_list.txt"
REGISTERED = "-registered"
"""Suffix of the categories of registered meshes."""

BODY = ("left", "right", "front", "back")
LIMB = ("outer", "inner")
Lines = Mapping[int, tuple[str, tuple[str, ...]]]
UPPER: Lines = {1: ("neck", BODY), 2: ("left cuff", LIMB), 3: ("right cuff", LIMB), 4: ("hem", BODY)}
PANTS: Lines = {1: ("waist", BODY), 2: ("left hem", LIMB), 3: ("right hem", LIMB)}
SKIRT: Lines = {1: ("waist", BODY), 2: ("hem", BODY)}
MOST = max(len(BODY), len(LIMB))

POSE = re.compile(r"(\d+)-(\d+)")


class _Pose(NamedTuple):
    """The files of one garment in one pose.

    Attributes:
        file: Scan or registered mesh.
        rest: Registered mesh of the garment's lowest-numbered pose; None for a scan.
        lines: Number and file of each feature line that is there.
        category: Type of the garment.
    """

    file: Path
    rest: Path | None
    lines: tuple[tuple[int, Path], ...]
    category: str


class DeepFashion3D(Dataset):
    """Garments worn by people, each scanned in several poses; a garment is one object, a pose a frame.

    Raw folder: point_cloud/<g>/<g>-<p>.ply with point_cloud/cloth_type_list.txt; and where they are
    there filtered_registered_mesh/<g>-<p>/model_cleaned.obj and
    featureline_annotation/<g>/<g>_<p>/<g>_<p>_<k>.ply, which the authors cleared of failures.

    A category is a type of the list ("long_pants"). With "-registered" at its end it has the registered
    meshes in place of the scans: fewer, and vertex i of a garment is the same place in all its poses, so
    its rest position is where it lies in the lowest-numbered pose.

    Landmarks are extremes of the feature lines, which are closed loops without a beginning. The garments
    are aligned with a standing figure, y up, its front to +z, its left to +x. A line around the body
    (neck, waist, hem) gives its leftmost, rightmost, front and back points; one around a limb (cuff,
    trouser hem) the point farthest out and up from the body and the one opposite, which along a sleeve
    stay the same places whether the arm is raised or hangs.
    """

    name = "deepfashion3d"
    title = "Deep Fashion3D V2, scanned garments in many poses"
    licence = "CC BY-NC 4.0; password on request"
    url = "https://github.com/GAP-LAB-CUHK-SZ/deepFashion3D"
    access: ClassVar[Access] = "by hand"
    steps = (
        f"Fill in the form that {url} links to; the password comes by mail.",
        f"Download Deep Fashion3D V2 from there into one folder: {CLOUDS}, and if you want them "
        f"{MESHES} and {LINES}.",
        "Unpack there what is no .zip: 7z x FILE asks for the password.",
        "kg fetch deepfashion3d --from FOLDER; for .zip it asks for the password, or takes it from "
        "KG_PASSWORD.",
    )
    variant = "poses"

    def find_root(self, folder: Path) -> Path:
        """Return the folder that holds the folder of the scans, with their list."""
        root = find_folder(folder, lambda candidate: (candidate / CLOUDS).is_dir())
        if root is None:
            raise KgError(f"It holds no folder '{CLOUDS}' with the scans.", "See: kg fetch deepfashion3d")
        if not (root / CLOUDS / TYPES).is_file():
            raise KgError(
                f"{CLOUDS}/{TYPES} is missing, which says what each garment is.", "Obtain it again."
            )
        return root

    def find_categories(self, raw: Path) -> tuple[str, ...]:
        """Return the types of the garments that are there, and those of which there are registered meshes."""
        root = locate(self.find_root, raw, raw)
        types = _types(root)
        clouds = {types[garment] for garment in _clouds(root) if garment in types}
        meshes = {types[garment] + REGISTERED for garment in _meshes(root) if garment in types}
        return tuple(sorted(clouds | meshes))

    def landmark_names(self, category: str) -> Mapping[int, str]:
        """Return the names of the landmarks; left and right are the wearer's."""
        return {
            _landmark_id(line, number): f"{name} {place}"
            for line, (name, places) in _lines(category).items()
            for number, place in enumerate(places)
        }

    def items(self, category: str, raw: Path, options: PrepareOptions) -> Sequence[Item]:
        """Return one item a pose, in the order of the garments' numbers.

        Raises:
            KgError: The category is unknown, or the list of types is broken.
        """
        root = locate(self.find_root, raw, raw)
        registered = category.endswith(REGISTERED)
        types = _types(root)
        poses = _meshes(root) if registered else _clouds(root)
        items = [
            Item(
                id=f"{garment}-{pose}",
                object=str(garment),
                frame=pose,
                source=_Pose(
                    file,
                    poses[garment][min(poses[garment])] if registered else None,
                    tuple(_line_files(root, garment, pose, category)),
                    category,
                ),
            )
            for garment in sorted(poses)
            if types.get(garment) == category.removesuffix(REGISTERED)
            for pose, file in sorted(poses[garment].items())
        ]
        if not items:
            raise unknown_name("category", category, self.find_categories(raw))
        if strangers := sorted(set(poses) - set(types)):
            warnings.warn(f"{TYPES} has no type for these garments: {strangers}.", stacklevel=2)
        return items

    def load(self, item: Item) -> Shape:
        """Read one scan or registered mesh, with landmarks where its feature lines are there.

        Raises:
            KgError: A file is broken, or a registered mesh has not the triangles of the garment's first.
        """
        pose: _Pose = item.source
        shape = read_shape(pose.file) if pose.rest is None else _read_registered(pose.file, pose.rest)
        middle = (shape.vertices.min(axis=0) + shape.vertices.max(axis=0)) / 2
        places: dict[int, NDArray[np.float64]] = {}
        for line, file in pose.lines:
            _, names = _lines(pose.category)[line]
            extremes = _extremes(read_shape(file).vertices, middle, names)
            places |= {_landmark_id(line, number): place for number, place in enumerate(extremes)}
        return replace(
            shape,
            landmarks=np.array(list(places.values())).reshape(-1, 3),
            landmark_ids=np.array(list(places), dtype=np.int64),
        )


def _types(root: Path) -> dict[int, str]:
    """Return the type of each garment: a line has a type and the numbers of its garments, in any order."""
    file = root / CLOUDS / TYPES
    types: dict[int, str] = {}
    for line in file.read_text(encoding="utf-8").splitlines():
        words = re.split(r"[\s,:;]+", line.strip())
        numbers = [int(word) for word in words if word.isdigit()]
        name = "_".join(word for word in words if word and not word.isdigit()).lower()
        if numbers and not name:
            raise KgError(f"{file} has a line of garments without a type: '{line.strip()}'")
        types |= dict.fromkeys(numbers, name)
    return types


def _clouds(root: Path) -> dict[int, dict[int, Path]]:
    """Return the scans of each garment by pose."""
    return _by_pose({path.stem: path for path in (root / CLOUDS).glob("*/*.ply")})


def _meshes(root: Path) -> dict[int, dict[int, Path]]:
    """Return the registered meshes of each garment by pose."""
    return _by_pose({path.parent.name: path for path in (root / MESHES).glob("*/model_cleaned.obj")})


def _by_pose(files: Mapping[str, Path]) -> dict[int, dict[int, Path]]:
    poses: dict[int, dict[int, Path]] = {}
    for name, file in files.items():
        if match := POSE.fullmatch(name):
            poses.setdefault(int(match[1]), {})[int(match[2])] = file
    return poses


def _line_files(root: Path, garment: int, pose: int, category: str) -> Iterator[tuple[int, Path]]:
    label = f"{garment}_{pose}"
    for line in _lines(category):
        file = root / LINES / str(garment) / label / f"{label}_{line}.ply"
        if file.is_file():
            yield line, file


def _read_registered(file: Path, rest_file: Path) -> Shape:
    mesh, rest = read_mesh(file), read_mesh(rest_file)
    if not mesh.has_topology_of(rest):
        raise KgError(f"{file} has not the triangles of {rest_file.parent.name}, the garment's first.")
    # The rest's cut of the polygons holds for all poses.
    return Shape(mesh.vertices, rest.triangles(), rest_positions=rest.vertices)


def _lines(category: str) -> Lines:
    """Return what the feature lines of a type are and which of their points are landmarks."""
    if "pants" in category:
        return PANTS
    # A dress of which the list names no sleeves has only a waist and a hem: it is a skirt.
    bare = category.removesuffix(REGISTERED) == "dress"
    return SKIRT if bare or "skirt" in category else UPPER


def _landmark_id(line: int, number: int) -> int:
    return MOST * (line - 1) + number


def _extremes(
    line: NDArray[np.float64], middle: NDArray[np.float64], names: tuple[str, ...]
) -> list[NDArray[np.float64]]:
    """Return the landmarks of a line (n, 3) of a garment whose middle is given."""
    if names == BODY:
        directions = np.array([[1, 0, 0], [-1, 0, 0], [0, 0, 1], [0, 0, -1]])
    else:
        outwards = np.sign(line[:, 0].mean() - middle[0])
        directions = np.array([[outwards, 1, 0], [-outwards, -1, 0]])
    return list(line[np.argmax(line @ directions.T, axis=0)])
