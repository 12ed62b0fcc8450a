"""A user's own files."""

from collections.abc import Sequence
from functools import lru_cache
from itertools import groupby
from pathlib import Path
from typing import ClassVar, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from kg.data import Dataset, Item, Mesh, PrepareOptions, Shape, Split, read_mesh, read_shape, shape_files
from kg.data.dataset import Access
from kg.data.read import SUFFIXES, naming
from kg.errors import KgError, unknown_name

SOME = 500
"""Vertices among which distances are measured."""

MOST_EDGES, STRETCH = 0.9, 0.1
"""In poses of one thing, nine edges of ten keep their length within a tenth. Measured against the first mesh
of its folder: a T-shirt folded three times 5 %, one in the wind 2 %; tote bags of one template up to 38 %."""


class _Family(NamedTuple):
    """Meshes of one folder with the same polygons: the most spread-out, and whether they are one thing."""

    reference: Path
    poses: bool


class Folder(Dataset):
    """Any folder of clouds and meshes.

    Where files lie in the folder itself, it is one category, under whatever name the user gives it;
    otherwise each sub-folder is a category. Files further down belong to the category above them, and
    those below a folder `train`, `val` or `test` keep that split (ModelNet's layout). An id is the path
    within the category without its suffix.

    A file is an object of its own, unless it is one of several poses. If all files that lie in one folder
    are meshes with the same polygons, vertex i is taken for the same place on all of them, and where it
    lies on the most spread-out mesh is its rest position. If edges keep their lengths too, but for
    a common scale, the meshes are poses of one thing, as of a garment that is folded: the folder is one
    object and its files are its frames, in the order of the numbers in their names. If not, they share a
    shape at rest, as bags of many sizes from one template: objects that can be compared with each other.

    So several sequences make one category by a folder each, shirt/a/000.obj ... shirt/b/000.obj, and a
    mesh in a folder by itself has nothing to do with others.
    """

    name = "folder"
    title = "Your own clouds and meshes"
    licence = "Your own"
    access: ClassVar[Access] = "in place"

    def find_categories(self, raw: Path) -> tuple[str, ...]:
        """Return the folder's own name, or those of its sub-folders that hold shapes."""
        _require(raw)
        if _is_flat(raw):
            return (raw.resolve().name,)
        return tuple(
            child.name
            for child in sorted(raw.iterdir())
            if child.is_dir() and not child.name.startswith(".") and shape_files(child)
        )

    def items(self, category: str, raw: Path, options: PrepareOptions) -> Sequence[Item]:
        """Return one item a file.

        Raises:
            KgError: There is no such folder or category, or two files differ by their suffix alone.
        """
        _require(raw)
        folder = raw
        if not _is_flat(raw):
            if category not in self.find_categories(raw):
                raise unknown_name("category", category, self.find_categories(raw))
            folder = raw / category
        items: dict[str, Item] = {}
        for parent, together in groupby(shape_files(folder), lambda file: file.parent):
            files = list(together)
            family = _family(files)
            place = parent.relative_to(folder)
            thing = place.as_posix() if place.parts else category
            for frame, file in enumerate(files):
                name = (place / file.stem).as_posix()
                if name in items:
                    raise KgError(
                        f"{folder} holds {name} twice, as {items[name].source[0].name} and {file.name}.",
                        "Keep one of them.",
                    )
                poses = family is not None and family.poses
                items[name] = Item(
                    id=name,
                    object=thing if poses else name,
                    frame=frame if poses else 0,
                    split=next((split for split in get_args(Split) if split in place.parts), None),
                    source=(file, None if family is None else family.reference),
                    rest_id=None if family is None or poses else thing,
                )
        return list(items.values())

    def load(self, item: Item) -> Shape:
        """Read one file, with rest positions if it corresponds to a reference.

        Raises:
            KgError: The file is broken.
        """
        file: Path
        reference_file: Path | None
        file, reference_file = item.source
        if reference_file is None:
            return read_shape(file)
        mesh = read_mesh(file)
        with naming(file):
            reference = _read_reference(reference_file)
            # The reference's cut of the polygons holds for all.
            posed = Mesh.of_triangles(mesh.vertices, reference.triangles())
            return posed.shape(rest_positions=reference.vertices)


def _require(folder: Path) -> None:
    if not folder.is_dir():
        raise KgError(f"There is no folder {folder}.", "Name yours with --from FOLDER.")
    if not shape_files(folder):
        raise KgError(f"{folder} holds no shapes.", f"Readable: {' '.join(sorted(SUFFIXES))}")


def _is_flat(folder: Path) -> bool:
    return any(path.parent == folder for path in shape_files(folder))


def _family(files: Sequence[Path]) -> _Family | None:
    """Return what the meshes of a folder have in common; None if any two differ in their polygons.

    Most folders are done with after two files.
    """
    first: Mesh | None = None
    energies: dict[Path, float] = {}
    scales: list[float | None] = []
    for file in files:
        try:
            mesh = read_mesh(file)
        except KgError:
            continue  # Loading it will say what is wrong.
        if not np.isfinite(mesh.vertices).all():
            continue  # So it will of this one, by which no other could be measured.
        first = first or mesh
        if not mesh.has_topology_of(first):
            return None
        scales.append(_scale(mesh, first))
        energies[file] = _crowding(mesh.vertices)
    if len(energies) < 2:
        return None
    known = [scale for scale in scales if scale is not None]
    poses = len(known) == len(scales)
    if poses:
        # What is drawn twice as large is no more spread out; what is a little larger is stretched.
        for file, scale in zip(energies, known, strict=True):
            energies[file] *= scale if abs(scale - 1) > STRETCH else 1
    return _Family(min(energies, key=lambda file: energies[file]), poses)


def _scale(mesh: Mesh, first: Mesh) -> float | None:
    """Return how large a mesh is beside another one whose pose it is; None if edges change their lengths."""
    here, there = _edge_lengths(mesh), _edge_lengths(first)
    extended = (here > 0) & (there > 0)
    if not extended.any():
        return None
    ratio = here[extended] / there[extended]
    scale = float(np.median(ratio))
    return scale if (np.abs(ratio / scale - 1) <= STRETCH).mean() >= MOST_EDGES else None


def _edge_lengths(mesh: Mesh) -> NDArray[np.float64]:
    ends = np.cumsum(mesh.sizes)
    following = np.arange(1, len(mesh.corners) + 1)
    following[ends - 1] = ends - mesh.sizes
    steps = mesh.vertices[mesh.corners[following]] - mesh.vertices[mesh.corners]
    lengths: NDArray[np.float64] = np.linalg.norm(steps, axis=1)
    return lengths


@lru_cache(maxsize=1)
def _read_reference(file: Path) -> Mesh:
    """Return the mesh that all of a folder are compared with."""
    return read_mesh(file)


def _crowding(vertices: NDArray[np.float64]) -> float:
    """Return the mean inverse distance of vertices, as of equal charges.

    It is low for cloth spread out, high for cloth folded up, or for a garment lying flat, whose two layers
    could hardly be told apart by where they lie.
    """
    some = vertices[:: 1 + len(vertices) // SOME]
    first, second = np.triu_indices(len(some), 1)
    distances = np.linalg.norm(some[first] - some[second], axis=1)
    # Vertices in one place, as along an open seam, count much but not without end.
    return float((1 / (distances + 1e-3 * distances.max())).mean())
