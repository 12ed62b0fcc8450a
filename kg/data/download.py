"""Files over HTTP: several at once, resumed after a cut, checked before they bear their names."""

import hashlib
import io
import json
import os
import re
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

import requests
from requests import exceptions as http
from urllib3.exceptions import InvalidHeader, NameResolutionError, NewConnectionError, ReadTimeoutError
from urllib3.util import Retry

import kg
from kg.data.dataset import Remote
from kg.data.disk import full_disk_told, require_room
from kg.errors import KgError

CONNECTIONS = 8
ATTEMPTS = 5
"""In a row, without a byte gained."""
FIRST_ATTEMPTS = 3
"""As long as no server has answered: there may be no network at all."""
BACK_OFF = 1.0
"""Seconds before the second attempt; doubled before each further one."""
LONGEST_WAIT = 300.0
"""Seconds: as long as a server that asks for patience is obeyed."""
TIMEOUT = (10.0, 20.0)
"""Seconds to connect, and between two pieces of an answer."""
CHUNK = 1 << 18
RESUMABLE = 1 << 20
"""Bytes: a smaller file is begun again rather than gone on with."""
PASSING = {408, 425, 429, 500, 502, 503, 504}
"""Answers that another attempt may better."""
RESET = re.compile(r";\s*t=(\d+)")
"""Seconds until a quota is full again, as Hugging Face has them: "resolvers";r=0;t=55."""
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
    right, so whatever has its name is taken as it is by a later run, and a part is gone on with.

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
        wanted = list({name_of(remote): remote for remote in remotes}.values())
        for remote in wanted:
            self._count(remote, 0, remote.size or remote.about or 0)
        self._folder.mkdir(parents=True, exist_ok=True)
        require_room(self._folder, sum(self._lacking(remote) for remote in wanted), "The download")
        gots = [self._bring(wanted[0])] if len(wanted) == 1 else self._bring_many(wanted)
        missing = [name_of(remote) for remote, got in zip(wanted, gots, strict=True) if got is None]
        if missing:
            others = f" and {len(missing) - 1:,} others are" if len(missing) > 1 else " is"
            self._warn(f"{missing[0]}{others} nowhere to be found; going on without.")
        return [got for got in gots if got]

    def _bring_many(self, wanted: Sequence[Remote]) -> list[Got | None]:
        with ThreadPoolExecutor(CONNECTIONS) as pool:
            futures = [pool.submit(self._bring, remote) for remote in wanted]
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
        return _length(response) if response.ok else None

    def _lacking(self, remote: Remote) -> int:
        file = self.place(remote)
        if file.exists():
            return 0
        part = _Part(file)
        return max(0, (remote.size or remote.about or 0) - part.size)

    def _bring(self, remote: Remote) -> Got | None:
        file = self.place(remote)
        if file.is_file():
            self._count(remote, file.stat().st_size, file.stat().st_size)
            return self._checked(remote, file, remote.url)
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
        part = _Part(file)
        fresh = part.size == 0
        best, failures = part.size, 0
        while True:
            try:
                self._transfer(url, remote, part)
            except _PassingError as trouble:
                failures = 1 if part.size > best else failures + 1
                best = max(best, part.size)
                if failures == (ATTEMPTS if self._answered else FIRST_ATTEMPTS):
                    raise _given_up(url, remote, str(trouble)) from trouble
                pause = max(trouble.pause, BACK_OFF * 2 ** (failures - 1))
                self._note_trouble(url, str(trouble), pause)
                if self._stop.wait(pause):
                    raise _StoppedError from trouble
                continue
            try:
                return self._checked(remote, part.finish(), url)
            except KgError:
                if fresh:
                    raise
                # Its beginning came from an earlier run, and may be what is wrong.
                fresh, best, failures = True, 0, 0

    def _checked(self, remote: Remote, file: Path, url: str) -> Got:
        """Return what a file is, or take it away if it is not what it should be."""
        name, size = name_of(remote), file.stat().st_size
        with file.open("rb") as content:
            sha256 = hashlib.file_digest(content, "sha256").hexdigest()
        if remote.size is not None and size != remote.size:
            file.unlink()
            raise KgError(f"{name} has {size:,} bytes, {remote.size:,} are published.", _OTHER_SOURCE)
        if remote.sha256 and sha256 != remote.sha256:
            file.unlink()
            raise KgError(f"{name} has the SHA-256 {sha256}, {remote.sha256} is published.", _OTHER_SOURCE)
        known = self._known.get(name)
        if not remote.sha256 and known and sha256 != known:
            file.unlink()
            raise KgError(
                f"{name} is not what it was: its SHA-256 is {sha256}, {known} was recorded.",
                "If its authors changed it, remove the folder that kg list shows, and fetch all again.",
            )
        return Got(remote, file, url, size, sha256)

    def _transfer(self, url: str, remote: Remote, part: "_Part") -> None:
        """Bring what is lacking of a part, in one request.

        Raises:
            _PassingError: The connection broke, or the server has trouble; what has come stays.
            KgError: Trying again would not help.
        """
        if self._stop.is_set():
            raise _StoppedError
        headers = part.resume(url)
        self._count(remote, part.size)
        if part.is_whole:
            return
        try:
            with self._session().get(url, headers=headers, stream=True, timeout=TIMEOUT) as response:
                self._answered = True
                self._refuse(response, url, remote)
                total = self._start(response, url, remote, part)
                for chunk in response.iter_content(CHUNK):
                    if self._stop.is_set():
                        raise _StoppedError
                    with full_disk_told():
                        part.write(chunk)
                    self._count(remote, part.size)
        except http.SSLError as error:
            raise KgError(
                f"The certificate of {urlsplit(url).hostname} is not trusted: {_reason(error)}.",
                "If your network has a certificate of its own, name its file in REQUESTS_CA_BUNDLE.",
            ) from error
        except (http.ConnectionError, http.Timeout, http.ChunkedEncodingError) as error:
            raise _PassingError(_reason(error)) from error
        except http.RequestException as error:
            raise KgError(f"{public_url(url)} cannot be downloaded: {error}") from error
        finally:
            part.close()
        if total is not None and part.size != total:
            raise _PassingError("the connection was cut")

    def _refuse(self, response: requests.Response, url: str, remote: Remote) -> None:
        """Raise what an answer that brings no file amounts to."""
        status, host = response.status_code, urlsplit(url).hostname
        if status in (404, 410):
            raise _AbsentError
        if status in PASSING:
            raise _PassingError(f"it answers {status} {response.reason}", _pause(response))
        if status not in (200, 206, 416):
            raise KgError(
                f"{host} refuses {name_of(remote)}: {status} {response.reason}.",
                f"It may need a login, or have moved. Look in a browser: {public_url(url)}",
            )
        if urlsplit(url).scheme == "https" and urlsplit(response.url).scheme != "https":
            raise KgError(f"{host} leads {name_of(remote)} away from https, which is not followed.")
        page = response.headers.get("Content-Type", "").startswith("text/html")
        if page and not remote.path.endswith((".html", ".htm")):
            raise KgError(
                f"{host} sends a web page in the place of {name_of(remote)}.",
                f"It may need a login or a click. Look in a browser: {public_url(url)}",
            )

    def _start(self, response: requests.Response, url: str, remote: Remote, part: "_Part") -> int | None:
        """Set a part to where the answer begins; return how many bytes the file has, if that is said."""
        if response.status_code == 416:
            part.clear()
            raise _PassingError("it does not go on with the part that is here")
        offset, total = 0, _length(response)
        if response.status_code == 206:
            offset, total = _content_range(response)
        if offset != part.size or (offset and part.total not in (None, total)):
            part.clear()
            if offset:
                raise _PassingError("it goes on with another file than the one begun")
        if remote.size is not None and total not in (None, remote.size):
            raise KgError(
                f"{urlsplit(url).hostname} offers {name_of(remote)} of {total:,} bytes, "
                f"{remote.size:,} are published.",
                _OTHER_SOURCE,
            )
        if total is not None:
            require_room(self._folder, total - part.size, name_of(remote))
            self._count(remote, part.size, total)
        with full_disk_told():
            part.begin(url, total, _validator(response))
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


