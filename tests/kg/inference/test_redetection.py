"""The detector asked again: what it is shown, and where its answers are carried."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from kg.data.corruptions import corrupt
from kg.evaluation.evaluate import evaluate
from kg.evaluation.metrics.chamfer import chamfer
from kg.evaluation.robustness import measure_robustness, parse_corruption
from kg.inference.predictor import Predictor
from kg.inference.redetection import Redetection, detector_of
from kg.inference.shapes import predict_store
from kg.model.checkpoint import save_checkpoint
from kg.train.runs import new_run
from kg_detectors.key_grid import KeyGrid

CPU = torch.device("cpu")


@pytest.fixture
def again(tiny_config):
    torch.manual_seed(0)
    run = new_run(tiny_config, "mine")
    save_checkpoint(run / "best.safetensors", KeyGrid(tiny_config.model).state_dict(), tiny_config, 0, {})
    detector = Predictor.load(None, "best", CPU)
    return Redetection(detector, predict_store(detector))


def test_clean_clouds_give_the_same_keypoints(again):
    assert_allclose(again.keypoints("noise", 0), again.predictions.keypoints, atol=1e-6)


def test_keypoints_come_back_from_a_rotated_cloud(again):
    seen, undo = corrupt(again._clouds(), "rotation", 180)
    with torch.no_grad():
        there = again.detector.checkpoint.model(torch.from_numpy(seen.points)).keypoints.numpy()
    expected = np.einsum("nkc,ncd->nkd", there * undo.scale[:, None, None] + undo.offset[:, None], undo.turns)
    found = again.corrupted("rotation", 180)
    assert_allclose(found.keypoints, expected, atol=1e-5)
    assert_allclose(found.keypoints_source, expected * 0.5 + 0.25, atol=1e-5)
    assert (found.points == again.predictions.points).all()


def test_metrics_of_the_detector(again):
    found = {result.metric: result for result in evaluate(again.predictions, ["all"], detector=again)}
    points = torch.from_numpy(again.predictions.points)
    with torch.no_grad():
        made = again.detector.checkpoint.model(points).reconstruction.numpy()
    assert found["chamfer"].values["value"] == pytest.approx(1000 * chamfer(made, points).mean(), rel=1e-4)
    repeated = found["repeatability"]
    diagonal = np.linalg.norm(np.ptp(again.predictions.points, axis=1), axis=1)
    moved = np.linalg.norm(again.keypoints("noise", 0.02) - again.predictions.keypoints, axis=2)
    assert_allclose(repeated.per_shape["noise"], 100 * moved.mean(1) / diagonal, rtol=1e-5)
    assert repeated.per_keypoint["rotation"].shape == (4,)


def test_useek_turns_every_shape(again):
    found = evaluate(again.predictions, protocol="useek", detector=again)
    turned = evaluate(again.corrupted("rotation", 180), ["das-annotated"], protocol="paper")
    assert found[0].values == turned[0].values
    assert (found[1].metric, found[1].space, found[1].threshold) == ("miou", "normalised", 0.2)
    assert found[0].protocol == found[1].protocol == "useek"


def test_what_moves_is_measured_from_clean_clouds_whatever_the_protocol(again):
    plain = evaluate(again.predictions, ["repeatability"], detector=again)
    useek = evaluate(again.predictions, ["repeatability"], protocol="useek", detector=again)
    assert useek[0].values == plain[0].values
    assert useek[0].protocol == "none"
    assert min(useek[0].values.values()) > 0


def test_curves_over_levels(again):
    def measure(predictions):
        return evaluate(predictions, ["das", "miou"])

    asked = [parse_corruption("noise=0:0.08:3"), parse_corruption("rotation=90")]
    noise, rotation = measure_robustness(again, asked, measure)
    assert (noise.levels, rotation.levels) == ([0, 0.04, 0.08], [90])
    clean = measure(again.predictions)
    assert noise.results[0][0].values == pytest.approx(clean[0].values)
    das, miou = noise.headlines()[:2]
    assert (das.name, miou.name) == ("das-annotated", "miou")
    # The keypoints of a detector that has learnt nothing lie in one place: such have no DAS.
    assert all(found[0].meaningless for found in noise.results)
    assert np.isnan(das.y).all()
    assert miou.y.tolist() == [found[1].values["value"] for found in noise.results]
    assert len(noise.curves()) == sum(len(result.units) for result in clean)


def test_the_detector_of_predictions_is_the_one_that_made_them(again):
    meta = again.predictions.meta
    assert detector_of(meta, CPU).checkpoint.identity == meta["checkpoint"]
    assert detector_of({**meta, "checkpoint": "0" * 12}, CPU) is None
    assert detector_of({**meta, "run": "other"}, CPU) is None
    assert detector_of({**meta, "run": ""}, CPU) is None
