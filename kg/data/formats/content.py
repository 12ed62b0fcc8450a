"""What the readers share: bytes and lines of a file, rows of numbers, and what is no shape at all."""

import codecs
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kg.errors import KgError

MOST_BYTES = 1 << 30
"""What an array may take in memory: 44 million points. A small file can claim, or unpack to, far more."""
MOST_FILE = 4 << 30
"""Files are read whole."""

DECIMAL_COMMA = re.compile(r"[+-]?\d*,\d+([eE][+-]?\d+)?")
LFS = b"version https://git-lfs.github.com/spec/"
PAGES = (b"<!doctype html", b"<html")


def read_content(path: Path) -> bytes:
    """Return a file's bytes; text in UTF-16, and what begins with a byte order mark, as plain UTF-8.

    Raises:
        KgError: The file is empty, a Git LFS pointer, a web page, or too large.
    """
    size = path.stat().st_size
    if size > MOST_FILE:
        raise KgError(f"It has {size / (1 << 30):.1f} GiB; files of up to {MOST_FILE >> 30} GiB are read.")
    content = path.read_bytes()
    if not content:
        raise KgError("It is empty.")
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        content = content.decode("utf-16", errors="replace").encode()
    content = content.removeprefix(codecs.BOM_UTF8)
    if content.startswith(LFS):
        raise KgError("It is a Git LFS pointer, not the file itself.", "Obtain the file: git lfs pull")
    if content[:1024].lstrip().lower().startswith(PAGES):
        raise KgError("It is a web page, not a shape.", "Download it again.")
    return content


def read_lines(path: Path, comment: str = "#") -> list[str]:
    """Return the lines of a text file without comments, the empty ones left out.

    Raises:
        KgError: As `read_content`, or it is no text.
    """
    return lines_of(read_content(path), comment)


def lines_of(content: bytes, comment: str = "") -> list[str]:
    """Return the lines of text without comments, the empty ones left out.

    Raises:
        KgError: It has zero bytes, so it is no text.
    """
    if b"\0" in content:
        raise KgError("It is no text: it holds zero bytes.")
    lines = content.decode("utf-8", errors="replace").splitlines()
    if comment:
        lines = [line.split(comment, 1)[0] for line in lines]
    return [line for raw in lines if (line := raw.strip())]


def table(lines: Sequence[str], columns: int | None = None) -> NDArray[np.float64]:
    """Return rows of numbers, (R, C); NaN and infinite ones among them.

    Args:
        lines: One row each, parted by white space.
        columns: C; None if the first row says it.

    Raises:
        KgError: A row holds something else, or more or fewer numbers.
    """
    if not lines:
        return np.empty((0, columns or 0))
    try:
        rows = np.loadtxt(lines, ndmin=2, comments=None)
    except ValueError:
        rows = None
    if rows is None or rows.shape[1] != (columns or rows.shape[1]):
        raise _broken(lines, columns or len(lines[0].split()))
    return rows


def _broken(lines: Sequence[str], columns: int) -> KgError:
    """Return what is wrong with the first row that is not as many numbers as it should be."""
    for number, line in enumerate(lines, start=1):
        words = line.split()
        for word in words:
            try:
                np.loadtxt([word], comments=None)
            except ValueError:
                return KgError(f"Row {number} has '{word[:30]}', which is no number.", comma_hint(word))
        if len(words) != columns:
            return KgError(f"Row {number} has {len(words)} numbers, where {columns} belong: '{line[:60]}'")
    return KgError("It is no list of numbers.")


def comma_hint(word: str) -> str:
    """Return what to do about a number with a decimal comma; nothing if it is none."""
    return "Write numbers with a point, 0.5 for 0,5." if DECIMAL_COMMA.fullmatch(word) else ""


def whole_numbers(values: NDArray[np.float64], name: str) -> NDArray[np.int64]:
    """Return numbers of a text file as integers.

    Raises:
        KgError: One is none, or so large that float64 would not tell it from the next.
    """
    odd = values[~((np.abs(values) < 2**53) & (values == np.floor(values)))]
    if len(odd):
        raise KgError(f"{odd[0]:.6g} is no {name}.")
    return values.astype(np.int64)


def check_memory(items: int, width: int) -> None:
    """Refuse to hold so many items of `width` bytes each."""
    if items * width > MOST_BYTES:
        raise KgError(
            f"It claims {items} × {width} bytes; up to {MOST_BYTES >> 30} GiB are read.",
            "It may be broken. If it is not, thin it out.",
        )
