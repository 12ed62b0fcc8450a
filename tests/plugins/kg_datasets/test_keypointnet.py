import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kg.data import Dataset, PrepareOptions, Shape
from kg.data.fetching.fetch import fetch
from kg.data.fetching.order import Order
from kg.data.preparing.plan import make_plan
from kg.data.preparing.prepare import prepare
from kg.errors import KgError
from kg.plugins import DATASETS

OPTIONS = PrepareOptions(points=16)


@pytest.fixture
def keypointnet() -> Dataset:
    return DATASETS.load("keypointnet")()


@pytest.fixture
def raw(fixtures: Path, tmp_path: Path) -> Path:
    """Return a copy that a test may spoil."""
    return Path(shutil.copytree(fixtures / "keypointnet", tmp_path / "raw"))


def edit(file: Path, change: Any) -> None:
    entries = json.loads(file.read_text())
    change(entries)
    file.write_text(json.dumps(entries))


def load(plugin: Dataset, raw: Path, category: str) -> list[Shape]:
    return [plugin.load(item) for item in plugin.items(category, raw, OPTIONS)]


def test_clouds_annotations_and_the_published_split(raw: Path, keypointnet: Dataset) -> None:
    assert keypointnet.find_categories(raw) == ("airplane", "knife", "mug")
    items = keypointnet.items("airplane", raw, OPTIONS)
    assert [(item.id, item.split) for item in items] == [("a1", "train"), ("a2", "test"), ("a3", "val")]
    shapes = [keypointnet.load(item) for item in items]
    assert [shape.landmark_ids.tolist() for shape in shapes] == [[0, 4, 9], [0, 4], []]
    # The fixture annotates points 3, 7 and 11.
    np.testing.assert_allclose(shapes[0].landmarks, shapes[0].vertices[[3, 7, 11]], atol=1e-6)


def test_landmarks_reach_the_store(raw: Path, keypointnet: Dataset) -> None:
    clouds = prepare(make_plan(keypointnet, "airplane", raw, OPTIONS)).store.read()
    assert clouds.landmarks is not None
    assert clouds.landmark_ids is not None
    assert clouds.landmark_ids.tolist() == [[0, 4, 9], [0, 4, -1], [-1, -1, -1]]
    np.testing.assert_allclose(clouds.landmarks[0], clouds.points[0][[3, 7, 11]], atol=1e-5)
    assert np.isnan(clouds.landmarks[1, 2]).all()


def test_a_misaligned_knife_is_flipped_with_its_keypoints(raw: Path, keypointnet: Dataset) -> None:
    """The fixture's second knife is the first one mirrored; its handle and tip are annotated."""
    first, second = (keypointnet.load(item) for item in keypointnet.items("knife", raw, OPTIONS))
    np.testing.assert_allclose(second.vertices, first.vertices, atol=1e-6)
    np.testing.assert_allclose(second.landmarks, first.landmarks, atol=1e-6)
    np.testing.assert_allclose(second.landmarks, second.vertices[[0, 15]], atol=1e-6)
    listed = raw / "knife_misaligned.txt"
    listed.write_text("03624134-k2\n")
    np.testing.assert_array_equal(load(keypointnet, raw, "knife")[1].vertices, second.vertices)
    listed.unlink()
    assert load(keypointnet, raw, "knife")[1].vertices[15, 0] < 0 < first.vertices[15, 0]


def test_annotations_of_all_categories_in_one_file(raw: Path, keypointnet: Dataset) -> None:
    """The fixture's all.json has a bathtub with a knife's model id: an annotation belongs to both."""
    assert [shape.landmark_ids.tolist() for shape in load(keypointnet, raw, "knife")] == [[0, 1], [0, 1]]
    # A category's own file goes before it.
    assert len(load(keypointnet, raw, "airplane")[0].landmarks) == 3


def test_without_annotations_and_splits(raw: Path, keypointnet: Dataset) -> None:
    shutil.rmtree(raw / "annotations")
    shutil.rmtree(raw / "splits")
    made = prepare(make_plan(keypointnet, "airplane", raw, OPTIONS))
    assert not made.store.has_landmarks
    assert made.store.splits().tolist() != [0, 2, 1]
    assert sorted(made.store.splits()) == [0, 1, 2]


