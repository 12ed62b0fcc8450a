"""Arrays of points: .npy, .npz, and lines of numbers (.txt, .xyz)."""

import re
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from kg.data.fetching.archive import MAX_RATIO, SMALL
from kg.data.formats.content import DECIMAL_COMMA, check_memory, read_content, read_lines, table
from kg.data.mesh import Mesh
from kg.errors import KgError

ARRAY, ZIP = b"\x93NUMPY", b"PK\x03\x04"


def read_npy(path: Path) -> Mesh:
    """Read points (N, 3 or more); further columns are passed over. The content tells .npy from .npz.

    Raises:
        KgError: The array has another shape, holds no real numbers, or is too large.
    """
    with path.open("rb") as file:
        begin = file.read(len(ARRAY))
        if begin.startswith(ZIP):
            return read_npz(path)
        if begin != ARRAY:
            read_content(path)
            raise KgError("It is no array of numpy.")
        file.seek(0)
        return Mesh.of_cloud(_points(_array(file, path.stat().st_size)))


def read_npz(path: Path) -> Mesh:
    """Read `points`, or `vertices` with `faces` (F, 3), or the only array there is.

    Raises:
        KgError: None of them is there, or an array has another shape or is too large.
    """
    with path.open("rb") as file:
        begin = file.read(len(ARRAY))
    if begin == ARRAY:
        return read_npy(path)
    if not begin.startswith(ZIP):
        read_content(path)
        raise KgError("It is no archive of numpy arrays.")
    with zipfile.ZipFile(path) as archive:
        entries = {entry.filename.removesuffix(".npy"): entry for entry in archive.infolist()}
        named = next((name for name in ("points", "vertices") if name in entries), None)
        if named is None and len(entries) != 1:
            raise KgError(f"It holds {_listed(entries)}, but no 'points' or 'vertices'.")
        first, *_ = entries
        points = _points(_entry(archive, entries[named or first]))
        if named != "vertices" or "faces" not in entries:
            return Mesh.of_cloud(points)
        faces = _entry(archive, entries["faces"])
        if faces.ndim != 2 or faces.shape[1] != 3 or faces.dtype.kind not in "iu":
            raise KgError(f"Its faces are {faces.dtype} {faces.shape}, not integers (F, 3).")
        if faces.dtype.kind == "u" and faces.size and faces.max() >= len(points):
            raise KgError(f"A face points at vertex {faces.max()} (counted from 0), there are {len(points)}.")
        return Mesh.of_triangles(points, faces.astype(np.int64))


def refuse_bomb(path: Path) -> None:
    """Refuse an .npz or a checkpoint that unpacks to far more than it is, before anything is unpacked.

    Raises:
        KgError: It does, or it is encrypted. The message does not name the file.
        zipfile.BadZipFile: It is no archive.
    """
    with zipfile.ZipFile(path) as archive:
        for entry in archive.infolist():
            if entry.flag_bits & 1:
                raise KgError(f"{entry.filename} is encrypted.")
            if entry.file_size > max(SMALL, MAX_RATIO * entry.compress_size):
                raise KgError(
                    f"{entry.filename} claims to unpack from {entry.compress_size} bytes "
                    f"to {entry.file_size}."
                )


def _listed(names: "Sequence[str] | dict[str, Any]") -> str:
    some = list(names)[:8]
    return (", ".join(some) + (", ..." if len(names) > len(some) else "")) or "nothing"


def _entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> NDArray[Any]:
    """Read one array; what it unpacks to is bounded before it is unpacked."""
    if entry.flag_bits & 1:
        raise KgError(f"{entry.filename} is encrypted.")
    check_memory(entry.file_size, 1)
    with archive.open(entry) as file:
        return _array(file, entry.file_size)


def _array(file: IO[bytes], size: int) -> NDArray[Any]:
    """Read an array from a file of `size` bytes; a pickled one, or one larger than the file, is refused."""
    version = npy.read_magic(file)
    if version not in ((1, 0), (2, 0), (3, 0)):
        raise KgError(f"It has version {version[0]} of numpy's format, which is not known.")
    # Version 3 differs from 2 in names of fields alone, which points have not.
    read_header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, fortran, kind = read_header(file)
    if kind.hasobject:
        raise KgError("It holds Python objects, which are not read.", "Save numbers (N, 3).")
    count = 1
    for extent in shape:
        count *= int(extent)
    if count < 0 or count * kind.itemsize > size:
        raise KgError(f"It ends early: it claims {kind} {shape}, and has {size} bytes.")
    check_memory(count, kind.itemsize)
    content = file.read(count * kind.itemsize)
    if len(content) < count * kind.itemsize:
        raise KgError("It ends early.")
    if not kind.itemsize:
        raise KgError(f"It holds {kind} {shape}, not numbers (N, 3).")
    return np.frombuffer(content, kind).reshape(shape, order="F" if fortran else "C")


def read_text(path: Path) -> Mesh:
    """Read one point a line, x y z and what else there is.

    Numbers are parted by white space, commas or semicolons. Before them there may be a line that names the
    columns, and one that counts the points. A comma is a decimal comma where every number of a line has
    its own.

    Raises:
        KgError: A line is no point, the lines differ in length, or their count is wrong.
    """
    lines = [line for line in read_lines(path) if not line.startswith("//")]
    if lines and _is_header(lines[0]):
        lines = lines[1:]
    counted = int(lines[0]) if lines and lines[0].isdecimal() and len(lines[0]) < 12 else None
    if counted is not None:
        lines = lines[1:]
        if lines and _is_header(lines[0]):
            lines = lines[1:]
        if len(lines) != counted:
            raise KgError(f"It counts {counted} points, and has {len(lines)}.")
    if not lines:
        raise KgError("It holds no points.")
    try:
        return Mesh.of_cloud(_points(table(_parted(lines))))
    except KgError as error:
        raise KgError(f"It is no list of points. {error.message}", error.hint) from error


def _is_header(line: str) -> bool:
    """Whether a line names columns: it has no number."""
    return not any(map(_is_number, re.split(r"[\s,;]+", line)))


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def _parted(lines: list[str]) -> list[str]:
    """Return lines of numbers with points in them, parted by white space."""
    if ";" in lines[0]:
        lines = [line.replace(";", " ") for line in lines]
        has_points = any("." in line for line in lines)
        return lines if has_points else [line.replace(",", ".") for line in lines]
    if any("," in line and _has_decimal_commas(line) for line in lines):
        # A comma that ends a word parts, one within it is decimal: 0,1, 0,2, 0,3
        return [re.sub(r",(?!\d)", " ", line).replace(",", ".") for line in lines]
    return [line.replace(",", " ") for line in lines]


def _has_decimal_commas(line: str) -> bool:
    words = [word.rstrip(",") for word in line.split()]
    return len(words) >= 3 and any(map(DECIMAL_COMMA.fullmatch, words))


def _points(array: NDArray[Any]) -> NDArray[np.float64]:
    if array.ndim != 2 or array.shape[1] < 3 or array.dtype.kind not in "fiu":
        raise KgError(f"It holds {array.dtype} {array.shape}, not numbers (N, 3).")
    return array[:, :3].astype(np.float64)
