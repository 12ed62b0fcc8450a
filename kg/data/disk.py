"""Room on the disk: asked for before writing, and what is said when it runs out all the same."""

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kg import paths
from kg.errors import KgError


class FullDiskError(KgError):
    """There is no room."""


def require_room(folder: Path, needed: int, what: str) -> None:
    """Refuse to begin what cannot end.

    Args:
        folder: On the disk in question; it exists.
        needed: Bytes to be written.
        what: Who needs them, as the subject of a sentence.

    Raises:
        FullDiskError: There is less room; says how much of each.
    """
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise FullDiskError(f"{what} needs {needed:,} bytes, {free:,} are free.", _hint())


@contextmanager
def full_disk_told() -> Iterator[None]:
    """Turn the system's error of a full disk, or of a quota that is used up, into a line and a hint."""
    try:
        yield
    except OSError as error:
        # HDF5 has the number in its message only.
        full = (errno.ENOSPC, errno.EDQUOT)
        if error.errno not in full and not any(f"errno = {number}," in str(error) for number in full):
            raise
        raise FullDiskError("The disk is full.", _hint()) from error


def _hint() -> str:
    return f"Make room in {paths.home()}, or move the data folder with KG_HOME."
