"""Archives and folders, brought whole and safely to their place."""

import bz2
import gzip
import io
import lzma
import shutil
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from errno import EINVAL
from pathlib import Path, PurePosixPath, PureWindowsPath
from stat import S_ISLNK, S_ISREG
from tempfile import mkdtemp
from typing import IO

from kg.data.disk import full_disk_told, require_room
from kg.errors import KgError

MAX_FILES = 2_000_000
MAX_BYTES = 1 << 40
MAX_RATIO = 200
"""Unpacked bytes for a packed one. Meshes and clouds as text come to about 10, a bomb to 1000."""
SMALL = 1 << 26
"""Below so many bytes nothing is a bomb, however well it is packed."""
CHUNK = 1 << 20
ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
PACKED: dict[bytes, Callable[[Path], io.BufferedIOBase]] = {
    b"\x1f\x8b": gzip.GzipFile,
    b"BZh": bz2.BZ2File,
    b"\xfd7zXZ\x00": lzma.LZMAFile,
}
"""How a packed tar begins, and what unpacks it."""
BROKEN = (
    zipfile.BadZipFile,
    NotImplementedError,
    RecursionError,
    UnicodeDecodeError,
    tarfile.TarError,
    EOFError,
    OSError,
    zlib.error,
    lzma.LZMAError,
)
"""What comes of an archive that is damaged; an OSError without a number, or of a wrong offset."""

AES = 99
"""The method that a zip names in the place of a packing method where it is encrypted with AES."""
ENCRYPTED = 1
"""The bit of a zip's entry that says so."""
STRONG = 0x40
"""The bit of one that is encrypted in PKWARE's later way."""
PASSWORD_HINT = "Its password is asked for on a terminal, or taken from the variable KG_PASSWORD."
PROBES = 16
"""Files on which a password is tried: one alone would let every 256th wrong one pass."""
FOREIGN = (".rar", ".7z")
"""Archives that Python does not read."""

Progress = Callable[[str, int, int], None]
FindRoot = Callable[[Path], Path]
AskPassword = Callable[[Path], str]


class PasswordError(KgError):
    """An archive needs a password, or another one."""


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
    progress: Progress = lambda what, done, total: None,
    password: AskPassword | None = None,
) -> tuple[int, int]:
    """Copy a folder, or unpack archives, to a folder that appears only when it is complete.

    All is written beside the destination and moved there at the end, in the place of what was there; on
    failure or Ctrl-C nothing is left behind. Links are refused, and so is any name that leads elsewhere.

    Args:
        source: The folder, or a .zip, .tar, .tar.gz (.tgz), .tar.bz2, .tar.xz, or a folder of those.
        destination: The folder to make.
        find_root: Given the folder (or what the archives unpacked to), returns the part of it that is to
            become the destination, or raises KgError where something is missing.
        progress: Called with ("Copying" or "Unpacking", bytes done, bytes in all).
        password: Asked for the password of an encrypted zip.

    Returns:
        How many files, of how many bytes, were written.

    Raises:
        KgError: The source is not there, is no archive that is known, is broken, unsafe or too large for
            the disk, its password is wrong, or `find_root` found something missing.
    """
    root, archives = _survey(source, find_root)
    with _staging(destination) as staging, full_disk_told():
        made = staging / "data"
        if root is not None:
            entries = list(_folder_entries(root))
            require_room(destination.parent, _size(entries), str(source))
            _write(entries, source, made, _named(progress, "Copying"))
            put(made, destination, staging)
            return len(entries), _size(entries)
        ask = _no_password if password is None else password
        files = size = 0
        for archive in archives:
            with _archive_entries(archive, ask) as entries:
                _refuse_bomb(entries, archive)
                require_room(destination.parent, _size(entries), str(archive))
                # What several archives hold may bear the same names, unless each brings a folder of its own.
                into = made / _stem(archive) if len(archives) > 1 and not _wrapped(entries) else made
                _write(entries, archive, into, _named(progress, "Unpacking"))
                files, size = files + len(entries), size + _size(entries)
        put(locate(find_root, made, source), destination, staging)
        return files, size


