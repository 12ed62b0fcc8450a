import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from kg.data.store import Clouds, Store, write_store
from kg.errors import KgError
from kg.evaluation.evaluate import evaluate
from kg.evaluation.metrics.das_annotated import dual_alignment
from kg.evaluation.metrics.das_unsupervised import order_agreement
from kg.evaluation.metrics.miou import mean_iou
from kg.evaluation.plot import CURVED
from kg.inference.predictions import Predictions

SHAPES, POINTS, LANDMARKS, KEYPOINTS = 5, 60, 4, 3


def make_clouds(**changes):
    rng = np.random.default_rng(0)
    made = Clouds(
        ids=[f"shape-{row}" for row in range(SHAPES)],
        objects=["a", "a", "b", "c", "c"],
        frame=np.array([0, 1, 0, 0, 3], np.int32),
        points=rng.uniform(-1, 1, (SHAPES, POINTS, 3)).astype(np.float32),
        scale=rng.uniform(0.2, 0.4, SHAPES),
        offset=rng.normal(size=SHAPES),
        landmarks=rng.uniform(-1, 1, (SHAPES, LANDMARKS, 3)).astype(np.float32),
        landmark_ids=np.tile(np.arange(LANDMARKS, dtype=np.int32), (SHAPES, 1)),
        rest_positions=rng.random((SHAPES, POINTS, 3)).astype(np.float32),
    )
    return replace(made, **changes)


@pytest.fixture
def save(tmp_path):
    def write(clouds, name="store.h5", rest_id=None):
        path = tmp_path / name
        splits = {"object": ["test"] * len(clouds), "frame": ["test"] * len(clouds)}
        facts = {"dataset": "made", "category": "thing", "variant": "rest", "unit": "metre"}
        write_store(path, [clouds], splits, **facts, landmark_names={}, provenance={}, rest_ids=rest_id)
        return Store(path)

    return write


def predict(clouds, store=None, **changes):
    rng = np.random.default_rng(1)
    count = len(clouds)
    keypoints = rng.uniform(-1, 1, (count, KEYPOINTS, 3)).astype(np.float32)
    made = Predictions(
        ids=np.array(clouds.ids),
        objects=np.array(clouds.objects),
        points=clouds.points[:, ::2],
        scale=clouds.scale,
        offset=clouds.offset,
        keypoints=keypoints,
        keypoints_source=keypoints * clouds.scale[:, None, None] + clouds.offset[:, None, None],
        indices=np.zeros((count, KEYPOINTS), np.int64),
        confidences=np.ones((count, KEYPOINTS), np.float32),
        edge_pairs=np.empty((0, 2), np.int64),
        edges=np.empty((count, 0), np.float32),
        meta={
            "store": {"path": str(store.path), "checksum": store.checksum} if store else {},
            "split": "test",
            "split_by": "object",
            "unit": "metre",
        },
    )
    return replace(made, **changes)


def rows_of(predictions, rows):
    names = ("ids", "objects", "points", "scale", "offset", "keypoints", "keypoints_source")
    return replace(predictions, **{name: getattr(predictions, name)[rows] for name in names})


def by_name(results):
    return {result.metric: result for result in results}


def test_annotations_come_from_the_store(save):
    clouds = make_clouds()
    predictions = predict(clouds, save(clouds))
    found = by_name(evaluate(predictions, ["das", "miou"], threshold=0.3))
    expected = dual_alignment(predictions.keypoints, clouds.landmarks, clouds.landmark_ids, self_pairs=False)
    assert found["das-annotated"].values == pytest.approx(expected._asdict())

    def source(values):
        return values.astype(float) * clouds.scale[:, None, None] + clouds.offset[:, None, None]

    # The whole clouds of the store, not the thinned ones of the prediction.
    expected = mean_iou(
        source(predictions.keypoints),
        source(clouds.points),
        source(clouds.landmarks),
        clouds.landmark_ids,
        0.3,
    )
    assert found["miou"].values == {"value": pytest.approx(expected)}
    assert 0 < expected < 100
    assert (found["miou"].space, found["miou"].threshold, found["miou"].shapes) == ("source (metre)", 0.3, 5)


