"""A data set brought to its folder, from the network or from what the user obtained, whole or not at all."""

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote, urlsplit

from filelock import FileLock, Timeout

from kg.data.archive import (
    ARCHIVES,
    AskPassword,
    PasswordError,
    archives_in,
    locate,
    measure,
    obtain,
    put,
    unwrapped,
)
from kg.data.dataset import Dataset, Get, Remote
from kg.data.disk import FullDiskError, full_disk_told
from kg.data.download import Downloader, Got, Progress, name_of
from kg.data.record import Record
from kg.errors import KgError, unknown_name

PARTS = "parts"
"""Below the folder of what is under way: the downloads, which are gone on with; all else is scratch."""


@dataclass(frozen=True)
class Order:
    """What is to be fetched, and how to speak with the user meanwhile.

    Attributes:
        dataset: The data set.
        folder: Where it goes. Beside it, hidden, lie what is under way and a lock.
        categories: Some of its categories; all if there are none.
        source: None to download; an address, of an archive or of a place laid out as the original is; or
            a path, of a folder or an archive.
        force: Fetch again what is there.
        progress: Called with what is being done, bytes done and bytes in all.
        warn: Told of what the user should know.
        consent: Asks the user to take the licence before a first download; raises KgError if not.
        password: Asked for that of an encrypted archive.
    """

    dataset: Dataset
    folder: Path
    categories: tuple[str, ...] = ()
    source: str | None = None
    force: bool = False
    progress: Progress = lambda what, done, total: None
    warn: Callable[[str], None] = lambda text: None
    consent: Callable[[], None] = lambda: None
    password: AskPassword | None = None

    @property
    def partial(self) -> Path:
        """The folder of what is under way."""
        return self.folder.with_name(f".{self.folder.name}.partial")

    @property
    def path(self) -> Path:
        """The source, if it is none to download."""
        return Path(self.source or "").expanduser()

    @property
    def is_download(self) -> bool:
        """Whether it comes over the network."""
        return self.source is None or urlsplit(self.source).scheme in ("http", "https")

    def parts(self) -> Sequence[str | None]:
        """Return what is fetched one after the other; [None] if it comes as a whole.

        Raises:
            KgError: The data set cannot be had so, or has no such category.
        """
        dataset = self.dataset
        for category in self.categories:
            if dataset.categories and category not in dataset.categories:
                raise unknown_name("category", category, dataset.categories)
        if self.source is None and dataset.access == "by hand":
            raise KgError(
                f"{dataset.name} cannot be downloaded by a program.",
                "\n".join(
                    ["In a few steps:", *(f"  {i}. {step}" for i, step in enumerate(dataset.steps, 1))]
                ),
            )
        if dataset.access == "in place":
            raise KgError(
                f"{dataset.name} needs no fetching.", f"Use it: kg prepare {dataset.name} --from FOLDER"
            )
        if not self.is_download or not dataset.parts or _is_archive(self):
            return [None]
        # A category that is no part, such as all of them together, takes every part.
        return self.categories if set(self.categories or [""]) <= set(dataset.parts) else dataset.parts

    def is_present(self, part: str | None) -> bool:
        """Tell whether a part is there."""
        if not self.folder.exists() or not Record(self.folder).is_whole():
            return False
        try:
            return part is None or part in self.dataset.find_categories(self.folder)
        except KgError:
            return False


@dataclass(frozen=True)
class Fetched:
    """What a fetch did.

    Attributes:
        files, size: How many files, of how many bytes, were written; archives count as what they are.
        unpublished: Those among them whose checksum nobody publishes, and that were seen for the first
            time.
    """

    files: int = 0
    size: int = 0
    unpublished: int = 0


@dataclass(frozen=True)
class Planned:
    """What a fetch would do to a part: files and bytes to bring, and whether the bytes are exact."""

    part: str | None
    files: int
    size: int
    exact: bool


