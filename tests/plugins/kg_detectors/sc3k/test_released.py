"""A state of the released SC3K gives what the released code gave: stages, losses, gradients, a step."""

import numpy as np
import pytest
import torch

from kg.errors import KgError
from kg.model.making import make_detector
from kg_detectors.sc3k import SC3K
from kg_detectors.sc3k.released import released_name

# Tolerances of keypoints and of gradients, relative.
RUNS = {"formula_eval": (1e-5, 1e-3), "formula_train": (2e-4, 2e-2)}
# Zero in exact arithmetic.
NOISE = {"estimate_kp.conv23.bias"}
RATE = 1e-3
TURNED = 0.02
"""Share of a tensor whose step may go the other way."""


def adopted(state):
    made = SC3K.adopt(state)
    model = make_detector(made.config.model, made.config.train)
    model.load_state_dict(made.state)
    return model


@pytest.mark.parametrize("run", RUNS)
def test_it_gives_what_the_released_code_gave(golden, close, run):
    data = golden("sc3k")
    recorded, inputs = data.arrays(run), data.arrays("inputs")
    views = [torch.from_numpy(inputs[name]) for name in ("points1", "points2")]
    between = torch.from_numpy((inputs["R2"] @ inputs["R1"].transpose(0, 2, 1)).astype(np.float32))
    places, gradients = RUNS[run]
    model = adopted(data.state()).train(run == "formula_train")
    keypoints = [model(view).transpose(1, 2) @ view for view in views]
    for number, found in enumerate(keypoints, 1):
        close(found, recorded[f"keypoints{number}"], places)
    losses = model.losses_of(keypoints, views, between)
    total = sum(weight * value for weight, value in losses.values())
    assert total.item() == pytest.approx(float(recorded["loss_total"]), rel=1e-4)
    total.backward()
    values = model.state_dict(keep_vars=True)
    for name, expected in recorded.items():
        kind, _, parameter = name.partition(".")
        if kind == "grad" and parameter not in NOISE:
            close(values[released_name(parameter)].grad.view(expected.shape), expected, relative=gradients)
        elif kind == "after" and (ours := released_name(parameter)) in values:
            close(values[ours], expected, 1e-4)
    torch.optim.Adam(model.parameters(), RATE).step()
    for name, expected in recorded.items():
        kind, _, parameter = name.partition(".")
        if kind == "after_step" and parameter not in NOISE:
            away = np.abs(
                values[released_name(parameter)].detach().numpy().reshape(expected.shape) - expected
            )
            # Adam's first step is the sign of a gradient: where that is noise, it may go the other way.
            assert np.mean(away > 2e-4) <= TURNED, parameter
            assert away.max() <= 2.1 * RATE, parameter


@torch.no_grad()
def test_in_float64_it_agrees_to_a_millionth(golden, close):
    data = golden("sc3k")
    recorded, inputs = data.arrays("formula_eval"), data.arrays("inputs")
    model = adopted(data.state()).double().eval()
    for number in (1, 2):
        view = torch.from_numpy(inputs[f"points{number}"]).double()
        close(model(view).transpose(1, 2) @ view, recorded[f"keypoints{number}_f64"], 1e-6)


def test_a_foreign_parameter_is_refused():
    with pytest.raises(KgError, match="block9"):
        SC3K.adopt({"estimate_kp.conv23.weight": torch.zeros(1), "estimate_kp.block9.x": torch.zeros(1)})
