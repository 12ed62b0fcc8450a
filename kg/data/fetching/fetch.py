"""A data set brought to its folder, from the network or from what the user obtained, whole or not at all."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote

from kg.data.dataset import Get, Remote
from kg.data.disk import full_disk_told
from kg.data.fetching.answer import name_of, public_url
from kg.data.fetching.archive import archives_in, measure, obtain, put
from kg.data.fetching.download import Downloader
from kg.data.fetching.order import Order
from kg.data.fetching.place import drop_all_but, place, unpack
from kg.data.fetching.record import Record
from kg.data.lock import alone
from kg.errors import KgError

PARTS = "parts"
"""Below the folder of what is under way: the downloads, which are gone on with; all else is scratch."""


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

    def waits() -> None:
        order.warn(f"Another kg fetch of {order.dataset.name} is running; waiting for it to end.")

    with alone(order.folder, waits), full_disk_told(), _tidied(order.partial):
        lacking = [part for part in parts if order.force or not order.is_present(part)]
        if not lacking:
            return Fetched()
        if not order.is_download:
            return _take(order)
        if not order.folder.exists() and not order.partial.exists():
            order.consent()
        total = Fetched()
        for part in lacking:
            done = _download(order, part)
            total = Fetched(
                total.files + done.files, total.size + done.size, total.unpublished + done.unpublished
            )
        return total


def plan(order: Order) -> list[Planned]:
    """Return what `fetch` would bring, and leave nothing behind; it raises the same errors."""
    lacking = [part for part in order.parts() if order.force or not order.is_present(part)]
    if lacking and not order.is_download:
        files, size = measure(order.path, order.dataset.find_root)
        return [Planned(None, files, size, exact=True)]
    with TemporaryDirectory() as scratch:
        downloader = Downloader(Path(scratch), {}, warn=order.warn)
        return [_planned(order, part, downloader) for part in lacking]


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
    drop_all_but(gots, files)
    for got in gots:
        if got.remote.unpack:
            unpack(order, got, files)
    record.add(gots)
    place(order, files, gots, record)
    shutil.rmtree(partial)
    unpublished = sum(not got.remote.sha256 and name_of(got.remote) not in before for got in gots)
    return Fetched(len(gots), sum(got.size for got in gots), unpublished)


def _lacking(order: Order, part: str | None, downloader: Downloader) -> list[Remote]:
    """Return what is to be downloaded of a part: all that is not there already."""
    record = Record(order.folder)
    if order.is_archive:
        return [Remote(".", order.source or "", unpack=True)]
    looked_at: list[Path] = []

    def get(remote: Remote) -> Path:
        if record.holds(remote) and not order.force:
            return order.folder / remote.path
        looked_at.append(downloader.get(_readdressed(remote, order.source)))
        return looked_at[-1]

    remotes = _listed(order, part, get, looked_at)
    if not remotes:
        raise KgError(
            f"{order.dataset.name} lists nothing to download.",
            f"Fetch yours with --from, or use it in place: kg prepare {order.dataset.name} --from FOLDER",
        )
    _check_names(order.dataset.name, remotes)
    return [
        _readdressed(remote, order.source) for remote in remotes if order.force or not record.holds(remote)
    ]


def _check_names(dataset: str, remotes: Sequence[Remote]) -> None:
    """Refuse two files of one name: by it a file is kept here, known in the record and found on a mirror."""
    remote_of: dict[str, Remote] = {}
    for remote in remotes:
        if (other := remote_of.setdefault(name_of(remote), remote)) != remote:
            raise KgError(
                f"{dataset} lists two files called {name_of(remote)}: {public_url(other.url)} and "
                f"{public_url(remote.url)}",
                "That is a defect of its plugin: an archive is called by the last part of its address.",
            )


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