def test_the_root_may_lie_deeper(raw: Path, tmp_path: Path, keypointnet: Dataset) -> None:
    assert keypointnet.find_categories(tmp_path) == ("airplane", "knife", "mug")
    assert len(keypointnet.items("mug", tmp_path, OPTIONS)) == 1


def test_an_annotation_that_does_not_lie_on_its_cloud(raw: Path, keypointnet: Dataset) -> None:
    def move(entries: list[dict[str, Any]]) -> None:
        entries[0]["keypoints"][1]["xyz"][0] += 0.01
        entries[1]["keypoints"][0]["pcd_info"]["point_index"] = 16

    edit(raw / "annotations" / "airplane.json", move)
    made = prepare(make_plan(keypointnet, "airplane", raw, OPTIONS))
    assert made.store.read().ids == ["a3"]
    assert [name for name, _ in made.skipped] == ["a1", "a2"]
    assert "lies 0.01 from the cloud point" in made.skipped[0][1]
    assert "beyond the 16 of the cloud" in made.skipped[1][1]


def test_an_annotation_without_a_place(raw: Path, keypointnet: Dataset) -> None:
    edit(
        raw / "annotations" / "airplane.json",
        lambda entries: entries[0]["keypoints"][1].update(xyz=[0, 0, np.nan]),
    )
    made = prepare(make_plan(keypointnet, "airplane", raw, OPTIONS))
    assert made.store.read().ids == ["a2", "a3"]
    assert "lies nan from the cloud point" in made.skipped[0][1]


@pytest.mark.parametrize("number", ["1e999", "1e200"])
def test_a_number_that_is_none(raw: Path, keypointnet: Dataset, number: str) -> None:
    file = raw / "annotations" / "airplane.json"
    entries = json.loads(file.read_text())
    entries[0]["keypoints"][0]["semantic_id"] = 8765432187654321
    file.write_text(json.dumps(entries).replace("8765432187654321", number))
    with pytest.raises(KgError, match=r"airplane\.json holds no annotations"):
        keypointnet.items("airplane", raw, OPTIONS)


def test_an_annotated_cloud_that_is_not_there_is_no_silent_gap(raw: Path, keypointnet: Dataset) -> None:
    (raw / "pcds" / "02691156" / "a2.pcd").unlink()
    made = prepare(make_plan(keypointnet, "airplane", raw, OPTIONS))
    assert made.store.read().ids == ["a1", "a3"]
    assert [name for name, _ in made.skipped] == ["a2"]
    assert "a2.pcd does not exist" in made.skipped[0][1]


@pytest.mark.parametrize("content", ["[", "[1]", '[{"model_id": "a1"}]', '{"a": 1}'])
def test_broken_annotations_are_named(raw: Path, keypointnet: Dataset, content: str) -> None:
    (raw / "annotations" / "airplane.json").write_text(content)
    with pytest.raises(KgError, match=r"airplane\.json holds no annotations"):
        keypointnet.items("airplane", raw, OPTIONS)


def test_what_is_missing(raw: Path, tmp_path: Path, keypointnet: Dataset) -> None:
    with pytest.raises(KgError, match="no category 'plane'") as caught:
        keypointnet.items("plane", raw, OPTIONS)
    assert "airplane" in caught.value.hint
    with pytest.raises(KgError, match=r"no clouds of 'chair': pcds/03001627") as caught:
        keypointnet.items("chair", raw, OPTIONS)
    assert "kg fetch keypointnet --category chair" in caught.value.hint
    (tmp_path / "packed").mkdir()
    (tmp_path / "packed" / "pcds.zip").touch()
    with pytest.raises(KgError, match=r"packed: It holds no folder 'pcds'") as caught:
        keypointnet.find_categories(tmp_path / "packed")
    assert caught.value.hint == "Unpack pcds.zip first."


def test_fetch_takes_what_was_downloaded(raw: Path, tmp_path: Path, keypointnet: Dataset) -> None:
    fetch(Order(keypointnet, tmp_path / "there", source=str(raw.parent)))
    assert keypointnet.find_categories(tmp_path / "there") == ("airplane", "knife", "mug")


