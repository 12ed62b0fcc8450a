"""glTF 2.0, as .glb and as .gltf: all objects of the scene as one mesh, each moved to its place.

Read here rather than by VTK: its reader crashes on a wrong count, mode or child, and takes coordinates from
beyond a buffer's end. What would have to be checked first is all that there is to read.
"""

import base64
import json
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote

import numpy as np
from numpy.typing import NDArray

from kg.data.formats.content import check_memory, read_content
from kg.data.mesh import Indices, Mesh, Points
from kg.errors import KgError

KINDS = {5120: "<i1", 5121: "<u1", 5122: "<i2", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
WIDTHS = {"SCALAR": 1, "VEC3": 3}
POINTS, TRIANGLES, STRIP, FAN = 0, 4, 5, 6
COMPRESSED = ("KHR_draco_mesh_compression", "EXT_meshopt_compression")


def read_gltf(path: Path) -> Mesh:
    """Read the triangles; a scene of points alone is a cloud.

    Skins and morph targets are passed over: what moves is read at rest.

    Raises:
        KgError: It is broken, is compressed, or holds neither triangles nor points.
    """
    content = read_content(path)
    if content[:4] == b"glTF":
        text, binary = _chunks(content)
    else:
        text, binary = content, None
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise KgError(f"It holds no JSON: {error}") from error
    if not isinstance(document, dict) or not isinstance(document.get("asset"), dict):
        raise KgError("It is no glTF: it has no 'asset'.")
    if not str(document["asset"].get("version", "")).startswith("2"):
        raise KgError("It is no glTF 2.", "Save it again as glTF 2.")
    if used := [name for name in COMPRESSED if name in document.get("extensionsRequired", ())]:
        raise KgError(f"It is compressed by {used[0]}, which is not read.", "Save it uncompressed.")
    try:
        return _scene(_File(document, path.parent, binary))
    except (TypeError, ValueError, KeyError, AttributeError, OverflowError) as error:
        raise KgError(f"Its JSON is broken: {type(error).__name__} {error}") from error


def _chunks(content: bytes) -> tuple[bytes, bytes | None]:
    """Return the JSON and the binary buffer of a .glb."""
    version, length = (int(number) for number in np.frombuffer(content[4:12].ljust(8, b"\0"), "<u4"))
    if version != 2:
        raise KgError(f"It is binary glTF {version}, not 2.", "Save it again as glTF 2.")
    if len(content) < length:
        raise KgError(f"It ends early: {len(content)} of {length} bytes are there.")
    chunks: dict[bytes, bytes] = {}
    at = 12
    while at + 8 <= length:
        size, kind = int.from_bytes(content[at : at + 4], "little"), content[at + 4 : at + 8]
        if at + 8 + size > length:
            raise KgError("It ends early, within a chunk.")
        chunks.setdefault(kind, content[at + 8 : at + 8 + size])
        at += 8 + size
    if b"JSON" not in chunks:
        raise KgError("It holds no JSON.")
    return chunks[b"JSON"], chunks.get(b"BIN\0")


class _File:
    """A glTF document and its buffers; everything that it points at is checked to be there."""

    def __init__(self, document: dict[str, Any], folder: Path, binary: bytes | None) -> None:
        self.document, self._folder, self._binary = document, folder, binary
        self._buffers: dict[int, bytes] = {}

    def entry(self, kind: str, index: object) -> dict[str, Any]:
        """Return entry `index` of a list of the document."""
        entries: Any = self.document.get(kind, [])
        number = _count(index)
        if not isinstance(entries, list) or number >= len(entries) or not isinstance(entries[number], dict):
            raise KgError(f"It points at {kind}[{number}], which is not there.")
        entry: dict[str, Any] = entries[number]
        return entry

    def array(self, index: object, form: str) -> NDArray[Any]:
        """Return an accessor's values (n, width), as stored or, if they are to be normalised, as float64."""
        accessor = self.entry("accessors", index)
        if accessor.get("type") != form or accessor.get("componentType") not in KINDS:
            raise KgError(f"accessors[{index}] is no {form} of numbers.")
        if "sparse" in accessor or "bufferView" not in accessor:
            raise KgError(f"accessors[{index}] is sparse, which is not read.", "Save it without.")
        kind, width, count = (
            np.dtype(KINDS[accessor["componentType"]]),
            WIDTHS[form],
            _count(accessor["count"]),
        )
        view = self.entry("bufferViews", accessor["bufferView"])
        size = kind.itemsize * width
        stride = _count(view.get("byteStride", size))
        start = _count(view.get("byteOffset", 0))
        content = self._buffer(_count(view["buffer"]))[start : start + _count(view["byteLength"])]
        at = _count(accessor.get("byteOffset", 0))
        if stride < size or (count and at + stride * (count - 1) + size > len(content)):
            raise KgError(f"accessors[{index}] reaches beyond its buffer.")
        values = (
            np.ndarray((count, width), kind, content, at, (stride, kind.itemsize))
            if count
            else np.empty((0, width), kind)
        )
        if accessor.get("normalized") and kind.kind != "f":
            return np.maximum(values / float(np.iinfo(kind).max), -1.0)
        return values

    def _buffer(self, index: int) -> bytes:
        if index not in self._buffers:
            buffer = self.entry("buffers", index)
            content = self._load(buffer.get("uri"))
            if len(content) < _count(buffer["byteLength"]):
                raise KgError(
                    f"It ends early: buffers[{index}] has {len(content)} of {buffer['byteLength']} bytes."
                )
            self._buffers[index] = content
        return self._buffers[index]

    def _load(self, uri: object) -> bytes:
        if uri is None:
            if self._binary is None:
                raise KgError("Its buffer is nowhere.")
            return self._binary
        if not isinstance(uri, str):
            raise KgError("Its buffer has no address.")
        if uri.startswith("data:"):
            return base64.b64decode(uri.partition(",")[2], validate=True)
        # A file from a stranger must not read other files than its own.
        place = PurePosixPath(unquote(uri))
        if place.is_absolute() or ".." in place.parts or any(mark in str(place) for mark in ":\\\0"):
            raise KgError(f"Its buffer '{uri[:60]}' is no file beside or below it.")
        file = self._folder / place
        if not file.is_file() or not file.resolve().is_relative_to(self._folder.resolve()):
            raise KgError(f"Its buffer {place} is missing.")
        return read_content(file)


def _count(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise KgError(f"'{str(value)[:30]}' stands where a count or a number of an entry belongs.")
    return value


def _scene(file: _File) -> Mesh:
    vertices, faces, clouds = list[Points](), list[Indices](), list[Points]()
    held = 0
    lines = False
    for mesh, place in _placed(file):
        for primitive in file.entry("meshes", mesh)["primitives"]:
            mode = primitive.get("mode", TRIANGLES)
            if mode not in (POINTS, TRIANGLES, STRIP, FAN):
                lines = True
                continue
            points = file.array(primitive["attributes"]["POSITION"], "VEC3")
            # A scene can show one mesh again and again.
            held += len(points)
            check_memory(held, 24)
            points = points.astype(np.float64) @ place[:3, :3].T + place[:3, 3]
            if mode == POINTS:
                clouds.append(points)
                continue
            corners = file.array(primitive["indices"], "SCALAR")[:, 0] if "indices" in primitive else None
            triangles = _triangles(mode, corners, len(points))
            held += len(triangles)
            faces.append(triangles + sum(map(len, vertices)))
            vertices.append(points)
    if faces:
        return Mesh.of_triangles(np.concatenate(vertices), np.concatenate(faces))
    if clouds:
        return Mesh.of_cloud(np.concatenate(clouds))
    raise KgError("It holds lines, but neither triangles nor points." if lines else "It holds no meshes.")


def _placed(file: _File) -> Iterator[tuple[object, Points]]:
    """Yield the meshes of the scene with the matrix (4, 4) that moves each to its place."""
    nodes = file.document.get("nodes", [])
    if file.document.get("scenes"):
        roots = file.entry("scenes", file.document.get("scene", 0)).get("nodes", [])
    else:
        children = {child for node in nodes for child in node.get("children", [])}
        roots = [number for number in range(len(nodes)) if number not in children]
    if not nodes:
        for mesh in range(len(file.document.get("meshes", []))):
            yield mesh, np.eye(4)
    left = [(root, np.eye(4)) for root in roots]
    seen = set[int]()
    while left:
        number, above = left.pop()
        node = file.entry("nodes", number)
        if number in seen:
            raise KgError(f"nodes[{number}] hangs below two others, or below itself.")
        seen.add(number)
        place = above @ _matrix(node)
        if "mesh" in node:
            # What has a skin lies where its bones are, whatever its node says; at rest, where it was made.
            yield node["mesh"], np.eye(4) if "skin" in node else place
        left += [(child, place) for child in reversed(node.get("children", []))]


def _matrix(node: dict[str, Any]) -> Points:
    """Return the matrix (4, 4) of a node: as it is, or scale, then rotation, then translation."""
    if "matrix" in node:
        return np.array(node["matrix"], dtype=np.float64).reshape(4, 4).T
    made = np.eye(4)
    x, y, z, w = np.array(node.get("rotation", [0, 0, 0, 1]), dtype=np.float64)
    rotation = np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )
    made[:3, :3] = rotation * np.array(node.get("scale", [1, 1, 1]), dtype=np.float64).reshape(3)
    made[:3, 3] = np.array(node.get("translation", [0, 0, 0]), dtype=np.float64).reshape(3)
    return made


def _triangles(mode: int, indices: NDArray[Any] | None, count: int) -> Indices:
    """Return the triangles (F, 3) of a list, strip or fan; without indices of all vertices."""
    corners = np.arange(count) if indices is None else indices
    if corners.dtype.kind not in "iu":
        raise KgError("Its indices are no integers.")
    corners = corners.astype(np.int64)
    outside = corners[(corners < 0) | (corners >= count)]
    if len(outside):
        raise KgError(f"A face points at vertex {outside[0]} (counted from 0), there are {count}.")
    if mode == TRIANGLES:
        if len(corners) % 3:
            raise KgError(f"Its triangles have {len(corners)} corners, not three each.")
        return corners.reshape(-1, 3)
    if mode == FAN:
        return np.stack(
            [
                np.full(max(len(corners) - 2, 0), corners[0] if len(corners) else 0),
                corners[1:-1],
                corners[2:],
            ],
            axis=1,
        )
    strip = np.stack([corners[:-2], corners[1:-1], corners[2:]], axis=1)
    # Every other triangle of a strip faces the other way.
    strip[1::2] = strip[1::2][:, [1, 0, 2]]
    return strip
