"""The released KeypointDeformer's numbers: stages, losses, gradients, a step, with its weights by formula."""

import re

import numpy as np
import pytest
import torch

from kg import ops
from kg.config import ModelConfig
from kg_detectors.keypoint_deformer import KeypointDeformer
from kg_detectors.keypoint_deformer.cage import mean_value_coordinates, shrink
from kg_detectors.keypoint_deformer.network import QUICKER

PARTS = {
    r"keypoint_predictor\.0\.0\.conv(\d)\.conv": "keypoints.0.points",
    r"keypoint_predictor\.0\.1()\.linear": "keypoints.0.whole",
    r"keypoint_predictor\.1\.layers\.(\d)\.linear": "keypoints.1.layers",
    r"influence_predictor\.0\.0\.conv(\d)\.conv": "influences.0.points",
    r"influence_predictor\.0\.1()\.linear": "influences.0.whole",
    r"influence_predictor\.1\.(\d)\.linear": "influences.1.layers",
}


def our_name(theirs):
    """Return kg's name of a parameter of the released code."""
    owner, _, rest = theirs.rpartition(".")
    for pattern, ours in PARTS.items():
        if match := re.fullmatch(pattern, owner):
            # Its convolutions are counted from 1.
            number = "" if not match[1] else f".{int(match[1]) - ('conv' in match[0])}"
            return f"{ours}{number}.{rest}"
    return "matrix"


@pytest.fixture(scope="module")
def arrays(shared_data):
    folder = shared_data / "rivals" / "keypoint_deformer"
    if not folder.is_dir():
        pytest.skip(f"needs golden numbers in {folder} (KG_SHARED_DATA)")
    found = {}
    for name in ("inputs", "formula_train"):
        with np.load(folder / f"{name}.npz") as file:
            for key, value in file.items():
                text = value.dtype.kind == "U"
                found[key] = value.tolist() if text else torch.from_numpy(np.asarray(value))
    return found


@pytest.fixture
def model(golden, arrays):
    made = KeypointDeformer(ModelConfig(keypoints=10))
    for name, value in golden("keypoint_deformer").state().items():
        ours = made.get_parameter(our_name(name))
        scale = QUICKER if our_name(name) == "matrix" else 1
        ours.data.copy_(value.view(ours.shape) / scale)
    made.template.copy_(arrays["template_vertices"][0].T)
    made.faces.copy_(arrays["template_faces"])
    return made.train()


@pytest.fixture
def losses(model, arrays):
    """The losses of both pairs, and what they are of."""
    source, target = arrays["source"], arrays["target"]
    both = torch.cat([source, target])
    keypoints = model(both)
    spread = 2 * model.spread_loss(both, keypoints, arrays["fps_idx"][:, 0].long())
    terms = model.deformation_losses(source, target, keypoints[:2], keypoints[2:])
    return keypoints, spread, {name: weight * value for name, (weight, value) in terms.items()}


def test_stages(model, arrays, close):
    both = torch.cat([arrays["source"], arrays["target"]])
    features = model.keypoints[0](both)
    close(features, arrays["kp_encoder"], 1e-5)
    close(model.keypoints[1](features).view(4, 3, 10), arrays["kp_raw"], 1e-5)
    keypoints = model(both)
    close(keypoints[:2].transpose(1, 2), arrays["source_keypoints"], 1e-5)
    close(keypoints[2:].transpose(1, 2), arrays["target_keypoints"], 1e-5)
    far = ops.farthest_point_sample(both, 20, arrays["fps_idx"][:, 0].long())
    assert torch.equal(far, arrays["fps_idx"].long())
    found = model.deform(arrays["source"], keypoints[:2], keypoints[2:])
    close(found.offset, arrays["influence_offset"], 1e-5)
    close(found.influence, arrays["influence"], 1e-5)
    close(found.cage, arrays["cage"], 1e-5)
    close(found.moved, arrays["new_cage"], 1e-5)
    close(found.points, arrays["deformed"], 3e-4)


def test_the_cage_and_the_coordinates(model, arrays, close):
    cage = shrink(model.template, arrays["source"])
    close(cage, arrays["cage"], 1e-5)
    close(mean_value_coordinates(arrays["source"], cage, model.faces), arrays["mvc_weight"], 3e-4)
    exact = mean_value_coordinates(arrays["source"].double(), arrays["cage"].double(), model.faces)
    close(exact, arrays["mvc_weight_f64"], 1e-6)


def test_losses(losses, arrays):
    _, spread, terms = losses
    assert spread.item() == pytest.approx(arrays["loss_init_points"].item(), rel=1e-5)
    assert terms["chamfer"].item() == pytest.approx(arrays["loss_chamfer"].item(), rel=1e-4)
    assert terms["offset"].item() == pytest.approx(arrays["loss_influence_predict_l2"].item(), rel=1e-5)


def check_gradients(model, arrays, kind):
    """Compare length, sum and largest magnitude of each parameter's gradient."""
    recorded = arrays[f"gradstat_{kind}l2_sum_maxabs"].numpy()
    for name, (length, total, largest) in zip(arrays[f"gradstat_{kind}names"], recorded, strict=True):
        ours = our_name(name)
        gradient = model.get_parameter(ours).grad
        if np.isnan(length):
            assert gradient is None, name
            continue
        gradient = gradient.double() / (QUICKER if ours == "matrix" else 1)
        assert gradient.norm().item() == pytest.approx(length, rel=1e-3, abs=1e-12), name
        noise = 1e-3 * length * gradient.numel() ** 0.5 + 1e-12
        assert gradient.sum().item() == pytest.approx(total, abs=noise), name
        assert gradient.abs().max().item() == pytest.approx(largest, rel=1e-3, abs=1e-12), name


def test_the_gradients_of_the_first_iterations(model, losses, arrays):
    _, spread, _ = losses
    spread.backward()
    check_gradients(model, arrays, "warmup_")


def test_the_gradients_and_a_step(model, losses, arrays, close):
    _, spread, terms = losses
    (spread + sum(terms.values())).backward()
    check_gradients(model, arrays, "")
    for name, expected in arrays.items():
        if name.startswith("grad."):
            ours = our_name(name.removeprefix("grad."))
            scale = QUICKER if ours == "matrix" else 1
            close(model.get_parameter(ours).grad.view(expected.shape) / scale, expected, relative=1e-3)
    torch.optim.Adam(model.parameters(), 1e-3).step()
    for name, expected in arrays.items():
        if name.startswith("after_step."):
            ours = our_name(name.removeprefix("after_step."))
            scale = QUICKER if ours == "matrix" else 1
            # Beside the matrix's gradients, down to 1e-6, Adam's epsilon counts; with us a tenth as much.
            close(
                model.get_parameter(ours).view(expected.shape) * scale,
                expected,
                2.5e-4 if ours == "matrix" else 1e-5,
            )
