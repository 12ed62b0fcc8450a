import hashlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kg.data import Dataset, Get, Item, PrepareOptions, Remote, Shape, find_folder
from kg.data.fetching.fetch import Fetched, Planned, fetch, plan
from kg.data.fetching.order import Order
from kg.data.fetching.record import NAME, Record
from kg.errors import KgError


class Loose(Dataset):
    """A list of files for each category, itself a file, and one that they share."""

    name, title, licence, access = "loose", "Loose files", "MIT", "download"
    categories = parts = ("cat", "dog")
    base = ""

    def downloads(self, part: str | None, get: Get) -> Sequence[Remote]:
        listed = Remote(f"lists/{part}.txt", f"{self.base}/lists/{part}.txt")
        names = get(listed).read_text().split()
        if not names:
            raise KgError(f"The list of {part} is empty.")
        clouds = [Remote(f"clouds/{part}/{name}", f"{self.base}/clouds/{part}/{name}") for name in names]
        return [listed, Remote("split.txt", f"{self.base}/split.txt"), *clouds]

    def find_categories(self, raw: Path) -> tuple[str, ...]:
        return tuple(path.name for path in sorted((raw / "clouds").iterdir()))

    def find_root(self, folder: Path) -> Path:
        root = find_folder(folder, lambda candidate: (candidate / "clouds").is_dir())
        if root is None:
            raise KgError("It holds no folder 'clouds'.")
        return root

    def items(self, category: str, raw: Path, options: PrepareOptions) -> Sequence[Item]:
        raise NotImplementedError

    def load(self, item: Item) -> Shape:
        raise NotImplementedError


class Packed(Loose):
    """One archive of everything, and a file beside it."""

    name = "packed"
    parts = ()

    def downloads(self, part: str | None, get: Get) -> Sequence[Remote]:
        assert part is None
        return [
            Remote(".", f"{self.base}/all.zip?dl=1", unpack=True, about=1000),
            Remote("split.txt", f"{self.base}/split.txt"),
        ]


class Scenes(Loose):
    """Two archives for each category."""

    name = "scenes"

    def downloads(self, part: str | None, get: Get) -> Sequence[Remote]:
        return [
            Remote(f"clouds/{part}-more", f"{self.base}/{part}-more.zip", unpack=True),
            Remote(f"clouds/{part}", f"{self.base}/{part}.zip", unpack=True),
        ]


class Alike(Loose):
    """Archives of one name in two folders of a server, and one of them once more."""

    name = "alike"
    parts = ()

    def downloads(self, part: str | None, get: Get) -> Sequence[Remote]:
        one = Remote("clouds/cat", f"{self.base}/cat/data.zip", unpack=True)
        return [one, one, Remote("clouds/dog", f"{self.base}/dog/data.zip?dl=1", unpack=True)]


CLOUDS = {f"/clouds/{part}/{number}": os.urandom(50) for part in ("cat", "dog") for number in range(20)}
LISTS = {f"/lists/{part}.txt": "\n".join(map(str, range(20))).encode() for part in ("cat", "dog")}


