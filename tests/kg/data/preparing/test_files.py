"""A store that is written as several files, one after the other."""

import shutil
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kg import paths, plugins
from kg.data import PrepareOptions, Store
from kg.data.preparing import merge as module
from kg.data.preparing import room, rows, size
from kg.data.preparing.append import append
from kg.data.preparing.plan import Plan, make_plan
from kg.data.preparing.prepare import Prepared, prepare

OPTIONS = PrepareOptions(points=32)


def make(raw: Path, files: int | None, variant: str = "v", force: bool = False) -> Prepared:
    return prepare(plan_of(raw, files, variant), force=force)


def plan_of(raw: Path, files: int | None, variant: str = "v", objects: int | None = None) -> Plan:
    dataset, options = plugins.DATASETS.load("odd")(), replace(OPTIONS, objects=objects)
    return make_plan(dataset, "c", raw, options, variant=variant, files=files)


def digests(store: Store) -> list[str]:
    return [sha256(file.path.read_bytes()).hexdigest() for file in store.files]


def left(store: Store) -> list[str]:
    """Return the names of what lies beside a store and is no lock."""
    return [path.name for path in store.path.parent.iterdir() if path.suffix != ".lock"]


def test_it_has_the_rows_of_one_file(odd: Path) -> None:
    (odd / "s7").write_text("raise KgError('torn')")
    whole, parted = make(odd, 1, "one").store, make(odd, 3).store
    assert parted.path == paths.home() / "prepared" / "odd" / "c" / "v"
    assert [file.count for file in parted.files] == [13, 13, 13]
    assert parted.read_column("ids") == whole.read_column("ids")
    assert parted.rest_ids() == whole.rest_ids()
    np.testing.assert_array_equal(parted.read().points, whole.read().points)
    for by in ("object", "frame"):
        np.testing.assert_array_equal(parted.splits(by), whole.splits(by))  # type: ignore[arg-type]
    assert sorted(left(parted)) == ["one.h5", "v"]
    for files in (None, 1, 3):
        again = make(odd, files)
        assert (again.made, again.skipped) == (False, [("s7", "torn")])
    assert paths.stores() == [whole.path, parted.path]


def test_an_attempt_that_was_cut_short_goes_on_behind_the_files_it_wrote(
    odd: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "MOST", 5)
    whole = make(odd, 3).store
    expected = digests(whole)
    shutil.rmtree(whole.path)
    write, calls = module.write_store, list[str]()

    def cut_short(path: Path, *args: Any, **kwargs: Any) -> None:
        calls.append(path.name)
        if len(calls) == 2:
            raise OSError("cut short")
        write(path, *args, **kwargs)

    monkeypatch.setattr(module, "write_store", cut_short)
    with pytest.raises(OSError, match="cut short"):
        make(odd, 3)
    # Rows of chunks that are in the first file lie nowhere else; no shape is made again.
    chunks = plan_of(odd, 3).chunks.found()
    assert [len(chunk.read()) for chunk in chunks] == [0, 0, 5, 5, 5, 5, 5, 5]
    (odd / "s3").write_text("raise KgError('made again')")
    assert digests(make(odd, 3).store) == expected
    assert calls == ["00001.h5", "00002.h5", "00002.h5", "00003.h5"]
    assert left(whole) == ["v"]


def test_what_joins_is_another_file(odd: Path) -> None:
    before = digests(prepare(plan_of(odd, 2, objects=30)).store)
    grown = append(plan_of(odd, None))
    assert grown.made
    assert digests(grown.store)[:2] == before
    assert [file.count for file in grown.store.files] == [15, 15, 10]
    assert sorted(grown.store.read_column("ids")) == sorted(f"s{number}" for number in range(40))
    assert len(grown.store.provenance["appended"]) == 1
    again = append(plan_of(odd, None))
    assert (again.made, again.store.count) == (False, 40)


@pytest.mark.parametrize(("first", "then", "kept"), [(1, 2, "v"), (2, 1, "v.h5"), (2, 3, "v")])
def test_one_replaces_the_other(odd: Path, first: int, then: int, kept: str) -> None:
    make(odd, first)
    store = make(odd, then, force=True).store
    assert len(store.files) == then
    assert left(store) == [kept]


@pytest.mark.parametrize(("files", "count"), [(1, 80), (4, 50), (40, 41)])
def test_the_room_that_it_needs(odd: Path, monkeypatch: pytest.MonkeyPatch, files: int, count: int) -> None:
    needed: list[int] = []
    monkeypatch.setattr(room, "require_room", lambda folder, needs, what: needed.append(needs))
    plan = plan_of(odd, files)
    room.check_room(plan)
    assert needed == [count * size.estimate(plan.dataset, OPTIONS, 1, 1).size]


def test_a_large_store_is_several_files_unless_one_is_asked_for(
    odd: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_row = size.estimate(plan_of(odd, 1).dataset, OPTIONS, 1, 1).size
    monkeypatch.setattr(size, "LARGE", 15 * a_row)
    assert [file.count for file in make(odd, None).store.files] == [13, 13, 14]
    assert len(make(odd, 1, "one").store.files) == 1
    # What is there keeps its number of files, however large it is.
    assert plan_of(odd, None, "one").files == 1
