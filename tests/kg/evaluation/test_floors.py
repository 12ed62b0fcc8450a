"""Floors, symmetry and collapse, from predictions to results."""

import json
import math
from dataclasses import replace

import h5py
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from kg.data.store import Clouds, Store, write_store
from kg.evaluation.evaluate import evaluate
from kg.evaluation.floors import measure_floors
from kg.evaluation.metrics.correspondence_visible import visible_drift
from kg.evaluation.metrics.miou import mean_iou
from kg.inference.predictions import Predictions

OBJECTS, FRAMES, POINTS = 3, 4, 60


def by_name(results):
    return {result.metric: result for result in results}


@pytest.fixture
def cloth(tmp_path):
    """Three symmetric sheets that turn and bend, and predictions at the same material points, one wrong."""
    rng = np.random.default_rng(0)
    half = rng.random((POINTS // 2, 3)) * [0.5, 1, 0.02]
    rest = np.concatenate([half, half * [-1, 1, -1]])
    rests, points, turned = [], [], Rotation.random(OBJECTS, random_state=1)
    for number in range(OBJECTS):
        for frame in range(FRAMES):
            own = rng.permutation(rest * (1 + 0.1 * number))
            rests.append(own)
            points.append(turned[number].apply(own + [0, 0, 0.2 * frame] * np.abs(own[:, :1])))
    points, rests = np.array(points, np.float32), np.array(rests, np.float32)
    objects = np.repeat(list("abc"), FRAMES)
    count = len(points)
    clouds = Clouds(
        ids=[f"{name}-{row}" for row, name in enumerate(objects)],
        objects=objects.tolist(),
        frame=np.tile(np.arange(FRAMES), OBJECTS).astype(np.int32),
        points=points,
        scale=np.ones(count),
        offset=np.zeros(count),
        rest_positions=rests,
    )
    path = tmp_path / "store.h5"
    splits = {"object": ["test"] * count, "frame": ["test"] * count}
    facts = {"dataset": "made", "category": "sheet", "variant": "fall", "unit": "metre"}
    write_store(path, [clouds], splits, **facts, landmark_names={}, provenance={})
    store = Store(path)
    keypoints = points[:, :4]
    return Predictions(
        ids=np.array(clouds.ids),
        objects=objects,
        points=points,
        scale=clouds.scale,
        offset=clouds.offset,
        keypoints=keypoints,
        keypoints_source=keypoints.astype(float),
        indices=np.tile(np.arange(4), (count, 1)),
        confidences=np.ones((count, 4), np.float32),
        edge_pairs=np.empty((0, 2), np.int64),
        edges=np.empty((count, 0), np.float32),
        meta={
            "store": {"path": str(path), "checksum": store.checksum},
            "split": "test",
            "split_by": "object",
        },
    )


def test_what_deforms_is_headed_by_correspondence(cloth):
    names = [result.metric for result in evaluate(cloth)]
    assert names == ["correspondence", "correspondence-symmetric", "das-unsupervised", "coverage", "spread"]


def test_the_oracle_does_not_wander_and_what_stands_still_does(cloth):
    results = evaluate(cloth)
    floors = {floor.name: floor for floor in measure_floors(cloth, results)}
    assert list(floors) == ["oracle", "stands still"]
    assert [result.metric for result in floors["oracle"].results] == [result.metric for result in results]
    oracle, still = (by_name(floor.results)["correspondence"].values for floor in floors.values())
    # Every frame has the very same material points.
    assert (oracle["mean"], oracle["identity"], oracle["pck-5"]) == (0, 100, 100)
    assert still["mean"] > oracle["mean"]
    random = by_name(results)
    assert random["correspondence"].values["mean"] > still["mean"]
    assert random["correspondence-symmetric"].values["mean"] <= random["correspondence"].values["mean"]
    assert {floor.about for floor in floors.values()} == {floors[name].about for name in floors}
    assert floors["oracle"].results[0].seeds == ()


def test_of_what_a_camera_sees_that_counts_which_is_shown(cloth):
    path = cloth.meta["store"]["path"]
    with h5py.File(path, "r+") as file:
        file.attrs["provenance"] = json.dumps({"options": {"camera": {"per": "object"}}})
    said = np.random.default_rng(1).random((len(cloth), 4)) < 0.7
    told = replace(cloth, visible=said)
    results = evaluate(told)
    assert [result.metric for result in results][:2] == ["correspondence", "correspondence-visible"]
    store = Store(path)
    known = store.read()
    expected = visible_drift(
        cloth.keypoints, known.points, known.rest_positions, cloth.objects, known.frame, said
    )
    own = by_name(results)["correspondence-visible"].values
    assert own["mean"] == pytest.approx(np.nanmean(expected.drift.geodesic))
    floors = {floor.name: by_name(floor.results) for floor in measure_floors(told, results)}
    # Of 60 points some have none near: the oracle is where those are that count, and nothing is said of it.
    oracle = floors["oracle"]["correspondence-visible"].values
    assert (oracle["mean"], oracle["identity"]) == (0, 100)
    assert math.isnan(oracle["hidden-recall"])
    assert floors["stands still"]["correspondence-visible"].values["mean"] > 0


def test_keypoints_that_nobody_detected_have_no_reliability(cloth):
    sure = np.random.default_rng(0).random(cloth.confidences.shape).astype(np.float32)
    told = replace(cloth, confidences=sure)
    results = evaluate(told)
    assert "reliability" in by_name(results)
    assert all(floor.result("reliability") is None for floor in measure_floors(told, results))


def test_a_box_is_measured_as_any_keypoints_are(cloth, tmp_path):
    rng = np.random.default_rng(3)
    landmarks = rng.uniform(-1, 1, (5, 4, 3)).astype(np.float32)
    points = rng.uniform(-1, 1, (5, 40, 3)).astype(np.float32)
    names = [str(row) for row in range(5)]
    clouds = Clouds(
        ids=names,
        objects=names,
        frame=np.zeros(5, np.int32),
        points=points,
        scale=np.ones(5),
        offset=np.zeros(5),
        landmarks=landmarks,
        landmark_ids=np.tile(np.arange(4, dtype=np.int32), (5, 1)),
    )
    path = tmp_path / "annotated.h5"
    facts = {"dataset": "made", "category": "thing", "variant": "rest", "unit": "metre"}
    splits = {"object": ["test"] * 5, "frame": ["test"] * 5}
    write_store(path, [clouds], splits, **facts, landmark_names={}, provenance={})
    meta = {**cloth.meta, "store": {"path": str(path), "checksum": Store(path).checksum}}
    some = {name: getattr(cloth, name)[:5] for name in ("indices", "confidences", "edges")}
    predictions = replace(
        cloth,
        **some,
        ids=np.array(names),
        objects=np.array(names),
        points=points,
        scale=clouds.scale,
        offset=clouds.offset,
        keypoints=points[:, :4],
        keypoints_source=points[:, :4].astype(float),
        meta=meta,
    )
    results = evaluate(predictions, ["miou"], threshold=0.5)
    floors = {
        floor.name: by_name(floor.results) for floor in measure_floors(predictions, results, threshold=0.5)
    }
    assert list(floors) == ["oracle", "template", "box"]
    low, high = points.min(1), points.max(1)
    box = np.stack(
        [
            high,
            low,
            np.stack([high[:, 0], low[:, 1], low[:, 2]], 1),
            np.stack([low[:, 0], high[:, 1], high[:, 2]], 1),
        ],
        1,
    )
    expected = mean_iou(box, points, landmarks, clouds.landmark_ids, 0.5)
    assert floors["box"]["miou"].values["value"] == pytest.approx(expected)
    assert floors["oracle"]["miou"].values["value"] > expected


def test_collapsed_keypoints_have_no_das(cloth):
    one_place = np.repeat(cloth.keypoints[:, :1], 4, axis=1)
    found = by_name(evaluate(replace(cloth, keypoints=one_place)))
    assert all(result.collapsed for result in found.values())
    assert [name for name, result in found.items() if result.meaningless] == ["das-unsupervised"]
    assert found["das-unsupervised"].values == {"first": 0, "mean": 0}
    assert found["correspondence"].values["identity"] == 0
    assert found["das-unsupervised"].warnings[0].startswith("COLLAPSED: on 100% of the shapes")
    assert not any(result.collapsed for result in evaluate(cloth))
