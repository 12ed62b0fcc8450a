"""A user's own files."""

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, get_args

import numpy as np
from numpy.typing import NDArray

from kg.data import Dataset, Item, Mesh, PrepareOptions, Shape, Split, read_mesh, shape_files
from kg.data.dataset import Access
from kg.data.read import SUFFIXES
from kg.errors import KgError, unknown_name

SOME = 500
"""Vertices among which distances are measured."""


class Folder(Dataset):
    """Any folder of clouds and meshes.

    Where files lie in the folder itself, it is one category, under whatever name the user gives it;
    otherwise each sub-folder is a category. Files further down belong to the category above them, and
    those below a folder `train`, `val` or `test` keep that split (ModelNet's layout).

    An id is the path within the category without its suffix, and every file is an object of its own.
    If all files are meshes with the same polygons, vertex for vertex, they are taken for poses or kin of
    one thing: where a vertex lies on the most spread-out of them is then its material coordinate.
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
        return tuple(child.name for child in sorted(raw.iterdir()) if child.is_dir() and shape_files(child))

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
        files = shape_files(folder)
        reference = _reference(files)
        items: dict[str, Item] = {}
        for file in files:
            place = file.relative_to(folder)
            name = place.with_suffix("").as_posix()
            if name in items:
                raise KgError(
                    f"{folder} holds {name} twice, as {items[name].source[0].name} and {file.name}.",
                    "Keep one of them.",
                )
            split = next((split for split in get_args(Split) if split in place.parts[:-1]), None)
            items[name] = Item(name, object=name, split=split, source=(file, reference))
        return list(items.values())

    def load(self, item: Item) -> Shape:
        """Read one file, with material coordinates if it corresponds to a reference."""
        file: Path
        reference: Mesh | None
        file, reference = item.source
        mesh = read_mesh(file)
        try:
            if reference is not None:
                return Shape(mesh.vertices, reference.triangles(), material=reference.vertices)
            return mesh.shape()
        except KgError as error:
            raise KgError(f"{file}: {error.message}", error.hint) from error


def _require(folder: Path) -> None:
    if not folder.is_dir():
        raise KgError(f"There is no folder {folder}.", "Name yours with --from FOLDER.")
    if not shape_files(folder):
        raise KgError(f"{folder} holds no shapes.", f"Readable: {' '.join(sorted(SUFFIXES))}")


def _is_flat(folder: Path) -> bool:
    return any(path.parent == folder for path in shape_files(folder))


def _reference(files: Sequence[Path]) -> Mesh | None:
    """Return the most spread-out of meshes that have the same polygons; None if any two differ.

    Most folders are done with after two files.
    """
    meshes = 0
    first: Mesh | None = None
    chosen, lowest = None, np.inf
    for file in files:
        try:
            mesh = read_mesh(file)
        except KgError:
            continue  # Loading it will say what is wrong.
        first = first or mesh
        if not mesh.has_topology_of(first):
            return None
        meshes += 1
        energy = _crowding(mesh.vertices)
        if energy < lowest:
            chosen, lowest = mesh, energy
    return chosen if meshes > 1 else None


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
