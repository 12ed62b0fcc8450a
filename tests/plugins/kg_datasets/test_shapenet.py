import re
import shutil
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from kg.data import Dataset, PrepareOptions
from kg.data.fetching.fetch import fetch
from kg.data.fetching.order import Order
from kg.data.preparing.plan import make_plan
from kg.data.preparing.prepare import prepare
from kg.errors import KgError
from kg.plugins import DATASETS

OPTIONS = PrepareOptions()


@pytest.fixture
def shapenet() -> Dataset:
    return DATASETS.load("shapenet")()


@pytest.fixture
def raw(fixtures: Path, tmp_path: Path) -> Path:
    """Return a copy that a test may spoil."""
    return Path(shutil.copytree(fixtures / "shapenet", tmp_path / "raw"))


def test_the_categories_stand_in_the_order_of_the_labels(shapenet: Dataset) -> None:
    assert len(shapenet.categories) == len(set(shapenet.categories)) == 55
    places = {0: "airplane", 14: "chair", 20: "tin_can", 38: "mug", 52: "cellphone", 54: "bookshelf"}
    assert {place: shapenet.categories[place] for place in places} == places


def test_only_what_is_there_is_offered(raw: Path, shapenet: Dataset) -> None:
    assert shapenet.find_categories(raw) == ("airplane", "can", "mug")


def test_rows_go_with_the_names_of_their_own_file(raw: Path, shapenet: Dataset) -> None:
    """The fixture's n-th cloud is n/16 high; its files are train0, train1, train10, val0, test0."""
    items = shapenet.items("mug", raw, OPTIONS)
    assert [(item.id, item.split) for item in items] == [
        ("03797390/train0b", "train"),
        ("03797390/train1a", "train"),
        ("03797390/train10b", "train"),
        ("03797390/train10c", "train"),
        ("03797390/val0a", "val"),
        ("03797390/test0b", "test"),
    ]
    heights = [np.ptp(shapenet.load(item).vertices[:, 1]) * 8 for item in items]
    np.testing.assert_allclose(heights, [2, 4, 7, 8, 9, 12])


def test_a_synset_names_its_category(raw: Path, shapenet: Dataset) -> None:
    ids = [item.id for item in shapenet.items("can", raw, OPTIONS)]
    assert [item.id for item in shapenet.items("02747177", raw, OPTIONS)] == ids != []


def test_preparing_keeps_the_published_split_and_points(raw: Path, shapenet: Dataset) -> None:
    store = prepare(make_plan(shapenet, "airplane", raw, OPTIONS)).store
    assert store.splits().tolist() == [0, 0, 0, 1, 2]
    clouds = store.read()
    with h5py.File(raw / "train0.h5") as file:
        second = file["data"][2]
    np.testing.assert_allclose(clouds.points[1] * clouds.scale[1] + clouds.offset[1], second, atol=1e-6)


@pytest.mark.parametrize("name", ["{split}{number}", "{number}"])
def test_files_may_lie_in_folders_of_the_splits(raw: Path, shapenet: Dataset, name: str) -> None:
    """The lists go along; the official names of files need not be kept."""
    wanted = [(item.id, item.split) for item in shapenet.items("mug", raw, OPTIONS)]
    heights = [np.ptp(shapenet.load(item).vertices[:, 1]) for item in shapenet.items("mug", raw, OPTIONS)]
    for split in ("train", "val", "test"):
        (raw / split).mkdir()
        for file in [*raw.glob(f"{split}*.h5"), *raw.glob(f"{split}*_id2file.json")]:
            number, rest = re.fullmatch(rf"{split}(\d+)(.*)", file.name).groups()
            file.rename(raw / split / (name.format(split=split, number=number) + rest))
    if name == "{number}":
        for listed in raw.glob("*_files.txt"):
            listed.unlink()
    items = shapenet.items("mug", raw, OPTIONS)
    assert [(item.id, item.split) for item in items] == wanted
    assert [np.ptp(shapenet.load(item).vertices[:, 1]) for item in items] == heights
    for file in raw.rglob("*_id2file.json"):
        file.unlink()
    bare = [item.id for item in shapenet.items("mug", raw, OPTIONS)]
    assert len(set(bare)) == len(wanted)
    assert bare[-1].startswith("test0/" if name != "{number}" else "test/0/")


def test_a_file_in_the_folder_of_another_split_is_refused(raw: Path, shapenet: Dataset) -> None:
    (raw / "train").mkdir()
    (raw / "test0.h5").rename(raw / "train" / "test0.h5")
    (raw / "test_files.txt").unlink(missing_ok=True)
    with pytest.raises(KgError, match=r"test0\.h5 is called after test and lies in train"):
        shapenet.items("mug", raw, OPTIONS)


