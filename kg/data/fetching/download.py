"""Files over HTTP: several at once, resumed after a cut, checked before they bear their names."""

import hashlib
import os
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import requests
from requests import exceptions as http

import kg
from kg.data.dataset import Remote
from kg.data.disk import full_disk_told, require_room
from kg.data.fetching.answer import (
    TIMEOUT,
    content_range,
    length,
    name_of,
    pause,
    public_url,
    reason_of,
    validator,
)
from kg.data.fetching.partial_file import PartialFile
from kg.errors import KgError

CONNECTIONS = 8
ATTEMPTS = 5
"""In a row, without a byte gained."""
FIRST_ATTEMPTS = 3
"""As long as no server has answered: there may be no network at all."""
BACK_OFF = 1.0
"""Seconds before the second attempt; doubled before each further one."""
CHUNK = 1 << 18
PASSING = {408, 425, 429, 500, 502, 503, 504}
"""Answers that another attempt may better."""
UNSAID, MANIFOLD = 1 << 32, 4
"""Bytes of a file whose length nobody says, at most; times as many as are expected."""
NOTICE = 60.0
"""Seconds before the same trouble is told again."""

Progress = Callable[[str, int, int], None]
"""Called with what is being done, bytes done and bytes in all; from several threads, one at a time."""


@dataclass(frozen=True)
class Got:
    """A file that is there, whole: what was wanted, and what it turned out to be."""

    remote: Remote
    file: Path
    url: str
    size: int
    sha256: str


class _PassingError(Exception):
    """What may be better in a moment: a cut connection, a busy server."""

    def __init__(self, reason: str, pause: float = 0) -> None:
        super().__init__(reason)
        self.pause = pause


class _AbsentError(Exception):
    """The server has no such file."""


class _StoppedError(Exception):
    """Another file failed, or the user has had enough."""


