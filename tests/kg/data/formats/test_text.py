"""OBJ, OFF and STL: text that people and programs write in their own ways."""

import struct
from pathlib import Path

import numpy as np
import pytest

from kg.data.read import READERS, read_mesh, read_shape
from kg.errors import KgError

TRIANGLE = [[0, 0, 0], [1, 0, 0], [0, 1, 0]]
OBJ = "v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n"
OFF = "OFF\n3 1 0\n0 0 0\n1 0 0\n0 1 0\n3 0 1 2\n"
FACET = "facet normal 0 0 1\nouter loop\nvertex 0 0 0\nvertex 1 0 0\nvertex 0 1 0\nendloop\nendfacet\n"
STL = f"solid a\n{FACET}endsolid a\n"


@pytest.mark.parametrize(
    ("suffix", "content"),
    [
        (".obj", OBJ),
        (".obj", "o part#1\nv 0 0 0 # first\nv 1 0 0 1.0\nv 0 1 0 0.5 0.5 0.5\nf 1 2 3 # all of it\n"),
        (".obj", "v 0 0 0\nv 1 0 \\\n0\nv 0 1 0\nf 1/1/1 \\\n 2//1 \\\n 3\n"),
        (".obj", "f 1 2 3\n" + OBJ.replace("f 1 2 3\n", "")),
        (".obj", OBJ.replace("f 1 2 3", "f -3 -2 -1")),
        (".obj", OBJ.replace("\n", "\r\n")),
        (".off", OFF),
        (".off", OFF.replace("\n", " # note\n")),
        (".off", "OFF 3 1 0\n" + OFF[10:]),
        (".stl", STL),
        (".stl", STL.upper()),
        (".stl", STL.replace("solid a", "solid")),
        (".stl", STL + "\0\0\x1a\n"),
        (".stl", STL + "exported by a program\n"),
        (".stl", STL.replace("\n", "\r\n    ")),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_one_triangle(tmp_path: Path, suffix: str, content: str, encoding: str) -> None:
    if "\0" in content and encoding == "utf-16":
        content = content.replace("\0", "")
    file = tmp_path / f"a{suffix}"
    file.write_bytes(content.encode(encoding))
    mesh = read_mesh(file)
    assert mesh.vertices[mesh.corners].tolist() == TRIANGLE


def packed(header: bytes, count: int, behind: bytes = b"") -> bytes:
    triangle = struct.pack("<12fH", 0, 0, 1, *np.ravel(TRIANGLE), 0)
    return header.ljust(80, b"\0") + struct.pack("<I", count) + triangle + behind


@pytest.mark.parametrize("header", [b"", b"solid by a program", b"SOLID", b"\xff\xff"])
@pytest.mark.parametrize("behind", [b"", b"\0\0\0\0", b"more than belongs here" * 5])
def test_binary_stl_whatever_its_header_says_and_whatever_follows(
    tmp_path: Path, header: bytes, behind: bytes
) -> None:
    (tmp_path / "a.stl").write_bytes(packed(header, 1, behind))
    mesh = read_mesh(tmp_path / "a.stl")
    assert mesh.vertices.tolist() == TRIANGLE


@pytest.mark.parametrize(
    ("suffix", "content", "problem"),
    [
        (".obj", OBJ.replace("f 1 2 3", f"f 1 2 {2**63}"), "Line 4"),
        (".obj", OBJ.replace("f 1 2 3", f"f 1 2 -{2**70}"), "Line 4"),
        (".obj", OBJ.replace("f 1 2 3", "f 1 2 1_0"), "Line 4"),
        (".obj", OBJ.replace("v 1 0 0", "v 1,5 0 0"), "Line 2"),
        (".obj", OBJ + "\0", "zero bytes"),
        (".off", OFF + "3 0 1 2\n", "5 lines, where 3 vertices and 1 faces|has 5 lines"),
        (".off", OFF.replace("3 1 0", "-3 1 0"), "does not count"),
        (".off", OFF.replace("3 0 1 2", "-1 0 1 2"), "A face is broken"),
        (".off", OFF.replace("1 0 0", "1,5 0 0", 1), "A vertex is broken"),
        (".off", OFF.replace("3 0 1 2", f"3 0 1 {2**64}"), "no vertex"),
        (".stl", STL.replace("vertex 0 1 0\n", ""), "1 triangles have 2 corners"),
        (".stl", STL.replace("endsolid a\n", "solid b\n" + FACET), "ends early"),
        (".stl", STL.replace("1 0 0", "1,5 0 0"), "no number"),
        (".stl", "solid a\nendsolid a\n", "no triangles"),
    ],
)
def test_what_makes_no_sense(tmp_path: Path, suffix: str, content: str, problem: str) -> None:
    (tmp_path / f"a{suffix}").write_text(content)
    with pytest.raises(KgError, match=problem):
        read_mesh(tmp_path / f"a{suffix}")


def test_one_degenerate_face_is_left_out_with_a_note(tmp_path: Path) -> None:
    for suffix, content in ((".obj", OBJ + "f 1 2\n"), (".off", OFF.replace("3 1 0", "3 2 0") + "1 2\n")):
        (tmp_path / f"a{suffix}").write_text(content)
        shape = read_shape(tmp_path / f"a{suffix}")
        assert shape.faces is not None
        assert shape.faces.tolist() == [[0, 1, 2]]
        assert shape.notes == ("1 of 2 faces have fewer than three corners and are left out.",)


@pytest.mark.parametrize("suffix", sorted(READERS))
@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n", "Git LFS pointer"),
        (b"\n<!DOCTYPE html>\n<html><body>Sign in</body></html>\n", "web page"),
        (b"<HTML>404</HTML>", "web page"),
        (b"", "empty"),
    ],
)
def test_what_is_no_shape_is_called_what_it_is(
    tmp_path: Path, suffix: str, content: bytes, problem: str
) -> None:
    file = tmp_path / f"a{suffix}"
    file.write_bytes(content)
    with pytest.raises(KgError, match=problem):
        read_mesh(file)
