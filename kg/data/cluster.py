"""Many machines, by Dask: an extra, `pip install kg[cluster]`."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kg.errors import KgError

PATIENCE = 10
"""Seconds within which a scheduler answers."""


@contextmanager
def connected(where: str) -> Iterator[Any]:
    """Yield a `distributed.Client` of a scheduler.

    Args:
        where: Its address, tcp://host:8786, or the file that `dask scheduler --scheduler-file` wrote.

    Raises:
        KgError: Dask is not installed, or no scheduler answers there.
    """
    try:
        import distributed
    except ImportError as error:
        raise KgError(
            "--cluster needs dask.distributed, which is not installed.",
            "Install it here and on the workers: pip install 'kg[cluster]'",
        ) from error
    # What it has to say of connections that end is said here in a line, or is of no matter.
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    file = Path(where).expanduser()
    place = {"scheduler_file": str(file)} if file.is_file() else {"address": where}
    try:
        client = distributed.Client(**place, timeout=PATIENCE, set_as_default=False)
    except (OSError, TimeoutError, ValueError, TypeError) as error:
        raise KgError(
            f"No Dask scheduler answers at {where}.",
            "Start one with: dask scheduler; it prints its address, tcp://...",
        ) from error
    try:
        yield client
    finally:
        client.close(timeout=PATIENCE)
