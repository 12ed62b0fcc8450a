"""What is printed where the terminal has few marks."""

import io
import sys

import pytest

from kg.cli import output
from kg.cli.terminal import print_anywhere


@pytest.mark.parametrize(
    ("encoding", "said"),
    [
        ("ascii", "0.5 +- 0.1, 1-2, 640 x 480, caf\\xe9, \\u6c34\n"),
        ("latin-1", "0.5 ± 0.1, 1-2, 640 × 480, café, \\u6c34\n"),
        ("utf-8", "0.5 ± 0.1, 1–2, 640 × 480, café, 水\n"),
    ],
)
def test_marks_that_a_terminal_lacks_are_written_plainly(monkeypatch, encoding, said):
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    monkeypatch.setattr(sys, "stdout", stream)
    print_anywhere()
    output.show({}, False, "0.5 ± 0.1, 1–2, 640 × 480, café, 水")
    stream.flush()
    assert stream.buffer.getvalue().decode(encoding) == said
