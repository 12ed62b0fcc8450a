"""The stores that a training names, and where they lie now."""

import shutil

import pytest

from kg import paths
from kg.config import DataConfig
from kg.config.stores import choose_store, name_stores, open_named, rename_stores
from kg.data import Store
from kg.data.find import StoreQuery
from kg.errors import KgError


@pytest.fixture
def stores(tiny_store, tmp_path):
    """The same store under two names, the second with another checksum."""
    import h5py

    first = tmp_path / "made" / "ellipsoid" / "fold.h5"
    first.parent.mkdir(parents=True)
    second = first.with_name("drag.h5")
    for path, mark in ((first, None), (second, "1" * 64)):
        shutil.copyfile(tiny_store.path, path)
        if mark:
            with h5py.File(path, "a") as file:
                file.attrs["checksum"] = mark
    return Store(first), Store(second)


def test_what_is_named_is_opened_again_in_its_order(stores):
    data = name_stores(stores, "frame")
    assert (data.store, data.split_by) == (str(stores[0].path), "frame")
    assert [store.path for store in open_named(data, "then")] == [store.path for store in stores]


def test_a_store_of_the_training_is_chosen_by_its_variant(stores):
    data = name_stores(stores, "object")
    assert choose_store(data, StoreQuery(variant="drag")).path == stores[1].path
    with pytest.raises(KgError, match=r"2 of the stores .* fit: made/ellipsoid/fold, made/ellipsoid/drag"):
        choose_store(data, StoreQuery(category="ellipsoid"))
    with pytest.raises(KgError, match=r"None of the prepared stores fits\. It was trained on made"):
        choose_store(data, StoreQuery(category="cube"))


def test_a_checkpoint_without_data_asks_for_some():
    with pytest.raises(KgError, match="does not say what it was trained on"):
        choose_store(DataConfig(), StoreQuery())


def test_what_the_training_lacks_is_looked_for_among_all_that_is_prepared(stores, tiny_store):
    for category, variant in (("ball", "rest"), ("ball", "rolled"), ("cube", "rest")):
        prepared = paths.store("folder", category, variant)
        prepared.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(tiny_store.path, prepared)
    for data in (DataConfig(), name_stores(stores, "object")):
        assert choose_store(data, StoreQuery(category="cube")).path == prepared
        with pytest.raises(KgError, match="2 of the prepared stores fit: folder/ball/rest, folder"):
            choose_store(data, StoreQuery(category="ball"))


def test_stores_that_moved_are_named_by_their_new_paths_and_others_refused(stores, tmp_path):
    data = name_stores(stores, "object")
    moved = tmp_path / "elsewhere.h5"
    stores[1].path.rename(moved)
    found = rename_stores(data, [Store(moved)], "the run")
    assert found == name_stores((stores[0], Store(moved)), "object")
    with pytest.raises(KgError, match="is not the store of the run"):
        rename_stores(name_stores(stores[:1], "object"), [Store(moved)], "the run")