def test_shapes_are_matched_by_id_whatever_their_row(save):
    clouds = make_clouds()
    predictions = predict(clouds, save(clouds))
    shuffled = rows_of(predictions, np.array([3, 0, 4, 1, 2]))
    names = ["das-annotated", "miou", "miou-geodesic", "pck", "coverage", "spread", "correspondence"]
    before, after = by_name(evaluate(predictions, names)), by_name(evaluate(shuffled, names))
    for name in names:
        assert after[name].values == pytest.approx(before[name].values, nan_ok=True), name


def test_a_part_of_the_store(save):
    clouds = make_clouds()
    predictions = rows_of(predict(clouds, save(clouds)), np.array([4, 1]))
    known = clouds.landmarks[[4, 1]], clouds.landmark_ids[[4, 1]]
    expected = dual_alignment(predictions.keypoints, *known, self_pairs=False)
    assert by_name(evaluate(predictions))["das-annotated"].values == pytest.approx(expected._asdict())


def test_das_without_annotations_has_coverage_and_spread_beside_it(save):
    clouds = make_clouds(landmarks=None, landmark_ids=None)
    results = evaluate(predict(clouds, save(clouds)), ["das"])
    assert [result.metric for result in results] == ["das-unsupervised", "coverage", "spread"]
    assert results[0].reference == "shape-0"
    assert [result.metric for result in evaluate(predict(clouds), ["das"])] == [
        result.metric for result in results
    ]


def test_a_template_is_perfect_only_for_das_without_annotations(save):
    clouds = make_clouds()
    template = np.full((SHAPES, KEYPOINTS, 3), [0.1, 0.1, 0.1], np.float32)
    template += np.linspace(0, 0.01, KEYPOINTS, dtype=np.float32)[:, None]
    found = by_name(evaluate(predict(clouds, save(clouds), keypoints=template), ["das-unsupervised"]))
    assert found["das-unsupervised"].values == {"first": 100, "mean": 100}
    assert found["coverage"].values["value"] < 2
    assert found["spread"].values["mean"] < 1


def test_keypoints_in_one_place_are_unmasked(save):
    clouds = make_clouds()
    collapsed = np.full((SHAPES, KEYPOINTS, 3), [0.1, 0.1, 0.1], np.float32)
    found = by_name(evaluate(predict(clouds, save(clouds), keypoints=collapsed), ["das"]))
    assert list(found) == ["das-annotated", "coverage", "spread"]
    assert found["coverage"].values["value"] == 0
    assert found["spread"].values == {"least": 0, "mean": 0, "distinct": 1}


def test_all_is_what_the_data_allow(save):
    everything = make_clouds()
    found = by_name(evaluate(predict(everything, save(everything)), ["all"]))
    assert {name for name, result in found.items() if result.curves} == CURVED & found.keys()
    assert found.keys() == {
        *("das-annotated", "das-unsupervised", "miou", "miou-geodesic", "pck", "coverage", "inclusivity"),
        *("spread", "correspondence", "das-rest"),
    }
    bare = make_clouds(landmarks=None, landmark_ids=None, rest_positions=None)
    names = by_name(evaluate(predict(bare, save(bare, "bare.h5")), ["all"])).keys()
    assert names == {"das-unsupervised", "coverage", "inclusivity", "spread"}


def test_shapes_of_which_too_little_is_known_are_left_out_and_said(save):
    ids = np.tile(np.arange(LANDMARKS, dtype=np.int32), (SHAPES, 1))
    ids[1:3] = -1
    clouds = make_clouds(landmark_ids=ids)
    found = by_name(evaluate(predict(clouds, save(clouds)), ["das-annotated", "correspondence"]))
    assert found["das-annotated"].shapes == 3
    assert "2 of 5 shapes are left out: they have no landmarks." in found["das-annotated"].warnings
    assert found["correspondence"].shapes == 4
    assert any("no other frame" in warning for warning in found["correspondence"].warnings)


