"""What kg says when it cannot go on: one line, and the way out."""

from collections.abc import Iterable
from difflib import get_close_matches


class KgError(Exception):
    """A problem the user can mend. The command line prints it as one line and a hint.

    Names and values of strangers' files come to stand in it, and messages of libraries: line breaks in the
    message become spaces, and what a terminal would obey is written out.

    Args:
        message: What is wrong, in one sentence that names the file or value.
        hint: What to do next, in one sentence; may be empty.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        self.message = printable(" ".join(message.strip().splitlines()))
        self.hint = "\n".join(map(printable, hint.split("\n")))
        super().__init__(self.message)


def printable(text: str) -> str:
    """Return a text with what a terminal would obey, or cannot show, written out by its code."""
    return "".join(
        mark if mark.isprintable() else mark.encode("unicode_escape", "surrogatepass").decode()
        for mark in text
    )


def unknown_name(kind: str, name: str, known: Iterable[str]) -> KgError:
    """Return the error for a name that does not exist, with the likeliest name that does."""
    names = sorted(known)
    close = get_close_matches(name, names, n=1)
    listed = ", ".join(names) if names else "none"
    meant = f"Did you mean '{close[0]}'? " if close else ""
    return KgError(f"There is no {kind} '{name}'.", f"{meant}Known: {listed}.")
