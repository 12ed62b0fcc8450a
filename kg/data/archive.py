"""What a user obtained by hand, an archive or a folder, brought whole and safely to its place."""

import shutil
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from stat import S_ISLNK, S_ISREG
from tempfile import mkdtemp
from typing import IO

from kg.errors import KgError

MAX_FILES = 2_000_000
MAX_BYTES = 1 << 40
MAX_RATIO = 200
"""Unpacked bytes for a packed one. Meshes and clouds as text come to about 10, a bomb to 1000."""
SMALL = 1 << 26
"""Below so many bytes nothing is a bomb, however well it is packed."""
CHUNK = 1 << 20
ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")

Progress = Callable[[int, int, str], None]
FindRoot = Callable[[Path], Path]


@dataclass(frozen=True)
class _Entry:
    """One file to be: its name in the archive, the bytes it claims to have, and how to open it."""

    name: str
    size: int
    open: Callable[[], IO[bytes]]


def obtain(
    source: Path,
    destination: Path,
    find_root: FindRoot,
    progress: Progress = lambda done, total, unit: None,
) -> None:
    """Copy a folder, or unpack an archive, to a folder that appears only when it is complete.

    All is written beside the destination and moved there at the end, in the place of what was there; on
    failure or Ctrl-C nothing is left behind. Links are refused, and so is any name that leads elsewhere.

    Args:
        source: The folder, or a .zip, .tar, .tar.gz (.tgz), .tar.bz2, .tar.xz.
        destination: The folder to make.
        find_root: Given the folder (or what the archive unpacked to), returns the part of it that is to
            become the destination, or raises KgError where something is missing.
        progress: Called with (done, total, "bytes").

    Raises:
        KgError: The source is not there, is no archive that is known, is broken, unsafe or too large for
            the disk, or `find_root` found something missing.
    """
    if not source.exists():
        raise KgError(f"There is nothing at {source}.", "Name the folder or archive that you obtained.")
    if source.is_dir():
        root = locate(find_root, source, source)
        entries = list(_folder_entries(root))
        with _staging(destination) as staging:
            _write(entries, source, staging / "data", progress)
            _put(staging / "data", destination, staging)
        return
    with _archive_entries(source) as entries, _staging(destination) as staging:
        _refuse_bomb(entries, source)
        _write(entries, source, staging / "data", progress)
        _put(locate(find_root, staging / "data", source), destination, staging)


def find_folder(folder: Path, holds: Callable[[Path], bool], depth: int = 3) -> Path | None:
    """Return the nearest folder, this one or one below it, for which `holds` is true; None if there is none.

    Archives and downloads wrap what they hold in folders of any name.

    Raises:
        KgError: There is no such folder.
    """
    if not folder.is_dir():
        raise KgError(f"There is no folder {folder}.")
    level = [folder]
    for _ in range(depth + 1):
        for candidate in level:
            if holds(candidate):
                return candidate
        level = sorted(child for parent in level for child in parent.iterdir() if child.is_dir())
    return None


def locate(find_root: FindRoot, folder: Path, source: Path) -> Path:
    """Return what `find_root` finds in a folder; its error speaks of "it", and gets the source's name."""
    try:
        return find_root(folder)
    except KgError as error:
        raise KgError(f"{source}: {error.message}", error.hint) from error


