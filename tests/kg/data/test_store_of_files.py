"""A store of several files is the store of one file."""

import hashlib
from dataclasses import fields, replace

import numpy as np
import pytest

from kg.data.preparing.merge import even
from kg.data.rows_on_disk import RowsOnDisk
from kg.data.split import SPLITS
from kg.data.store import Clouds, Store, read_checksum, write_store
from kg.errors import KgError
from kg.train import supply as module
from kg.train import train
from kg.train.runs import read_metrics


def write(path, store, rows, **changed):
    """Write some rows of a store, as a slice, as another one."""
    splits = {by: [SPLITS[code] for code in store.splits(by)[rows]] for by in ("object", "frame")}
    about = ("dataset", "category", "variant", "unit", "landmark_names", "provenance")
    values = {name: getattr(store, name) for name in about} | changed
    write_store(path, even([store.read_rows(rows)]), splits, **values)


@pytest.fixture
def folder(tiny_store, tmp_path):
    """The files of `tiny_store`: rows 0 to 6, 7 to 13 and 14 to 19."""
    folder = tmp_path / "parted"
    for number in range(3):
        rows = slice(7 * number, min(7 * number + 7, 20))
        write(folder / f"{number + 1}.h5", tiny_store, rows, part=(number + 1, 3))
    return folder


@pytest.mark.parametrize("pattern", ["", "?.h5"])
def test_all_that_is_read(tiny_store, folder, pattern):
    store = Store(folder / pattern)
    assert (store.name, store.count, store.size > 0) == (tiny_store.name, 20, True)
    for by in ("object", "frame"):
        np.testing.assert_array_equal(store.splits(by), tiny_store.splits(by))
    assert store.read_column("ids") == tiny_store.read_column("ids")
    assert store.rest_ids() == tiny_store.rest_ids()
    np.testing.assert_array_equal(store.read_numbers("scale"), tiny_store.read_numbers("scale"))
    rows = np.array([3, 6, 7, 19])
    for some in (slice(None), slice(5, 15), slice(8, 9), slice(0, 0), rows, rows[:0], rows[3:]):
        assert_same(store.read_rows(some), tiny_store.read_rows(some))
    assert_same(store.read("test"), tiny_store.read("test"))
    anyhow = np.array([19, 0, 7, 7, 13])
    with RowsOnDisk(store, "points") as parted:
        np.testing.assert_array_equal(parted.read(anyhow), tiny_store.read().points[anyhow])


def assert_same(clouds: Clouds, others: Clouds):
    for item in fields(Clouds):
        one, other = getattr(clouds, item.name), getattr(others, item.name)
        assert type(one) is type(other)
        np.testing.assert_array_equal(one, other)


def test_its_checksum_is_that_of_the_files_in_order(folder):
    store = Store(folder)
    sums = "".join(
        hashlib.sha256(file.read_rows(slice(None), False).points).hexdigest() for file in store.files
    )
    assert store.checksum == hashlib.sha256(sums.encode()).hexdigest() == read_checksum(folder)
    (folder / "2.h5").rename(folder / "4.h5")
    assert read_checksum(folder) != store.checksum


def test_files_that_are_no_store_together(tiny_store, folder, tmp_path):
    (folder / "2.h5").rename(tmp_path / "away.h5")
    with pytest.raises(KgError, match=r"parted lacks file 2 of 3"):
        Store(folder)
    (tmp_path / "away.h5").rename(folder / "2.h5")
    write(folder / "4.h5", tiny_store, slice(0, 2), part=(2, 3))
    with pytest.raises(KgError, match="has a file twice"):
        Store(folder)
    write(folder / "4.h5", tiny_store, slice(0, 2), variant="other")
    with pytest.raises(KgError, match=r"4\.h5 has other variant \(other\) than .*1\.h5 \(rest\)"):
        Store(folder)
    (tmp_path / "empty").mkdir()
    for nothing in ("empty", "no*.h5"):
        with pytest.raises(KgError, match="no file of a prepared store"):
            Store(tmp_path / nothing)


@pytest.mark.parametrize("limit", [2**30, 0])
def test_the_same_training(tiny_store, tiny_config, folder, tmp_path, monkeypatch, limit):
    import torch

    monkeypatch.setattr(module, "IN_MEMORY", limit)
    config = replace(tiny_config, train=replace(tiny_config.train, epochs=1))
    losses = []
    for number, store in enumerate((tiny_store, Store(folder))):
        data = replace(config.data, store=store.place, checksum=store.checksum)
        run = tmp_path / f"run-{number}"
        run.mkdir()
        train(replace(config, data=data), run, torch.device("cpu"))
        losses.append([(entry["loss"], entry["val_loss"]) for entry in read_metrics(run)])
    assert losses[0] == losses[1]


def test_an_object_in_two_files_is_kept_out_of_training_where_one_tests_on_it(tiny_store, tmp_path):
    from kg.train.examples import chosen_rows

    write(tmp_path / "two" / "1.h5", tiny_store, slice(None))
    clouds = tiny_store.read_rows(slice(14, 20))
    write_store(
        tmp_path / "two" / "2.h5",
        [replace(clouds, ids=[f"{name}-again" for name in clouds.ids])],
        {by: ["train"] * 6 for by in ("object", "frame")},
        **{name: getattr(tiny_store, name) for name in ("dataset", "category", "variant", "unit")},
        landmark_names={},
        provenance={},
    )
    [rows] = chosen_rows([Store(tmp_path / "two")], "train", "object")
    assert rows.tolist() == list(range(13))
