"""Prediction: values, spaces, order, and what cannot be predicted."""

import os
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from kg.data.normalise import normalise, to_source
from kg.data.store import Clouds, write_store
from kg.errors import KgError
from kg.inference.options import DetectOptions, ViewOptions
from kg.inference.poses import TURNS
from kg.inference.predictions import Predictions
from kg.inference.predictor import Predictor
from kg.inference.redetection import detector_of
from kg.inference.shapes import predict_files, predict_store
from kg.model import Found
from kg.model.checkpoint import load_checkpoint
from kg.train import train
from kg.train.runs import new_run

CPU = torch.device("cpu")


@pytest.fixture
def detector(tiny_config):
    config = replace(tiny_config, train=replace(tiny_config.train, points=64, epochs=1))
    run = new_run(config, "mine")
    train(config, run, CPU)
    return Predictor.load(None, "best", CPU)


def test_keypoints_are_the_networks_in_both_spaces(detector, tiny_store):
    found = predict_store(detector, options=DetectOptions(batch_size=3))
    clouds = tiny_store.read("test")
    assert found.ids.tolist() == clouds.ids
    with torch.no_grad():
        expected = detector.checkpoint.model(torch.from_numpy(clouds.points))
    np.testing.assert_allclose(found.keypoints, expected.keypoints, atol=1e-6)
    np.testing.assert_allclose(found.edges, expected.edges, atol=1e-6)
    # The store's shapes are half a metre to the unit, a quarter off the origin.
    np.testing.assert_allclose(found.keypoints_source, found.keypoints * 0.5 + 0.25, atol=1e-6)
    distance = np.linalg.norm(clouds.points[:, None] - found.keypoints[:, :, None], axis=3)
    np.testing.assert_array_equal(found.indices, distance.argmin(2))
    inside = (expected.weights.numpy().transpose(0, 2, 1) * (distance <= 0.1)).sum(2)
    np.testing.assert_allclose(found.confidences, inside, atol=1e-6)
    assert found.meta["split"] == "test"
    assert found.meta["precision"] == "fp32"
    assert found.meta["run"] == "mine"
    assert found.meta["store"]["checksum"] == tiny_store.checksum
    assert not found.meta["other_store"]


def test_hard_keypoints_are_points_of_the_cloud(detector):
    found = predict_store(detector, options=DetectOptions(inference="hard"))
    chosen = np.take_along_axis(found.points, found.indices[..., None], axis=1)
    np.testing.assert_array_equal(found.keypoints, chosen)


def test_predictions_survive_the_file(detector, tmp_path):
    found = predict_store(detector, split=None)
    assert len(found) == 20
    found.save(tmp_path / "out.npz")
    read = Predictions.load(tmp_path / "out.npz")
    assert read.meta == found.meta
    np.testing.assert_array_equal(read.keypoints, found.keypoints)
    np.testing.assert_array_equal(read.ids, found.ids)


def test_a_larger_cloud_from_a_file_is_thinned_and_carried_back(detector, tmp_path):
    points = np.random.default_rng(0).uniform(3, 9, (500, 3)) * [1, 0.5, 2]
    np.save(tmp_path / "box.npy", points)
    found = predict_files(detector, [tmp_path / "box.npy"])
    assert found.points.shape == (1, 64, 3)
    assert np.abs(found.points).max() == pytest.approx(1)
    assert (found.keypoints_source >= points.min(0)).all()
    assert (found.keypoints_source <= points.max(0)).all()
    np.save(tmp_path / "shuffled.npy", points[np.random.default_rng(1).permutation(500)])
    other = predict_files(detector, [tmp_path / "shuffled.npy"])
    np.testing.assert_allclose(other.keypoints, found.keypoints, atol=1e-5)


@pytest.mark.parametrize(
    ("up", "axis", "sign"), [(a + b, "xyz".index(b), a) for a in ("", "-") for b in "xyz"]
)
def test_shapes_that_lie_otherwise_have_the_same_keypoints(detector, up, axis, sign, tmp_path):
    # From -1 to 1 however it lies, so that nothing is rounded otherwise.
    points = np.random.default_rng(0).uniform(-1, 1, (64, 3)).astype(np.float32) * [1, 0.5, 0.25]
    points[0, 0], points[1, 0] = -1, 1
    turn = np.array(TURNS[up])
    assert (turn @ np.eye(3)[axis] == np.array([0, 0, -1 if sign else 1])).all()
    assert np.linalg.det(turn) == pytest.approx(1)
    np.save(tmp_path / "lying.npy", points)
    np.save(tmp_path / "turned.npy", points @ turn)  # turn's inverse is its transpose
    expected = predict_files(detector, [tmp_path / "lying.npy"])
    found = predict_files(replace(detector, view=ViewOptions(up=up)), [tmp_path / "turned.npy"])
    assert found.meta["up"] == up
    np.testing.assert_allclose(found.keypoints_source, expected.keypoints_source @ turn, atol=1e-6)
    np.testing.assert_allclose(found.confidences, expected.confidences, atol=1e-6)


