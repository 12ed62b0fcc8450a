import zipfile
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest

from kg.data.formats.content import MOST_BYTES
from kg.data.read import read_mesh
from kg.errors import KgError

POINTS = [[0.02815, 0.00154, -1.19318], [1.5, 2, 3]]


@pytest.mark.parametrize(
    "content",
    [
        "0.02815 0.00154 -1.19318\n1.5 2 3\n",
        "0.02815\t0.00154\t-1.19318\n\n1.5\t2\t3\n",
        "0.02815,0.00154,-1.19318\n1.5,2,3\n",
        "0.02815, 0.00154, -1.19318\n1.5, 2, 3\n",
        "0,02815 0,00154 -1,19318\n1,5 2 3\n",
        "0,02815, 0,00154, -1,19318\n1,5, 2, 3\n",
        "0.02815;0.00154;-1.19318\n1.5;2;3\n",
        "0,02815;0,00154;-1,19318\n1,5;2;3\n",
        "0.02815; 0.00154; -1.19318;\n1.5; 2; 3;\n",
        "x y z\n0.02815 0.00154 -1.19318\n1.5 2 3\n",
        "X,Y,Z\n0.02815,0.00154,-1.19318\n1.5,2,3\n",
        "//X Y Z\n2\n0.02815 0.00154 -1.19318\n1.5 2 3\n",
        "2\nx y z\n0.02815 0.00154 -1.19318\n1.5 2 3\n",
        "# by hand\n0.02815 0.00154 -1.19318 # the first\n1.5 2 3\n",
        "0.02815 0.00154 -1.19318 255 0 0\r\n1.5 2 3 0 255 0\r\n",
        "2.815e-2 1.54E-3 -1.19318\n+1.5 2. 3\n",
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_lines_of_numbers_as_people_write_them(tmp_path: Path, content: str, encoding: str) -> None:
    file = tmp_path / "a.xyz"
    file.write_bytes(content.encode(encoding))
    np.testing.assert_allclose(read_mesh(file).vertices, POINTS)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("3\n0 0 0\n1 1 1\n", "counts 3 points, and has 2"),
        ("0 0 0\n1 1\n", "Row 2 has 2 numbers, where 3 belong"),
        ("0 0 0 1\n1 1 1\n", "Row 2 has 3 numbers, where 4 belong"),
        ("0 0 0\n0,5 1 oops\n", "'oops', which is no number"),
        ("C 0 0 0\n", "'C', which is no number"),
        ("0 0 0\n1_0 1 1\n", "'1_0', which is no number"),
        ("x y z\n", "no points"),
        ("0 0 0\n\0\0\0\n", "zero bytes"),
    ],
)
def test_lines_that_make_no_sense(tmp_path: Path, content: str, problem: str) -> None:
    file = tmp_path / "a.txt"
    file.write_text(content)
    with pytest.raises(KgError, match=problem):
        read_mesh(file)


def npz(**arrays: np.ndarray) -> bytes:
    file = BytesIO()
    np.savez_compressed(file, **arrays)  # type: ignore[arg-type]
    return file.getvalue()


def npy(array: np.ndarray) -> bytes:
    file = BytesIO()
    np.save(file, array)
    return file.getvalue()


def test_the_content_tells_npy_from_npz(tmp_path: Path) -> None:
    points = np.random.default_rng(0).normal(size=(5, 3))
    (tmp_path / "a.npy").write_bytes(npz(points=points))
    (tmp_path / "a.npz").write_bytes(npy(points))
    for name in ("a.npy", "a.npz"):
        np.testing.assert_array_equal(read_mesh(tmp_path / name).vertices, points)


def test_arrays_in_columns_and_of_other_kinds(tmp_path: Path) -> None:
    points = np.random.default_rng(0).integers(0, 9, (5, 4))
    for array in (
        points.astype(">f4"),
        np.asfortranarray(points.astype(np.uint8)),
        points.astype(np.float16),
    ):
        (tmp_path / "a.npy").write_bytes(npy(array))
        np.testing.assert_array_equal(read_mesh(tmp_path / "a.npy").vertices, points[:, :3])


def headed(shape: tuple[int, ...]) -> bytes:
    """Return an .npy file whose header claims a shape, with a hundred bytes behind it."""
    file = BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": "<f8", "fortran_order": False, "shape": shape})
    return file.getvalue() + b"\0" * 100


@pytest.mark.parametrize("shape", [(10**15, 3), (2**62, 2**62), (5, 3)])
def test_arrays_larger_than_their_file(tmp_path: Path, shape: tuple[int, ...]) -> None:
    (tmp_path / "a.npy").write_bytes(headed(shape))
    with pytest.raises(KgError, match="ends early"):
        read_mesh(tmp_path / "a.npy")


def test_an_archive_that_unpacks_to_more_than_memory_is_refused_unread(tmp_path: Path) -> None:
    file = tmp_path / "a.npz"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("points.npy", headed((10**8, 3)))
    content = bytearray(file.read_bytes())
    # The size that the directory of the archive tells: four bytes, 24 after its mark.
    at = content.index(b"PK\x01\x02") + 24
    content[at : at + 4] = (MOST_BYTES + 1).to_bytes(4, "little")
    file.write_bytes(content)
    with pytest.raises(KgError, match="up to 1 GiB"):
        read_mesh(file)


def test_an_archive_cannot_lie_about_what_it_unpacks_to(tmp_path: Path) -> None:
    """Ten megabytes of zeros that the directory calls a thousand bytes."""
    file = tmp_path / "a.npz"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("points.npy", npy(np.zeros((400_000, 3))))
    content = bytearray(file.read_bytes())
    at = content.index(b"PK\x01\x02") + 24
    content[at : at + 4] = (1000).to_bytes(4, "little")
    file.write_bytes(content)
    with pytest.raises(KgError, match=r"a\.npz"):
        read_mesh(file)


def test_archives_that_are_broken(tmp_path: Path) -> None:
    file = tmp_path / "a.npz"
    good = npz(points=np.random.default_rng(0).normal(size=(50, 3)))
    at = good.index(b"points.npy") + 60
    encrypted = bytearray(good)
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        encrypted[good.index(mark) + offset] |= 1
    for content in (
        good[:at] + b"\xff" * 40 + good[at + 40 :],
        good[:-10],
        bytes(encrypted),
        b"PK\x03\x04" * 9,
    ):
        file.write_bytes(content)
        with pytest.raises(KgError, match=r"a\.npz"):
            read_mesh(file)


def test_faces_beyond_int64(tmp_path: Path) -> None:
    faces = np.array([[0, 1, 2**64 - 1]], dtype=np.uint64)
    (tmp_path / "a.npz").write_bytes(npz(vertices=np.zeros((3, 3)), faces=faces))
    with pytest.raises(KgError, match=f"vertex {2**64 - 1}"):
        read_mesh(tmp_path / "a.npz")
