"""Files that are named by URL, through fsspec: an extra, `pip install kg[remote]`.

What is read is copied whole, once, to `KG_HOME/cache`, and read from there, until what lies at the URL
changes. Where it cannot be asked, as on a machine without network, the copy is taken as it is.
"""

import hashlib
import json
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from kg import paths
from kg.data.disk import full_disk_told, require_room
from kg.data.lock import alone
from kg.errors import KgError

NAMED = re.compile(r"([a-z][a-z0-9+.-]+):/+(.+)", re.DOTALL)
MARKS = ("etag", "ETag", "md5Hash", "blob_id", "mtime", "LastModified", "created", "size")
"""What file systems say of a file that changes with its content, each some of it."""
LARGE = 10**8
"""Bytes that one should hear of before they are copied."""


def url_of(named: Path | str) -> str | None:
    """Return the URL that was named; None of a path.

    A Path object has lost one of the two slashes behind the protocol, which it gets back.
    """
    match = NAMED.fullmatch(str(named))
    if match is None:
        return None
    protocol, place = match.groups()
    return f"file:///{place}" if protocol == "file" else f"{protocol}://{place}"


class UnreachableError(KgError):
    """What lies at a URL cannot be asked for."""


def copy_here(url: str) -> Path:
    """Return a copy of the file at a URL, made now unless it is here.

    Raises:
        KgError: There is no such file, it cannot be reached, or a package for it is missing.
    """
    files, _ = connect(url)
    try:
        return _copy(files, url, _cache(url))
    except FileNotFoundError as error:
        raise KgError(f"There is no file at {url}.", "Look at the address again.") from error
    except UnreachableError as error:
        return _before(_cache(url) / _name(url), error)


def folder_here(url: str, names: Sequence[str]) -> Path:
    """Return a folder with copies of those of some files that the folder at a URL has.

    Raises:
        KgError: It has none of them, or as `copy_here`.
    """
    files, _ = connect(url)
    url = url.rstrip("/")
    folder = _cache(url) / Path(url).name
    copied = 0
    for number, name in enumerate(names):
        try:
            with suppress(FileNotFoundError):
                _copy(files, f"{url}/{name}", folder)
                copied += 1
        except UnreachableError as error:
            # Part of a folder is of no use.
            if number:
                raise
            return _before(folder, error)
    if not copied:
        raise KgError(f"There is nothing at {url} that kg reads.", "Look at the address again.")
    return folder


def store_here(url: str) -> list[Path]:
    """Return copies of the files of the store at a URL, which is one's, a folder's, or a pattern, *.h5.

    Raises:
        KgError: As `copy_here`.
    """
    # Asked whether a file is a folder, a web server sends all of it.
    if "*" not in url and url.partition("?")[0].endswith(".h5"):
        return [copy_here(url)]
    files, place = connect(url)
    known = _cache(url) / "files.json"
    try:
        with telling(url):
            entries = files.glob(place if "*" in place else f"{place.rstrip('/')}/*.h5")
            names = sorted(files.unstrip_protocol(name) for name in entries)
        with paths.replacing(known) as temporary:
            temporary.write_text(json.dumps(names))
    except UnreachableError as error:
        names = json.loads(_before(known, error).read_text())
    if not names:
        raise KgError(f"There is no file of a prepared store at {url}.", "Look at the address again.")
    return [copy_here(name) for name in names]


def _cache(url: str) -> Path:
    return paths.home() / "cache" / hashlib.sha256(url.encode()).hexdigest()[:16]


def _name(url: str) -> str:
    return Path(url.partition("?")[0]).name


def _before(copy: Path, error: UnreachableError) -> Path:
    """Return a copy that was made before; the error is raised if there is none."""
    if not copy.exists():
        raise error
    warnings.warn(f"{error.message.removesuffix('.')}. The copy from before is taken.", stacklevel=3)
    return copy


def _copy(files: Any, url: str, folder: Path) -> Path:
    """Return the copy of a file in a folder, made now unless it is there.

    Raises:
        FileNotFoundError: There is no such file.
        UnreachableError: Nobody can say.
    """
    copy = folder / _name(url)
    stamp = copy.with_name(f".{copy.name}.stamp")
    with telling(url):
        details = files.info(files._strip_protocol(url))
    version = repr([details[mark] for mark in MARKS if details.get(mark) is not None])
    with full_disk_told(), alone(copy, lambda: None):
        if copy.is_file() and stamp.is_file() and stamp.read_text() == version:
            return copy
        size = details.get("size") or 0
        require_room(folder, size, url)
        if size > LARGE:
            warnings.warn(f"{url} is copied to {folder} once: {size / 1e9:.3g} GB.", stacklevel=2)
        stamp.unlink(missing_ok=True)
        with telling(url), paths.replacing(copy) as temporary:
            files.get_file(files._strip_protocol(url), str(temporary))
        stamp.write_text(version)
    return copy


def connect(url: str) -> tuple[Any, str]:
    """Return the fsspec file system of a URL, and the place in it.

    Raises:
        KgError: fsspec is missing, or what it needs for this protocol.
    """
    protocol = url.partition("://")[0]
    try:
        import fsspec
    except ImportError as error:
        raise KgError(
            f"{protocol}:// needs fsspec, which is not installed.", "Install it: pip install 'kg[remote]'"
        ) from error
    try:
        with telling(url):
            files, place = fsspec.url_to_fs(url)
    except ImportError as error:
        raise KgError(f"{protocol}:// needs a package that is not installed.", f"{error}") from error
    return files, place


@contextmanager
def telling(url: str) -> Iterator[None]:
    """Turn what a file system raises into a line that names the URL.

    That a file is not there, or a package, is left as it is.

    Raises:
        UnreachableError: All else that it raises.
    """
    try:
        yield
    except (KgError, FileNotFoundError, ImportError):
        raise
    except Exception as error:  # each protocol has errors of its own, from botocore's to aiohttp's
        reason = str(error) or type(error).__name__
        raise UnreachableError(
            f"{url} cannot be reached: {reason}", "Look at the address, the network and your access to it."
        ) from error