_OTHER_SOURCE = "Nothing of it was kept. Try again later, or another source with --from."


class _Part:
    """NAME.part: a file on its way, and in NAME.part.json what it is a part of."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._path = file.with_name(f"{file.name}.part")
        self._note = file.with_name(f"{file.name}.part.json")
        self._open: io.FileIO | None = None
        self.total: int | None = None
        self.size = self._path.stat().st_size if self._path.exists() else 0

    @property
    def is_whole(self) -> bool:
        return self.total is not None and self.size == self.total

    def resume(self, url: str) -> dict[str, str]:
        """Return the headers that ask for what is lacking; forget a part of nobody knows what."""
        try:
            note = json.loads(self._note.read_text())
            if note["url"] != public_url(url) or not self.size:
                raise ValueError
            self.total, validator = note["total"], note["validator"]
        except (OSError, ValueError, KeyError, TypeError):
            self.clear()
            return {}
        headers = {"Range": f"bytes={self.size}-"}
        return headers | ({"If-Range": validator} if validator else {})

    def begin(self, url: str, total: int | None, validator: str | None) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        if self.size == 0 and (total is None or total >= RESUMABLE):
            note = {"url": public_url(url), "total": total, "validator": validator}
            self._note.write_text(json.dumps(note))
        self.total = total
        # Unbuffered: what a full disk does not take must not come up again when the file is closed.
        self._open = self._path.open("ab", buffering=0)

    def write(self, chunk: bytes) -> None:
        assert self._open is not None
        rest = memoryview(chunk)
        while rest:
            written = self._open.write(rest)
            self.size += written
            rest = rest[written:]

    def close(self) -> None:
        if self._open is not None:
            self._open.close()
            self._open = None

    def clear(self) -> None:
        self._path.unlink(missing_ok=True)
        self._note.unlink(missing_ok=True)
        self.size, self.total = 0, None

    def finish(self) -> Path:
        """Give the file its name, with its content safe on the disk before."""
        with self._path.open("rb") as content:
            os.fsync(content.fileno())
        self._path.rename(self._file)
        self._note.unlink(missing_ok=True)
        self.size, self.total = 0, None
        return self._file


def name_of(remote: Remote) -> str:
    """Return what a file is called here: its path, or the archive's own name."""
    if not remote.unpack:
        return remote.path
    return unquote(PurePosixPath(urlsplit(remote.url).path).name).replace("/", "_") or "archive"


