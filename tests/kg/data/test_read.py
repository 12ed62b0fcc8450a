import sys
from pathlib import Path

import numpy as np
import pytest

from kg.data.mesh import Mesh
from kg.data.read import READERS, read_mesh, read_shape, shape_files
from kg.data.shape import Shape
from kg.errors import KgError

BOXES = [
    "box.obj",
    "box.off",
    "joined.off",
    "coloured.off",
    "box_text.ply",
    "box_little.ply",
    "box_big.ply",
    "box_triangles.ply",
    "box.npz",
    "box.stl",
    "box_text.stl",
]
CLOUDS = [
    "cloud.xyz",
    "cloud.txt",
    "cloud.npz",
    "cloud.ply",
    "cloud.pcd",
    "cloud_binary.pcd",
    "cloud_packed.pcd",
]


def area(shape: Shape) -> float:
    assert shape.faces is not None
    a, b, c = (shape.vertices[shape.faces[:, corner]] for corner in range(3))
    return float(np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2)


@pytest.mark.parametrize("name", BOXES)
def test_a_box_has_its_surface(fixtures: Path, name: str) -> None:
    shape = read_shape(fixtures / "shapes" / name)
    assert shape.faces is not None
    assert len(shape.faces) == 12
    assert area(shape) == pytest.approx(2 * (1 * 2 + 2 * 3 + 3 * 1))
    assert shape.vertices.min(axis=0).tolist() == [0, 0, 0]
    assert shape.vertices.max(axis=0).tolist() == [1, 2, 3]


@pytest.mark.parametrize("name", CLOUDS)
def test_a_cloud_has_its_points_in_their_order(fixtures: Path, name: str) -> None:
    shape = read_shape(fixtures / "shapes" / name)
    assert shape.faces is None
    expected = np.load(fixtures / "shapes" / "cloud.npy")
    # Three decimals, stored as float32 in the binary files.
    np.testing.assert_allclose(shape.vertices, expected, rtol=0, atol=2e-7)


def test_npy(fixtures: Path) -> None:
    shape = read_shape(fixtures / "shapes" / "cloud.npy")
    turn = np.arange(24) / 4
    np.testing.assert_allclose(shape.vertices, np.c_[np.cos(turn), turn / 3, np.sin(turn)], atol=5.1e-4)


@pytest.mark.parametrize("name", ["boxes.glb", "boxes.gltf"])
def test_gltf_moves_each_object_to_its_place(fixtures: Path, name: str) -> None:
    shape = read_shape(fixtures / "shapes" / name)
    assert area(shape) == pytest.approx(44)
    assert shape.vertices[:, 0].max() == 11


def test_obj_keeps_the_order_of_vertices_whatever_their_texture(fixtures: Path) -> None:
    vertices = read_mesh(fixtures / "shapes" / "box.obj").vertices
    assert vertices.tolist() == [[x, y, z] for x in (0, 1) for y in (0, 2) for z in (0, 3)]


def test_suffix_in_capitals(fixtures: Path, tmp_path: Path) -> None:
    file = tmp_path / "BOX.OBJ"
    file.write_bytes((fixtures / "shapes" / "box.obj").read_bytes())
    assert read_shape(file).faces is not None


def test_ply_lists_of_different_lengths_beside_faces(tmp_path: Path) -> None:
    file = tmp_path / "a.ply"
    file.write_text(
        "ply\nformat ascii 1.0\nelement vertex 4\nproperty float x\nproperty float y\nproperty float z\n"
        "element other 2\nproperty list uchar int junk\nproperty float more\n"
        "element face 2\nproperty uchar flag\nproperty list uchar int vertex_indices\nend_header\n"
        "0 0 0\n1 0 0\n1 1 0\n0 1 0\n3 7 7 7 0.5\n0 0.5\n1 3 0 1 2\n1 3 0 2 3\n"
    )
    faces = read_shape(file).faces
    assert faces is not None
    assert faces.tolist() == [[0, 1, 2], [0, 2, 3]]


