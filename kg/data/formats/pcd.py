"""PCD of the Point Cloud Library: text, binary and compressed."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kg.data.formats.content import check_memory, lines_of, read_content, table
from kg.data.mesh import Mesh
from kg.errors import KgError

KINDS = {("F", 4): "<f4", ("F", 8): "<f8"} | {
    (sign.upper(), size): f"<{sign}{size}" for sign in "iu" for size in (1, 2, 4, 8)
}
DENSEST = 264 / 3
"""LZF makes three bytes of 264 at most."""


@dataclass(frozen=True)
class _Header:
    """Columns as numpy dtypes; one that holds several numbers has a shape."""

    columns: np.dtype[np.void]
    points: int
    organised: bool
    data: str


def read_pcd(path: Path) -> Mesh:
    """Read the cloud.

    Of an organised one (an image of points) the pixels without a measurement, stored as NaN, are left out.

    Raises:
        KgError: The header is broken, or there are fewer points than it says, or more.
    """
    header, body = _header(read_content(path))
    names = header.columns.names or ()
    missing = {"x", "y", "z"} - set(names)
    if missing:
        raise KgError(f"Its points have no {', '.join(sorted(missing))}.")
    if any(_width(header, axis) != 1 for axis in "xyz"):
        raise KgError("Its points have several x, y or z.")
    read = {"ascii": _text, "binary": _binary, "binary_compressed": _compressed}[header.data]
    points = read(header, body)
    if header.organised:
        points = points[np.isfinite(points).all(axis=1)]
    return Mesh.of_cloud(points)


def _header(content: bytes) -> tuple[_Header, bytes]:
    lines: dict[str, list[str]] = {}
    at = 0
    while "DATA" not in lines:
        end = content.find(b"\n", at)
        if end < 0:
            raise KgError("Its header has no DATA line.")
        words = content[at:end].decode("ascii", errors="replace").split()
        if words and not words[0].startswith("#"):
            if words[0] in lines:
                raise KgError(f"Its header has two lines {words[0]}.")
            lines[words[0]] = words[1:]
        at = end + 1
    try:
        names, sizes, types = lines["FIELDS"], lines["SIZE"], lines["TYPE"]
        counts = [int(count) for count in lines.get("COUNT", ["1"] * len(names))]
        if min(counts, default=1) < 1:
            raise KgError(f"A column of its points has COUNT {min(counts)}.")
        fields = [
            # Padding columns are all called "_": numpy wants names that differ.
            (f"_{number}" if name == "_" else name, KINDS[kind, int(size)], (count,))
            for number, (name, size, kind, count) in enumerate(zip(names, sizes, types, counts, strict=True))
        ]
        width, height = int(lines["WIDTH"][0]), int(lines.get("HEIGHT", ["1"])[0])
        points = int(lines.get("POINTS", [str(width * height)])[0])
        data = lines["DATA"][0]
    except (KeyError, ValueError, IndexError) as error:
        raise KgError(f"Its header is broken: {error}") from error
    if data not in ("ascii", "binary", "binary_compressed"):
        raise KgError(f"Its DATA is '{data}', which is not read.")
    if points != width * height or points < 0:
        raise KgError(f"It has {width} × {height} points by its size, and {points} by its count.")
    try:
        columns = np.dtype(fields)
    except (ValueError, OverflowError) as error:
        raise KgError(f"Its header is broken: {error}") from error
    check_memory(points, columns.itemsize)
    return _Header(columns, points, height > 1, data), content[at:]


def _text(header: _Header, body: bytes) -> NDArray[np.float64]:
    names = header.columns.names or ()
    widths = [_width(header, name) for name in names]
    lines = lines_of(body)
    if len(lines) < header.points:
        raise _ends_early(len(lines), header)
    if len(lines) > header.points:
        raise KgError(f"It has {len(lines)} rows, where {header.points} points belong.")
    starts = dict(zip(names, np.cumsum([0, *widths]), strict=False))
    return table(lines, sum(widths))[:, [starts[axis] for axis in "xyz"]]


def _binary(header: _Header, body: bytes) -> NDArray[np.float64]:
    if len(body) < header.points * header.columns.itemsize:
        raise _ends_early(len(body) // header.columns.itemsize, header)
    rows = np.frombuffer(body, header.columns, header.points)
    return np.stack([rows[axis][:, 0] for axis in "xyz"], axis=1).astype(np.float64)


def _compressed(header: _Header, body: bytes) -> NDArray[np.float64]:
    """Read what is stored column after column, LZF-compressed, behind its packed and its full size."""
    packed, full = (int(size) for size in np.frombuffer(body[:8].ljust(8, b"\0"), "<u4"))
    size = header.points * header.columns.itemsize
    if len(body) < 8 + packed:
        raise KgError(f"It ends early: {len(body) - 8} of {packed} compressed bytes are there.")
    if full != size or full > DENSEST * packed:
        raise KgError(f"It claims {full} bytes of points, packed to {packed}, where {size} belong.")
    content = _decompress(body[8 : 8 + packed], full)
    columns, at = {}, 0
    for name in header.columns.names or ():
        column = header.columns[name]
        columns[name] = np.frombuffer(content, column.base, header.points * _width(header, name), at)
        at += header.points * column.itemsize
    return np.stack([columns[axis] for axis in "xyz"], axis=1).astype(np.float64)


def _decompress(packed: bytes, full: int) -> bytes:
    """Undo LZF: runs of literal bytes, and copies from what came before, which may overlap themselves."""
    out = bytearray()
    at = 0
    try:
        while at < len(packed):
            control = packed[at]
            at += 1
            if control < 32:
                out += packed[at : at + control + 1]
                at += control + 1
                continue
            length = control >> 5
            if length == 7:
                length += packed[at]
                at += 1
            distance = ((control & 31) << 8) + packed[at] + 1
            at += 1
            if distance > len(out) or len(out) > full:
                break
            first = len(out) - distance
            piece = out[first : first + length + 2]
            out += (piece * (1 + (length + 2) // len(piece)))[: length + 2]
    except IndexError:
        pass
    if len(out) != full:
        raise KgError("Its compressed data are broken.")
    return bytes(out)


def _width(header: _Header, name: str) -> int:
    shape: tuple[int, ...] = header.columns[name].shape
    return shape[0]


def _ends_early(present: int, header: _Header) -> KgError:
    return KgError(f"It ends early: {present} of {header.points} points are there.")