def test_a_cloud_with_too_few_points_is_refused_by_name(detector, tmp_path):
    np.save(tmp_path / "few.npy", np.random.default_rng(0).random((63, 3)))
    with pytest.raises(KgError, match=r"few\.npy.*63 points, 64 are needed"):
        predict_files(detector, [tmp_path / "few.npy"])


def test_files_that_cannot_be_read_are_left_out_and_the_rest_goes_on(detector, tmp_path):
    points = np.random.default_rng(0).random((100, 3))
    np.save(tmp_path / "good.npy", points)
    np.save(tmp_path / "few.npy", points[:9])
    np.save(tmp_path / "torn.npy", np.where(np.arange(100)[:, None] == 5, np.nan, points))
    (tmp_path / "page.ply").write_text("<html></html>")
    files = [tmp_path / name for name in ("page.ply", "good.npy", "few.npy", "torn.npy", "none.obj")]
    with pytest.warns(match="left out") as said:
        found = predict_files(detector, files)
    assert found.ids.tolist() == [str(tmp_path / "good.npy"), str(tmp_path / "torn.npy")]
    assert sorted(found.meta["skipped"]) == sorted(str(files[number]) for number in (0, 2, 4))
    told = [str(warning.message) for warning in said]
    for text in (
        "web page, not a shape. It is left out. Download it again.",
        "9 points, 64 are needed",
        "torn.npy: 1 of 100 vertices are NaN",
        "not exist",
    ):
        assert sum(text in line for line in told) == 1
    alone = predict_files(detector, [tmp_path / "good.npy"])
    np.testing.assert_allclose(found.keypoints[0], alone.keypoints[0], atol=1e-5)


def test_a_name_that_is_not_utf8_is_refused_before_the_work(detector):
    with pytest.raises(KgError, match=r"caf\\xe9.* is not UTF-8"):
        predict_files(detector, [Path(os.fsdecode(b"caf\xe9.npy"))])


def test_a_store_that_changed_since_the_training_is_refused(detector, tiny_store):
    with h5py.File(tiny_store.path, "r+") as file:
        file.attrs["checksum"] = "other"
    with pytest.raises(KgError, match="has changed since the training") as caught:
        predict_store(detector)
    assert "--store" in caught.value.hint
    assert predict_store(detector, store=tiny_store.path).meta["other_store"]


def test_one_object_alone_leaves_nothing_to_test_on_and_the_way_out_is_named(detector, tiny_store):
    with h5py.File(tiny_store.path, "r+") as file:
        file["split/object"][:] = 0
    with pytest.raises(KgError, match=r"The split 'test' of .*, by object, is empty") as caught:
        predict_store(detector)
    assert "--split-by frame" in caught.value.hint


def test_a_checkpoint_without_data_asks_for_some(detector, tiny_config, tmp_path):
    config = replace(detector.checkpoint.config, data=type(tiny_config.data)())
    lost = replace(detector, checkpoint=replace(detector.checkpoint, config=config))
    with pytest.raises(KgError, match="what it was trained on"):
        predict_store(lost)


def test_any_checkpoint_file_can_be_named(detector, tmp_path):
    path = tmp_path / "runs" / "mine" / "last.safetensors"
    loaded = Predictor.load(None, str(path), CPU)
    assert loaded.checkpoint.identity == load_checkpoint(path, CPU).identity
    with pytest.raises(KgError, match="no checkpoint"):
        Predictor.load(None, str(tmp_path / "none.pt"), CPU)


def test_places_at_rest_are_told_where_they_are_asked_for_and_known(detector, monkeypatch):
    with pytest.raises(KgError, match="key-grid does not say where points lie") as caught:
        predict_store(detector, options=DetectOptions(dense=True))
    assert "follow" in caught.value.hint
    model = detector.checkpoint.model
    find = model.find
    monkeypatch.setattr(model, "find", lambda points, how: replace(find(points, how), rest=points / 2))
    dense = predict_store(detector, options=DetectOptions(dense=True, batch_size=3))
    np.testing.assert_array_equal(dense.rest, dense.points / 2)
    assert predict_store(replace(detector)).rest is None


