"""Geomview OFF, the COFF, NOFF and STOFF variants and ModelNet's joined header among it."""

import re
from pathlib import Path

import numpy as np

from kg.data.mesh import Mesh
from kg.errors import KgError

HEADER = re.compile(r"(ST)?C?N?OFF")


def read_off(path: Path) -> Mesh:
    """Read the mesh; without faces it is a cloud.

    Raises:
        KgError: The header is missing, the file is binary or ends early, or a line is broken.
    """
    lines = _lines(path)
    header = HEADER.match(lines[0]) if lines else None
    if not header:
        raise KgError("It does not begin with OFF.")
    rest = lines[0][header.end() :].strip()
    if rest.startswith("BINARY"):
        raise KgError("Binary OFF is not read.", "Save it as text, or as PLY.")
    # ModelNet writes the counts onto the first line, with no space: OFF123 456 0
    lines = ([rest] if rest else []) + lines[1:]
    try:
        vertex_count, face_count = (int(word) for word in lines[0].split()[:2])
    except (ValueError, IndexError) as error:
        raise KgError("The second line does not count vertices and faces.") from error
    body = lines[1:]
    if len(body) < vertex_count + face_count:
        raise KgError(
            f"It ends early: {len(body)} of {vertex_count} vertices and {face_count} faces are there."
        )
    try:
        vertices = [[float(word) for word in line.split()[:3]] for line in body[:vertex_count]]
        polygons = [_polygon(line) for line in body[vertex_count : vertex_count + face_count]]
        return Mesh.of_polygons(np.array(vertices).reshape(-1, 3), polygons)
    except (ValueError, IndexError) as error:
        raise KgError(f"A vertex or face is broken: {error}") from error


def _polygon(line: str) -> list[int]:
    words = line.split()
    size = int(words[0])
    corners = [int(word) for word in words[1 : 1 + size]]
    if len(corners) < size:
        raise ValueError(f"'{line[:60]}' has fewer corners than it says")
    return corners


def _lines(path: Path) -> list[str]:
    text = path.read_text(encoding="utf-8", errors="replace")
    return [line for raw in text.splitlines() if (line := raw.split("#", 1)[0].strip())]
