"""A user's own files."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import ClassVar, get_args

from kg.data import Dataset, Fetch, Item, Mesh, PrepareOptions, Shape, Split, read_mesh, shape_files
from kg.data.dataset import Access
from kg.data.read import SUFFIXES
from kg.errors import KgError, unknown_name


class Folder(Dataset):
    """Any folder of clouds and meshes.

    Where files lie in the folder itself, it is one category, under whatever name the user gives it;
    otherwise each sub-folder is a category. Files further down belong to the category above them, and
    those below a folder `train`, `val` or `test` keep that split (ModelNet's layout).

    An id is the path within the category without its suffix, and every file is an object of its own.
    Meshes with the polygons of the category's first mesh, vertex for vertex, are taken for poses or kin of
    it: where each vertex lies on that first mesh is then their material coordinate. They count where all
    files of the category have them.
    """

    name = "folder"
    title = "Your own clouds and meshes"
    licence = "Your own"
    access: ClassVar[Access] = "in place"

    def fetch(self, request: Fetch) -> None:
        """Say that there is nothing to fetch.

        Raises:
            KgError: Always.
        """
        raise KgError("Your own files need no fetching.", "Use them: kg prepare folder --from FOLDER")

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
            reference = files[0] if len(files) > 1 else None
            items[name] = Item(name, object=name, split=split, source=(file, reference))
        return list(items.values())

    def load(self, item: Item) -> Shape:
        """Read one file, with material coordinates if it has the polygons of the category's first mesh."""
        file, reference = item.source
        mesh = read_mesh(file)
        try:
            first = _read_reference(reference, reference.stat().st_mtime_ns) if reference else None
            if first and mesh.has_topology_of(first):
                return Shape(mesh.vertices, first.triangles(), material=first.vertices)
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


@lru_cache(maxsize=1)
def _read_reference(path: Path, _changed: int) -> Mesh | None:
    """Return the first mesh of a category; None if it is broken, which loading it for itself will say."""
    try:
        return read_mesh(path)
    except KgError:
        return None