def packed(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def contents(folder: Path) -> dict[str, bytes]:
    found = {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }
    found.pop(NAME, None)
    return found


def beside(folder: Path) -> list[str]:
    """Return what lies where data sets do, but for the lock."""
    return sorted(path.name for path in folder.parent.iterdir() if path.suffix != ".lock")


Make = Callable[..., Order]


@pytest.fixture
def order(server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    """Return a function that makes an order of one of the data sets above."""
    monkeypatch.setattr(Loose, "base", server.url)
    server.files = {"/split.txt": b"all train", **CLOUDS, **LISTS}

    def make(dataset: type[Dataset] = Loose, *categories: str, **options: Any) -> Order:
        return Order(dataset(), tmp_path / "raw" / dataset.name, categories, **options)

    return make


def expected(*parts: str) -> dict[str, bytes]:
    files = {name[1:]: content for name, content in (CLOUDS | LISTS).items()}
    kept = {name: content for name, content in files.items() if any(part in name for part in parts)}
    return {"split.txt": b"all train", **kept}


def test_two_archives_of_one_name_are_refused(server: Any, order: Make) -> None:
    server.files |= {"/cat/data.zip": packed({"1": b"cat"}), "/dog/data.zip": packed({"1": b"dog"})}
    for act in (fetch, plan):
        with pytest.raises(
            KgError, match=r"two files called data\.zip: .*/cat/data\.zip and .*/dog/data\.zip$"
        ):
            act(order(Alike))
    assert server.requests == []


def test_a_part_then_the_rest(server: Any, order: Make) -> None:
    first = order(Loose, "cat")
    assert fetch(first) == Fetched(22, sum(map(len, expected("cat").values())), 22)
    assert contents(first.folder) == expected("cat")
    assert beside(first.folder) == ["loose"]
    server.requests.clear()
    assert fetch(first) == Fetched()
    assert server.requests == []
    rest = order(Loose)
    assert fetch(rest).files == 21
    assert contents(rest.folder) == expected("cat", "dog")
    assert not [path for _, path, _ in server.requests if "cat" in path or "split" in path]


def test_the_record_holds_what_came(server: Any, order: Make) -> None:
    fetch(order(Loose, "cat"))
    record = json.loads((order(Loose).folder / NAME).read_text())["files"]
    content = CLOUDS["/clouds/cat/7"]
    assert record["clouds/cat/7"] == {
        "size": 50,
        "sha256": hashlib.sha256(content).hexdigest(),
        "url": f"{server.url}/clouds/cat/7",
        "published": False,
        "unpacked": False,
    }
    assert record.keys() == expected("cat").keys()


def test_a_category_is_there_whole_or_not_at_all(server: Any, order: Make) -> None:
    server.faults["/clouds/cat/13"] = [403]
    with pytest.raises(KgError, match="clouds/cat/13"):
        fetch(order(Loose, "cat"))
    assert beside(order().folder) == [".loose.partial"]
    assert fetch(order(Loose, "dog")).files == 22
    server.faults["/clouds/cat/13"] = [403]
    with pytest.raises(KgError):
        fetch(order(Loose, "cat"))
    assert order().dataset.find_categories(order().folder) == ("dog",)
    fetch(order(Loose, "cat"))
    assert contents(order().folder) == expected("cat", "dog")
    assert beside(order().folder) == ["loose"]


def test_what_went_missing_or_was_cut_is_brought_back(server: Any, order: Make) -> None:
    fetch(order(Loose, "cat"))
    (order().folder / "clouds/cat/3").unlink()
    (order().folder / "clouds/cat/4").write_bytes(b"cut")
    server.requests.clear()
    assert fetch(order(Loose, "cat")) == Fetched(2, 100, 0)
    assert contents(order().folder) == expected("cat")
    assert sorted(path for _, path, _ in server.requests) == ["/clouds/cat/3", "/clouds/cat/4"]


def test_what_changed_at_its_source_is_not_taken(server: Any, order: Make) -> None:
    fetch(order(Loose, "cat"))
    (order().folder / "clouds/cat/3").unlink()
    server.files["/clouds/cat/3"] = b"another"
    with pytest.raises(KgError, match="clouds/cat/3 is not what it was"):
        fetch(order(Loose, "cat"))
    assert not (order().folder / "clouds/cat/3").exists()
    assert beside(order().folder) == ["loose"]


def test_force_brings_everything_again(server: Any, order: Make) -> None:
    fetch(order(Loose, "cat"))
    (order().folder / "clouds/cat/3").write_bytes(bytes(50))
    assert fetch(order(Loose, "cat")) == Fetched()
    assert fetch(order(Loose, "cat", force=True)) == Fetched(
        22, 50 * 20 + 9 + len(LISTS["/lists/cat.txt"]), 0
    )
    assert contents(order().folder) == expected("cat")


def test_a_list_that_cannot_be_read_is_fetched_anew(server: Any, order: Make) -> None:
    server.files["/lists/cat.txt"] = b""
    with pytest.raises(KgError, match="is empty"):
        fetch(order(Loose, "cat"))
    assert beside(order().folder) == []
    server.files |= LISTS
    assert fetch(order(Loose, "cat")).files == 22


def test_paths_in_a_hostile_list(server: Any, order: Make, tmp_path: Path) -> None:
    server.files["/lists/cat.txt"] = b"../../../../out"
    with pytest.raises(KgError, match="no path below"):
        fetch(order(Loose, "cat"))
    assert not list(tmp_path.rglob("out"))


def test_an_archive_becomes_the_folder(server: Any, order: Make) -> None:
    server.files["/all.zip"] = packed({"wrap/clouds/a": b"1", "wrap/clouds/b": b"2", "note": b"no"})
    one = order(Packed)
    assert fetch(one).files == 2
    assert contents(one.folder) == {"clouds/a": b"1", "clouds/b": b"2", "split.txt": b"all train"}
    assert beside(one.folder) == ["packed"]
    assert (
        Record(one.folder).files["all.zip"]["sha256"] == hashlib.sha256(server.files["/all.zip"]).hexdigest()
    )
    assert fetch(one) == Fetched()
    server.files["/all.zip"] = packed({"clouds/c": b"3"})
    with pytest.raises(KgError, match=r"all\.zip is not what it was"):
        fetch(replace(one, force=True))
    assert (one.folder / "clouds" / "a").exists()


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"clouds/../../out": b"1"}, r"^all\.zip holds 'clouds/../../out', a name that leads out"),
        ({"other/a": b"1"}, r"^all\.zip: It holds no folder 'clouds'"),
    ],
)
def test_an_archive_that_is_wrong_is_not_kept(
    server: Any, order: Make, tmp_path: Path, files: dict[str, bytes], said: str
) -> None:
    server.files["/all.zip"] = packed(files)
    with pytest.raises(KgError, match=said):
        fetch(order(Packed))
    assert not list(tmp_path.rglob("out"))
    assert not list(tmp_path.rglob("*.zip"))
    server.files["/all.zip"] = packed({"clouds/a": b"1"})
    fetch(order(Packed))
    assert contents(order(Packed).folder) == {"clouds/a": b"1", "split.txt": b"all train"}


