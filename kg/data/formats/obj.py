"""Wavefront OBJ: vertices and polygons; textures, normals, rests and groups are passed over."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from kg.data.formats.content import comma_hint, read_content
from kg.data.mesh import Mesh
from kg.errors import KgError

FURTHEST = 2**31
"""Vertices are counted up to here."""


def read_obj(path: Path) -> Mesh:
    """Read every object of the file as one mesh; without faces it is a cloud.

    Raises:
        KgError: A line is no vertex or face.
    """
    vertices: list[list[float]] = []
    polygons: list[list[int]] = []
    for number, line in _lines(read_content(path)):
        kind, *words = line.split()
        try:
            if kind == "v":
                x, y, z = words[:3]
                vertices.append([_number(x), _number(y), _number(z)])
            elif kind == "f":
                polygons.append([_vertex(word, len(vertices)) for word in words])
        except ValueError as error:
            hint = next(filter(None, map(comma_hint, words)), "")
            raise KgError(f"Line {number} is no vertex or face: '{line[:60]}'", hint) from error
    return Mesh.of_polygons(np.array(vertices).reshape(-1, 3), polygons)


def _lines(content: bytes) -> Iterator[tuple[int, str]]:
    """Yield (number, text) of the lines that say something; a backslash continues a line."""
    if b"\0" in content:
        raise KgError("It is no text: it holds zero bytes.")
    begun: list[str] = []
    for number, raw in enumerate(content.decode("utf-8", errors="replace").split("\n"), start=1):
        line = raw.split("#", 1)[0].strip()
        if line.endswith("\\"):
            begun.append(line[:-1])
            continue
        line = " ".join([*begun, line]).strip()
        begun = []
        if line:
            yield number, line


def _number(word: str) -> float:
    # Python takes 1_000 for a number; no file means it so.
    if "_" in word:
        raise ValueError(word)
    return float(word)


def _vertex(word: str, read: int) -> int:
    """Return the index, from 0, of a corner "vertex/texture/normal"; negative ones count from the end."""
    word = word.split("/", 1)[0]
    index = int(word)
    if index == 0 or abs(index) > FURTHEST or "_" in word:
        raise ValueError("vertices are counted from 1")
    return index - 1 if index > 0 else read + index
