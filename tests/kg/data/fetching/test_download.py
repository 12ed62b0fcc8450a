import errno
import hashlib
import json
import os
import shutil
import threading
from collections.abc import Iterable, Iterator
from itertools import repeat
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from kg.data import Remote
from kg.data.fetching import download
from kg.data.fetching.answer import public_url
from kg.data.fetching.download import Downloader
from kg.data.fetching.partial_file import PartialFile
from kg.errors import KgError

LARGE = os.urandom(3 << 20)
"""Large enough to be gone on with."""


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "partial"


def remote(server: Any, name: str = "a.bin", **how: Any) -> Remote:
    return Remote(name, f"{server.url}/{name}", **how)


def names(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def ranges(server: Any) -> list[str | None]:
    return [asked for _, _, asked in server.requests]


def test_files_come_with_their_sizes_and_checksums(server: Any, folder: Path) -> None:
    contents = {f"deep/{number} é.bin": os.urandom(number) for number in range(30)}
    server.files = {f"/{number}": content for number, content in enumerate(contents.values())}
    remotes = [Remote(name, f"{server.url}/{number}") for number, name in enumerate(contents)]
    seen: list[tuple[str, int, int]] = []
    gots = Downloader(folder, {}, lambda *values: seen.append(values)).get_all([*remotes, remotes[3]])
    assert {got.remote.path: (got.size, got.sha256) for got in gots} == {
        name: (len(content), sha256(content)) for name, content in contents.items()
    }
    assert all((folder / "files" / name).read_bytes() == content for name, content in contents.items())
    assert names(folder / "files") == sorted(contents)
    assert seen[-1] == ("Downloading", sum(range(30)), sum(range(30)))
    assert len(server.requests) == 30


def test_a_cut_is_gone_on_with(server: Any, folder: Path) -> None:
    server.files["/a.bin"] = LARGE
    server.faults["/a.bin"] = ["cut", "cut"]
    warnings: list[str] = []
    [got] = Downloader(folder, {}, warn=warnings.append).get_all([remote(server)])
    assert got.file.read_bytes() == LARGE
    half, rest = len(LARGE) // 2, len(LARGE) - len(LARGE) // 2
    assert ranges(server) == [None, f"bytes={half}-", f"bytes={half + rest // 2}-"]
    assert names(folder) == ["files/a.bin"]
    assert warnings == ["127.0.0.1: the connection was cut; trying again."]


def test_the_next_run_goes_on_with_what_an_earlier_one_left(server: Any, folder: Path) -> None:
    server.files["/a.bin"] = LARGE
    server.faults["/a.bin"] = ["cut", 403]
    with pytest.raises(KgError, match="403"):
        Downloader(folder, {}).get(remote(server))
    assert names(folder) == ["files/a.bin.part", "files/a.bin.part.json"]
    seen: list[tuple[str, int, int]] = []
    file = Downloader(folder, {}, lambda *values: seen.append(values)).get(remote(server))
    assert file.read_bytes() == LARGE
    assert ranges(server)[-1] == f"bytes={len(LARGE) // 2}-"
    # What was there counts as done from the first.
    assert next(done for _, done, _ in seen if done) == len(LARGE) // 2
    assert seen[-1] == ("Downloading", len(LARGE), len(LARGE))
    # And a third asks for nothing.
    before = len(server.requests)
    assert Downloader(folder, {}).get(remote(server)) == file
    assert len(server.requests) == before


@pytest.mark.parametrize("tags", [True, False])
def test_a_file_that_changed_meanwhile_is_not_mixed(server: Any, folder: Path, tags: bool) -> None:
    """By its tag, or at least by its size."""
    server.tags = tags
    server.files["/a.bin"] = LARGE
    server.faults["/a.bin"] = ["cut", 403]
    with pytest.raises(KgError):
        Downloader(folder, {}).get(remote(server))
    changed = bytes(len(LARGE) + (0 if tags else 1))
    server.files["/a.bin"] = changed
    assert Downloader(folder, {}).get(remote(server)).read_bytes() == changed


def test_a_server_without_ranges_begins_again(server: Any, folder: Path) -> None:
    server.ranges = False
    server.files["/a.bin"] = LARGE
    server.faults["/a.bin"] = ["cut"]
    assert Downloader(folder, {}).get(remote(server)).read_bytes() == LARGE


def test_a_part_of_something_else_is_not_taken(server: Any, folder: Path) -> None:
    server.files["/a.bin"] = LARGE
    server.faults["/a.bin"] = ["cut", "stale"]
    assert Downloader(folder, {}).get(remote(server)).read_bytes() == LARGE


def test_a_part_longer_than_the_file_is_begun_again(server: Any, folder: Path) -> None:
    server.tags = False
    server.files["/a.bin"] = LARGE
    server.faults["/a.bin"] = ["cut", 403]
    with pytest.raises(KgError):
        Downloader(folder, {}).get(remote(server))
    server.files["/a.bin"] = LARGE[:1000]
    assert Downloader(folder, {}).get(remote(server)).read_bytes() == LARGE[:1000]


def test_a_part_whose_beginning_is_spoilt_is_fetched_once_more(server: Any, folder: Path) -> None:
    server.files["/a.bin"] = LARGE
    server.faults["/a.bin"] = ["cut", 403]
    with pytest.raises(KgError):
        Downloader(folder, {}).get(remote(server))
    part = folder / "files" / "a.bin.part"
    part.write_bytes(bytes(part.stat().st_size))
    assert Downloader(folder, {}).get(remote(server, sha256=sha256(LARGE))).read_bytes() == LARGE


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_server_in_trouble_is_tried_again(server: Any, folder: Path, status: int) -> None:
    server.files["/a.bin"] = b"here"
    server.faults["/a.bin"] = [status] * (download.ATTEMPTS - 1)
    assert Downloader(folder, {}).get(remote(server)).read_bytes() == b"here"
    server.faults["/b.bin"] = [status] * download.ATTEMPTS
    server.files["/b.bin"] = b"here"
    with pytest.raises(KgError, match=rf"b\.bin could not be downloaded .*: it answers {status}") as caught:
        Downloader(folder, {}).get(remote(server, "b.bin"))
    assert "goes on from here" in caught.value.hint


def test_attempts_wait_ever_longer_and_as_long_as_the_server_says(
    server: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    monkeypatch.setattr(threading.Event, "wait", lambda event, seconds=None: waits.append(seconds))
    monkeypatch.setattr(download, "BACK_OFF", 1.0)
    server.headers |= {"RateLimit": '"resolvers";r=0;t=3', "RateLimit-Policy": '"fixed window";q=9;w=300'}
    server.faults["/a.bin"] = [429] * 5
    with pytest.raises(KgError):
        Downloader(folder, {}).get(remote(server))
    assert [wait for wait in waits if wait in (1.0, 2.0, 3.0, 4.0, 8.0)] == [3.0, 3.0, 4.0, 8.0]
    waits.clear()
    server.headers["Retry-After"] = "55"
    server.faults["/a.bin"] = [429]
    server.files["/a.bin"] = b"here"
    warnings: list[str] = []
    Downloader(folder, {}, warn=warnings.append).get(remote(server))
    assert 55.0 in waits
    assert warnings == ["127.0.0.1: it answers 429 Too Many Requests; trying again in 55 s."]


def test_what_is_not_there_is_looked_for_elsewhere(server: Any, folder: Path) -> None:
    server.files["/old/a.bin"] = b"here"
    moved = remote(server, elsewhere=(f"{server.url}/old/a.bin",))
    assert Downloader(folder, {}).get(moved).read_bytes() == b"here"
    missing = remote(server, "b.bin")
    with pytest.raises(KgError, match=r"127\.0\.0\.1 has no b\.bin: http://.*/b\.bin"):
        Downloader(folder, {}).get(missing)
    warnings: list[str] = []
    optional = [remote(server, f"{number}.bin", optional=True) for number in range(3)]
    gots = Downloader(folder, {}, warn=warnings.append).get_all([moved, *optional])
    assert [got.remote for got in gots] == [moved]
    Downloader(folder, {}, warn=warnings.append).get_all(optional[:1])
    assert warnings == [
        "0.bin and 2 others are nowhere to be found; going on without.",
        "0.bin is nowhere to be found; going on without.",
    ]


@pytest.mark.parametrize(
    ("expected", "said"),
    [
        ({"size": 5}, "of 4 bytes, 5 are published"),
        ({"sha256": "0" * 64}, f"has the SHA-256 {sha256(b'here')}, {'0' * 64} is published"),
    ],
)
def test_what_is_not_as_published_is_not_kept(
    server: Any, folder: Path, expected: dict[str, Any], said: str
) -> None:
    server.files["/a.bin"] = b"here"
    with pytest.raises(KgError, match=said) as caught:
        Downloader(folder, {}).get(remote(server, **expected))
    assert "Nothing of it was kept" in caught.value.hint
    assert names(folder) == []


def test_what_is_not_as_recorded_is_not_kept(server: Any, folder: Path) -> None:
    server.files["/a.bin"] = b"here"
    Downloader(folder, {"a.bin": sha256(b"here")}).get(remote(server))
    shutil.rmtree(folder)
    server.files["/a.bin"] = b"gone"
    with pytest.raises(KgError, match=f"{sha256(b'here')} was recorded"):
        Downloader(folder, {"a.bin": sha256(b"here")}).get(remote(server))
    assert names(folder) == []


def test_a_web_page_is_no_file(server: Any, folder: Path) -> None:
    server.files["/a.bin"] = b"here"
    server.faults["/a.bin"] = ["page"]
    with pytest.raises(KgError, match=r"sends a web page in the place of a\.bin"):
        Downloader(folder, {}).get(remote(server))
    assert names(folder) == []


def test_one_failure_stops_the_others_and_keeps_what_came(server: Any, folder: Path) -> None:
    server.files = {f"/{number}": b"here" for number in range(100)}
    server.faults["/50"] = [403]
    remotes = [remote(server, str(number)) for number in range(100)]
    with pytest.raises(KgError, match="refuses 50: 403 Forbidden"):
        Downloader(folder, {}).get_all(remotes)
    came = [name for name in names(folder / "files") if not name.endswith(".part")]
    assert len(came) < 99
    server.requests.clear()
    assert len(Downloader(folder, {}).get_all(remotes)) == 100
    assert len(server.requests) == 100 - len(came)


def test_ctrl_c_stops_at_once_and_keeps_what_came(server: Any, folder: Path) -> None:
    server.files = {f"/{number}": LARGE for number in range(20)}

    def interrupt(what: str, done: int, total: int) -> None:
        if done > len(LARGE):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Downloader(folder, {}, interrupt).get_all([remote(server, str(number)) for number in range(20)])
    assert len(names(folder)) < 20 * 2


def test_a_disk_that_is_too_small_is_seen_before(
    server: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.files["/a.bin"] = LARGE
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=1000))
    with pytest.raises(KgError, match="The download needs 5,000 bytes, 1,000 are free") as caught:
        Downloader(folder, {}).get(remote(server, about=5000))
    assert "KG_HOME" in caught.value.hint
    assert server.requests == []
    with pytest.raises(KgError, match=f"a.bin needs {len(LARGE):,} bytes"):
        Downloader(folder, {}).get(remote(server))
    assert names(folder) == []


def test_a_disk_that_fills_up_leaves_a_part(
    server: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.files["/a.bin"] = LARGE
    write = PartialFile.write

    def fill(part: Any, chunk: bytes) -> None:
        if part.size > len(LARGE) // 3:
            raise OSError(errno.ENOSPC, "No space left on device")
        write(part, chunk)

    monkeypatch.setattr(PartialFile, "write", fill)
    with pytest.raises(KgError, match="The disk is full"):
        Downloader(folder, {}).get(remote(server))
    assert names(folder) == ["files/a.bin.part", "files/a.bin.part.json"]
    monkeypatch.setattr(PartialFile, "write", write)
    assert Downloader(folder, {}).get(remote(server)).read_bytes() == LARGE
    assert ranges(server)[-1] is not None


def test_no_network(server: Any, folder: Path) -> None:
    unreachable = Remote("a.bin", "http://127.0.0.1:1/a.bin")
    with pytest.raises(KgError, match=r"could not be downloaded from 127\.0\.0\.1: it cannot be reached"):
        Downloader(folder, {}).get(unreachable)
    unknown = Remote("a.bin", "http://nowhere.invalid/a.bin")
    with pytest.raises(KgError, match="its name cannot be resolved") as caught:
        Downloader(folder, {}).get(unknown)
    assert "HTTPS_PROXY" in caught.value.hint


def test_the_proxy_of_the_environment_is_used(
    server: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy is asked for the whole address."""
    monkeypatch.setenv("HTTP_PROXY", server.url)
    monkeypatch.setenv("NO_PROXY", "")
    server.files["http://somewhere.invalid/a.bin"] = b"by proxy"
    got = Downloader(folder, {}).get(Remote("a.bin", "http://somewhere.invalid/a.bin"))
    assert got.read_bytes() == b"by proxy"


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"])
def test_the_certificates_of_the_environment_are_used(
    server: Any, folder: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(variable, "/nowhere.pem")
    with pytest.raises(OSError, match=r"/nowhere\.pem"):
        Downloader(folder, {}).get(Remote("a.bin", server.url.replace("http", "https") + "/a.bin"))


class Answer:
    """An answer with what no well-behaved server sends: these steps before it, headers and pieces."""

    status_code, reason = 200, "OK"

    def __init__(self, *steps: str, headers: dict[str, str], pieces: Iterable[bytes]) -> None:
        self.history = [SimpleNamespace(url=step) for step in steps[:-1]]
        self.url, self.headers, self.pieces = steps[-1], headers, pieces

    def iter_content(self, size: int) -> Iterator[bytes]:
        return iter(self.pieces)

    def __enter__(self) -> "Answer":
        return self

    def __exit__(self, *error: object) -> None:
        pass


def fetch_answer(monkeypatch: pytest.MonkeyPatch, folder: Path, answer: Answer, **how: Any) -> Path:
    session = SimpleNamespace(get=lambda *words, **options: answer)
    monkeypatch.setattr(Downloader, "_session", lambda self: session)
    return Downloader(folder, {}).get(Remote("a.bin", "https://a.invalid/a.bin", **how))


def test_every_step_of_a_redirect_is_by_https(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    ours, theirs = "https://a.invalid/a.bin", "https://c.invalid/a.bin"
    safe = Answer(ours, "https://b.invalid", theirs, headers={"Content-Length": "4"}, pieces=[b"good"])
    assert fetch_answer(monkeypatch, folder, safe).read_bytes() == b"good"
    for steps in ((ours, "http://b.invalid", theirs), (ours, theirs.replace("https", "http"))):
        answer = Answer(*steps, headers={"Content-Length": "3"}, pieces=[b"bad"])
        with pytest.raises(KgError, match=r"a\.invalid leads a\.bin away from https"):
            fetch_answer(monkeypatch, folder / "other", answer)
    assert names(folder / "other") == []


@pytest.mark.parametrize(("about", "most"), [(None, 4 << 20), (2 << 20, 8 << 20)])
def test_an_answer_without_end_has_one(
    monkeypatch: pytest.MonkeyPatch, folder: Path, about: int | None, most: int
) -> None:
    monkeypatch.setattr(download, "UNSAID", 4 << 20)
    answer = Answer("https://a.invalid/a.bin", headers={}, pieces=repeat(bytes(1 << 20)))
    with pytest.raises(KgError, match=f"a.invalid sends more than {most:,} bytes for a.bin"):
        fetch_answer(monkeypatch, folder, answer, about=about)
    assert names(folder) == []


def test_more_than_was_said_is_refused(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    answer = Answer("https://a.invalid/a.bin", headers={}, pieces=[b"abcd", b"e"])
    with pytest.raises(KgError, match="more than 4 bytes"):
        fetch_answer(monkeypatch, folder, answer, size=4)


def test_what_was_packed_unasked_is_refused(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    headers = {"Content-Encoding": "gzip", "Content-Length": "4"}
    answer = Answer("https://a.invalid/a.bin", headers=headers, pieces=[b"good"])
    with pytest.raises(KgError, match=r"sends a\.bin packed by gzip, which was not asked for"):
        fetch_answer(monkeypatch, folder, answer)


def test_sizes_that_servers_tell(server: Any, folder: Path) -> None:
    server.files["/a.bin"] = b"here"
    assert Downloader(folder, {}).ask_sizes([remote(server), remote(server, "b.bin")]) == [4, None]
    assert [method for method, *_ in server.requests] == ["HEAD", "HEAD"]


@pytest.mark.parametrize("path", ["../a", "/a", "a/../../b", "a\\b", "C:a", "", "a\0"])
def test_a_path_that_leads_elsewhere(path: str) -> None:
    with pytest.raises(KgError, match="no path below"):
        Remote(path, "https://somewhere.invalid")


def test_what_is_secret_in_an_address_is_not_shown() -> None:
    assert public_url("https://me:secret@host:8/a/b.zip?key=1#x") == "https://host:8/a/b.zip"


def test_the_note_beside_a_part_holds_no_secret(server: Any, folder: Path) -> None:
    server.files["/a.bin"] = LARGE
    server.faults["/a.bin"] = ["cut", 403]
    with pytest.raises(KgError):
        Downloader(folder, {}).get(Remote("a.bin", f"{server.url}/a.bin?key=secret"))
    note = json.loads((folder / "files" / "a.bin.part.json").read_text())
    assert note["url"] == f"{server.url}/a.bin"