def measure(source: Path, find_root: FindRoot) -> tuple[int, int]:
    """Return how many files, of how many bytes, `obtain` would write; it raises the same errors.

    What an archive holds is counted whole, before anything in it is looked for.
    """
    root, archives = _survey(source, find_root)
    sizes = [entry.size for entry in _folder_entries(root)] if root is not None else []
    for archive in archives:
        with _archive_entries(archive, None) as entries:
            _refuse_bomb(entries, archive)
            sizes += [entry.size for entry in entries]
    return len(sizes), sum(sizes)


def unwrapped(folder: Path) -> Path:
    """Return the folder, or the one in it that wraps all of its content."""
    inside = [child for child in folder.iterdir() if child.name not in ("__MACOSX", ".DS_Store")]
    return inside[0] if len(inside) == 1 and inside[0].is_dir() else folder


def _survey(source: Path, find_root: FindRoot) -> tuple[Path | None, list[Path]]:
    """Return the folder to copy, or else the archives to unpack."""
    if not source.exists():
        raise KgError(f"There is nothing at {source}.", "Name the folder or archive that you obtained.")
    if not source.is_dir():
        return None, [source]
    try:
        return locate(find_root, source, source), []
    except KgError as error:
        if archives := archives_in(source):
            return None, archives
        if foreign := [path for path in sorted(source.iterdir()) if path.suffix.lower() in FOREIGN]:
            raise KgError(
                error.message, f"Unpack {foreign[0].name} there first: {_by_hand(foreign[0])}."
            ) from error
        raise


def archives_in(folder: Path) -> list[Path]:
    """Return the archives that lie in a folder."""
    return [path for path in sorted(folder.iterdir()) if path.name.lower().endswith(ARCHIVES)]


def _by_hand(archive: Path) -> str:
    return f"7z x '{archive.name}' (it asks for a password where there is one)"


def _no_password(path: Path) -> str:
    raise PasswordError(f"{path} is encrypted.", PASSWORD_HINT)


def _named(progress: Progress, what: str) -> Callable[[int, int], None]:
    return lambda done, total: progress(what, done, total)


def _stem(archive: Path) -> str:
    suffix = max((suffix for suffix in ARCHIVES if archive.name.lower().endswith(suffix)), key=len)
    return archive.name[: -len(suffix)]


def _size(entries: Sequence[_Entry]) -> int:
    return sum(entry.size for entry in entries)


def _wrapped(entries: Sequence[_Entry]) -> bool:
    paths = [PurePosixPath(entry.name) for entry in entries if not entry.name.startswith("__MACOSX/")]
    return len({path.parts[:1] for path in paths}) == 1 and all(len(path.parts) > 1 for path in paths)


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


def put(made: Path, destination: Path, staging: Path) -> None:
    """Move a new folder to its place; the old one goes to the staging folder, or comes back on failure."""
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
def _archive_entries(path: Path, password: AskPassword | None) -> Iterator[list[_Entry]]:
    encrypted = False
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                if not all(info.filename for info in archive.infolist()):
                    raise zipfile.BadZipFile("an entry has no name")
                encrypted = any(info.flag_bits & ENCRYPTED for info in archive.infolist())
                if encrypted and password:
                    _unlock(archive, path, password)
                yield list(_zip_entries(archive, path))
        else:
            with _Stream(path) as stream, _open_tar(stream, path) as tar:
                yield list(_tar_entries(tar, stream, path))
    except BROKEN as error:
        if isinstance(error, OSError) and error.errno not in (None, EINVAL):
            raise
        raise KgError(
            f"{path} is broken or cut short: {error}",
            "Obtain it again, or look at the password." if encrypted else "Obtain it again.",
        ) from error


def _unlock(archive: zipfile.ZipFile, path: Path, password: AskPassword) -> None:
    """Give an archive its password.

    Raises:
        KgError: It is wrong, or the archive is encrypted in a way that Python cannot read.
    """
    locked = [info for info in archive.infolist() if info.flag_bits & ENCRYPTED]
    if any(info.compress_type == AES or info.flag_bits & STRONG for info in locked):
        raise KgError(
            f"{path} is encrypted with AES or the like, which kg cannot read.",
            f"Unpack it yourself, {_by_hand(path)}, and name the folder with --from.",
        )
    archive.setpassword(password(path).encode())
    for info in locked[:PROBES]:
        try:
            archive.open(info).close()
        except RuntimeError as error:
            raise PasswordError(f"The password of {path} is wrong.", PASSWORD_HINT) from error