def test_which_keypoints_are_visible_is_told_if_the_detector_says_it(detector, tiny_store, monkeypatch):
    points = tiny_store.read("test").points
    assert predict_store(detector).visible is None
    assert detector(points[0]).visible is None
    model = detector.checkpoint.model
    find = model.find
    said = [True, False, False, True]

    def says(points, how):
        return replace(find(points, how), visible=torch.tensor(said).expand(len(points), 4))

    monkeypatch.setattr(model, "find", says)
    # What find does is recorded when it is first asked.
    anew = replace(detector)
    assert predict_store(anew, options=DetectOptions(batch_size=3)).visible.tolist() == [said] * 4
    one, batch = anew(points[0]), anew(torch.from_numpy(points))
    assert one.visible.tolist() == said
    assert batch.visible.dtype == torch.bool
    assert batch.visible.tolist() == [said] * 4


def test_anchors_are_the_detectors_own_matter_and_remembered(detector, tmp_path, monkeypatch):
    named = tmp_path / "runs" / "mine"
    with pytest.raises(KgError, match="no anchors can be chosen") as caught:
        Predictor.load(named, "best", CPU, ViewOptions(anchors="farthest"))
    assert "--detector follow" in caught.value.hint
    asked = []
    monkeypatch.setattr(type(detector.checkpoint.model), "read_at", lambda model, what: asked.append(what))
    found = predict_store(Predictor.load(named, "best", CPU, ViewOptions(anchors="farthest")))
    assert found.meta["anchors"] == "farthest"
    detector_of(found.meta, CPU)
    assert asked == ["farthest"] * 2
    # A run that another one may soon be later than is remembered by its file.
    latest = predict_store(Predictor.load(named, "best", CPU, ViewOptions(anchors="latest")))
    latest.save(tmp_path / "out.npz")
    by_predictions = Predictor.load(named, "best", CPU, ViewOptions(anchors=str(tmp_path / "out.npz")))
    assert latest.meta["anchors"] == by_predictions.view.anchors == str(named / "best.safetensors")


def test_a_detector_of_one_view_says_so_and_another_is_asked_for_several(detector, monkeypatch):
    with pytest.raises(KgError, match="in one view") as caught:
        Predictor.load(detector.run, "best", CPU, ViewOptions(views=2))
    assert "--views" in caught.value.hint
    asked = []
    monkeypatch.setattr(type(detector.checkpoint.model), "look_at", lambda model, views: asked.append(views))
    found = predict_store(Predictor.load(detector.run, "best", CPU, ViewOptions(views=4)))
    assert found.meta["views"] == 4
    detector_of(found.meta, CPU)
    assert asked == [4, 4]


@pytest.mark.parametrize(("search", "right"), [("yaw", True), ("none", False)])
@pytest.mark.parametrize("says", [False, True])
def test_of_the_turns_that_are_tried_the_surest_counts(detector, monkeypatch, search, right, says):
    """A detector of the points with the largest x, which is sure, or says, where that is the long side."""

    def find(points, inference):
        indices = points[..., 0].topk(3, dim=1).indices
        long = points[..., 0].amax(1) - points[..., 0].amin(1)
        keypoints = points.gather(1, indices[..., None].expand(-1, -1, 3))
        sure = torch.full_like(long, 0.5) if says else long / 4
        return Found(keypoints, indices, sure[:, None].expand(-1, 3), upright=long.log() if says else None)

    monkeypatch.setattr(detector.checkpoint.model, "find", find)
    generator = torch.Generator().manual_seed(0)
    clouds = torch.rand(4, 64, 3, generator=generator) * torch.tensor([0.2, 1, 0.2])
    found = replace(detector, view=ViewOptions(search=search))(clouds)
    torch.testing.assert_close(found.keypoints, clouds.gather(1, found.indices[..., None].expand(-1, -1, 3)))
    # Their long side is y: either of its ends, for the sure one, which has the wrong axis otherwise.
    ends = (clouds[..., 1].amax(1, keepdim=True), clouds[..., 1].amin(1, keepdim=True))
    off = torch.minimum(*((found.keypoints[..., 1] - end).abs() for end in ends)).amax(1)
    assert (off < 0.3).all() == right


@pytest.mark.parametrize(("recognises", "looks"), [(True, 1), (False, 12)])
def test_a_detector_that_recognises_turns_is_shown_none(detector, monkeypatch, recognises, looks):
    asked, model = [], detector.checkpoint.model
    seen, find = [], model.find
    monkeypatch.setattr(model, "turn_back", lambda search: asked.append(search) or recognises)
    monkeypatch.setattr(model, "find", lambda *given: seen.append(given) or find(*given))
    replace(detector, view=ViewOptions(search="yaw"))(torch.rand(2, 64, 3))
    assert (set(asked), len(seen)) == ({"yaw"}, looks)


