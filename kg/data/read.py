"""Files to shapes: clouds and meshes in the formats that people have."""

import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from kg.data.formats.arrays import read_npy, read_npz, read_text
from kg.data.formats.gltf import read_gltf
from kg.data.formats.obj import read_obj
from kg.data.formats.off import read_off
from kg.data.formats.pcd import read_pcd
from kg.data.formats.ply import read_ply
from kg.data.formats.stl import read_stl
from kg.data.mesh import Mesh
from kg.data.shape import Shape
from kg.errors import KgError, printable

READERS: dict[str, Callable[[Path], Mesh]] = {
    ".glb": read_gltf,
    ".gltf": read_gltf,
    ".npy": read_npy,
    ".npz": read_npz,
    ".obj": read_obj,
    ".off": read_off,
    ".pcd": read_pcd,
    ".ply": read_ply,
    ".stl": read_stl,
    ".txt": read_text,
    ".xyz": read_text,
}
SUFFIXES = frozenset(READERS)


def shape_files(folder: Path) -> list[Path]:
    """Return the files in a folder and below it that can be read; hidden ones and folders are left out.

    They are sorted folder by folder, in each by the numbers in their names: 2 before 10, as frames follow
    each other. A .txt counts only where nothing else does: beside meshes it is a licence or a note.
    """
    return without_notes(every_shape_file(folder))


def every_shape_file(folder: Path) -> list[Path]:
    """Return what `shape_files` does, with each .txt: what it is taken for depends on its neighbours."""
    files: list[Path] = []
    folders = [folder]
    while folders:
        # What an entry is comes with its name: on a disk far away to ask of each file takes a while.
        with suppress(OSError), os.scandir(folders.pop()) as entries:
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    folders.append(Path(entry.path))
                elif Path(entry.name).suffix.lower() in SUFFIXES and entry.is_file():
                    files.append(Path(entry.path))
    return sorted(files, key=_natural)


def without_notes(files: Sequence[Path]) -> list[Path]:
    """Return files without those that are .txt, if there are others."""
    return [path for path in files if path.suffix.lower() != ".txt"] or list(files)


def _natural(file: Path) -> tuple[Path, list[int | str], str]:
    """Return what sorts files folder by folder, in one 2 before 10, and shirt before shirt-folded."""
    parts = re.split(r"(\d+)", file.stem)
    return file.parent, [int(part) if part.isdecimal() else part for part in parts], file.suffix


def require_utf8(names: Iterable[str]) -> None:
    """Refuse a name that cannot be stored, before the work rather than after it.

    Raises:
        KgError: A name is not UTF-8.
    """
    for name in names:
        try:
            name.encode()
        except UnicodeEncodeError:
            raise KgError(
                f"The name {os.fsencode(name)!r} is not UTF-8, so it cannot be stored.",
                "Rename the file, or its folder.",
            ) from None


def read_shape(path: Path) -> Shape:
    """Return the cloud or triangle mesh of a file, in its own units; the suffix says what it is.

    A file of vertices without faces is a cloud. Of .txt, .xyz and .npy the first three columns count. Points
    that are NaN or infinite and faces of fewer than three corners are left out; the shape's `notes` say so.

    Raises:
        KgError: There is no such file, its format is unknown, or it is broken: cut short, empty, a row too
            long, a face that points nowhere. The message names the file.
    """
    with naming(path):
        return read_mesh(path).shape()


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Make whatever goes wrong with a file one line that names it, once.

    Raises:
        KgError: Anything was raised, MemoryError included: the file is a stranger's.
    """
    try:
        yield
    except KgError as error:
        if error.message.startswith(printable(str(path))):
            raise
        raise KgError(f"{path}: {error.message}", error.hint) from error
    except Exception as error:
        raise KgError(f"{path} cannot be read: {str(error) or type(error).__name__}") from error


def read_mesh(path: Path) -> Mesh:
    """Return what a file holds, its vertices and polygons in their own order (see `read_shape`).

    Raises:
        KgError: As `read_shape`, except that points may be NaN.
    """
    if not path.is_file():
        kind = "is a folder" if path.is_dir() else "does not exist"
        raise KgError(f"{path} {kind}; a file with a shape is needed.")
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise KgError(f"{path} has no format that is known.", f"Known: {', '.join(sorted(SUFFIXES))}.")
    with naming(path):
        mesh = reader(path)
        if not len(mesh.vertices):
            raise KgError("It holds no points.")
        return mesh
