import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kg.data import Dataset, Item, PrepareOptions, read_shape
from kg.data.fetching.fetch import fetch
from kg.data.fetching.order import Order
from kg.data.preparing.plan import make_plan
from kg.data.preparing.prepare import prepare
from kg.errors import KgError
from kg.plugins import DATASETS

OPTIONS = PrepareOptions(points=40)
KITCHEN, HOTEL = "7-scenes-redkitchen", "sun3d-hotel_uc-scan3"


@pytest.fixture
def sun3d() -> Dataset:
    return DATASETS.load("sun3d")()


@pytest.fixture
def raw(fixtures: Path, tmp_path: Path) -> Path:
    """Return a copy that a test may spoil."""
    return Path(shutil.copytree(fixtures / "sun3d", tmp_path / "raw"))


def groups(items: Sequence[Item]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for item in items:
        found.setdefault(item.object, set()).add(item.id.rpartition("-")[0])
    return found


def test_scenes_and_all_of_them_are_categories(raw: Path, sun3d: Dataset) -> None:
    assert sun3d.find_categories(raw) == ("all", KITCHEN, HOTEL)
    assert len(sun3d.items(HOTEL, raw, OPTIONS)) == 8
    ids = [item.id for item in sun3d.items("all", raw, OPTIONS)]
    assert len(ids) == len(set(ids)) == 40
    # Fragments follow each other by number, not by name.
    assert ids[::8] == [f"{KITCHEN}/{number}-0" for number in (0, 1, 2, 10)] + [f"{HOTEL}/0-0"]


def test_a_crop_is_what_lies_in_a_ball_of_half_a_metre(raw: Path, sun3d: Dataset) -> None:
    whole = read_shape(raw / KITCHEN / "cloud_bin_10.ply").vertices
    items = sun3d.items(KITCHEN, raw, OPTIONS)[-8:]
    crops = [sun3d.load(item).vertices for item in items]
    for crop in crops:
        assert 40 <= len(crop) < len(whole)
        # Some point of the fragment is the centre: exactly the crop lies around it.
        distances = np.linalg.norm(whole[:, None] - whole, axis=2) <= 0.5
        inside = (whole[:, None] == crop[None]).all(axis=2).any(axis=1)
        assert (distances == inside).all(axis=1).any()
    assert len({len(crop) for crop in crops}) > 1


def test_crops_follow_from_the_seed(raw: Path, sun3d: Dataset) -> None:
    def crops(seed: int) -> list[np.ndarray]:
        options = PrepareOptions(points=40, seed=seed)
        return [sun3d.load(item).vertices for item in sun3d.items(HOTEL, raw, options)]

    first, again, other = crops(0), crops(0), crops(1)
    for one, same in zip(first, again, strict=True):
        np.testing.assert_array_equal(one, same)
    assert any(len(one) != len(two) for one, two in zip(first, other, strict=True))


def test_fragments_that_overlap_stay_on_one_side_of_a_split(raw: Path, sun3d: Dataset) -> None:
    """The fixture's gt.log has 0 with 1 and 1 with 2."""
    assert groups(sun3d.items(KITCHEN, raw, OPTIONS)) == {
        f"{KITCHEN}/0": {f"{KITCHEN}/{number}" for number in (0, 1, 2)},
        f"{KITCHEN}/10": {f"{KITCHEN}/10"},
    }
    store = prepare(make_plan(sun3d, "all", raw, OPTIONS)).store
    clouds, splits = store.read(), store.splits()
    assert len(set(zip(clouds.objects, splits.tolist(), strict=True))) == len(set(clouds.objects)) == 3


def test_without_a_log_a_scene_is_one_object(raw: Path, sun3d: Dataset) -> None:
    shutil.rmtree(raw / f"{KITCHEN}-evaluation")
    items = sun3d.items(KITCHEN, raw, OPTIONS)
    assert list(groups(items)) == [f"{KITCHEN}/0"]
    assert [item.frame for item in items] == list(range(32))


@pytest.mark.parametrize("content", ["0 1 11\n1 0 0 0\n", "0 x 11\n" + 4 * "1 0 0 0\n"])
def test_a_broken_log_is_named(raw: Path, sun3d: Dataset, content: str) -> None:
    (raw / f"{KITCHEN}-evaluation" / "gt.log").write_text(content)
    with pytest.raises(KgError, match=r"7-scenes-redkitchen-evaluation/gt\.log is broken or cut short"):
        sun3d.items(KITCHEN, raw, OPTIONS)


def test_too_thin_a_fragment_is_left_out_with_the_reason(raw: Path, sun3d: Dataset) -> None:
    file = raw / HOTEL / "cloud_bin_0.ply"
    file.write_text(
        "ply\nformat ascii 1.0\nelement vertex 3\nproperty float x\nproperty float y\nproperty float z\n"
        "end_header\n0 0 1\n0 0 2\n0 0 3\n"
    )
    made = prepare(make_plan(sun3d, "all", raw, OPTIONS))
    assert len(made.skipped) == 8
    assert "none of 16 places has 40 points within 0.5 m" in made.skipped[0][1]


def test_a_scene_alone(raw: Path, sun3d: Dataset) -> None:
    assert sun3d.find_categories(raw / HOTEL) == (HOTEL,)
    assert len(sun3d.items("all", raw / HOTEL, OPTIONS)) == 8
    # Its log lies beside it, not in it.
    assert len(groups(sun3d.items("all", raw / KITCHEN, OPTIONS))) == 2


def test_what_is_missing(raw: Path, tmp_path: Path, sun3d: Dataset) -> None:
    with pytest.raises(KgError, match="no scene '7-scenes-kitchen'") as caught:
        sun3d.items("7-scenes-kitchen", raw, OPTIONS)
    assert f"Did you mean '{KITCHEN}'?" in caught.value.hint
    (tmp_path / "empty").mkdir()
    with pytest.raises(KgError, match="empty: It holds no fragments"):
        sun3d.find_categories(tmp_path / "empty")


def test_fetch_takes_what_was_downloaded(raw: Path, tmp_path: Path, sun3d: Dataset) -> None:
    archive = shutil.make_archive(str(tmp_path / "scenes"), "zip", raw)
    fetch(Order(sun3d, tmp_path / "there", source=archive))
    assert sun3d.find_categories(tmp_path / "there") == ("all", KITCHEN, HOTEL)
    assert len(groups(sun3d.items(KITCHEN, tmp_path / "there", OPTIONS))) == 2


def test_fetch_downloads_a_scene(
    raw: Path, tmp_path: Path, sun3d: Dataset, server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kg_datasets.sun3d.FRAGMENTS", server.url)
    for name in (KITCHEN, f"{KITCHEN}-evaluation"):
        archive = shutil.make_archive(str(tmp_path / name), "zip", raw, name)
        server.files[f"/{name}.zip"] = Path(archive).read_bytes()
    there = tmp_path / "there"
    fetch(Order(sun3d, there, (KITCHEN,)))
    assert sun3d.find_categories(there) == (KITCHEN,)
    assert len(groups(sun3d.items(KITCHEN, there, OPTIONS))) == 2
    with pytest.raises(KgError, match=rf"has no {HOTEL}-evaluation\.zip"):
        fetch(Order(sun3d, there, (HOTEL,)))
    assert sun3d.find_categories(there) == (KITCHEN,)
    with pytest.raises(KgError, match=f"has not the scene '{HOTEL}'") as caught:
        sun3d.items(HOTEL, there, OPTIONS)
    assert caught.value.hint == f"Obtain it: kg fetch sun3d --category {HOTEL}"


def test_crops_of_a_real_room(shared_data: Path, sun3d: Dataset) -> None:
    made = prepare(make_plan(sun3d, "all", shared_data / "scenes", PrepareOptions()))
    clouds = made.store.read()
    assert (made.skipped, clouds.points.shape) == ([], (8, 2048, 3))
    extents = np.ptp(clouds.points * clouds.scale[:, None, None], axis=1)
    assert (extents <= 1.0001).all()
    assert (extents.max(axis=1) > 0.6).all()
