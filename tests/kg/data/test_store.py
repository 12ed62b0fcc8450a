import hashlib
from pathlib import Path

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
    write(tmp_path / "later.h5", clouds())
    with h5py.File(tmp_path / "later.h5", "a") as file:
        file.attrs["version"] = 99
    with pytest.raises(KgError, match="no kg store of version"):
        Store(tmp_path / "later.h5")


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
