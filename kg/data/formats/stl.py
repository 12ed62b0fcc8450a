"""STL, as text and as binary: triangles that share no vertices."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kg.data.mesh import Mesh
from kg.errors import KgError

HEADER = 84
TRIANGLE = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])


def read_stl(path: Path) -> Mesh:
    """Read the triangles.

    Raises:
        KgError: It is neither kind of STL, or ends early.
    """
    content = path.read_bytes()
    count = int.from_bytes(content[80:HEADER], "little") if len(content) >= HEADER else 0
    whole = HEADER + count * TRIANGLE.itemsize
    # Binary files may begin with "solid" too: their size tells them apart.
    if content.lstrip().startswith(b"solid") and len(content) != whole:
        corners = _text(content)
    elif count and len(content) >= whole:
        corners = np.frombuffer(content, TRIANGLE, count, HEADER)["corners"].astype(np.float64)
    elif len(content) < HEADER or not count:
        raise KgError("It holds no triangles of STL.")
    else:
        found = (len(content) - HEADER) // TRIANGLE.itemsize
        raise KgError(f"It ends early: {found} of {count} triangles are there.")
    return Mesh.of_triangles(corners.reshape(-1, 3), np.arange(len(corners) * 3).reshape(-1, 3))


def _text(content: bytes) -> NDArray[np.float64]:
    lines = [line.split() for line in content.decode("utf-8", errors="replace").splitlines() if line.strip()]
    if lines[-1][0] != "endsolid":
        raise KgError("It ends early: its last line is no 'endsolid'.")
    try:
        corners = np.array([[float(word) for word in line[1:]] for line in lines if line[0] == "vertex"])
        return corners.reshape(-1, 3, 3)
    except ValueError as error:
        raise KgError(f"A triangle is broken: {error}") from error
