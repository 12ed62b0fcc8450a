"""Where compiled loops are kept: a folder for each state of the sources that they are made of."""

import ast
import hashlib
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path

from numba import config

from kg import paths
from kg.errors import KgError

UNUSED = 30 * 24 * 3600
"""Seconds after which loops of other sources, which nothing was added to, are removed."""


@cache
def folder_of(module: str) -> Path | None:
    """Return the folder for the loops of a module that is loaded, or None where none can be written.

    numba itself looks at the file of a loop, but not at those that its constants and the loops that it calls
    are in; and an installed kg may lie where nobody can write.
    """
    try:
        key = _key(module)
    except OSError:  # in an archive
        return None
    for base in _bases():
        folder = base / key
        try:
            new = not folder.is_dir()
            folder.mkdir(parents=True, exist_ok=True)
            tempfile.TemporaryFile(dir=folder).close()
        except OSError:
            continue
        if new:
            _remove_old(base)
        return folder
    return None


def _bases() -> Iterator[Path]:
    """Yield where the user wants it, in kg's folder, and in the user's folder for caches."""
    if folder := os.environ.get("NUMBA_CACHE_DIR"):
        yield Path(folder) / "kg"
        return
    with suppress(KgError):  # there is no home
        yield paths.home() / "cache" / "loops"
    with suppress(RuntimeError):
        yield Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "kg" / "loops"


def _remove_old(base: Path) -> None:
    with suppress(OSError):  # another process was first
        for folder in base.iterdir():
            if time.time() - folder.stat().st_mtime > UNUSED:
                shutil.rmtree(folder, ignore_errors=True)


def _key(module: str) -> str:
    """Return a name for what a module's loops are made of: its source, and what it imports beside it."""
    sources: dict[str, bytes] = {}
    waiting = [module]
    while waiting:
        name = waiting.pop()
        file = getattr(sys.modules.get(name), "__file__", None)
        if name in sources or file is None:
            continue
        sources[name] = Path(file).read_bytes()
        package = module.rpartition(".")[0]
        waiting += [other for other in _imported(sources[name]) if other.rpartition(".")[0] == package]
    digest = hashlib.sha256(f"{module} {config.BOUNDSCHECK}".encode())
    for name in sorted(sources):
        digest.update(hashlib.sha256(sources[name]).digest())
    return f"{module.rpartition('.')[2]}-{digest.hexdigest()[:16]}"


def _imported(source: bytes) -> Iterator[str]:
    """Yield the modules that a source may import, by their whole names."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