def public_url(url: str) -> str:
    """Return an address without the password or key that it may carry."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()


def _length(response: requests.Response) -> int | None:
    length = response.headers.get("Content-Length", "")
    packed = response.headers.get("Content-Encoding", "identity") != "identity"
    return int(length) if length.isdigit() and not packed else None


def _content_range(response: requests.Response) -> tuple[int, int | None]:
    """Return where a partial answer begins, and the bytes of the whole file if they are known."""
    unit, _, rest = response.headers.get("Content-Range", "").partition(" ")
    span, _, total = rest.partition("/")
    start = span.partition("-")[0]
    if unit != "bytes" or not start.isdigit():
        raise KgError(f"{urlsplit(response.url).hostname} sends a part without saying which.")
    return int(start), int(total) if total.isdigit() else None


def _validator(response: requests.Response) -> str | None:
    """Return what tells this version of the file from another; weak tags do not tell bytes apart."""
    tag = response.headers.get("ETag", "")
    if tag.startswith('"'):
        return tag
    return response.headers.get("Last-Modified")


def _pause(response: requests.Response) -> float:
    """Return the seconds that a server asks to be left alone, by either of the headers for it."""
    try:
        asked = Retry().get_retry_after(response.raw)
    except InvalidHeader:
        asked = None
    if asked is None and (reset := RESET.search(response.headers.get("RateLimit", ""))):
        asked = float(reset[1])
    return min(asked or 0, LONGEST_WAIT)


def _reason(error: http.RequestException) -> str:
    """Return what broke, in a few words, out of the layers that it comes wrapped in."""
    inner: BaseException = error
    while inner.args and isinstance(inner.args[0], Exception):
        reason = getattr(inner.args[0], "reason", None)
        inner = reason if isinstance(reason, Exception) else inner.args[0]
    if isinstance(error, http.ProxyError):
        return "the proxy does not let the request through"
    if isinstance(inner, NameResolutionError):
        return "its name cannot be resolved"
    if isinstance(error, http.ConnectTimeout):
        return f"it does not answer within {TIMEOUT[0]:.0f} s"
    if isinstance(error, http.ReadTimeout) or isinstance(inner, ReadTimeoutError):
        return f"it has been silent for {TIMEOUT[1]:.0f} s"
    if isinstance(inner, NewConnectionError):
        return "it cannot be reached"
    if isinstance(error, http.SSLError):
        return str(getattr(inner, "verify_message", "") or inner)
    return "the connection was cut"


def _given_up(url: str, remote: Remote, reason: str) -> KgError:
    return KgError(
        f"{name_of(remote)} could not be downloaded from {urlsplit(url).hostname}: {reason}.",
        "Look at the network (and at HTTPS_PROXY, if it needs one), then give the same command again: "
        "it goes on from here.",
    )
