"""What the answers of web servers say, and what their failures come down to."""

import re
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

import requests
from requests import exceptions as http
from urllib3.exceptions import InvalidHeader, NameResolutionError, NewConnectionError, ReadTimeoutError
from urllib3.util import Retry

from kg.data.dataset import Remote
from kg.errors import KgError

LONGEST_WAIT = 300.0
"""Seconds: as long as a server that asks for patience is obeyed."""
TIMEOUT = (10.0, 20.0)
"""Seconds to connect, and between two pieces of an answer."""
RESET = re.compile(r";\s*t=(\d+)")
"""Seconds until a quota is full again, as Hugging Face has them: "resolvers";r=0;t=55."""


def name_of(remote: Remote) -> str:
    """Return what a file is called here: its path, or the archive's own name."""
    if not remote.unpack:
        return remote.path
    return unquote(PurePosixPath(urlsplit(remote.url).path).name).replace("/", "_") or "archive"


def public_url(url: str) -> str:
    """Return an address without the password or key that it may carry."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()


def length(response: requests.Response) -> int | None:
    """Return the bytes of a whole file; None where they are not said, or are those of a packed form."""
    number = response.headers.get("Content-Length", "")
    packed = response.headers.get("Content-Encoding", "identity") != "identity"
    return int(number) if number.isascii() and number.isdigit() and not packed else None


def content_range(response: requests.Response) -> tuple[int, int | None]:
    """Return where a partial answer begins, and the bytes of the whole file if they are known."""
    unit, _, rest = response.headers.get("Content-Range", "").partition(" ")
    span, _, total = rest.partition("/")
    start = span.partition("-")[0]
    if unit != "bytes" or not start.isdigit():
        raise KgError(f"{urlsplit(response.url).hostname} sends a part without saying which.")
    return int(start), int(total) if total.isdigit() else None


def validator(response: requests.Response) -> str | None:
    """Return what tells this version of the file from another; weak tags do not tell bytes apart."""
    tag = response.headers.get("ETag", "")
    if tag.startswith('"'):
        return tag
    return response.headers.get("Last-Modified")


def pause(response: requests.Response) -> float:
    """Return the seconds that a server asks to be left alone, by either of the headers for it."""
    try:
        seconds = Retry().get_retry_after(response.raw)
    except InvalidHeader:
        seconds = None
    if seconds is None and (reset := RESET.search(response.headers.get("RateLimit", ""))):
        seconds = float(reset[1])
    return min(seconds or 0, LONGEST_WAIT)


def reason_of(error: http.RequestException) -> str:
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
