import base64
import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kg.data.formats import content
from kg.data.mesh import Mesh
from kg.data.read import read_mesh
from kg.errors import KgError

CORNERS = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]], "<f4")
FACES = np.array([0, 1, 2, 0, 2, 3], "<u2")


def document(buffer: bytes = CORNERS.tobytes() + FACES.tobytes()) -> dict[str, Any]:
    return {
        "asset": {"version": "2.0"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0}],
        "meshes": [{"primitives": [{"attributes": {"POSITION": 0}, "indices": 1}]}],
        "accessors": [
            {"bufferView": 0, "componentType": 5126, "count": 4, "type": "VEC3"},
            {"bufferView": 1, "componentType": 5123, "count": 6, "type": "SCALAR"},
        ],
        "bufferViews": [
            {"buffer": 0, "byteLength": 48},
            {"buffer": 0, "byteOffset": 48, "byteLength": 12},
        ],
        "buffers": [{"byteLength": 60, "uri": "data:;base64," + base64.b64encode(buffer).decode()}],
    }


def read(tmp_path: Path, made: Any) -> Mesh:
    file = tmp_path / "a.gltf"
    file.write_text(json.dumps(made))
    return read_mesh(file)


def test_gltf_with_its_buffer_inside_beside_and_behind(tmp_path: Path) -> None:
    stored = CORNERS.tobytes() + FACES.tobytes()
    made = document()
    meshes = [read(tmp_path, made)]
    (tmp_path / "my buffer.bin").write_bytes(stored)
    made["buffers"][0]["uri"] = "my%20buffer.bin"
    meshes.append(read(tmp_path, made))
    del made["buffers"][0]["uri"]
    text = json.dumps(made).encode()
    text += b" " * (-len(text) % 4)
    chunks = struct.pack("<I4s", len(text), b"JSON") + text + struct.pack("<I4s", 60, b"BIN\0") + stored
    (tmp_path / "a.glb").write_bytes(b"glTF" + struct.pack("<II", 2, 12 + len(chunks)) + chunks)
    meshes.append(read_mesh(tmp_path / "a.glb"))
    for mesh in meshes:
        assert mesh.vertices.tolist() == CORNERS.tolist()
        assert mesh.triangles().tolist() == FACES.reshape(-1, 3).tolist()


def test_equals_vtk(tmp_path: Path) -> None:
    """Nodes below nodes, by matrix and by rotation, scale and translation."""
    geometry = pytest.importorskip("vtkmodules.vtkIOGeometry")
    from vtkmodules.util.numpy_support import vtk_to_numpy

    made = document()
    rotation = np.array([0.1, -0.4, 0.3, 0.8])
    matrix = np.eye(4)
    matrix[:3] = np.random.default_rng(0).normal(size=(3, 4))
    made["nodes"] = [
        {"children": [1, 2], "matrix": matrix.T.ravel().tolist()},
        {
            "mesh": 0,
            "translation": [1, 2, 3],
            "rotation": (rotation / np.linalg.norm(rotation)).tolist(),
            "scale": [1, 2, -0.5],
        },
        {"mesh": 0, "scale": [3, 3, 3]},
    ]
    mesh = read(tmp_path, made)
    reader = geometry.vtkGLTFReader()
    reader.SetFileName(str(tmp_path / "a.gltf"))
    reader.Update()
    blocks = reader.GetOutput().NewIterator()
    expected = []
    while not blocks.IsDoneWithTraversal():
        expected.append(vtk_to_numpy(blocks.GetCurrentDataObject().GetPoints().GetData()))
        blocks.GoToNextItem()
    np.testing.assert_allclose(mesh.vertices, np.concatenate(expected), atol=1e-5)


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        (4, [[0, 1, 2], [0, 2, 3]]),
        (5, [[0, 1, 2], [2, 1, 0], [2, 0, 2], [2, 0, 3]]),
        (6, [[0, 1, 2], [0, 2, 0], [0, 0, 2], [0, 2, 3]]),
    ],
)
def test_lists_strips_and_fans(tmp_path: Path, mode: int, expected: list[list[int]]) -> None:
    made = document()
    made["meshes"][0]["primitives"][0]["mode"] = mode
    found = read(tmp_path, made).triangles()
    turns = [[face, face[1:] + face[:1], face[2:] + face[:2]] for face in found.tolist()]
    assert all(face in same for face, same in zip(expected, turns, strict=True))


def test_points_are_a_cloud_and_lines_are_nothing(tmp_path: Path) -> None:
    made = document()
    first = made["meshes"][0]["primitives"][0]
    first["mode"] = 0
    assert read(tmp_path, made).is_cloud
    first["mode"] = 1
    with pytest.raises(KgError, match="lines"):
        read(tmp_path, made)
    made["meshes"][0]["primitives"].append({"attributes": {"POSITION": 0}, "indices": 1})
    assert len(read(tmp_path, made).sizes) == 2


def test_integers_that_stand_for_fractions(tmp_path: Path) -> None:
    buffer = np.array([[0, 0, 0], [32767, 0, 0], [0, -32768, 0]], "<i2").tobytes() + bytes(42)
    made = document(buffer)
    made["accessors"][0] |= {"componentType": 5122, "count": 3, "normalized": True}
    made["accessors"][1] |= {"count": 3}
    assert read(tmp_path, made).vertices.tolist() == [[0, 0, 0], [1, 0, 0], [0, -1, 0]]


