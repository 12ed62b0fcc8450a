import struct
from pathlib import Path

import numpy as np
import pytest

from kg.data.read import read_mesh
from kg.errors import KgError

XYZ = "property float x\nproperty float y\nproperty float z\n"
FACE = f"element vertex 1\n{XYZ}element face 1\n"
LIST = "property list uchar int vertex_indices\n"


def text(tmp_path: Path, elements: str, rows: str, layout: str = "ascii") -> Path:
    file = tmp_path / "a.ply"
    file.write_text(f"ply\nformat {layout} 1.0\n{elements}end_header\n{rows}")
    return file


@pytest.mark.parametrize(
    ("elements", "rows", "problem"),
    [
        (f"element vertex 2\n{XYZ}", "0 0 0 255\n1 1 1 255\n", "Row 1 has 4 numbers, where 3 belong"),
        (f"element vertex 2\n{XYZ}", "0 0 0\n1 1\n1\n", "Row 2 has 2 numbers, where 3 belong"),
        (f"element vertex 2\n{XYZ}", "0 0 0\n1 1 1\n2 2 2\n", "1 rows more"),
        (f"element vertex 2\n{XYZ}", "0,5 0 0\n1 1 1\n", "'0,5', which is no number"),
        (f"element vertex 2\n{XYZ}", "0 0 0\n", "ends early"),
        (f"element vertex 1\nproperty float x\n{XYZ}", "9 0 0 0\n", "'x' twice"),
        (f"element vertex 1\n{XYZ}element vertex 1\n{XYZ}", "0 0 0\n1 1 1\n", "two elements 'vertex'"),
        (f"element vertex -1\n{XYZ}", "", "makes no sense: 'element vertex -1'"),
        (f"element vertex 1\n{XYZ}property float w h\n", "0 0 0 0\n", "sense: 'property float w h'"),
        ("element vertex 1\nproperty list uchar float x\nproperty float y\nproperty float z\n", "", "lists"),
        (f"{FACE}{LIST.replace('int', 'float')}", "", "no lists of integers"),
        (f"{FACE}{LIST.replace('uchar', 'float')}", "", "makes no sense"),
        (FACE + LIST, "0 0 0\n3 0 0.5 0\n", "0.5 is no vertex's number"),
        (FACE + LIST, "0 0 0\n3 0 0 1e300\n", "no vertex's number"),
        (FACE + LIST, "0 0 0\ninf 0 0 0\n", "no sense: 'inf 0 0 0'"),
        (FACE + LIST, "0 0 0\n3 0 0\n", "has 3 numbers, not 4"),
        ((FACE + LIST).replace("face 1", "face 2"), "0 0 0\n3 0 0 0\n3 0 0 0 0\n", "has 5 numbers, not 4"),
        (f"element other 1\n{XYZ}", "0 0 0\n", "no vertices"),
    ],
)  # fmt: skip
def test_what_would_shift_or_vanish_in_silence_is_refused(
    tmp_path: Path, elements: str, rows: str, problem: str
) -> None:
    with pytest.raises(KgError, match=problem):
        read_mesh(text(tmp_path, elements, rows))


def test_the_hint_of_a_decimal_comma(tmp_path: Path) -> None:
    with pytest.raises(KgError) as caught:
        read_mesh(text(tmp_path, f"element vertex 1\n{XYZ}", "0,5 0 0\n"))
    assert "with a point" in caught.value.hint


def test_the_end_of_the_header_within_a_comment(tmp_path: Path) -> None:
    header = f"comment end_header\nobj_info end_header\nelement vertex 1\n{XYZ}comment written: end_header\n"
    assert read_mesh(text(tmp_path, header, "1 2 3\n")).vertices.tolist() == [[1, 2, 3]]


def packed(tmp_path: Path, faces: list[list[int]], order: str, count: str = "uchar") -> Path:
    """Write faces of any lengths between other lists."""
    file = tmp_path / "a.ply"
    layout = {"<": "little", ">": "big"}[order]
    header = (
        f"ply\nformat binary_{layout}_endian 1.0\nelement vertex 5\n{XYZ}element face {len(faces)}\n"
        f"property uchar flag\nproperty list {count} int vertex_indices\nproperty list uchar short more\n"
        "property double area\nend_header\n"
    )
    code = {"uchar": "B", "int": "i"}[count]
    body = np.arange(15, dtype=f"{order}f4").tobytes()
    for number, face in enumerate(faces):
        body += struct.pack(f"{order}B{code}{len(face)}i", 7, len(face), *face)
        body += struct.pack(f"{order}B{number}hd", number, *range(number), 0.5)
    file.write_bytes(header.encode() + body)
    return file


@pytest.mark.parametrize("order", ["<", ">"])
def test_binary_faces_of_different_lengths(tmp_path: Path, order: str) -> None:
    faces = [[0, 1, 2], [0, 1, 2, 3], [4, 3, 2, 1, 0], [1, 2, 3]]
    mesh = read_mesh(packed(tmp_path, faces, order))
    assert [part.tolist() for part in np.split(mesh.corners, np.cumsum(mesh.sizes)[:-1])] == faces
    assert mesh.vertices.ravel().tolist() == list(range(15))


@pytest.mark.parametrize("cut", [1, 9, 30])
def test_binary_lists_cut_short(tmp_path: Path, cut: int) -> None:
    file = packed(tmp_path, [[0, 1, 2], [0, 1, 2, 3], [1, 2, 3]], "<")
    file.write_bytes(file.read_bytes()[:-cut])
    with pytest.raises(KgError, match="ends early, within its 3 × 'face'"):
        read_mesh(file)


@pytest.mark.parametrize("length", [-1, 2**31 - 1])
def test_lists_of_absurd_lengths(tmp_path: Path, length: int) -> None:
    file = packed(tmp_path, [[0, 1, 2]] * 3, "<", count="int")
    content = file.read_bytes()
    at = content.index(b"end_header\n") + len("end_header\n") + 60 + 1
    file.write_bytes(content[:at] + struct.pack("<i", length) + content[at + 4 :])
    with pytest.raises(KgError, match=r"ends early|-1 numbers"):
        read_mesh(file)


def test_counts_that_no_file_can_hold_cost_no_time(tmp_path: Path) -> None:
    empty = "element nothing 9000000000000\n"
    assert len(read_mesh(text(tmp_path, f"{empty}element vertex 1\n{XYZ}", "0 0 0\n")).vertices) == 1
    for layout in ("ascii", "binary_little_endian"):
        elements = f"element vertex 1\n{XYZ}element face 9000000000000\n{LIST}"
        with pytest.raises(KgError, match="ends early"):
            read_mesh(text(tmp_path, elements, "\0" * 100 if layout != "ascii" else "0 0 0\n", layout))


def test_bytes_behind_the_last_row_are_padding(tmp_path: Path) -> None:
    file = packed(tmp_path, [[0, 1, 2]], "<")
    file.write_bytes(file.read_bytes() + b"\0\0\0")
    assert read_mesh(file).sizes.tolist() == [3]
