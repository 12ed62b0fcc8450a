"""How the solver's loops are compiled by numba, and kept."""

from contextlib import suppress
from pathlib import Path

from numba import njit


def forget_older(folder: Path) -> None:
    """Remove what numba keeps of a folder's loops if any of its modules is newer than that.

    numba notices when the file of a loop changes, but not when that of a loop which it calls does: then the
    two no longer agree on what is passed, and Python crashes or, worse, does not.
    """
    newest = max(module.stat().st_mtime for module in folder.glob("*.py"))
    for kept in folder.glob("__pycache__/*.nbi"):
        with suppress(OSError):  # another process was first, or nobody may
            if kept.stat().st_mtime < newest:
                kept.unlink()


forget_older(Path(__file__).parent)

loop = njit(cache=True, nogil=True, error_model="numpy")
"""Compile a loop on first use, and keep it: free of Python's lock, and with no look at what it divides by."""
