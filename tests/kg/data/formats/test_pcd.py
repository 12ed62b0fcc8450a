import struct
from pathlib import Path

import numpy as np
import pytest

from kg.data.formats.pcd import read_pcd
from kg.errors import KgError

HEADER = "FIELDS x y z\nSIZE 4 4 4\nTYPE F F F\nCOUNT 1 1 1\nWIDTH 2\nHEIGHT 1\nPOINTS 2\nDATA ascii\n"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (HEADER + "0 0 0 255\n1 1 1 255\n", "Row 1 has 4 numbers, where 3 belong"),
        (HEADER + "0 0 0\n1 1\n", "Row 2 has 2 numbers"),
        (HEADER + "0 0 0\n1 1 1\n2 2 2\n", "3 rows, where 2 points"),
        (HEADER + "0 0 0\n1 1,5 1\n", "'1,5', which is no number"),
        (HEADER.replace("1 1 1", "1 1 0") + "0 0\n1 1\n", "COUNT 0"),
        (HEADER.replace("1 1 1", "1 1 2") + "0 0 0 0\n1 1 1 1\n", "several x, y or z"),
        (HEADER.replace("POINTS 2", "POINTS 3") + "0 0 0\n" * 3, "2 × 1 points by its size, and 3"),
        (HEADER.replace("x y z", "x x z") + "0 0 0\n" * 2, "header is broken"),
        (HEADER.replace("x y z", "x y") + "0 0 0\n" * 2, "header is broken"),
        (HEADER.replace("WIDTH 2", "WIDTH 2\nWIDTH 3") + "0 0 0\n" * 2, "two lines WIDTH"),
        (HEADER.replace("WIDTH 2", "WIDTH -2").replace("POINTS 2", "POINTS -2"), "-2"),
        (HEADER.replace("2\n", f"{10**12}\n") + "0 0 0\n", "claims"),
        (HEADER.replace("1 1 1", f"1 1 {10**30}"), "header is broken"),
    ],
)
def test_what_would_shift_or_vanish_in_silence_is_refused(tmp_path: Path, content: str, problem: str) -> None:
    file = tmp_path / "a.pcd"
    file.write_text(content)
    with pytest.raises(KgError, match=problem):
        read_pcd(file)


def packed(tmp_path: Path, full: int, content: bytes) -> Path:
    file = tmp_path / "a.pcd"
    header = HEADER.replace("ascii", "binary_compressed").replace("2\n", f"{full // 12}\n")
    file.write_bytes(header.encode() + struct.pack("<II", len(content), full) + content)
    return file


def test_copies_that_overlap_themselves(tmp_path: Path) -> None:
    """Four literal bytes of 1.0, then copies of 264 bytes from four before: three bytes each."""
    content = bytes([3]) + struct.pack("<f", 1.0) + bytes([0xE0, 255, 3]) * 5 + bytes([0xE0, 143, 3])
    points = read_pcd(packed(tmp_path, 4 + 5 * 264 + 152, content)).vertices
    assert points.shape == (123, 3)
    assert (points == 1).all()


@pytest.mark.parametrize("full", [12 * 10**6, 12 * 10**8 // 12 * 3])
def test_what_claims_to_unpack_to_more_than_it_can_is_refused_at_once(tmp_path: Path, full: int) -> None:
    with pytest.raises(KgError, match="claims"):
        read_pcd(packed(tmp_path, full, bytes([0xE0, 255, 3]) * 20))


def test_compressed_data_that_point_before_their_beginning(tmp_path: Path) -> None:
    with pytest.raises(KgError, match="broken"):
        read_pcd(packed(tmp_path, 24, bytes([3, 0, 0, 0, 0, 0xE0, 11, 200])))


def test_columns_of_several_numbers(tmp_path: Path) -> None:
    file = tmp_path / "a.pcd"
    header = HEADER.replace("x y z", "_ x y z _").replace("4 4 4", "1 4 4 4 2").replace("F F F", "U F F F U")
    file.write_text(header.replace("1 1 1", "2 1 1 1 3") + "9 9 0 1 2 9 9 9\n9 9 3 4 5 9 9 9\n")
    np.testing.assert_array_equal(read_pcd(file).vertices, [[0, 1, 2], [3, 4, 5]])
