"""What kg says when it cannot go on: one line, and the way out."""

from collections.abc import Iterable
from difflib import get_close_matches


class KgError(Exception):
    """A problem the user can mend. The command line prints it as one line and a hint.

    Args:
        message: What is wrong, in one sentence that names the file or value.
        hint: What to do next, in one sentence; may be empty.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


def unknown_name(kind: str, name: str, known: Iterable[str]) -> KgError:
    """Return the error for a name that does not exist, with the likeliest name that does."""
    names = sorted(known)
    close = get_close_matches(name, names, n=1)
    listed = ", ".join(names) if names else "none"
    meant = f"Did you mean '{close[0]}'? " if close else ""
    return KgError(f"There is no {kind} '{name}'.", f"{meant}Known: {listed}.")