def test_archives_of_a_category(server: Any, order: Make) -> None:
    server.files |= {
        "/cat.zip": packed({"a": b"1", "b": b"2"}),
        "/cat-more.zip": packed({"cat-more/c": b"3", "cat-more/d": b"4"}),
        "/dog.zip": packed({"dog/a": b"5"}),
        "/dog-more.zip": packed({"c": b"6"}),
    }
    cats = {"clouds/cat/a": b"1", "clouds/cat/b": b"2", "clouds/cat-more/c": b"3", "clouds/cat-more/d": b"4"}
    fetch(order(Scenes, "cat"))
    assert contents(order(Scenes).folder) == cats
    fetch(order(Scenes))
    assert contents(order(Scenes).folder) == cats | {"clouds/dog/a": b"5", "clouds/dog-more/c": b"6"}
    server.requests.clear()
    fetch(order(Scenes))
    assert server.requests == []
    (order(Scenes).folder / "clouds" / "cat" / "a").write_bytes(b"spoilt")
    fetch(order(Scenes, "cat", force=True))
    assert contents(order(Scenes).folder) == cats | {"clouds/dog/a": b"5", "clouds/dog-more/c": b"6"}


def test_a_mirror_and_what_it_lacks(server: Any, order: Make) -> None:
    server.files = {f"/mirror{name}": content for name, content in (CLOUDS | LISTS).items()}
    server.files["/split.txt"] = b"all train"
    fetch(order(Loose, "cat", source=f"{server.url}/mirror/"))
    assert contents(order().folder) == expected("cat")
    assert Record(order().folder).files["split.txt"]["url"] == f"{server.url}/split.txt"


def test_the_address_of_an_archive(server: Any, order: Make) -> None:
    server.files["/given.zip"] = packed({"clouds/cat/1": b"1"})
    fetch(order(Loose, source=f"{server.url}/given.zip"))
    assert contents(order().folder) == {"clouds/cat/1": b"1"}


def test_what_the_user_obtained(order: Make, tmp_path: Path) -> None:
    given = tmp_path / "given"
    (given / "wrap" / "clouds" / "cat").mkdir(parents=True)
    (given / "wrap" / "clouds" / "cat" / "1").write_bytes(b"1")
    (given / "wrap" / "more.zip").touch()
    warnings: list[str] = []
    one = order(Loose, source=str(given), warn=warnings.append)
    assert fetch(one) == Fetched(2, 1)
    assert len(warnings) == 1
    assert "more.zip was copied as it is" in warnings[0]
    assert contents(one.folder) == {"clouds/cat/1": b"1", "more.zip": b""}
    assert beside(one.folder) == ["loose"]
    shutil.rmtree(given / "wrap")
    with pytest.raises(KgError, match=r"given: It holds no folder 'clouds'"):
        fetch(replace(one, force=True))
    assert contents(one.folder) == {"clouds/cat/1": b"1", "more.zip": b""}
    assert beside(one.folder) == ["loose"]


