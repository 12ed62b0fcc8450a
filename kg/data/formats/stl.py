"""STL, as text and as binary: triangles that share no vertices."""

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kg.data.formats.content import lines_of, read_content, table
from kg.data.mesh import Mesh
from kg.errors import KgError

HEADER = 84
TRIANGLE = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])
TEXT = re.compile(rb"\s*solid\b.*?\b(facet|endsolid)\b", re.IGNORECASE | re.DOTALL)
NAME = 1000
"""Bytes that a text file's name takes at most, before its first triangle."""


def read_stl(path: Path) -> Mesh:
    """Read the triangles; what follows the last of them is passed over.

    Raises:
        KgError: It is neither kind of STL, or ends early.
    """
    content = read_content(path)
    count = int.from_bytes(content[80:HEADER], "little") if len(content) >= HEADER else 0
    whole = HEADER + count * TRIANGLE.itemsize
    # Binary files may begin with "solid" too: their size tells them apart, or that no triangle follows.
    if len(content) != whole and TEXT.match(content[:NAME]):
        corners = _text(content)
    elif count and len(content) >= whole:
        corners = np.frombuffer(content, TRIANGLE, count, HEADER)["corners"].astype(np.float64)
    elif len(content) < HEADER or not count:
        raise KgError("It holds no triangles of STL.")
    else:
        triangles = (len(content) - HEADER) // TRIANGLE.itemsize
        raise KgError(f"It ends early: {triangles} of {count} triangles are there.")
    return Mesh.of_triangles(corners.reshape(-1, 3), np.arange(len(corners) * 3).reshape(-1, 3))


def _text(content: bytes) -> NDArray[np.float64]:
    lines = lines_of(content.rstrip(b"\0\x1a\r\n\t "))
    kinds = [line.split(maxsplit=1)[0].lower() for line in lines]
    if "endsolid" not in kinds or kinds.count("endsolid") < kinds.count("solid"):
        raise KgError("It ends early: its last line is no 'endsolid'.")
    corners = [number for number, kind in enumerate(kinds) if kind == "vertex"]
    facets = kinds.count("facet")
    if not facets:
        raise KgError("It holds no triangles of STL.")
    if len(corners) != 3 * facets or kinds.count("endfacet") != facets:
        raise KgError(f"Its {facets} triangles have {len(corners)} corners, not three each.")
    return table([lines[number][len("vertex") :] for number in corners], 3).reshape(-1, 3, 3)