def test_kin_are_compared_with_each_other(save):
    """Five objects of one frame each: keypoints are at the point whose place at rest is the same on all."""
    clouds = make_clouds(objects=list("abcde"), frame=np.zeros(SHAPES, np.int32))
    places = clouds.rest_positions[0]
    order = np.stack([np.random.default_rng(row).permutation(POINTS) for row in range(SHAPES)])
    clouds = replace(clouds, rest_positions=places[order])
    at = np.argsort(order, axis=1)[:, :KEYPOINTS]
    keypoints = np.take_along_axis(clouds.points, at[..., None], axis=1)
    rest_id = save(clouds, "rest_id.h5", ["bag"] * SHAPES)
    result, *_ = evaluate(predict(clouds, rest_id, keypoints=keypoints), ["correspondence"])
    assert (result.values["mean"], result.shapes) == (0, SHAPES)
    with pytest.raises(KgError, match="cannot be measured"):
        evaluate(predict(clouds, save(clouds, "alone.h5"), keypoints=keypoints), ["correspondence"])


def test_a_store_that_is_gone_or_changed(save):
    clouds = make_clouds()
    predictions = predict(clouds, save(clouds))
    save(make_clouds(points=clouds.points + 1))
    with pytest.raises(KgError, match="has changed since the prediction") as changed:
        evaluate(predictions, ["das"])
    assert "das-unsupervised" in changed.value.hint
    Path(predictions.meta["store"]["path"]).unlink()
    with pytest.raises(KgError, match="There is no prepared store at"):
        evaluate(predictions, ["spread", "miou"])
    assert [result.metric for result in evaluate(predictions, ["spread"])] == ["spread"]
    with pytest.warns(UserWarning, match="ground truth is left out"):
        assert "miou" not in by_name(evaluate(predictions, ["all"]))


def test_a_shape_that_the_store_lacks(save):
    clouds = make_clouds()
    predictions = predict(clouds, save(clouds), ids=np.array(["other", *clouds.ids[1:]]))
    with pytest.raises(KgError, match="has no shape other"):
        evaluate(predictions, ["miou"])


def test_a_metric_whose_ground_truth_nobody_has(save):
    clouds = make_clouds(landmarks=None, landmark_ids=None)
    with pytest.raises(KgError, match="no annotated landmarks"):
        evaluate(predict(clouds, save(clouds)), ["das-annotated"])
    with pytest.raises(KgError, match="names no store"):
        evaluate(predict(clouds), ["correspondence"])


def test_one_shape():
    one = rows_of(predict(make_clouds()), np.array([2]))
    result = evaluate(one)[0]
    assert np.isnan(list(result.values.values())).all()
    assert "One shape alone says nothing" in result.warnings[0]
    plain = json.loads(json.dumps(result.to_dict(), allow_nan=False))
    assert plain["values"] == {"first": None, "mean": None}


def test_few_shapes_and_seen_shapes_are_said():
    predictions = predict(make_clouds())
    assert evaluate(predictions, ["spread"])[0].warnings == ("Only 3 objects: the result is rough.",)
    meta = {**predictions.meta, "split": "train", "split_by": "frame"}
    said = " ".join(evaluate(replace(predictions, meta=meta), ["spread"])[0].warnings)
    assert "trained on" in said
    assert "other frames of the same objects" in said
    other = replace(predictions, meta={**meta, "other_store": True})
    _, said = evaluate(other, ["spread"])[0].warnings
    assert "other frames" not in said
    assert "This is not the store that the detector was trained on" in said


def test_thresholds(save):
    clouds = make_clouds()
    predictions = predict(clouds, save(clouds))
    assert by_name(evaluate(predictions, ["miou", "inclusivity"]))["inclusivity"].threshold == 0.05
    assert evaluate(predictions, ["inclusivity"], threshold=4.0)[0].values["value"] == 100
    with pytest.raises(KgError, match="different spaces"):
        evaluate(predictions, ["miou", "inclusivity"], threshold=0.2)
    with pytest.raises(KgError, match="None of the metrics has a threshold"):
        evaluate(predictions, ["spread"], threshold=0.2)
    for wrong in (0.0, -1.0, float("nan")):
        with pytest.raises(KgError, match="distance above 0"):
            evaluate(predictions, ["miou"], threshold=wrong)


