"""Stanford PLY, as text and as binary of either byte order: vertices and faces, all else passed over.

Read here rather than by plyfile, which takes 6 to 27 times as long for a mesh, and passes over face indices
that are fractions and rows beyond those counted.
"""

import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from kg.data.formats.content import lines_of, read_content, table, whole_numbers
from kg.data.mesh import Indices, Mesh
from kg.errors import KgError

KINDS = {
    "char": "i1", "int8": "i1", "uchar": "u1", "uint8": "u1",
    "short": "i2", "int16": "i2", "ushort": "u2", "uint16": "u2",
    "int": "i4", "int32": "i4", "uint": "u4", "uint32": "u4",
    "float": "f4", "float32": "f4", "double": "f8", "float64": "f8",
}  # fmt: skip
CODES = {"i1": "b", "u1": "B", "i2": "h", "u2": "H", "i4": "i", "u4": "I"}
SIZES = {kind: np.dtype(kind).itemsize for kind in KINDS.values()}
CORNERS = ("vertex_indices", "vertex_index")

Values = NDArray[np.float64]
Column = tuple[Values, Indices]
"""The numbers of a property, row after row, and how many each row has."""


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
    def take(self, element: _Element) -> list[Column]:
        """Return the columns of the next element, whose lists may differ in length."""

    def check_end(self) -> None:
        """Raise KgError where rows are left that nothing declares."""


def read_ply(path: Path) -> Mesh:
    """Read the mesh; without faces it is a cloud.

    Raises:
        KgError: The header is broken, a row of text has more or fewer numbers than it declares, the file
            ends early or goes on, or its surface is stored as strips.
    """
    layout, elements, content = _header(read_content(path))
    names = [element.name for element in elements]
    if "tristrips" in names:
        raise KgError("Its surface is stored as triangle strips.", "Save it with triangles.")
    if double := [name for name in ("vertex", "face") if names.count(name) > 1]:
        raise KgError(f"Its header has two elements '{double[0]}'.")
    if "vertex" not in names:
        raise KgError("It has no vertices.")
    body: _Body = _Text(content) if layout == "ascii" else _Binary(content, layout)
    vertices, corners, sizes = np.empty((0, 3)), np.empty(0, np.int64), np.empty(0, np.int64)
    for element, places in [(element, _places(element)) for element in elements]:
        if not element.count or not element.properties:
            continue
        try:
            columns = body.take(element)
        except _EndsEarlyError:
            raise KgError(f"It ends early, within its {element.count} × '{element.name}'.") from None
        if element.name == "vertex":
            vertices = np.stack([columns[place][0] for place in places], axis=1)
        elif element.name == "face":
            corners, sizes = whole_numbers(columns[places[0]][0], "vertex's number"), columns[places[0]][1]
    body.check_end()
    return Mesh.of_corners(vertices, corners, sizes)


def _header(content: bytes) -> tuple[str, list[_Element], bytes]:
    """Return "ascii" or numpy's byte order, the elements in their order, and what follows the header."""
    if content[:3] != b"ply":
        raise KgError("It does not begin with 'ply'.")
    layout, elements, at = "", list[_Element](), content.find(b"\n") + 1
    while True:
        end = content.find(b"\n", at)
        if end < 0 or not at:
            raise KgError("Its header has no end.")
        line = content[at:end].decode("ascii", errors="replace").strip()
        at = end + 1
        try:
            match line.split():
                case ["end_header"]:
                    break
                case [] | ["comment" | "obj_info", *_]:
                    pass
                case ["format", name, *_] if not layout:
                    layout = {"ascii": "ascii", "binary_little_endian": "<", "binary_big_endian": ">"}[name]
                case ["element", name, count] if int(count) >= 0:
                    elements.append(_Element(name, int(count)))
                case ["property", "list", count_kind, kind, name]:
                    if KINDS[count_kind] not in CODES:
                        raise ValueError(line)
                    elements[-1].properties.append(_Property(name, KINDS[kind], KINDS[count_kind]))
                case ["property", kind, name]:
                    elements[-1].properties.append(_Property(name, KINDS[kind]))
                case _:
                    raise ValueError(line)
        except (KeyError, IndexError, ValueError) as error:
            raise KgError(f"Its header has a line that makes no sense: '{line[:60]}'") from error
    if not layout:
        raise KgError("Its header does not say whether it is text or binary.")
    return layout, elements, content[at:]


def _places(element: _Element) -> list[int]:
    """Return which properties of vertices are x, y and z, and which of faces is their corners."""
    names = [item.name for item in element.properties]
    if twice := [name for name in names if names.count(name) > 1]:
        raise KgError(f"Its header has '{twice[0]}' twice in '{element.name}'.")
    if element.name == "vertex":
        if missing := [axis for axis in "xyz" if axis not in names]:
            raise KgError(f"Its vertices have no '{missing[0]}'.")
        places = [names.index(axis) for axis in "xyz"]
        if any(element.properties[place].count_kind for place in places):
            raise KgError("Its vertices have lists where x, y and z belong.")
        return places
    if element.name == "face":
        name = next((name for name in CORNERS if name in names), None)
        if name is None:
            raise KgError(f"Its faces have no {' or '.join(CORNERS)}.")
        corners = element.properties[names.index(name)]
        if not corners.count_kind or corners.kind not in CODES:
            raise KgError(f"Its faces' {name} are no lists of integers.")
        return [names.index(name)]
    return []


