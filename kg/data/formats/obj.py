"""Wavefront OBJ: vertices and polygons; textures, normals, rests and groups are passed over."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from kg.data.mesh import Mesh
from kg.errors import KgError


def read_obj(path: Path) -> Mesh:
    """Read every object of the file as one mesh; without faces it is a cloud.

    Raises:
        KgError: A line is no vertex or face.
    """
    vertices: list[list[float]] = []
    polygons: list[list[int]] = []
    for number, line in _lines(path):
        kind, *words = line.split()
        try:
            if kind == "v":
                x, y, z = words[:3]
                vertices.append([float(x), float(y), float(z)])
            elif kind == "f":
                polygons.append([_vertex(word, len(vertices)) for word in words])
        except ValueError as error:
            raise KgError(f"Line {number} is no vertex or face: '{line[:60]}'") from error
    return Mesh.of_polygons(np.array(vertices).reshape(-1, 3), polygons)


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yield (number, text) of the lines that say something; a backslash continues a line."""
    begun = ""
    with path.open(encoding="utf-8", errors="replace") as file:
        for number, raw in enumerate(file, start=1):
            line = begun + raw.strip()
            if line.endswith("\\"):
                begun = line[:-1] + " "
                continue
            begun = ""
            if line:
                yield number, line


def _vertex(word: str, read: int) -> int:
    """Return the index, from 0, of a corner "vertex/texture/normal"; negative ones count from the end."""
    index = int(word.split("/", 1)[0])
    if index == 0:
        raise ValueError("vertices are counted from 1")
    return index - 1 if index > 0 else read + index