@pytest.mark.parametrize(("height", "notes"), [(2, 0), (1, 1)])
def test_nan_points_are_left_out_with_a_note_but_for_pixels_without_measurement(
    tmp_path: Path, height: int, notes: int
) -> None:
    file = tmp_path / "a.pcd"
    file.write_text(
        f"FIELDS x y z\nSIZE 4 4 4\nTYPE F F F\nWIDTH {4 // height}\nHEIGHT {height}\nDATA ascii\n"
        "0 0 0\nnan nan nan\n1 0 0\n0 1 0\n"
    )
    shape = read_shape(file)
    assert shape.vertices.tolist() == [[0, 0, 0], [1, 0, 0], [0, 1, 0]]
    assert list(shape.notes) == ["1 of 4 vertices are NaN or infinite and left out."][:notes]


NAN = np.array([[0, 0, 0], [1, 0, 0], [0, np.nan, 0], [1, 1, 0], [0, 1, -np.inf]])


def written(folder: Path, suffix: str) -> Path:
    """Return a cloud with two points that are not finite, in a file."""
    file = folder / f"a{suffix}"
    rows = "".join(" ".join(map(str, point)) + "\n" for point in NAN.tolist())
    xyz = "".join(f"property float {axis}\n" for axis in "xyz")
    texts = {
        ".obj": "".join(f"v {row}\n" for row in rows.splitlines()),
        ".off": f"OFF\n5 0 0\n{rows}",
        ".pcd": f"FIELDS x y z\nSIZE 4 4 4\nTYPE F F F\nWIDTH 5\nHEIGHT 1\nDATA ascii\n{rows}",
        ".ply": f"ply\nformat ascii 1.0\nelement vertex 5\n{xyz}end_header\n{rows}",
        ".txt": rows,
        ".xyz": rows,
    }
    if suffix in (".npy", ".npz"):
        (np.save if suffix == ".npy" else np.savez)(file, NAN)
    else:
        file.write_text(texts[suffix])
    return file


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".obj", ".off", ".pcd", ".ply", ".txt", ".xyz"])
def test_points_that_are_not_finite_are_left_out_with_a_note_in_every_format(
    tmp_path: Path, suffix: str
) -> None:
    shape = read_shape(written(tmp_path, suffix))
    assert shape.vertices.tolist() == [[0, 0, 0], [1, 0, 0], [1, 1, 0]]
    assert shape.notes == ("2 of 5 vertices are NaN or infinite and left out.",)


def test_faces_at_a_vertex_that_is_nan_go_with_it(tmp_path: Path) -> None:
    file = tmp_path / "a.obj"
    file.write_text("v 0 0 nan\nv 1 0 0\nv 0 1 0\nv 1 1 0\nv 2 2 2\nf 1 2 3\nf 2 3 4\nf 2 3 5\nf 1 2\n")
    shape = read_shape(file)
    assert shape.faces is not None
    assert shape.faces.tolist() == [[0, 1, 2], [0, 1, 3]]
    assert len(shape.notes) == 2


CUT = [
    name
    for name in [*BOXES, *CLOUDS, "cloud.npy", "boxes.glb", "boxes.gltf"]
    if not name.endswith((".obj", ".xyz", ".txt"))
]


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
@pytest.mark.parametrize("name", CUT)
def test_a_file_cut_short_is_never_read_as_a_shape(
    fixtures: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], name: str, share: float
) -> None:
    content = (fixtures / "shapes" / name).read_bytes()
    file = tmp_path / name
    file.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(KgError, match=name):
        read_shape(file)
    assert capfd.readouterr().out == ""


