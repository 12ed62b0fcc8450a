"""What an interrupted preparation has done stays done, and comes out as if nothing had happened."""

import errno
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import h5py
import numpy as np
import pytest

from kg import paths
from kg.data import Dataset, Item, PrepareOptions, Shape
from kg.data.preparing import rows as rows_module
from kg.data.preparing.plan import make_plan
from kg.data.preparing.prepare import Interrupted, Prepared, prepare
from kg.errors import KgError


@dataclass
class Files(Dataset):
    """Clouds in .npy files; it counts what it loads and can be interrupted at a shape."""

    name = "files"
    title = "Files"
    licence = "None"
    stop_at: int | None = None
    pause: float = 0.0
    loaded: list[str] = field(default_factory=list)

    def items(self, category: str, raw: Path, options: PrepareOptions) -> Sequence[Item]:
        return [Item(file.stem, object=file.stem, source=(file, options)) for file in sorted(raw.iterdir())]

    def load(self, item: Item) -> Shape:
        if self.stop_at is not None and item.id == f"{self.stop_at:02}":
            raise KeyboardInterrupt
        self.loaded.append(item.id)
        time.sleep(self.pause)
        file, _ = item.source
        return Shape(np.load(file))


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    folder = tmp_path / "raw"
    folder.mkdir()
    for number in range(12):
        save(folder, number, number)
    return folder


def save(raw: Path, number: int, seed: int, points: int = 40) -> None:
    np.save(raw / f"{number:02}.npy", np.random.default_rng(seed).normal(size=(points, 3)))


def run(
    dataset: Dataset, raw: Path, *, strict: bool = False, force: bool = False, points: int = 16
) -> Prepared:
    return prepare(make_plan(dataset, "c", raw, PrepareOptions(points=points), strict=strict), force=force)


def interrupt(raw: Path, at: int, points: int = 16) -> None:
    with pytest.raises(Interrupted) as caught:
        run(Files(stop_at=at), raw, points=points)
    assert (caught.value.done, caught.value.total) == (at, 12)


def leavings() -> list[str]:
    """Return what lies in the store's folder, but for the lock files."""
    folder = paths.store("files", "c", "rest").parent
    return sorted(path.name for path in folder.iterdir() if path.suffix != ".lock")


@pytest.fixture
def whole(raw: Path) -> str:
    """The checksum of a preparation that is never interrupted."""
    return prepare(make_plan(Files(), "c", raw, PrepareOptions(points=16), variant="whole")).store.checksum


@pytest.mark.parametrize("seconds", [0.0, 2.0])
def test_it_goes_on_where_it_was(
    raw: Path, whole: str, seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows_module, "SECONDS", seconds)
    interrupt(raw, 5)
    assert not paths.store("files", "c", "rest").exists()
    interrupt(raw, 9)
    files = Files()
    told: list[tuple[int, int]] = []
    made = prepare(
        make_plan(files, "c", raw, PrepareOptions(points=16)), progress=lambda *values: told.append(values)
    )
    assert files.loaded == ["09", "10", "11"]
    assert told == [(9, 12), (10, 12), (11, 12), (12, 12)]
    assert made.store.checksum == whole
    assert leavings() == ["rest.h5", "whole.h5"]


def test_a_file_that_changed_is_read_again(raw: Path) -> None:
    interrupt(raw, 5)
    save(raw, 2, seed=99)
    files = Files()
    made = run(files, raw)
    assert "02" in files.loaded
    expected = prepare(make_plan(Files(), "c", raw, PrepareOptions(points=16), variant="whole")).store
    assert made.store.checksum == expected.checksum


def test_other_options_start_anew(raw: Path) -> None:
    interrupt(raw, 5)
    files = Files()
    assert run(files, raw, points=8).store.points_per_cloud == 8
    assert len(files.loaded) == 12
    assert leavings() == ["rest.h5"]


def test_half_written_files_do_not_matter(raw: Path, whole: str) -> None:
    interrupt(raw, 5)
    folder = paths.store("files", "c", "rest").with_name(".rest.parts")
    for name in (".00000005-00000009-ab.npz", "rest.h5", "00000005-00000009-0123456789abcdef.npz"):
        (folder / name).write_bytes(b"half")
    assert run(Files(), raw).store.checksum == whole
    assert leavings() == ["rest.h5", "whole.h5"]


def test_parts_that_overlap_count_once(raw: Path, whole: str) -> None:
    """As when a worker wrote its last after its parent had been killed and another begun."""
    interrupt(raw, 7)
    folder = paths.store("files", "c", "rest").with_name(".rest.parts")
    [longer] = folder.iterdir()
    kept = longer.read_bytes()
    longer.unlink()
    interrupt(raw, 4)
    longer.write_bytes(kept)
    files = Files()
    assert run(files, raw).store.checksum == whole
    assert files.loaded == ["07", "08", "09", "10", "11"]


def test_broken_shapes_are_remembered(raw: Path) -> None:
    save(raw, 1, seed=0, points=3)
    interrupt(raw, 5)
    with pytest.raises(KgError, match="01: The cloud has 3 points"):
        run(Files(), raw, strict=True)
    made = run(Files(), raw)
    assert [name for name, _ in made.skipped] == ["01"]
    assert made.store.read().ids == [f"{number:02}" for number in range(12) if number != 1]


def test_a_store_of_other_files_is_not_taken_for_this_one(raw: Path) -> None:
    run(Files(), raw)
    assert not run(Files(), raw).made
    save(raw, 12, seed=12)
    with pytest.raises(KgError, match="before its files changed") as caught:
        run(Files(), raw)
    assert "--force" in caught.value.hint
    assert run(Files(), raw, force=True).store.count == 13


@pytest.mark.parametrize(
    ("where", "error"),
    [
        ((np, "savez"), OSError(errno.ENOSPC, "No space left on device")),
        ((h5py.Group, "create_dataset"), OSError("Can't write data (file write failed: errno = 28, error")),
    ],
)
def test_a_full_disk_leaves_the_old_store(
    raw: Path, where: tuple[object, str], error: OSError, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = run(Files(), raw).store.checksum

    def full(*_: object, **__: object) -> None:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(*where, full)
        with pytest.raises(KgError, match="The disk is full") as caught:
            run(Files(), raw, force=True)
    assert "Make room" in caught.value.hint
    assert run(Files(), raw).store.checksum == before
    assert not list(paths.store("files", "c", "rest").with_name(".rest.parts").glob(".*"))


def test_nothing_readable_leaves_nothing(raw: Path) -> None:
    for number in range(12):
        save(raw, number, seed=0, points=3)
    with pytest.raises(KgError, match="None of the 12 shapes"):
        run(Files(), raw)
    assert leavings() == []


def test_a_plugins_defect_names_the_plugin_and_the_shape(raw: Path) -> None:
    (raw / "05.npy").write_bytes(b"no array")
    with pytest.raises(KgError, match="files failed at 05: ValueError") as caught:
        run(Files(), raw)
    assert "plugin" in caught.value.hint
    save(raw, 5, seed=5)
    files = Files()
    run(files, raw)
    assert "00" not in files.loaded[1:]


def test_two_at_once_wait_for_each_other(raw: Path) -> None:
    waits: list[str] = []
    made: list[Prepared] = []

    def work() -> None:
        made.append(
            prepare(
                make_plan(Files(pause=0.02), "c", raw, PrepareOptions(points=16)),
                on_wait=lambda: waits.append("waited"),
            )
        )

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert waits == ["waited"]
    assert sorted(prepared.made for prepared in made) == [False, True]
    assert leavings() == ["rest.h5"]
