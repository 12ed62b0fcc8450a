"""`import kg`: loads, detects, predicts, measures; and is quick."""

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

import kg
from kg.cli.app import run as cli
from kg.inference.shapes import predict_files
from kg.model.checkpoint import save_checkpoint
from kg.train.runs import new_run
from kg_detectors.key_grid import KeyGrid


@pytest.fixture
def run(tiny_config):
    torch.manual_seed(0)
    made = new_run(tiny_config, "mine")
    save_checkpoint(made / "best.safetensors", KeyGrid(tiny_config.model).state_dict(), tiny_config, 1, {})
    return made


@pytest.fixture
def detector(run):
    return kg.load("mine", device="cpu")


@pytest.fixture
def points():
    """A box far larger than the model's space, with more points than the detector was trained on."""
    return np.random.default_rng(0).uniform(0, 1, (90, 3)) * [300, 200, 50] + [-100, 20, 5]


def test_the_same_keypoints_as_of_a_file_in_the_units_given(detector, points, tmp_path):
    found = detector(points)
    np.save(tmp_path / "box.npy", points)
    expected = predict_files(detector, [tmp_path / "box.npy"])
    assert found.keypoints.dtype == np.float64
    np.testing.assert_allclose(found.keypoints, expected.keypoints_source[0], rtol=1e-6)
    np.testing.assert_allclose(found.confidences, expected.confidences[0], rtol=1e-6)


def test_indices_are_of_the_points_given(detector, points):
    found = detector(points, inference="hard")
    # A hard keypoint is a point of the cloud: the index names that very one.
    np.testing.assert_allclose(points[found.indices], found.keypoints, atol=1e-4)


@pytest.mark.parametrize("kind", [torch.float32, torch.float64])
def test_tensors_come_back_as_tensors_and_batches_as_batches(detector, points, kind):
    one = detector(points)
    batch = detector(torch.from_numpy(np.stack([points, points * 2])).to(kind))
    assert batch.keypoints.dtype == batch.confidences.dtype == kind
    assert batch.indices.dtype == torch.int64
    assert batch.keypoints.shape == (2, 4, 3)
    assert batch.indices.shape == batch.confidences.shape == (2, 4)
    np.testing.assert_allclose(batch.keypoints[0], one.keypoints, atol=1e-2)
    np.testing.assert_allclose(batch.keypoints[1], one.keypoints * 2, atol=1e-2)


def test_too_few_points_are_repeated_with_a_warning(detector, points):
    with pytest.warns(UserWarning, match="30 points are fewer than the 48"):
        found = detector(points[:30], inference="hard")
    np.testing.assert_allclose(points[found.indices], found.keypoints, atol=1e-4)
    assert found.indices.max() < 30


@pytest.mark.parametrize(
    ("points", "message"),
    [
        (np.zeros((5, 2)), r"not \(5, 2\)"),
        (np.zeros((0, 3)), r"not \(0, 3\)"),
        (np.full((90, 3), np.nan), "NaN or infinite"),
        (np.ones((90, 3)), "in one place"),
        (np.linspace(999, 1001, 270).reshape(90, 3) * np.array([1, 0, 0]), "too far from the origin"),
    ],
)
def test_what_is_no_cloud_is_refused(detector, points, message):
    with pytest.raises(kg.KgError, match=message):
        detector(points)


def test_predict_and_evaluate(run, points, tmp_path):
    found = kg.predict("mine", split="all")
    assert len(found) == 20
    found.save(tmp_path / "out.npz")
    np.save(tmp_path / "box.npy", points)
    assert len(kg.predict(run, [tmp_path / "box.npy"])) == 1
    with pytest.raises(kg.KgError, match="exclude each other"):
        kg.predict(run, [tmp_path / "box.npy"], store="store.h5")
    of_run = kg.evaluate("latest", "das")
    of_file = kg.evaluate(kg.predict("latest"), ["das"])
    assert [result.values for result in of_run] == [result.values for result in of_file]
    assert [result.metric for result in of_run] == ["das-annotated", "coverage", "spread"]
    assert kg.evaluate(tmp_path / "out.npz", "repeatability")[0].metric == "repeatability"


def test_what_kg_eval_measures_python_measures(run, tmp_path, capsys):
    options = ["--metric", "coverage", "--corrupt", "noise=0:0.1:2", "--seed", "3", "--cpu", "--json"]
    assert cli(["eval", "mine", *options]) == 0
    printed = json.loads(capsys.readouterr().out)
    measured = kg.evaluate("mine", "coverage", corruptions=["noise=0:0.1:2"], seed=3, device="cpu")
    del printed["predictions"]["command"]
    written = json.loads(json.dumps(measured.to_dict()))
    del written["predictions"]["command"]
    assert written == printed
    assert [floor.name for floor in measured.floors] == ["oracle", "template", "box"]
    assert len(measured.notes()) == len(set(measured.notes())) > 0


def test_a_mean_over_trainings(run, tmp_path):
    one = kg.predict("mine")
    meta = {**one.meta, "seed": 5, "checkpoint": "other"}
    measured = kg.evaluate([one, replace(one, keypoints=one.keypoints * 0.5, meta=meta)], "coverage")
    alone = kg.evaluate(replace(one, keypoints=one.keypoints * 0.5), "coverage", floors=False)
    values = [result[0].values["value"] for result in (kg.evaluate(one, "coverage", floors=False), alone)]
    assert measured[0].values["value"] == pytest.approx(np.mean(values))
    assert measured.meta["seed"] == [0, 5]
    with pytest.raises(kg.KgError, match="No run here made these predictions"):
        kg.evaluate(replace(one, meta=meta), "coverage", corruptions=["noise"])


def test_importing_and_helping_load_no_pytorch():
    code = """
import sys, kg
from kg.cli.app import run
assert {"load", "predict", "evaluate", "Predictions", "Store"} <= set(dir(kg))
assert run(["--help"]) == 0
sys.exit("torch" in sys.modules or "h5py" in sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_python_m_kg_is_kg():
    said = subprocess.run([sys.executable, "-m", "kg", "--version"], check=True, capture_output=True)
    assert said.stdout.decode().strip() == f"kg {kg.__version__}"