@pytest.mark.parametrize("content", [b"", b"\n", b"hello\n", b"\x00\xff" * 50, b"1 2\n3 4\n"])
@pytest.mark.parametrize("suffix", sorted(READERS))
def test_what_is_no_shape_is_refused_by_name(tmp_path: Path, suffix: str, content: bytes) -> None:
    file = tmp_path / f"odd{suffix}"
    file.write_bytes(content)
    with pytest.raises(KgError, match=f"odd{suffix}"):
        read_shape(file)


PLY = "ply\nformat ascii 1.0\nelement vertex 3\nproperty float x\nproperty float y\nproperty float z\n"


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("a.obj", "v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 4\n", "vertex 3"),
        ("a.obj", "v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 -4\n", "vertex -1"),
        ("a.obj", "v 0 0 0\nf 0 1 1\n", "Line 2"),
        ("a.obj", "v 0 0 0\nv 1 0\n", "Line 2"),
        ("a.obj", "v 0 0 0\nv 1 0 0\nf 1 2\n", "None of its 1 faces has three"),
        ("a.obj", "v 0 0 nan\nv 1 0 0\nv 0 1 0\nf 1 2 3\n", "Every face has a vertex that is NaN"),
        ("a.obj", "v 0 0 1e200\nv 1 0 0\nv 0 1 0\nf 1 2 3\n", r"1e\+200 from the origin"),
        ("a.obj", "# nothing\n", "no points"),
        ("a.off", "OFF BINARY\n3 1 0\n", "Binary OFF"),
        ("a.off", "OFF\n3 1 0\n0 0 0\n1 0 0\n0 1 0\n3 0 1 3\n", "vertex 3"),
        ("a.off", "OFF\n3 1 0\n0 0 0\n1 0 0\n0 1 0\n3 0 1\n", "fewer corners"),
        ("a.off", "OFF\n3 1 0\n0 0 0\n1 0\n0 1 0\n3 0 1 2\n", "broken"),
        ("a.ply", PLY + "element face 1\nproperty list uchar int v\nend_header\n" + "0 " * 20, "vertex_ind"),
        ("a.ply", PLY.replace("float z", "quad z") + "end_header\n", "makes no sense"),
        ("a.ply", PLY.replace("vertex 3", "vertex 9000000000") + "end_header\n0 0 0\n", "ends early"),
        ("a.ply", PLY.replace("float z", "float w") + "end_header\n" + "0 " * 9, "no 'z'"),
        ("a.ply", PLY + "element tristrips 1\nproperty list int int i\nend_header\n", "strips"),
        ("a.pcd", "FIELDS x y\nSIZE 4 4\nTYPE F F\nWIDTH 1\nDATA ascii\n0 0\n", "no z"),
        ("a.pcd", "FIELDS x y z\nSIZE 4 4 4\nTYPE F F F\nWIDTH 1\nDATA ascii\n0 0 oops\n", "no number"),
        ("a.stl", "solid a\nvertex 0 0 0\nvertex 1 0 0\nvertex 1 1\nendsolid\n", "broken"),
        ("a.pcd", "FIELDS x y z\nSIZE 4 4 4\nTYPE F F F\nWIDTH 3\nDATA ascii\n0 0 0\n1 1 1\n", "2 of 3"),
        ("a.xyz", "0 0 0\n1 1\n", "no list of points"),
        ("a.txt", "nan 0 0\n1 1 nan\n", "All 2 vertices are NaN"),
    ],
)  # fmt: skip
def test_broken_content_is_named(tmp_path: Path, name: str, content: str, problem: str) -> None:
    file = tmp_path / name
    file.write_text(content)
    with pytest.raises(KgError, match=problem) as caught:
        read_shape(file)
    assert str(file) in caught.value.message


