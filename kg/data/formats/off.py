"""Geomview OFF, the COFF, NOFF and STOFF variants and ModelNet's joined header among it."""

import re
from pathlib import Path

import numpy as np

from kg.data.formats.content import comma_hint, lines_of, read_content
from kg.data.mesh import Mesh
from kg.errors import KgError

HEADER = re.compile(r"(ST)?C?N?OFF")


def read_off(path: Path) -> Mesh:
    """Read the mesh; without faces it is a cloud.

    Raises:
        KgError: The header is missing, the file is binary, ends early or has more than it counts, or a line
            is broken.
    """
    content = read_content(path)
    if re.match(rb"\s*\w*OFF\s+BINARY", content):
        raise KgError("Binary OFF is not read.", "Save it as text, or as PLY.")
    lines = lines_of(content, comment="#")
    header = HEADER.match(lines[0]) if lines else None
    if not header:
        raise KgError("It does not begin with OFF.")
    rest = lines[0][header.end() :].strip()
    # ModelNet writes the counts onto the first line, with no space: OFF123 456 0
    lines = ([rest] if rest else []) + lines[1:]
    try:
        vertex_count, face_count = (int(word) for word in lines[0].split()[:2])
        if vertex_count < 0 or face_count < 0:
            raise ValueError(lines[0])
    except (ValueError, IndexError) as error:
        raise KgError("The second line does not count vertices and faces.") from error
    body = lines[1:]
    if len(body) < vertex_count + face_count:
        raise KgError(
            f"It ends early: {len(body)} of {vertex_count} vertices and {face_count} faces are there."
        )
    if len(body) > vertex_count + face_count:
        raise KgError(
            f"It has {len(body)} lines, where {vertex_count} vertices and {face_count} faces belong."
        )
    vertices = [_vertex(line) for line in body[:vertex_count]]
    polygons = [_polygon(line) for line in body[vertex_count:]]
    return Mesh.of_polygons(np.array(vertices).reshape(-1, 3), polygons)


def _vertex(line: str) -> list[float]:
    words = line.split()
    try:
        x, y, z = words[:3]
        return [float(x), float(y), float(z)]
    except ValueError as error:
        hint = next(filter(None, map(comma_hint, words)), "")
        raise KgError(f"A vertex is broken: '{line[:60]}'", hint) from error


def _polygon(line: str) -> list[int]:
    words = line.split()
    try:
        size = int(words[0])
        corners = [int(word) for word in words[1 : 1 + size]]
        if size < 0:
            raise ValueError(line)
    except ValueError as error:
        raise KgError(f"A face is broken: '{line[:60]}'") from error
    if len(corners) < size:
        raise KgError(f"A face is broken: '{line[:60]}' has fewer corners than it says.")
    return corners
