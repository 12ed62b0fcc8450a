"""Terminals and files whose encoding lacks marks that are printed."""

import codecs
import io
import sys

MARKS = {
    "–": "-",
    "⁻": "-",
    "±": "+-",
    "×": "x",
    "·": ".",
    "…": "...",
    "°": " degrees",
    "²": "2",
    "³": "3",
    "†": "+",
    "Δ": "difference",
    "α": "alpha",
    "µ": "u",
    "ρ": "rho",
    "σ": "sigma",
}
"""What stands for those of our own texts; of others, their code does."""
NAME = "kg.plain"


def print_anywhere() -> None:
    """Let stdout and stderr write whatever is printed, in the nearest marks that they have."""
    codecs.register_error(NAME, _substitute)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=NAME)


def _substitute(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    texts = (MARKS.get(mark) or ascii(mark)[1:-1] for mark in error.object[error.start : error.end])
    return "".join(texts), error.end
