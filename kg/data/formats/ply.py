"""Stanford PLY, as text and as binary of either byte order: vertices and faces, all else passed over."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from kg.data.mesh import Mesh
from kg.errors import KgError

KINDS = {
    "char": "i1", "int8": "i1", "uchar": "u1", "uint8": "u1",
    "short": "i2", "int16": "i2", "ushort": "u2", "uint16": "u2",
    "int": "i4", "int32": "i4", "uint": "u4", "uint32": "u4",
    "float": "f4", "float32": "f4", "double": "f8", "float64": "f8",
}  # fmt: skip
CORNERS = ("vertex_indices", "vertex_index")

Table = NDArray[np.float64]
Indices = NDArray[np.int64]
_NONE: Indices = np.empty(0, dtype=np.int64)


@dataclass
class _Element:
    name: str
    count: int
    properties: list["_Property"] = field(default_factory=list)


@dataclass(frozen=True)
class _Property:
    """A column of numbers, or of lists of numbers where `count_kind` says how their length is stored."""

    name: str
    kind: str
    count_kind: str = ""


class _EndsEarlyError(Exception):
    pass


class _Body(Protocol):
    at: int

    def take(self, kinds: list[str], rows: int) -> Table:
        """Return the next rows of numbers of these kinds, (rows, len(kinds))."""


class _Text:
    def __init__(self, body: bytes) -> None:
        self.at = 0
        try:
            self.values = np.array([float(word) for word in body.split()])
        except ValueError as error:
            raise KgError(f"It holds something other than numbers: {error}") from error

    def take(self, kinds: list[str], rows: int) -> Table:
        end = self.at + rows * len(kinds)
        if end > len(self.values):
            raise _EndsEarlyError
        table = self.values[self.at : end].reshape(rows, len(kinds))
        self.at = end
        return table


class _Binary:
    def __init__(self, body: bytes, order: str) -> None:
        self.at, self.body, self.order = 0, body, order

    def take(self, kinds: list[str], rows: int) -> Table:
        row = np.dtype([(str(number), self.order + kind) for number, kind in enumerate(kinds)])
        end = self.at + rows * row.itemsize
        if end > len(self.body):
            raise _EndsEarlyError
        values = np.frombuffer(self.body, row, rows, self.at)
        self.at = end
        table = np.empty((rows, len(kinds)))
        for number in range(len(kinds)):
            table[:, number] = values[str(number)]
        return table


def read_ply(path: Path) -> Mesh:
    """Read the mesh; without faces it is a cloud.

    Raises:
        KgError: The header is broken, the file ends early, or its surface is stored as strips.
    """
    layout, elements, content = _header(path.read_bytes())
    if any(element.name == "tristrips" for element in elements):
        raise KgError("Its surface is stored as triangle strips.", "Save it with triangles.")
    body: _Body = _Text(content) if layout == "ascii" else _Binary(content, layout)
    vertices, corners, sizes = np.empty((0, 3)), _NONE, _NONE
    for element in elements:
        try:
            if element.name == "vertex":
                vertices = _vertices(element, body)
            elif element.name == "face" and element.count:
                corners, sizes = _faces(element, body)
            else:
                _columns(element, body)
        except _EndsEarlyError:
            raise KgError(f"It ends early, within its {element.count} × '{element.name}'.") from None
    return Mesh(vertices, corners, sizes)


def _header(content: bytes) -> tuple[str, list[_Element], bytes]:
    """Return "ascii" or numpy's byte order, the elements in their order, and what follows the header."""
    if content[:3] != b"ply":
        raise KgError("It does not begin with 'ply'.")
    end = content.find(b"end_header")
    newline = content.find(b"\n", end)
    if end < 0 or newline < 0:
        raise KgError("Its header has no end.")
    layout, elements = "", list[_Element]()
    for line in content[:end].decode("ascii", errors="replace").splitlines()[1:]:
        try:
            match line.split():
                case ["format", name, *_]:
                    layout = {"ascii": "ascii", "binary_little_endian": "<", "binary_big_endian": ">"}[name]
                case ["element", name, count]:
                    elements.append(_Element(name, int(count)))
                case ["property", "list", count_kind, kind, name]:
                    elements[-1].properties.append(_Property(name, KINDS[kind], KINDS[count_kind]))
                case ["property", kind, name]:
                    elements[-1].properties.append(_Property(name, KINDS[kind]))
        except (KeyError, IndexError, ValueError) as error:
            raise KgError(f"Its header has a line that makes no sense: '{line}'") from error
    if not layout:
        raise KgError("Its header does not say whether it is text or binary.")
    return layout, elements, content[newline + 1 :]


def _vertices(element: _Element, body: _Body) -> Table:
    columns = _columns(element, body)
    try:
        return np.stack([columns[axis][0] for axis in "xyz"], axis=1)
    except KeyError as error:
        raise KgError(f"Its vertices have no {error}.") from error


def _faces(element: _Element, body: _Body) -> tuple[Indices, Indices]:
    columns = _columns(element, body)
    name = next((name for name in CORNERS if name in columns), None)
    if name is None:
        raise KgError(f"Its faces have no {' or '.join(CORNERS)}.")
    values, sizes = columns[name]
    return values.astype(np.int64), sizes


def _columns(element: _Element, body: _Body) -> dict[str, tuple[Table, Indices]]:
    """Read all rows of an element: for each property its numbers, row after row, and how many a row has."""
    start = body.at
    columns = _even_rows(element, body) if element.count > 1 else None
    if columns is None:
        body.at = start
        columns = _ragged_rows(element, body)
    return dict(zip((item.name for item in element.properties), columns, strict=True))


def _even_rows(element: _Element, body: _Body) -> list[tuple[Table, Indices]] | None:
    """Read rows whose lists are all as long as the first row's, at once; None if they are not."""
    start = body.at
    lengths = [len(values) for values in _row(element, body)]
    body.at = start
    kinds: list[str] = []
    for item, length in zip(element.properties, lengths, strict=True):
        kinds += ([item.count_kind] if item.count_kind else []) + [item.kind] * length
    try:
        table = body.take(kinds, element.count)
    except _EndsEarlyError:
        return None
    columns, at = [], 0
    for item, length in zip(element.properties, lengths, strict=True):
        if item.count_kind:
            if (table[:, at] != length).any():
                return None
            at += 1
        columns.append((table[:, at : at + length].reshape(-1), np.full(element.count, length)))
        at += length
    return columns


def _ragged_rows(element: _Element, body: _Body) -> list[tuple[Table, Indices]]:
    rows = [_row(element, body) for _ in range(element.count)]
    return [
        (
            np.concatenate([row[number] for row in rows]) if rows else np.empty(0),
            np.array([len(row[number]) for row in rows], dtype=np.int64),
        )
        for number in range(len(element.properties))
    ]


def _row(element: _Element, body: _Body) -> list[Table]:
    values = []
    for item in element.properties:
        length = int(body.take([item.count_kind], 1)[0, 0]) if item.count_kind else 1
        values.append(body.take([item.kind], length)[:, 0])
    return values