def test_a_default_threshold_far_from_the_published_share_is_said(save):
    clouds = make_clouds(scale=np.full(SHAPES, 40.0))
    predictions = predict(clouds, save(clouds))
    assert any("published results" in warning for warning in evaluate(predictions, ["miou"])[0].warnings)
    chosen = evaluate(predictions, ["miou"], threshold=9.0)[0]
    assert not any("published results" in warning for warning in chosen.warnings)


def test_unknown_metric():
    with pytest.raises(KgError, match="no metric 'mious'") as unknown:
        evaluate(predict(make_clouds()), ["mious"])
    assert "Did you mean 'miou'?" in unknown.value.hint


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"keypoints": np.full((SHAPES, 2, 3), np.nan, np.float32)}, "5 shapes are NaN or infinite"),
        ({"ids": np.array(["x", "x", "y", "z", "w"])}, "the shape x more than once"),
        ({"keypoints": np.zeros((2, 2, 3), np.float32)}, "do not fit together"),
        ({"ids": np.array([], dtype=str)}, "no shapes"),
    ],
)
def test_broken_predictions(changes, message):
    with pytest.raises(KgError, match=message):
        evaluate(predict(make_clouds(), **changes), ["spread"])


def objects_apart():
    return make_clouds(objects=list("abcde"), frame=np.zeros(SHAPES, np.int32), rest_positions=None)


def test_strict_is_the_default_and_leaves_out_pairs_of_a_shape_with_itself(save):
    clouds = objects_apart()
    results = evaluate(predict(clouds, save(clouds)))
    names = ["das-annotated", "miou", "pck", "coverage", "spread"]
    assert [result.metric for result in results] == names
    assert {result.protocol for result in results} == {"strict"}
    known = clouds.landmarks, clouds.landmark_ids
    expected = dual_alignment(predict(clouds).keypoints, *known, self_pairs=False)
    assert results[0].values == pytest.approx(expected._asdict())


def test_the_papers_protocol_counts_pairs_of_a_shape_with_itself(save):
    clouds = objects_apart()
    predictions = predict(clouds, save(clouds))
    found = by_name(evaluate(predictions, protocol="paper"))
    expected = dual_alignment(predictions.keypoints, clouds.landmarks, clouds.landmark_ids)
    assert found["das-annotated"].values == pytest.approx(expected._asdict())
    assert (found["miou"].threshold, found["miou"].space) == (0.1, "source (metre)")
    # What keeps it company is not the paper's.
    assert {name: result.protocol for name, result in found.items()} == {
        "das-annotated": "paper",
        "das-unsupervised": "paper",
        "miou": "paper",
        "coverage": "none",
        "spread": "none",
    }


def test_sc3k_needs_no_landmarks(save):
    predictions = predict(objects_apart())
    found = by_name(evaluate(predictions, protocol="sc3k"))
    assert list(found) == ["das-unsupervised", "coverage", "inclusivity", "spread"]
    assert found["das-unsupervised"].values["first"] == order_agreement(predictions.keypoints)
    assert found["inclusivity"].threshold == 0.05


def test_keypointnet_measures_along_the_surface(save):
    clouds = objects_apart()
    (result,) = evaluate(predict(clouds, save(clouds)), protocol="keypointnet")
    (curve,) = result.curves
    assert curve.x.tolist() == pytest.approx(np.arange(11) / 100)
    assert (result.metric, result.values["value"]) == ("miou-geodesic", curve.y[-1])


@pytest.mark.parametrize(
    ("protocol", "meta", "label"),
    [
        ("strict", {"split": "all"}, "strict, but on the split 'all'"),
        ("strict", {"split_by": "frame"}, "strict, but split by frame"),
        ("paper", {"split": "val"}, "paper, but on the split 'val'"),
        ("paper", {"split_by": "frame"}, "paper"),
    ],
)
def test_a_protocol_that_is_not_kept_is_said(save, protocol, meta, label):
    clouds = objects_apart()
    predictions = predict(clouds, save(clouds))
    predictions = replace(predictions, meta={**predictions.meta, **meta})
    assert evaluate(predictions, protocol=protocol)[0].protocol == label