def fetch(order: Order) -> Fetched:
    """Bring a data set, or some categories of it, unless it is there.

    What is under way survives anything, kill -9 included, in a hidden folder beside the data set's; the
    next fetch goes on with it. Another fetch of the same data set waits for this one.

    Raises:
        KgError: It cannot be had, is not what it should be, is unsafe, or the disk is full. What was
            there before is there still.
    """
    parts = order.parts()
    order.folder.parent.mkdir(parents=True, exist_ok=True)
    with _alone(order), full_disk_told(), _tidied(order.partial):
        wanted = [part for part in parts if order.force or not order.is_present(part)]
        if not wanted:
            return Fetched()
        if not order.is_download:
            return _take(order)
        if not order.folder.exists() and not order.partial.exists():
            order.consent()
        total = Fetched()
        for part in wanted:
            done = _download(order, part)
            total = Fetched(
                total.files + done.files, total.size + done.size, total.unpublished + done.unpublished
            )
        return total


def plan(order: Order) -> list[Planned]:
    """Return what `fetch` would bring, and leave nothing behind; it raises the same errors."""
    wanted = [part for part in order.parts() if order.force or not order.is_present(part)]
    if wanted and not order.is_download:
        files, size = measure(order.path, order.dataset.find_root)
        return [Planned(None, files, size, exact=True)]
    with TemporaryDirectory() as scratch:
        downloader = Downloader(Path(scratch), {}, warn=order.warn)
        return [_planned(order, part, downloader) for part in wanted]


def _planned(order: Order, part: str | None, downloader: Downloader) -> Planned:
    remotes = _lacking(order, part, downloader)
    sizes = [remote.size for remote in remotes]
    unsaid = [number for number, remote in enumerate(remotes) if remote.size is remote.about is None]
    for number, size in zip(unsaid, downloader.ask_sizes([remotes[i] for i in unsaid]), strict=True):
        sizes[number] = size
    about = sum(size or remote.about or 0 for size, remote in zip(sizes, remotes, strict=True))
    return Planned(part, len(remotes), about, exact=None not in sizes)


def _take(order: Order) -> Fetched:
    """Copy or unpack what the user obtained."""
    _clear_scratch(order.partial)
    made = order.partial / "given"
    files, size = obtain(order.path, made, order.dataset.find_root, order.progress, order.password)
    if packed := archives_in(made):
        order.warn(f"{packed[0].name} was copied as it is: if it is part of the data set, unpack it there.")
    put(made, order.folder, order.partial)
    shutil.rmtree(order.partial)
    return Fetched(files, size)


def _download(order: Order, part: str | None) -> Fetched:
    record = Record(order.folder)
    before = record.checksums()
    # Each part has its own, or one that is whole would take along another that is not.
    partial = order.partial / PARTS / quote(part or "all", safe="")
    _clear_scratch(order.partial)
    downloader = Downloader(partial, before, order.progress, order.warn)
    gots = downloader.get_all(_lacking(order, part, downloader))
    files = partial / "files"
    _drop_all_but(gots, files)
    for got in gots:
        if got.remote.unpack:
            _unpack(order, got, files)
    record.add(gots)
    _place(order, files, gots, record)
    shutil.rmtree(partial)
    unpublished = sum(not got.remote.sha256 and name_of(got.remote) not in before for got in gots)
    return Fetched(len(gots), sum(got.size for got in gots), unpublished)


def _lacking(order: Order, part: str | None, downloader: Downloader) -> list[Remote]:
    """Return what is to be downloaded of a part: all that is not there already."""
    record = Record(order.folder)
    if _is_archive(order):
        return [Remote(".", order.source or "", unpack=True)]
    looked_at: list[Path] = []

    def get(remote: Remote) -> Path:
        if record.holds(remote) and not order.force:
            return order.folder / remote.path
        looked_at.append(downloader.get(_readdressed(remote, order.source)))
        return looked_at[-1]

    remotes = _listed(order, part, get, looked_at)
    return [
        _readdressed(remote, order.source) for remote in remotes if order.force or not record.holds(remote)
    ]