@contextmanager
def _staging(destination: Path) -> Iterator[Path]:
    destination.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(mkdtemp(dir=destination.parent, prefix=f".{destination.name}-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _put(made: Path, destination: Path, staging: Path) -> None:
    """Move the new folder to its place; the old one goes with the staging folder, or comes back."""
    old = staging / "old"
    if destination.exists():
        destination.rename(old)
    try:
        made.rename(destination)
    except BaseException:
        if old.exists():
            old.rename(destination)
        raise


def _folder_entries(folder: Path) -> Iterator[_Entry]:
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():
            raise KgError(
                f"{folder} holds a link, {name}, which is not copied.",
                "Put the file itself there, or read the folder in place with: kg prepare NAME --from FOLDER",
            )
        mode = path.stat().st_mode
        if S_ISREG(mode):
            yield _Entry(name, path.stat().st_size, lambda path=path: path.open("rb"))  # type: ignore[misc]
        elif not path.is_dir():
            raise KgError(f"{folder} holds {name}, which is neither a file nor a folder.")


@contextmanager
def _archive_entries(path: Path) -> Iterator[list[_Entry]]:
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                yield list(_zip_entries(archive, path))
        elif tarfile.is_tarfile(path):
            with tarfile.open(path) as tar:
                yield list(_tar_entries(tar, path))
        else:
            raise KgError(
                f"{path} is no archive that can be unpacked ({', '.join(ARCHIVES)}), or it is cut short.",
                "Unpack it yourself, and name the folder.",
            )
    except (zipfile.BadZipFile, NotImplementedError, tarfile.TarError, EOFError, zlib.error) as error:
        raise KgError(f"{path} is broken or cut short: {error}", "Obtain it again.") from error


def _zip_entries(archive: zipfile.ZipFile, path: Path) -> Iterator[_Entry]:
    for info in archive.infolist():
        if S_ISLNK(info.external_attr >> 16):
            raise KgError(f"{path} holds a link, {info.filename}, which is not unpacked.")
        if info.flag_bits & 1:
            raise KgError(f"{path} is encrypted.", "Unpack it yourself, and name the folder.")
        if not info.is_dir():
            yield _Entry(info.filename, info.file_size, lambda info=info: archive.open(info))  # type: ignore[misc]


def _tar_entries(archive: tarfile.TarFile, path: Path) -> Iterator[_Entry]:
    total = 0
    for member in archive:
        if member.isdir():
            continue
        if not member.isfile():
            raise KgError(f"{path} holds {member.name}, a link or a device, which is not unpacked.")
        # Reading on means unpacking this one, to nowhere: look at its size before.
        total += member.size
        _refuse_ratio(total, path)
        yield _Entry(member.name, member.size, lambda member=member: _content(archive, member))  # type: ignore[misc]


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes]:
    content = archive.extractfile(member)
    assert content is not None
    return content


def _refuse_bomb(entries: Sequence[_Entry], source: Path) -> None:
    _refuse_ratio(sum(entry.size for entry in entries), source)
    if len(entries) > MAX_FILES:
        raise KgError(f"{source} holds {len(entries)} files, more than {MAX_FILES}.")


def _refuse_ratio(total: int, source: Path) -> None:
    if total > MAX_BYTES or (total > SMALL and total > MAX_RATIO * source.stat().st_size):
        raise KgError(
            f"{source} would unpack to {total:,} bytes from {source.stat().st_size:,}: it looks like a bomb.",
            "If you trust it, unpack it yourself, and name the folder.",
        )


def _write(entries: Sequence[_Entry], source: Path, target: Path, progress: Progress) -> None:
    total = sum(entry.size for entry in entries)
    target.mkdir()
    free = shutil.disk_usage(target).free
    if total > free:
        raise KgError(
            f"{source} needs {total:,} bytes, {free:,} are free in {target.parent.parent}.",
            "Make room, or move the data folder with KG_HOME.",
        )
    done = 0
    for entry in entries:
        path = target / _safe(entry.name, source)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with entry.open() as read, path.open("xb") as written:
                for size in _copy(read, written, entry, source):
                    done += size
                    progress(done, total, "bytes")
        except (FileExistsError, NotADirectoryError) as error:
            raise KgError(f"{source} holds {entry.name} twice.") from error


def _copy(read: IO[bytes], written: IO[bytes], entry: _Entry, source: Path) -> Iterator[int]:
    """Copy in chunks, yielding their sizes, and hold the file to the size that it claims."""
    done = 0
    while chunk := read.read(CHUNK):
        done += len(chunk)
        if done > entry.size:
            break
        written.write(chunk)
        yield len(chunk)
    if done != entry.size:
        raise KgError(f"{source}: {entry.name} is not of the {entry.size} bytes that it claims.")


def _safe(name: str, source: Path) -> PurePosixPath:
    """Return the name as a path that stays below the folder it is put in."""
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or PureWindowsPath(name).drive or ".." in path.parts or "\0" in name:
        raise KgError(f"{source} holds '{name}', a name that leads out of its folder.")
    return path