def test_the_plan_counts_and_leaves_nothing(server: Any, order: Make) -> None:
    server.files["/all.zip"] = packed({"clouds/a": b"1"})
    size = sum(map(len, expected("cat").values()))
    assert plan(order(Loose)) == [Planned("cat", 22, size, exact=True), Planned("dog", 22, size, exact=True)]
    assert plan(order(Packed)) == [Planned(None, 2, 1009, exact=False)]
    assert not order(Loose).folder.parent.exists()
    fetch(order(Loose, "cat"))
    assert [planned.part for planned in plan(order(Loose))] == ["dog"]
    del server.files["/clouds/dog/3"]
    assert plan(order(Loose)) == [Planned("dog", 21, size - 59, exact=False)]


def test_consent_is_asked_for_once(server: Any, order: Make) -> None:
    asked: list[str] = []

    def refuse() -> None:
        asked.append("")
        raise KgError("No.")

    with pytest.raises(KgError, match="No"):
        fetch(order(Loose, "cat", consent=refuse))
    assert server.requests == []
    assert beside(order().folder) == []
    fetch(order(Loose, "cat", consent=lambda: asked.append("")))
    fetch(order(Loose, "dog", consent=refuse))
    assert len(asked) == 2


@pytest.mark.parametrize(
    ("dataset", "categories", "said"),
    [
        ({}, ["catt"], "no category 'catt'"),
        ({"access": "by hand", "steps": ("Ask.",)}, [], "cannot be downloaded by a program"),
        ({"access": "in place"}, [], "needs no fetching"),
        ({"downloads": Dataset.downloads}, [], "lists nothing to download"),
    ],
)
def test_what_cannot_be_had(order: Make, dataset: dict[str, Any], categories: list[str], said: str) -> None:
    with pytest.raises(KgError, match=said):
        fetch(order(type("Other", (Loose,), dataset), *categories))
    assert not order().folder.parent.exists() or beside(order().folder) == []


def test_a_category_that_is_no_part_takes_all(order: Make) -> None:
    both = type("Both", (Loose,), {"categories": ("all", "cat", "dog")})
    assert fetch(order(both, "all")).files == 22 + 21


def test_a_record_that_is_none(order: Make) -> None:
    fetch(order(Loose, "cat"))
    (order().folder / NAME).write_text("[]")
    with pytest.raises(KgError, match="no record"):
        fetch(order(Loose, "cat"))


def test_two_at_once_take_turns(server: Any, order: Make) -> None:
    """The second says that it waits, then finds everything there."""
    server.hold.clear()
    results: list[Fetched] = []
    first = threading.Thread(target=lambda: results.append(fetch(order(Loose, "cat"))))
    first.start()
    while not server.requests:
        time.sleep(0.01)
    waiting = threading.Event()
    second = threading.Thread(
        target=lambda: results.append(fetch(order(Loose, "cat", warn=lambda text: waiting.set())))
    )
    second.start()
    assert waiting.wait(10)
    server.hold.set()
    first.join()
    second.join()
    assert [result.files for result in results] == [22, 0]
    assert len(server.requests) == 22


KILLED = """
import sys
from pathlib import Path
sys.path.insert(0, {folder!r})
from test_fetch import Loose, Order, Packed, fetch
Loose.base = {url!r}
fetch(Order(Packed(), Path({raw!r})))
"""


def test_kill_9_leaves_what_the_next_fetch_goes_on_with(server: Any, order: Make, tmp_path: Path) -> None:
    large = os.urandom(4 << 20)
    server.files["/all.zip"] = packed({"clouds/a": large})
    server.hold.clear()
    one = order(Packed)
    code = KILLED.format(folder=str(Path(__file__).parent), url=server.url, raw=str(one.folder))
    part = one.partial / "parts" / "all" / "archives" / "all.zip.part"
    process = subprocess.Popen([sys.executable, "-c", code])
    try:
        while not part.exists() or part.stat().st_size < 1 << 20:
            assert process.poll() is None
            time.sleep(0.02)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert beside(one.folder) == [".packed.partial"]
    came = part.stat().st_size
    server.hold.set()
    server.requests.clear()
    fetch(one)
    assert contents(one.folder)["clouds/a"] == large
    assert beside(one.folder) == ["packed"]
    assert ("GET", "/all.zip", f"bytes={came}-") in server.requests


def test_a_killed_unpacking_leaves_no_trace(server: Any, order: Make) -> None:
    server.files["/all.zip"] = packed({"clouds/a": b"1"})
    one = order(Packed)
    left = one.partial / ".unpacked-x8k2" / "data"
    left.mkdir(parents=True)
    (left / "half").write_bytes(b"half")
    fetch(one)
    assert contents(one.folder).keys() == {"clouds/a", "split.txt"}
    assert beside(one.folder) == ["packed"]
