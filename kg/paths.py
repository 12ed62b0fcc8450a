"""Where kg keeps things.

Everything that is made from data (raw copies, prepared stores, caches) lies in one folder, `KG_HOME`.
Runs lie where the user works, in `runs/`, unless `KG_RUNS` says otherwise.
"""

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kg.errors import KgError


def home() -> Path:
    """Return the data folder: `KG_HOME`, else `$XDG_DATA_HOME/kg`, else `~/.local/share/kg`.

    Raises:
        KgError: The user has no home.
    """
    if folder := os.environ.get("KG_HOME"):
        return Path(folder).expanduser()
    try:
        return Path(os.environ.get("XDG_DATA_HOME") or "~/.local/share").expanduser() / "kg"
    except RuntimeError:
        raise KgError("You have no home folder for data.", "Set KG_HOME to a folder for them.") from None


def raw(dataset: str) -> Path:
    """Return the folder of a data set as fetched."""
    return home() / "raw" / dataset


def store(dataset: str, category: str, variant: str) -> Path:
    """Return the file of a prepared store.

    Raises:
        KgError: The category or the variant is no plain name.
    """
    for kind, name in (("category", category), ("variant", variant)):
        if not name or name.startswith(".") or any(mark in name for mark in "/\\\0"):
            raise KgError(
                f"A {kind} cannot be called '{name}'.", "Its name becomes a file's: use a plain word."
            )
    return home() / "prepared" / dataset / category / f"{variant}.h5"


def stores() -> list[Path]:
    """Return all prepared stores, files and folders of files, by data set, category and variant."""
    prepared = home() / "prepared"
    folders = {file.parent for file in prepared.glob("*/*/[!.]*/[!.]*.h5")}
    return sorted(folders.union(prepared.glob("*/*/[!.]*.h5")))


def variant_of(store: Path) -> str:
    """Return the variant that a store's path names."""
    return store.name.removesuffix(".h5")


def runs() -> Path:
    """Return the folder of the run folders: `KG_RUNS`, else `./runs`."""
    return Path(os.environ.get("KG_RUNS") or "runs").expanduser()


def require_writable(*files: Path | None) -> None:
    """Check that files can be written, before the work whose results they are to hold.

    Args:
        files: Where they are to be; None for one that nobody asked for.

    Raises:
        KgError: One is a folder, or would lie below a file, or in a folder that is read-only.
    """
    for file in files:
        if file is None:
            continue
        if file.is_dir():
            raise KgError(f"{file} is a folder.", "Name a file in it.")
        folder = next(parent for parent in file.absolute().parents if parent.exists())
        if not folder.is_dir():
            raise KgError(f"{file} cannot be written: {folder} is a file.", "Name another place.")
        if not os.access(folder, os.W_OK | os.X_OK):
            raise KgError(f"{file} cannot be written: {folder} is read-only.", "Name another place.")


def variable_of(error: OSError) -> str | None:
    """Return the variable that moves the folder in which nothing can be written; None for another problem."""
    if error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS) or not isinstance(error.filename, str):
        return None
    path = Path(error.filename).absolute()
    for name, folder in (("KG_HOME", home().absolute()), ("KG_RUNS", runs().absolute())):
        if path.is_relative_to(folder) or folder.is_relative_to(path):
            return name
    return None


@contextmanager
def replacing(path: Path | str) -> Iterator[Path]:
    """Yield a temporary name beside `path` that takes its place on success and is removed on failure.

    A reader therefore sees the old file or the whole new one, never a half. The temporary name keeps
    the suffix, because writers choose their format by it.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.stem}-{secrets.token_hex(8)}{path.suffix}")
    temporary.touch(exist_ok=False)
    try:
        yield temporary
        to_disk(temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


UNSUPPORTED = (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK)
"""What a file system answers to what it cannot do at all."""


def to_disk(file: Path) -> None:
    """Return once a file's content is on the disk, on file systems that can tell."""
    # Windows refuses handles that only read.
    with file.open("rb+") as written:
        try:
            os.fsync(written.fileno())
        except OSError as error:
            if error.errno not in UNSUPPORTED:
                raise