@pytest.mark.parametrize(
    ("arrays", "problem"),
    [
        ({"a": np.zeros((4, 3)), "b": np.zeros((4, 3))}, "a, b"),
        ({"points": np.zeros((4, 2))}, r"float64 \(4, 2\)"),
        ({"points": np.zeros((4, 3), complex)}, "complex"),
        ({"vertices": np.zeros((4, 3)), "faces": np.zeros((1, 4), int)}, "faces"),
        ({"vertices": np.zeros((4, 3)), "faces": np.array([[0, 1, 4]])}, "vertex 4"),
    ],
)
def test_arrays_of_the_wrong_kind(tmp_path: Path, arrays: dict[str, np.ndarray], problem: str) -> None:
    np.savez(tmp_path / "a.npz", **arrays)  # type: ignore[arg-type]
    with pytest.raises(KgError, match=problem):
        read_shape(tmp_path / "a.npz")


def test_pickles_are_not_opened(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.array([object()]), allow_pickle=True)
    with pytest.raises(KgError, match="Python objects"):
        read_shape(tmp_path / "a.npy")


def test_what_is_not_there_or_unknown(tmp_path: Path) -> None:
    with pytest.raises(KgError, match="does not exist"):
        read_shape(tmp_path / "none.ply")
    with pytest.raises(KgError, match="is a folder"):
        read_shape(tmp_path)
    (tmp_path / "a.doc").touch()
    with pytest.raises(KgError, match="no format") as caught:
        read_shape(tmp_path / "a.doc")
    assert ".ply" in caught.value.hint


def test_no_mesh_needs_open3d(fixtures: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "open3d", None)
    for file in (fixtures / "shapes").iterdir():
        assert len(read_shape(file).vertices)


def test_a_name_that_is_no_plain_text_stands_once_in_the_message(tmp_path: Path) -> None:
    file = tmp_path / "\x1b[31mred.xyz"
    file.touch()
    with pytest.raises(KgError) as caught:
        read_shape(file)
    assert caught.value.message == f"{tmp_path}/\\x1b[31mred.xyz: It is empty."


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("File is encrypted"), RecursionError("deep")])
def test_whatever_a_reader_raises_names_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def reader(path: Path) -> Mesh:
        raise error

    monkeypatch.setitem(READERS, ".ply", reader)
    (tmp_path / "a.ply").touch()
    with pytest.raises(KgError, match=r"a\.ply cannot be read: (MemoryError|File is encrypted|deep)"):
        read_shape(tmp_path / "a.ply")


def test_shape_files_leaves_out_notes_and_hidden_files(tmp_path: Path) -> None:
    for name in ("b/2.obj", "a.PLY", "LICENSE.txt", ".hidden/1.obj", "._a.obj", "b/material.mtl"):
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.touch()
    assert shape_files(tmp_path) == [tmp_path / "a.PLY", tmp_path / "b" / "2.obj"]


def test_shape_files_follow_the_numbers_in_their_names(tmp_path: Path) -> None:
    names = ["frame-2.obj", "frame-10.obj", "shirt.obj", "shirt-folded.obj", "a/1.obj", "a/10.ply"]
    (tmp_path / "a").mkdir()
    for name in reversed(names):
        (tmp_path / name).touch()
    assert shape_files(tmp_path) == [tmp_path / name for name in names]


def test_shape_files_takes_text_where_there_is_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "1.txt").touch()
    assert shape_files(tmp_path) == [tmp_path / "1.txt"]


def test_real_meshes_and_clouds(shared_data: Path) -> None:
    """Triangles are as many as the polygons' corners less two each, all areas finite."""
    files = [*shared_data.glob("garments/dedo/vest_*.obj"), *shared_data.glob("sequences/tshirt_fold/*.obj")]
    for file in files:
        words = [line.split() for line in file.read_text().splitlines()]
        expected = sum(len(word) - 3 for word in words if word and word[0] == "f")
        shape = read_shape(file)
        assert shape.faces is not None
        assert len(shape.faces) == expected
        assert np.isfinite(area(shape))
    assert read_shape(shared_data / "scenes" / "cloud_bin_0.ply").vertices.shape == (258342, 3)
