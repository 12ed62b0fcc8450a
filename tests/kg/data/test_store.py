import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from kg.data import Store
from kg.data.dataset import Split
from kg.data.store import Clouds, write_store
from kg.errors import KgError

OBJECT: list[Split] = ["train", "test", "val", "train"]
FRAME: list[Split] = ["test", "train", "train", "val"]


def clouds(optional: bool = True) -> Clouds:
    rng = np.random.default_rng(0)
    return Clouds(
        ids=["a/1", "b", "c", "ü"],
        objects=["a", "b", "c", "d"],
        frame=np.arange(4, dtype=np.int32),
        points=rng.normal(size=(4, 8, 3)).astype(np.float32),
        scale=rng.random(4),
        offset=rng.random(4),
        landmarks=rng.normal(size=(4, 2, 3)).astype(np.float32) if optional else None,
        landmark_ids=np.arange(8, dtype=np.int32).reshape(4, 2) if optional else None,
        rest_positions=rng.normal(size=(4, 8, 3)).astype(np.float32) if optional else None,
    )


def write(path: Path, values: Clouds, rest_id: list[str] | None = None) -> Store:
    write_store(
        path,
        [values],
        {"object": OBJECT, "frame": FRAME},
        dataset="d",
        category="c",
        variant="v",
        unit="metre",
        landmark_names={0: "tip", 7: "tail"},
        provenance={"command": "kg prepare", "skipped": [["x", "why"]]},
        rest_ids=rest_id,
    )
    return Store(path)


def test_a_frame_has_an_origin_of_three_numbers_or_of_one(tmp_path: Path) -> None:
    of_three = replace(clouds(), offset=np.random.default_rng(1).random((4, 3)))
    for number, values in enumerate((clouds(), of_three)):
        read = write(tmp_path / f"{number}.h5", values).read()
        np.testing.assert_array_equal(read.offset, values.offset)
    with pytest.raises(KgError, match="its 'offset' is float64"):
        write(tmp_path / "two.h5", replace(clouds(), offset=np.zeros((4, 2))))


def test_kin_are_those_of_one_object_unless_others_are_named(tmp_path: Path) -> None:
    assert write(tmp_path / "v.h5", clouds()).rest_ids() == ["a", "b", "c", "d"]
    assert write(tmp_path / "w.h5", clouds(), ["bag", "b", "bag", "ü"]).rest_ids() == ["bag", "b", "bag", "ü"]


@pytest.mark.parametrize("optional", [True, False])
def test_what_is_written_is_read(tmp_path: Path, optional: bool) -> None:
    values = clouds(optional)
    store = write(tmp_path / "deep" / "v.h5", values)
    assert (store.dataset, store.category, store.variant, store.unit) == ("d", "c", "v", "metre")
    assert store.name == "d/c/v"
    assert (store.count, store.points_per_cloud) == (4, 8)
    assert (store.has_landmarks, store.has_rest_positions) == (optional, optional)
    assert store.landmark_names == {0: "tip", 7: "tail"}
    assert store.provenance["skipped"] == [["x", "why"]]
    assert store.checksum == hashlib.sha256(values.points.tobytes()).hexdigest()
    read = store.read()
    assert read.ids == values.ids
    assert read.objects == values.objects
    for name in ("frame", "points", "scale", "offset", "landmarks", "landmark_ids", "rest_positions"):
        before, after = getattr(values, name), getattr(read, name)
        if before is None:
            assert after is None
        else:
            assert after.dtype == before.dtype
            np.testing.assert_array_equal(after, before)


@pytest.mark.parametrize(
    ("split", "by", "ids"),
    [("train", "object", ["a/1", "ü"]), ("test", "object", ["b"]), ("train", "frame", ["b", "c"])],
)
def test_reading_a_split(tmp_path: Path, split: Split, by: str, ids: list[str]) -> None:
    store = write(tmp_path / "v.h5", clouds())
    read = store.read(split, by)  # type: ignore[arg-type]
    assert read.ids == ids
    rows = [clouds().ids.index(name) for name in ids]
    np.testing.assert_array_equal(read.points, clouds().points[rows])
    np.testing.assert_array_equal(read.scale, clouds().scale[rows])


def test_an_empty_split_and_an_unknown_one(tmp_path: Path) -> None:
    path = tmp_path / "v.h5"
    write(path, clouds())
    with h5py.File(path, "a") as file:
        file["split/object"][:] = 0
    assert len(Store(path).read("val")) == 0
    with pytest.raises(KgError, match="no split 'valid'"):
        Store(path).read("valid")  # type: ignore[arg-type]


def test_what_is_no_store(tmp_path: Path) -> None:
    with pytest.raises(KgError, match="no prepared store"):
        Store(tmp_path / "none.h5")
    (tmp_path / "text.h5").write_text("no HDF5")
    with pytest.raises(KgError, match="cannot be read"):
        Store(tmp_path / "text.h5")
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["points"] = [1]
    with pytest.raises(KgError, match="no kg store"):
        Store(tmp_path / "other.h5")


def replace_by(change: Callable[[h5py.File], None], path: Path) -> None:
    """Write a store and change it."""
    write(path, clouds())
    with h5py.File(path.with_name("secret.h5"), "w") as file:
        file["points"] = np.zeros((4, 8, 3), np.float32)
    with h5py.File(path, "a") as file:
        change(file)