def test_a_model_of_several_files_counts_once(raw: Path, shapenet: Dataset) -> None:
    """The clouds of train1 are there once more among those to test on."""
    wanted = [item.id for item in shapenet.items("mug", raw, OPTIONS)]
    for suffix in (".h5", "_id2file.json"):
        shutil.copy(raw / f"train1{suffix}", raw / f"test7{suffix}")
    with pytest.warns(UserWarning, match=r"of 1 the first is 03797390/train1a in train1\.h5 and test7\.h5"):
        items = shapenet.items("mug", raw, OPTIONS)
    assert [item.id for item in items] == wanted
    assert items[1].split == "train"


def test_without_the_lists_ids_are_file_and_row(raw: Path, shapenet: Dataset) -> None:
    for file in raw.glob("*_id2file.json"):
        file.unlink()
    ids = [item.id for item in shapenet.items("can", raw, OPTIONS)]
    assert ids == ["train1/1", "test0/0"]


def test_a_list_of_another_file_is_noticed(raw: Path, shapenet: Dataset) -> None:
    shutil.copy(raw / "train10_id2file.json", raw / "train1_id2file.json")
    with pytest.raises(KgError, match=r"train1_id2file\.json has 02691156/train10a in row 0, which is a mug"):
        shapenet.items("mug", raw, OPTIONS)


@pytest.mark.parametrize("content", ["{}", "[", '["02747177/a"]', "[1, 2]"])
def test_a_broken_list_is_named(raw: Path, shapenet: Dataset, content: str) -> None:
    (raw / "train1_id2file.json").write_text(content)
    with pytest.raises(KgError, match=r"train1_id2file\.json does not list the rows of train1\.h5"):
        shapenet.items("can", raw, OPTIONS)


def test_a_file_cut_short_is_one_clear_error(raw: Path, shapenet: Dataset) -> None:
    whole = (raw / "train10.h5").read_bytes()
    (raw / "train10.h5").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(KgError, match=r"train10\.h5 is broken or cut short") as caught:
        prepare(make_plan(shapenet, "airplane", raw, OPTIONS))
    assert caught.value.hint == "Obtain it again."


def test_a_file_of_something_else_is_named(raw: Path, shapenet: Dataset) -> None:
    with h5py.File(raw / "val0.h5", "w") as file:
        file["data"] = np.zeros((2, 1024, 3))
        file["label"] = np.zeros((2, 1))
    with pytest.raises(KgError, match=r"val0\.h5 holds data \(2, 1024, 3\)"):
        shapenet.items("airplane", raw, OPTIONS)


def test_a_file_that_is_listed_and_not_there(raw: Path, tmp_path: Path, shapenet: Dataset) -> None:
    (raw / "train1.h5").unlink()
    for use in (
        lambda: shapenet.items("airplane", raw, OPTIONS),
        lambda: fetch(Order(shapenet, tmp_path / "there", source=str(raw))),
    ):
        with pytest.raises(KgError, match=r"raw: train1\.h5 is missing, which train_files\.txt lists"):
            use()
    assert not (tmp_path / "there").exists()


def test_what_is_unknown(raw: Path, tmp_path: Path, shapenet: Dataset) -> None:
    with pytest.raises(KgError, match="'airplan'") as caught:
        shapenet.items("airplan", raw, OPTIONS)
    assert "Did you mean 'airplane'?" in caught.value.hint
    (tmp_path / "empty").mkdir()
    with pytest.raises(KgError, match=r"empty: It holds no train0\.h5"):
        shapenet.find_categories(tmp_path / "empty")


def test_fetch_takes_the_archive(raw: Path, tmp_path: Path, shapenet: Dataset) -> None:
    wrapped = tmp_path / "packed" / "shapenetcorev2_hdf5_2048"
    shutil.copytree(raw, wrapped)
    archive = shutil.make_archive(str(tmp_path / "given"), "zip", wrapped.parent)
    fetch(Order(shapenet, tmp_path / "there", source=archive))
    assert shapenet.find_categories(tmp_path / "there") == ("airplane", "can", "mug")


def test_fetch_downloads_the_archive(
    raw: Path, tmp_path: Path, shapenet: Dataset, server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrapped = tmp_path / "packed" / "shapenetcorev2_hdf5_2048"
    shutil.copytree(raw, wrapped)
    archive = shutil.make_archive(str(tmp_path / "given"), "zip", wrapped.parent)
    server.files["/s/shapenet.zip"] = Path(archive).read_bytes()
    monkeypatch.setattr("kg_datasets.shapenet.ARCHIVE", f"{server.url}/s/shapenet.zip?dl=1")
    fetch(Order(shapenet, tmp_path / "there", ("mug",)))
    assert shapenet.find_categories(tmp_path / "there") == ("airplane", "can", "mug")
    assert len(server.requests) == 1