def normalised_by(how, store, tmp_path):
    """Return the file of a store of the same clouds, normalised in a way."""
    clouds = store.read()
    source = to_source(clouds.points, clouds.scale, clouds.offset)
    scalings = [normalise(cloud, how) for cloud in source]
    made = replace(
        clouds,
        points=np.stack(
            [scaling.to_normalised(cloud) for scaling, cloud in zip(scalings, source, strict=True)]
        ),
        scale=np.array([scaling.scale for scaling in scalings]),
        offset=np.array([scaling.offset for scaling in scalings]),
        landmarks=None,
        landmark_ids=None,
    )
    splits = {"object": ["test"] * len(clouds), "frame": ["test"] * len(clouds)}
    facts = {"dataset": "d", "category": "c", "variant": "v", "unit": "metre"}
    path = tmp_path / f"{how}.h5"
    write_store(path, [made], splits, **facts, landmark_names={}, provenance={})
    return path


def test_a_detector_of_ranges_finds_the_same_in_a_store_of_boxes(detector, tiny_store, tmp_path):
    expected, found = (
        predict_store(detector, store=normalised_by(how, tiny_store, tmp_path))
        for how in ("range", "longest-side")
    )
    # The ellipsoids are sampled unevenly, so that the centre of a box is not that of the source.
    assert np.abs(found.points - expected.points).max() > 0.01
    np.testing.assert_allclose(found.keypoints_source, expected.keypoints_source, atol=1e-5)


def test_where_the_origin_is_does_not_matter_but_to_a_detector_of_ranges(detector, tmp_path):
    points = np.random.default_rng(0).uniform(-0.5, 0.5, (64, 3)) * [1, 0.7, 0.3]
    away = np.array([0.1, 0.8, -0.4])
    config = detector.checkpoint.config
    free = replace(config, model=replace(config.model, normalisation="longest-side"))
    boxed = replace(detector, checkpoint=replace(detector.checkpoint, config=free))
    far = []
    for each in (detector, boxed):
        here, there = each(points).keypoints, each(points + away).keypoints - away
        far.append(np.abs(here - there).max())
    assert far[0] > 1e-3
    assert far[1] < 1e-5


def test_frames_are_tracked_in_their_order_and_returned_in_that_of_the_clouds(
    detector, tmp_path, monkeypatch
):
    with pytest.raises(KgError, match="does not track") as caught:
        predict_store(detector, options=DetectOptions(track=True))
    assert "--detector follow" in caught.value.hint
    seen = []

    def track(points, positions):
        seen.append(positions[:, 0, 0].tolist())
        first = points[:, :3]
        return Found(first, torch.arange(3).expand(len(points), 3), torch.ones(len(points), 3))

    monkeypatch.setattr(detector.checkpoint.model, "track", track)
    clouds = detector_clouds(["b", "a", "b", "a"], [4, 2, 1, 9])
    found = detector.detect(clouds, DetectOptions(track=True))
    # Of each object by its frames, in one frame of reference: the first coordinate says which cloud it is.
    assert [[round(x) for x in xs] for xs in seen] == [[1, -1], [-1, 1]]
    np.testing.assert_array_equal(found.keypoints, clouds.points[:, :3])
    assert found.meta["track"]
    with pytest.raises(KgError, match="tracks a sequence as it lies"):
        replace(detector, view=ViewOptions(search="yaw")).detect(clouds, DetectOptions(track=True))


def test_files_that_are_tracked_are_frames_of_one_object(detector, tmp_path, monkeypatch):
    lengths = []

    def track(points, positions):
        lengths.append(len(points))
        return Found(points[:, :3], torch.arange(3).expand(len(points), 3), torch.ones(len(points), 3))

    monkeypatch.setattr(detector.checkpoint.model, "track", track)
    for number in range(3):
        np.save(tmp_path / f"{number}.npy", np.random.default_rng(number).random((64, 3)))
    found = predict_files(
        detector, [tmp_path / f"{number}.npy" for number in range(3)], options=DetectOptions(track=True)
    )
    assert lengths == [3]
    assert set(found.objects) == {"sequence"}


def detector_clouds(objects, frames):
    """Return clouds by their range whose offset is their number."""
    count = len(objects)
    points = np.random.default_rng(0).uniform(-1, 1, (count, 64, 3)).astype(np.float32)
    points[:, 0] = 0
    return Clouds(
        ids=[str(row) for row in range(count)],
        objects=objects,
        frame=np.array(frames, np.int32),
        points=points,
        scale=np.full(count, 1e-3),
        offset=np.arange(count, dtype=np.float64),
    )