class _Text:
    """One row a line."""

    def __init__(self, body: bytes) -> None:
        self.lines, self.at = lines_of(body), 0

    def take(self, element: _Element) -> list[Column]:
        lines = self.lines[self.at : self.at + element.count]
        if len(lines) < element.count:
            raise _EndsEarlyError
        self.at += element.count
        lists = [bool(item.count_kind) for item in element.properties]
        if not any(lists):
            ones = np.ones(element.count, dtype=np.int64)
            return [(values, ones) for values in table(lines, len(lists)).T]
        return self._even_rows(element, lines) or self._ragged_rows(element, lines)

    def _even_rows(self, element: _Element, lines: list[str]) -> list[Column] | None:
        """Read rows whose lists are all as long as the first row's, at once; None if they are not."""
        lengths = [len(values) for values in _row(element, lines[0])]
        counts = [int(bool(item.count_kind)) for item in element.properties]
        try:
            values = table(lines, sum(lengths) + sum(counts))
        except KgError:
            return None
        columns, at = list[Column](), 0
        for count, length in zip(counts, lengths, strict=True):
            if count and (values[:, at] != length).any():
                return None
            at += count
            columns.append((values[:, at : at + length].reshape(-1), np.full(element.count, length)))
            at += length
        return columns

    def _ragged_rows(self, element: _Element, lines: list[str]) -> list[Column]:
        rows = [_row(element, line) for line in lines]
        return [
            (
                np.array([value for row in rows for value in row[number]]),
                np.array([len(row[number]) for row in rows], dtype=np.int64),
            )
            for number in range(len(element.properties))
        ]

    def check_end(self) -> None:
        if left := len(self.lines) - self.at:
            raise KgError(f"It has {left} rows more than its header declares.")


def _row(element: _Element, line: str) -> list[list[float]]:
    """Return the numbers of each property in a line."""
    try:
        words = list(map(float, line.split()))
        values, at = [], 0
        for item in element.properties:
            length = 1
            if item.count_kind:
                length = int(words[at])
                if length < 0 or length != words[at]:
                    raise ValueError(line)
                at += 1
            values.append(words[at : at + length])
            at += length
    except (ValueError, IndexError, OverflowError) as error:
        raise KgError(f"A row of '{element.name}' makes no sense: '{line[:60]}'") from error
    if at != len(words):
        raise KgError(f"A row of '{element.name}' has {len(words)} numbers, not {at}: '{line[:60]}'")
    return values


class _Binary:
    """One row after the other, of as many bytes as its numbers and lists have."""

    def __init__(self, body: bytes, order: str) -> None:
        self.at, self.body, self.order = 0, body, order

    def take(self, element: _Element) -> list[Column]:
        # A row has a byte or more: no header makes this loop longer than the file.
        if element.count > len(self.body) - self.at:
            raise _EndsEarlyError
        return self._even_rows(element) or self._ragged_rows(element)

    def check_end(self) -> None:
        """Pass over what follows the last row: some programs pad binary files."""

    def _row(self, element: _Element, at: int) -> tuple[list[int], list[int], int]:
        """Return where the numbers of each property of a row begin, how many they are, where the row ends."""
        starts, lengths = [], []
        for item in element.properties:
            length = 1
            if item.count_kind:
                try:
                    (length,) = struct.unpack_from(self.order + CODES[item.count_kind], self.body, at)
                except struct.error:
                    raise _EndsEarlyError from None
                if length < 0:
                    raise KgError(f"A list has {length} numbers.")
                at += SIZES[item.count_kind]
            starts.append(at)
            lengths.append(length)
            at += length * SIZES[item.kind]
        if at > len(self.body):
            raise _EndsEarlyError
        return starts, lengths, at

    def _even_rows(self, element: _Element) -> list[Column] | None:
        """Read rows whose lists are all as long as the first row's, at once; None if they are not."""
        _, lengths, end = self._row(element, self.at)
        if self.at + (end - self.at) * element.count > len(self.body):
            return None
        fields: list[tuple[str, str, tuple[int, ...]]] = []
        for number, (item, length) in enumerate(zip(element.properties, lengths, strict=True)):
            if item.count_kind:
                fields.append((f"n{number}", self.order + item.count_kind, ()))
            fields.append((f"v{number}", self.order + item.kind, (length,)))
        rows = np.frombuffer(self.body, np.dtype(fields), element.count, self.at)
        for number, (item, length) in enumerate(zip(element.properties, lengths, strict=True)):
            if item.count_kind and (rows[f"n{number}"] != length).any():
                return None
        self.at += (end - self.at) * element.count
        return [
            (rows[f"v{number}"].astype(np.float64).reshape(-1), np.full(element.count, length))
            for number, length in enumerate(lengths)
        ]

    def _ragged_rows(self, element: _Element) -> list[Column]:
        """Read rows one by one: where each begins is known when the one before it is."""
        starts = np.empty((element.count, len(element.properties)), dtype=np.int64)
        lengths = np.empty_like(starts)
        for number in range(element.count):
            starts[number], lengths[number], self.at = self._row(element, self.at)
        return [
            (self._gather(item.kind, starts[:, number], lengths[:, number]), lengths[:, number])
            for number, item in enumerate(element.properties)
        ]

    def _gather(self, kind: str, starts: Indices, lengths: Indices) -> Values:
        """Return the numbers that begin at these bytes, so many at each."""
        size = SIZES[kind]
        first = np.cumsum(lengths) - lengths
        places = np.repeat(starts - first * size, lengths) + np.arange(lengths.sum()) * size
        content = np.frombuffer(self.body, np.uint8)[places[:, None] + np.arange(size)]
        values: Values = content.view(self.order + kind)[:, 0].astype(np.float64)
        return values