def test_the_papers_sequences_are_split_by_frame(save):
    clouds = make_clouds()
    predictions = predict(clouds, save(clouds))
    assert evaluate(predictions, protocol="paper")[0].protocol == "paper, but sequences split by object"
    by_frame = replace(predictions, meta={**predictions.meta, "split_by": "frame"})
    assert evaluate(by_frame, protocol="paper")[0].protocol == "paper"


def test_a_protocols_threshold_is_its_own(save):
    clouds = objects_apart()
    predictions = predict(clouds, save(clouds))
    assert evaluate(predictions, protocol="paper", threshold=0.2)[0].protocol == "paper, but miou at 0.2"
    assert by_name(evaluate(predictions, ["miou"], threshold=0.2))["miou"].protocol == "strict"


def test_a_protocol_that_detects_anew(save):
    with pytest.raises(KgError, match="no run here made these predictions"):
        evaluate(predict(objects_apart()), protocol="useek")


def test_a_store_without_landmarks_has_no_figure_of_keypointnet(save):
    clouds = make_clouds(landmarks=None, landmark_ids=None)
    with pytest.raises(KgError, match="no annotated landmarks"):
        evaluate(predict(clouds, save(clouds)), protocol="keypointnet")


def test_intervals_are_over_objects(save, monkeypatch):
    monkeypatch.setattr("kg.evaluation.evaluate.LEAST", 3)
    clouds = make_clouds()
    predictions = predict(clouds, save(clouds))
    (result,) = evaluate(predictions, ["coverage"])
    low, high = result.intervals["value"]
    assert low < result.values["value"] < high
    values = result.per_shape["value"]
    assert values.mean() == result.values["value"]
    rng = np.random.default_rng(5)
    members = {name: values[np.array(clouds.objects) == name] for name in "abc"}
    drawn = [
        np.concatenate([members[name] for name in rng.choice(list("abc"), 3)]).mean() for _ in range(4000)
    ]
    assert (low, high) == pytest.approx(np.percentile(drawn, [2.5, 97.5]), rel=0.02)


def test_frames_of_few_objects_have_no_interval(save):
    def intervals(objects):
        predictions = replace(predict(make_clouds()), objects=np.array(list(objects)))
        return evaluate(predictions, ["coverage"])[0].intervals

    assert intervals("abcde") != {}
    assert intervals("aabcd") == intervals("aaaaa") == {}


def test_every_part_is_resampled(save):
    clouds = make_clouds(objects=list("abcde"))
    for result in evaluate(predict(clouds, save(clouds)), ["all"]):
        for part, value in result.values.items():
            assert len(result.draws[part]) == 1000
            assert np.nanmin(result.draws[part]) <= value + 1e-9
            assert value <= np.nanmax(result.draws[part]) + 1e-9


def test_a_result_is_written_as_plain_values(save):
    clouds = objects_apart()
    for result in evaluate(predict(clouds, save(clouds)), ["all"]):
        plain = json.loads(json.dumps(result.to_dict(), allow_nan=False))
        assert plain["ids"] == clouds.ids
        assert "draws" not in plain
        assert plain["seeds"] == [None]
        for values in plain["per_shape"].values():
            assert len(values) == SHAPES
        for curve in plain["curves"]:
            assert len(curve["x"]) == len(curve["y"])


def test_reliability_is_measured_where_a_detector_tells_sure_keypoints_from_others(save):
    clouds = make_clouds()
    sure = np.random.default_rng(3).random((SHAPES, KEYPOINTS)).astype(np.float32)
    store = save(clouds)
    alike = predict(clouds, store)
    assert "reliability" not in [result.metric for result in evaluate(alike)]
    with pytest.raises(KgError, match="no confidences"):
        evaluate(alike, ["reliability"])
    told = replace(alike, confidences=sure)
    result = next(result for result in evaluate(told) if result.metric == "reliability")
    assert result.shapes == 4
    assert result.values["confidence"] == pytest.approx(100 * sure[[1, 4]].mean(), rel=1e-5)