def test_rows_apart_in_their_buffer(tmp_path: Path) -> None:
    rows = np.zeros((4, 5), "<f4")
    rows[:, 1:4] = CORNERS
    made = document(rows.tobytes())
    made["bufferViews"][0] |= {"byteLength": 80, "byteStride": 20}
    made["accessors"][0]["byteOffset"] = 4
    made["buffers"][0]["byteLength"] = 80
    del made["meshes"][0]["primitives"][0]["indices"]
    made["meshes"][0]["primitives"][0]["mode"] = 6
    assert read(tmp_path, made).vertices.tolist() == CORNERS.tolist()


def path(*keys: str | int) -> Callable[[Any, Any], None]:
    def change(made: Any, value: Any) -> None:
        for key in keys[:-1]:
            made = made[key]
        made[keys[-1]] = value

    return change


PRIMITIVE = ("meshes", 0, "primitives", 0)


@pytest.mark.parametrize(
    ("change", "value", "problem"),
    [
        (path("accessors", 0, "count"), 10**9, "beyond its buffer"),
        (path("accessors", 0, "count"), -1, "count"),
        (path("accessors", 0, "count"), 1.5, "count"),
        (path("accessors", 0, "count"), True, "count"),
        (path("accessors", 0, "componentType"), 0, "no VEC3"),
        (path("accessors", 0, "byteOffset"), 10**9, "beyond its buffer"),
        (path("accessors", 0, "bufferView"), 9, "not there"),
        (path("accessors", 0, "sparse"), {}, "sparse"),
        (path("accessors", 1, "count"), 5, "5 corners"),
        (path("accessors", 1, "componentType"), 5126, "beyond|no integers"),
        (path("bufferViews", 0, "byteOffset"), 10**9, "beyond its buffer"),
        (path("bufferViews", 0, "byteStride"), 252, "beyond its buffer"),
        (path("bufferViews", 0, "byteStride"), 4, "beyond its buffer"),
        (path("bufferViews", 0, "buffer"), 9, "not there"),
        (path("bufferViews", 1, "byteOffset"), 12, "points at vertex"),
        (path("buffers", 0, "byteLength"), 10**9, "ends early"),
        (path("buffers", 0, "uri"), "../secret.bin", "no file beside"),
        (path("buffers", 0, "uri"), "%2e%2e/secret.bin", "no file beside"),
        (path("buffers", 0, "uri"), "/etc/passwd", "no file beside"),
        (path("buffers", 0, "uri"), "file:///etc/passwd", "no file beside"),
        (path("buffers", 0, "uri"), "missing.bin", "missing"),
        (path("buffers", 0, "uri"), 5, "no address"),
        (path("buffers", 0), {"byteLength": 60}, "nowhere"),
        (path("nodes", 0, "children"), [0], "below itself"),
        (path("nodes", 0, "children"), [77], "not there"),
        (path("nodes", 0, "mesh"), 9, "not there"),
        (path("nodes", 0, "mesh"), -1, "count"),
        (path("nodes", 0, "matrix"), [1, 2, 3], "JSON is broken"),
        (path("nodes", 0, "rotation"), [1, 2, 3], "JSON is broken"),
        (path("scene"), 9, "not there"),
        (path("scenes", 0, "nodes"), [], "no meshes"),
        (path("scenes", 0, "nodes"), 5, "JSON is broken"),
        (path("meshes"), [], "not there"),
        (path("accessors"), [], "not there"),
        (path(*PRIMITIVE, "mode"), 99, "no meshes|lines"),
        (path(*PRIMITIVE, "attributes"), {}, "JSON is broken"),
        (path("asset"), {"version": "1.0"}, "no glTF 2"),
        (path("extensionsRequired"), ["KHR_draco_mesh_compression"], "compressed by KHR_draco"),
    ],
)
def test_every_wrong_reference_is_named(
    tmp_path: Path, change: Callable[[Any, Any], None], value: Any, problem: str
) -> None:
    made = document()
    change(made, value)
    with pytest.raises(KgError, match=problem):
        read(tmp_path, made)


def test_a_link_beside_it_does_not_lead_out_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "secret.bin").write_bytes(CORNERS.tobytes() + FACES.tobytes())
    folder = tmp_path / "given"
    folder.mkdir()
    (folder / "buffer.bin").symlink_to(tmp_path / "secret.bin")
    made = document()
    made["buffers"][0]["uri"] = "buffer.bin"
    with pytest.raises(KgError, match="missing"):
        read(folder, made)


@pytest.mark.parametrize("text", ["[]", "{}", "[" * 100_000, '{"asset": 5}', "5", '"asset"'])
def test_json_that_is_no_gltf(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.gltf").write_text(text)
    with pytest.raises(KgError, match=r"a\.gltf"):
        read_mesh(tmp_path / "a.gltf")


def test_a_scene_that_shows_one_mesh_too_often(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(content, "MOST_BYTES", 10_000)
    made = document()
    made["nodes"] = [{"mesh": 0, "children": list(range(1, 50))}, *({"mesh": 0} for _ in range(49))]
    assert len(read(tmp_path, made).vertices) == 200
    made["nodes"][0]["children"] = list(range(1, 100))
    made["nodes"] += [{"mesh": 0} for _ in range(50)]
    with pytest.raises(KgError, match="claims"):
        read(tmp_path, made)