def _listed(order: Order, part: str | None, get: Get, looked_at: list[Path]) -> Sequence[Remote]:
    try:
        return order.dataset.downloads(part, get)
    except KgError:
        # A list that could not be read must not stand in the way of the next attempt.
        for file in looked_at:
            file.unlink()
        raise


def _readdressed(remote: Remote, mirror: str | None) -> Remote:
    """Return the file at a mirror, or where it was if that lacks it."""
    if mirror is None:
        return remote
    url = f"{mirror.rstrip('/')}/{quote(name_of(remote))}"
    return replace(remote, url=url, elsewhere=(remote.url, *remote.elsewhere))


def _is_archive(order: Order) -> bool:
    """Tell whether the source is an address, and that of an archive with everything in it."""
    if order.source is None or not order.is_download:
        return False
    return order.dataset.access == "by hand" or urlsplit(order.source).path.lower().endswith(ARCHIVES)


def _drop_all_but(gots: Sequence[Got], files: Path) -> None:
    """Remove what an earlier run brought, or began, and the list no longer names."""
    wanted = {got.file for got in gots}
    for path in files.rglob("*"):
        if path.is_file() and path not in wanted:
            path.unlink()


def _unpack(order: Order, got: Got, files: Path) -> None:
    scratch, whole = order.partial / "unpacked", got.remote.path == "."
    try:
        find_root = order.dataset.find_root if whole else unwrapped
        obtain(got.file, scratch, find_root, order.progress, order.password)
    except KgError as error:
        if not isinstance(error, FullDiskError | PasswordError):
            got.file.unlink()
        message, hint = (text.replace(f"{got.file}", got.file.name) for text in (error.message, error.hint))
        raise type(error)(message, hint) from error
    # Renames each file, and lets folders that several archives fill grow together.
    shutil.copytree(scratch, files / got.remote.path, copy_function=os.replace, dirs_exist_ok=True)
    shutil.rmtree(scratch)


def _place(order: Order, files: Path, gots: Sequence[Got], record: Record) -> None:
    """Move what has come to the data set's folder, in the order of the list."""
    if not gots:
        return
    if any(got.remote.unpack for got in gots):
        locate(order.dataset.find_root, files, Path(name_of(gots[0].remote)))
    if not order.folder.exists() or any(got.remote.path == "." for got in gots):
        record.write(files)
        put(files, order.folder, order.partial)
        return
    record.write(order.folder)
    for got in gots:
        moved = _highest_new(got.remote.path, order.folder)
        if not (files / moved).exists():
            continue  # Its folder went as a whole.
        target = order.folder / moved
        if target.is_dir():
            put(files / moved, target, order.partial)
            shutil.rmtree(order.partial / "old")
        else:
            (files / moved).replace(target)


def _highest_new(path: str, folder: Path) -> Path:
    """Return the highest folder of a path that is not there yet, or the path itself.

    Moved as a whole, a folder of a thousand clouds is there or not there, never there in part.
    """
    above = [parent for parent in reversed(Path(path).parents) if not (folder / parent).exists()]
    return above[0] if above else Path(path)


def _clear_scratch(partial: Path) -> None:
    """Remove what is left of an unpacking that was killed; downloads are gone on with."""
    partial.mkdir(parents=True, exist_ok=True)
    for child in partial.iterdir():
        if child.name != PARTS:
            shutil.rmtree(child)


@contextmanager
def _tidied(partial: Path) -> Iterator[None]:
    """Leave nothing of the folder of what is under way but what the next fetch can go on with."""
    try:
        yield
    finally:
        for folder in sorted((path for path in partial.rglob("*") if path.is_dir()), reverse=True):
            with suppress(OSError):
                folder.rmdir()
        with suppress(OSError):
            partial.rmdir()


@contextmanager
def _alone(order: Order) -> Iterator[None]:
    """Hold the data set's lock, which the system takes away from a process that dies."""
    lock = FileLock(order.folder.with_name(f".{order.folder.name}.lock"))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        order.warn(f"Another kg fetch of {order.dataset.name} is running; waiting for it to end.")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()