def to_external_storage(file: h5py.File) -> None:
    del file["points"]
    there = str(Path(file.filename).with_name("secret.h5"))
    file.create_dataset("points", (4, 8, 3), "f4", external=[(there, 0, h5py.h5f.UNLIMITED)])


def to_a_soft_link(file: h5py.File) -> None:
    file.move("points", "other")
    file["points"] = h5py.SoftLink("/other")


def to_a_linked_group(file: h5py.File) -> None:
    file.move("split", "other")
    file["split"] = h5py.SoftLink("/other")


def to_a_virtual_dataset(file: h5py.File) -> None:
    del file["points"]
    layout = h5py.VirtualLayout((4, 8, 3), "f4")
    layout[:] = h5py.VirtualSource("secret.h5", "points", (4, 8, 3))
    file.create_virtual_dataset("points", layout)


def to_a_terabyte(file: h5py.File) -> None:
    del file["points"]
    file.create_dataset("points", (10**6, 10**5, 3), "f4", chunks=(1, 1000, 3))


def otherwise(name: str, value: Any = None) -> Callable[[h5py.File], None]:
    """Return what puts a value in the place of an array, or nothing."""

    def change(file: h5py.File) -> None:
        if name in file:
            del file[name]
        if value is not None:
            file[name] = value

    return change


def attribute(name: str, value: Any) -> Callable[[h5py.File], None]:
    return lambda file: file.attrs.__setitem__(name, value)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (to_external_storage, "'points' lies in another file"),
        (to_a_soft_link, "'points' is a link"),
        (to_a_linked_group, "'split/object' is a link"),
        (to_a_virtual_dataset, "'points' lies in another file"),
        (to_a_terabyte, r"'points' claims 1\.2e\+12 bytes"),
        (otherwise("points", h5py.ExternalLink("secret.h5", "points")), "'points' is a link"),
        (otherwise("landmarks", h5py.ExternalLink("secret.h5", "points")), "'landmarks' is a link"),
        (otherwise("kin", h5py.ExternalLink("secret.h5", "points")), "'kin' is a link"),
        (otherwise("points"), "no 'points'"),
        (otherwise("split/frame"), "no 'split/frame'"),
        (otherwise("landmark_ids"), "landmarks without ids"),
        (otherwise("points", np.zeros((4, 8))), r"points are \(4, 8\)"),
        (otherwise("ids", np.arange(4)), "'ids' is int64"),
        (otherwise("scale", np.zeros(9)), r"'scale' is float64 \(9,\)"),
        (otherwise("frame", h5py.Empty("i4")), "'frame' is empty"),
        (attribute("version", "one"), "its version is 'one'"),
        (attribute("version", 99), "written by a newer kg, as version 99"),
        (attribute("provenance", "{"), "no JSON"),
        (attribute("provenance", "[]"), "no record"),
        (attribute("landmark_names", '{"a": "b"}'), "no JSON"),
        (attribute("category", 5), "'category' is no text"),
        (attribute("format", "other"), "no mark"),
    ],
)
def test_a_store_is_checked_when_it_is_opened(
    tmp_path: Path, change: Callable[[h5py.File], None], problem: str
) -> None:
    replace_by(change, tmp_path / "v.h5")
    with pytest.raises(KgError, match=rf"v\.h5 is no kg store: .*{problem}"):
        Store(tmp_path / "v.h5")


def test_a_split_that_is_none(tmp_path: Path) -> None:
    def change(file: h5py.File) -> None:
        file["split/object"][0] = 7

    replace_by(change, tmp_path / "v.h5")
    with pytest.raises(KgError, match="has a 7"):
        Store(tmp_path / "v.h5").splits()


@pytest.mark.parametrize(
    ("name", "value"), [("points", np.nan), ("offset", np.inf), ("scale", np.nan), ("scale", 0)]
)
def test_what_is_no_number_is_refused_when_it_is_read(tmp_path: Path, name: str, value: float) -> None:
    def change(file: h5py.File) -> None:
        file[name][1] = value

    replace_by(change, tmp_path / "v.h5")
    store = Store(tmp_path / "v.h5")
    with pytest.raises(KgError, match=rf"v\.h5 is no kg store: its '{name}' has values"):
        store.read()
    assert len(store.read_rows(slice(1))) == 1


def test_a_packed_store_is_read(tmp_path: Path) -> None:
    """As h5repack makes it."""
    store = write(tmp_path / "v.h5", clouds())
    points = store.read().points
    with h5py.File(store.path, "a") as file:
        del file["points"]
        file.create_dataset("points", data=points, compression="gzip")
    np.testing.assert_array_equal(Store(store.path).read().points, points)


def test_a_failed_write_keeps_the_old_store(tmp_path: Path) -> None:
    path = tmp_path / "v.h5"
    before = write(path, clouds()).checksum
    broken = clouds()
    object.__setattr__(broken, "points", [object()])
    with pytest.raises(TypeError):
        write(path, broken)
    assert Store(path).checksum == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_store_cut_short(tmp_path: Path) -> None:
    path = tmp_path / "v.h5"
    write(path, clouds())
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(KgError, match="cannot be read"):
        Store(path)