def _zip_entries(archive: zipfile.ZipFile, path: Path) -> Iterator[_Entry]:
    for info in archive.infolist():
        if S_ISLNK(info.external_attr >> 16):
            raise KgError(f"{path} holds a link, {info.filename}, which is not unpacked.")
        if not info.is_dir():
            yield _Entry(info.filename, info.file_size, lambda info=info: archive.open(info))  # type: ignore[misc]


class _Stream(io.BufferedIOBase):
    """The bytes of a tar, unpacked as they are read, and no more of them than one of its size may hold."""

    def __init__(self, path: Path) -> None:
        with path.open("rb") as file:
            start = file.read(max(map(len, PACKED)))
        packed = [unpacked for mark, unpacked in PACKED.items() if start.startswith(mark)]
        self._path = path
        self._inner: io.BufferedIOBase = packed[0](path) if packed else path.open("rb")

    def read(self, size: int | None = -1, /) -> bytes:
        # Content comes in pieces; what is asked for at once is a name or another note of a header.
        if size is None or not 0 <= size <= CHUNK:
            raise KgError(f"{self._path} has a header of {size:,} bytes: it looks like a bomb.")
        _refuse_ratio(self._inner.tell(), self._path)
        return self._inner.read(size)

    def seek(self, offset: int, whence: int = 0, /) -> int:
        # To go on is to unpack all before, to nowhere.
        _refuse_ratio(offset, self._path)
        return self._inner.seek(offset, whence)

    def tell(self) -> int:
        return self._inner.tell()

    def close(self) -> None:
        self._inner.close()
        super().close()


def _open_tar(stream: _Stream, path: Path) -> tarfile.TarFile:
    try:
        return tarfile.open(fileobj=stream, mode="r:")
    except tarfile.ReadError as error:
        if path.name.lower().endswith(ARCHIVES):
            raise KgError(f"{path} is no archive, or it is cut short.", "Obtain it again.") from error
        raise KgError(
            f"{path} is no archive that can be unpacked ({', '.join(ARCHIVES)}).",
            f"Unpack it yourself, {_by_hand(path)}, and name the folder with --from.",
        ) from error


def _tar_entries(archive: tarfile.TarFile, stream: _Stream, path: Path) -> Iterator[_Entry]:
    total = 0
    for count, member in enumerate(archive, 1):
        _refuse_many(count, path)
        if member.isdir():
            continue
        if not member.isfile():
            raise KgError(f"{path} holds {member.name}, a link or a device, which is not unpacked.")
        # A sparse file claims more than the archive holds of it.
        total += member.size
        _refuse_ratio(total, path)
        yield _Entry(member.name, member.size, lambda member=member: _content(archive, member))  # type: ignore[misc]
    # The checksum of what is packed comes at its end, after the last member's.
    while stream.read(CHUNK):
        pass


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes]:
    content = archive.extractfile(member)
    assert content is not None
    return content


def _refuse_bomb(entries: Sequence[_Entry], source: Path) -> None:
    _refuse_ratio(_size(entries), source)
    _refuse_many(len(entries), source)


def _refuse_many(count: int, source: Path) -> None:
    if count > MAX_FILES:
        raise KgError(f"{source} holds {count} files, more than {MAX_FILES}.")


def _refuse_ratio(total: int, source: Path) -> None:
    if total > MAX_BYTES or (total > SMALL and total > MAX_RATIO * source.stat().st_size):
        raise KgError(
            f"{source} would unpack to {total:,} bytes from {source.stat().st_size:,}: it looks like a bomb.",
            "If you trust it, unpack it yourself, and name the folder.",
        )


def _write(
    entries: Sequence[_Entry], source: Path, target: Path, progress: Callable[[int, int], None]
) -> None:
    total = _size(entries)
    target.mkdir(exist_ok=True, parents=True)
    done = 0
    for entry in entries:
        path = target / _safe(entry.name, source)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with entry.open() as read, path.open("xb") as written:
                for size in _copy(read, written, entry, source):
                    done += size
                    progress(done, total)
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
