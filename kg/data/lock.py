"""One process at a time."""

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from kg.paths import UNSUPPORTED


@contextmanager
def alone(path: Path, on_wait: Callable[[], None]) -> Iterator[None]:
    """Hold the lock of a file or folder while it is made, waiting for who else makes it.

    The lock is a hidden file beside it; the system takes it away from a process that dies.

    Args:
        path: What is made; its folder is made here if it is missing.
        on_wait: Called once if another process holds the lock; the wait ends with what it raises.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with holding(path.with_name(f".{path.stem}.lock"), on_wait):
        yield


@contextmanager
def holding(file: Path, on_wait: Callable[[], None]) -> Iterator[None]:
    """Hold a lock file's lock, waiting for who else holds it; on a file system without locks, warn of that.

    Args:
        file: The lock file, in a folder that is there.
        on_wait: Called once if another process holds the lock; the wait ends with what it raises.
    """
    lock = FileLock(file)
    try:
        try:
            lock.acquire(timeout=0)
        except Timeout:
            on_wait()
            lock.acquire()
    except OSError as error:
        if error.errno not in UNSUPPORTED:
            raise
        problem = "its file system has no locks"
        warnings.warn(f"No second kg may write to {file.parent} meanwhile: {problem}.", stacklevel=4)
    try:
        yield
    finally:
        lock.release()
