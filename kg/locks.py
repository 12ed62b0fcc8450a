"""One process at a time, where two would write the same files."""

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PAUSE = 0.1
"""Seconds between two looks at a lock that another process holds."""


@contextmanager
def locked(path: Path, on_wait: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Hold the lock file `path` while the block runs, waiting for whoever holds it.

    The system lets go of a lock when its process ends, however it ends, so that none outlives a crash.

    Args:
        path: The lock file; it is made, and removed afterwards.
        on_wait: Called once if another process has to be waited for.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    waited = False
    while (handle := _take(path)) is None:
        if not waited:
            on_wait()
        waited = True
        time.sleep(PAUSE)
    try:
        yield
    finally:
        with suppress(OSError):
            path.unlink()
        os.close(handle)


def _take(path: Path) -> int | None:
    """Return the handle of the lock file, locked; None if it is another's."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # The one before may have removed the file between our opening and locking it.
        if os.path.samestat(os.fstat(handle), path.stat()):
            return handle
    except (BlockingIOError, PermissionError, FileNotFoundError):
        pass
    os.close(handle)
    return None