class Downloader:
    """Brings files into one folder: loose ones below `files`, archives below `archives`.

    A file on its way is called NAME.part. It gets its name when it is whole and its size and checksum are
    right, so whatever has its name is taken as it is by a later run, and a partial file is gone on with.

    Args:
        folder: Where to put them.
        known: SHA-256 of files seen before, by `name_of`; used where none is published.
        progress: Told of the bytes.
        warn: Told of what the user should know.
    """

    def __init__(
        self,
        folder: Path,
        known: Mapping[str, str],
        progress: Progress = lambda what, done, total: None,
        warn: Callable[[str], None] = lambda text: None,
    ) -> None:
        self._folder = folder
        self._known = known
        self._progress = progress
        self._warn = warn
        self._sessions = threading.local()
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._counts: dict[str, tuple[int, int]] = {}
        self._done = self._total = 0
        self._told: dict[str, float] = {}
        self._answered = False

    def place(self, remote: Remote) -> Path:
        """Return where the file is put."""
        return self._folder / ("archives" if remote.unpack else "files") / name_of(remote)

    def get(self, remote: Remote) -> Path:
        """Bring one file that is not optional, and return where it lies; errors as of `get_all`."""
        [got] = self.get_all([remote])
        return got.file

    def get_all(self, remotes: Iterable[Remote]) -> list[Got]:
        """Bring files, those that are there already among them; optional ones that are nowhere are left out.

        Raises:
            KgError: A file cannot be had, is not of its published size or checksum, or the disk is full.
                The others stop, and what has come stays for the next run.
        """
        each_once = list({name_of(remote): remote for remote in remotes}.values())
        for remote in each_once:
            self._count(remote, 0, remote.size or remote.about or 0)
        self._folder.mkdir(parents=True, exist_ok=True)
        require_room(self._folder, sum(self._lacking(remote) for remote in each_once), "The download")
        gots = [self._bring(each_once[0])] if len(each_once) == 1 else self._bring_many(each_once)
        missing = [name_of(remote) for remote, got in zip(each_once, gots, strict=True) if got is None]
        if missing:
            others = f" and {len(missing) - 1:,} others are" if len(missing) > 1 else " is"
            self._warn(f"{missing[0]}{others} nowhere to be found; going on without.")
        return [got for got in gots if got]

    def _bring_many(self, remotes: Sequence[Remote]) -> list[Got | None]:
        with ThreadPoolExecutor(CONNECTIONS) as pool:
            futures = [pool.submit(self._bring, remote) for remote in remotes]
            try:
                wait(futures, return_when=FIRST_EXCEPTION)
            finally:
                # After an error or Ctrl-C the other threads end at their next piece.
                if not all(future.done() and not future.exception() for future in futures):
                    self._stop.set()
                    pool.shutdown(cancel_futures=True)
        errors = [future.exception() for future in futures if future.done() and not future.cancelled()]
        for error in errors:
            if error is not None and not isinstance(error, _StoppedError):
                raise error
        return [future.result() for future in futures]

    def ask_sizes(self, remotes: Sequence[Remote]) -> list[int | None]:
        """Return the bytes of each file, as its server says; None where it does not."""
        with ThreadPoolExecutor(CONNECTIONS) as pool:
            return list(pool.map(self._ask_size, remotes))

    def _ask_size(self, remote: Remote) -> int | None:
        try:
            response = self._session().head(remote.url, allow_redirects=True, timeout=TIMEOUT)
        except http.RequestException:
            return None
        return length(response) if response.ok else None

    def _lacking(self, remote: Remote) -> int:
        file = self.place(remote)
        if file.exists():
            return 0
        partial = PartialFile(file)
        return max(0, (remote.size or remote.about or 0) - partial.size)

    def _bring(self, remote: Remote) -> Got | None:
        file = self.place(remote)
        if file.is_file():
            self._count(remote, file.stat().st_size, file.stat().st_size)
            return Got(remote, file, remote.url, *self._check(remote, file))
        for url in (remote.url, *remote.elsewhere):
            try:
                return self._bring_from(url, remote, file)
            except _AbsentError:
                continue
        if not remote.optional:
            raise KgError(
                f"{urlsplit(remote.url).hostname} has no {name_of(remote)}: {public_url(remote.url)}",
                "It may have moved: look at the data set's own page, then use kg fetch NAME --from.",
            )
        return None

    def _bring_from(self, url: str, remote: Remote, file: Path) -> Got:
        partial = PartialFile(file)
        fresh = partial.size == 0
        best, failures = partial.size, 0
        while True:
            try:
                self._transfer(url, remote, partial)
            except _PassingError as trouble:
                failures = 1 if partial.size > best else failures + 1
                best = max(best, partial.size)
                if failures == (ATTEMPTS if self._answered else FIRST_ATTEMPTS):
                    raise _given_up(url, remote, str(trouble)) from trouble
                seconds = max(trouble.pause, BACK_OFF * 2 ** (failures - 1))
                self._note_trouble(url, str(trouble), seconds)
                if self._stop.wait(seconds):
                    raise _StoppedError from trouble
                continue
            try:
                size, sha256 = self._check(remote, partial.path)
            except KgError:
                partial.clear()
                if fresh:
                    raise
                # Its beginning came from an earlier run, and may be what is wrong.
                fresh, best, failures = True, 0, 0
            else:
                partial.finish()
                return Got(remote, file, url, size, sha256)

    def _check(self, remote: Remote, file: Path) -> tuple[int, str]:
        """Return the bytes and the SHA-256 of a file, or remove it if they are not what they should be."""
        try:
            return self._examine(remote, file)
        except KgError:
            file.unlink()
            raise

    def _examine(self, remote: Remote, file: Path) -> tuple[int, str]:
        name, size = name_of(remote), file.stat().st_size
        with file.open("rb") as content:
            sha256 = hashlib.file_digest(content, "sha256").hexdigest()
        if remote.size is not None and size != remote.size:
            raise KgError(f"{name} has {size:,} bytes, {remote.size:,} are published.", _OTHER_SOURCE)
        if remote.sha256 and sha256 != remote.sha256:
            raise KgError(f"{name} has the SHA-256 {sha256}, {remote.sha256} is published.", _OTHER_SOURCE)
        known = self._known.get(name)
        if not remote.sha256 and known and sha256 != known:
            raise KgError(
                f"{name} is not what it was: its SHA-256 is {sha256}, {known} was recorded.",
                "If its authors changed it, remove the folder that kg list shows, and fetch all again.",
            )
        return size, sha256

    def _transfer(self, url: str, remote: Remote, partial: PartialFile) -> None:
        """Bring what is lacking of a partial file, in one request.

        Raises:
            _PassingError: The connection broke, or the server has trouble; what has come stays.
            KgError: Trying again would not help.
        """
        if self._stop.is_set():
            raise _StoppedError
        headers = partial.resume(url)
        self._count(remote, partial.size)
        if partial.is_whole:
            return
        try:
            with self._session().get(url, headers=headers, stream=True, timeout=TIMEOUT) as response:
                self._answered = True
                self._refuse(response, url, remote)
                total = self._start(response, url, remote, partial)
                most = _most(remote, total)
                for chunk in response.iter_content(CHUNK):
                    if partial.size + len(chunk) > most:
                        partial.clear()
                        raise KgError(
                            f"{urlsplit(url).hostname} sends more than {most:,} bytes for {name_of(remote)}.",
                            _OTHER_SOURCE,
                        )
                    if self._stop.is_set():
                        raise _StoppedError
                    with full_disk_told():
                        partial.write(chunk)
                    self._count(remote, partial.size)
        except http.SSLError as error:
            raise KgError(
                f"The certificate of {urlsplit(url).hostname} is not trusted: {reason_of(error)}.",
                "If your network has a certificate of its own, name its file in REQUESTS_CA_BUNDLE.",
            ) from error
        except (http.ConnectionError, http.Timeout, http.ChunkedEncodingError) as error:
            raise _PassingError(reason_of(error)) from error
        except http.RequestException as error:
            raise KgError(f"{public_url(url)} cannot be downloaded: {error}") from error
        finally:
            partial.close()
        if total is not None and partial.size != total:
            raise _PassingError("the connection was cut")

    def _refuse(self, response: requests.Response, url: str, remote: Remote) -> None:
        """Raise what an answer that brings no file amounts to."""
        status, host = response.status_code, urlsplit(url).hostname
        if status in (404, 410):
            raise _AbsentError
        if status in PASSING:
            raise _PassingError(f"it answers {status} {response.reason}", pause(response))
        if status not in (200, 206, 416):
            raise KgError(
                f"{host} refuses {name_of(remote)}: {status} {response.reason}.",
                f"It may need a login, or have moved. Look in a browser: {public_url(url)}",
            )
        # Every step counts: one in the open is enough for somebody to choose the next.
        steps = [urlsplit(step.url).scheme for step in (*response.history, response)]
        if urlsplit(url).scheme == "https" and set(steps) != {"https"}:
            raise KgError(f"{host} leads {name_of(remote)} away from https, which is not followed.")
        packing = response.headers.get("Content-Encoding", "identity")
        # Some servers call a .tar.gz a packed .tar, which an archive is found to be by its content.
        if packing != "identity" and not name_of(remote).endswith((".gz", ".tgz")):
            raise KgError(
                f"{host} sends {name_of(remote)} packed by {packing}, which was not asked for.", _OTHER_SOURCE
            )
        page = response.headers.get("Content-Type", "").startswith("text/html")
        if page and not remote.path.endswith((".html", ".htm")):
            raise KgError(
                f"{host} sends a web page in the place of {name_of(remote)}.",
                f"It may need a login or a click. Look in a browser: {public_url(url)}",
            )

    def _start(
        self, response: requests.Response, url: str, remote: Remote, partial: PartialFile
    ) -> int | None:
        """Set a partial file to where the answer begins; return how many bytes there are, if that is said."""
        if response.status_code == 416:
            partial.clear()
            raise _PassingError("it does not go on with the part that is here")
        offset, total = 0, length(response)
        if response.status_code == 206:
            offset, total = content_range(response)
        if offset != partial.size or (offset and partial.total not in (None, total)):
            partial.clear()
            if offset:
                raise _PassingError("it goes on with another file than the one begun")
        if remote.size is not None and total not in (None, remote.size):
            raise KgError(
                f"{urlsplit(url).hostname} offers {name_of(remote)} of {total:,} bytes, "
                f"{remote.size:,} are published.",
                _OTHER_SOURCE,
            )
        if total is not None:
            require_room(self._folder, total - partial.size, name_of(remote))
            self._count(remote, partial.size, total)
        with full_disk_told():
            partial.begin(url, total, validator(response))
        return total

    def _session(self) -> requests.Session:
        """Return this thread's session, which keeps its connections open; proxies are the environment's."""
        session: requests.Session | None = getattr(self._sessions, "session", None)
        if session is None:
            session = requests.Session()
            # Ranges and checksums are of the file itself, not of a packed form of it.
            session.headers.update({"User-Agent": f"kg/{kg.__version__}", "Accept-Encoding": "identity"})
            # requests knows its own variables for certificates; these two are everyone else's.
            paths = ssl.get_default_verify_paths()
            session.verify = (
                os.environ.get(paths.openssl_cafile_env) or os.environ.get(paths.openssl_capath_env) or True
            )
            self._sessions.session = session
        return session

    def _count(self, remote: Remote, done: int, total: int | None = None) -> None:
        """Take note of how much of a file is there, and of how much there will be if that is news."""
        with self._lock:
            before, expected = self._counts.get(name_of(remote), (0, 0))
            total = expected if total is None else total
            self._counts[name_of(remote)] = done, total
            self._done += done - before
            self._total += total - expected
            self._progress("Downloading", self._done, max(self._done, self._total))

    def _note_trouble(self, url: str, trouble: str, pause: float) -> None:
        key, now = f"{urlsplit(url).hostname}: {trouble}", time.monotonic()
        with self._lock:
            if now - self._told.get(key, -NOTICE) >= NOTICE:
                self._told[key] = now
                self._warn(f"{key}; trying again{f' in {pause:.0f} s' if pause > 10 else ''}.")


def _most(remote: Remote, total: int | None) -> float:
    """Return how many bytes a file may have: as many as are said, or far more than are expected."""
    if total is not None:
        return total
    if remote.size is not None:
        return remote.size
    return max(UNSAID, MANIFOLD * (remote.about or 0))


_OTHER_SOURCE = "Nothing of it was kept. Try again later, or another source with --from."


def _given_up(url: str, remote: Remote, reason: str) -> KgError:
    return KgError(
        f"{name_of(remote)} could not be downloaded from {urlsplit(url).hostname}: {reason}.",
        "Look at the network (and at HTTPS_PROXY, if it needs one), then give the same command again: "
        "it goes on from here.",
    )