@pytest.fixture
def published(raw: Path, server: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a server with the fixture's files at the places of the two real ones."""
    from kg_datasets import keypointnet

    monkeypatch.setattr(keypointnet, "DATA", f"{server.url}/data")
    monkeypatch.setattr(keypointnet, "CODE", f"{server.url}/code")
    for file in raw.rglob("*.*"):
        name = file.relative_to(raw).as_posix()
        server.files[f"/{'code' if 'splits' in name else 'data'}/{name}"] = file.read_bytes()
    return server


def test_fetch_downloads_a_category(published: Any, raw: Path, tmp_path: Path, keypointnet: Dataset) -> None:
    there = tmp_path / "there"
    fetch(Order(keypointnet, there, ("airplane",)))
    came = {path.relative_to(there).as_posix() for path in there.rglob("*.*")} - {"kg-fetch.json"}
    # The third cloud has no annotation.
    assert came == {
        "annotations/airplane.json",
        "splits/train.txt",
        "splits/val.txt",
        "splits/test.txt",
        "pcds/02691156/a1.pcd",
        "pcds/02691156/a2.pcd",
    }
    assert all((there / name).read_bytes() == (raw / name).read_bytes() for name in came)
    assert prepare(make_plan(keypointnet, "airplane", there, OPTIONS)).store.has_landmarks
    with pytest.raises(KgError, match=r"127\.0\.0\.1 has no annotations/chair\.json"):
        fetch(Order(keypointnet, there, ("chair",)))
    assert keypointnet.find_categories(there) == ("airplane",)


@pytest.mark.parametrize("place", ["data", "code", None])
def test_fetch_brings_the_list_of_misaligned_knives_from_wherever_it_is(
    published: Any, raw: Path, tmp_path: Path, keypointnet: Dataset, place: str | None
) -> None:
    content = published.files.pop("/data/knife_misaligned.txt")
    if place:
        published.files[f"/{place}/knife_misaligned.txt"] = content
    entries = [{"class_id": "03624134", "model_id": name, "keypoints": []} for name in ("k1", "k2")]
    published.files["/data/annotations/knife.json"] = json.dumps(entries).encode()
    warnings: list[str] = []
    fetch(Order(keypointnet, tmp_path / "there", ("knife",), warn=warnings.append))
    assert keypointnet.find_categories(tmp_path / "there") == ("knife",)
    assert (tmp_path / "there" / "knife_misaligned.txt").exists() == bool(place)
    assert bool(warnings) == (place is None)


def test_fetch_refuses_models_that_lead_elsewhere(
    published: Any, tmp_path: Path, keypointnet: Dataset
) -> None:
    entries = [{"class_id": "02691156", "model_id": "../../../../out", "keypoints": []}]
    published.files["/data/annotations/airplane.json"] = json.dumps(entries).encode()
    with pytest.raises(KgError, match="no path below"):
        fetch(Order(keypointnet, tmp_path / "there", ("airplane",)))
    assert not (tmp_path / "there").exists()


def test_real_airplanes_with_their_keypoints(shared_data: Path, keypointnet: Dataset) -> None:
    items = keypointnet.items("airplane", shared_data / "keypointnet", PrepareOptions())
    assert len(items) == 13
    shapes = [keypointnet.load(item) for item in items]
    assert all(shape.vertices.shape == (2048, 3) for shape in shapes)
    assert all(len(shape.landmarks) >= 8 for shape in shapes)
    for shape in shapes:
        assert 0.8 < np.linalg.norm(np.ptp(shape.vertices, axis=0)) < 1.02


def test_real_beds_have_the_published_split(shared_data: Path, keypointnet: Dataset) -> None:
    items = keypointnet.items("bed", shared_data / "keypointnet", PrepareOptions())
    assert len(items) == 146
    published = {
        name: (shared_data / "keypointnet" / "splits" / f"{name}.txt").read_text().count("02818832-")
        for name in ("train", "val", "test")
    }
    assert {name: sum(item.split == name for item in items) for name in published} == published
