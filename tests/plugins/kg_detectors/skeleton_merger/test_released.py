"""A state of the released Skeleton Merger gives what the released code gave: values, gradients, a step.

The released code compares squared distances as |a|² + |b|² - 2ab: points at the very edge of a ball may
count differently, so recorded members stand in for ours.
"""

import numpy as np
import pytest
import torch
from torch import nn

from kg import ops
from kg.errors import KgError
from kg.model.checkpoint import load_checkpoint
from kg.model.making import make_detector
from kg_detectors.released_names import encoder_name
from kg_detectors.skeleton_merger import SkeletonMerger
from kg_detectors.skeleton_merger.losses import composite_chamfer, edge_counts
from kg_detectors.skeleton_merger.released import released_rows

BACK = released_rows(10).argsort()
LEVELS = {1024: (1, 0.05), 256: (2, 0.1), 64: (3, 0.2), 16: (4, 0.4)}
# Recorded run, the seed that draws its samples, relative tolerance of gradients.
RUNS = {
    "formula_eval": (11, 1e-3),
    "formula_train_nodrop": (12, 1e-2),
    "trained_eval": (21, 1e-3),
    "trained_train_nodrop": (22, 1e-3),
    "trained_train_drop": (23, 1e-3),
}
# Zero in exact arithmetic.
NOISE = {"PT_L.bias"}


class Recorded(nn.Module):
    """The dropout of a recorded run."""

    def __init__(self, packed):
        super().__init__()
        self.kept = torch.from_numpy(np.unpackbits(packed, axis=-1).transpose(0, 2, 1).copy())

    def forward(self, values):
        return 2 * self.kept * values


def pin(monkeypatch, recorded):
    """Let recorded balls stand in for ours; return how many of ours differ, filled as they are asked for."""
    search, differing = ops.ball_query, []

    def ball_query(points, centres, radius, count, *, nearest):
        level, smallest = LEVELS[centres.shape[1]]
        name = f"ball_idx_l{level}_s{int(radius > smallest)}"
        found = search(points, centres, radius, count, nearest=nearest)
        if name not in recorded:
            return found
        expected = torch.from_numpy(recorded[name].astype(np.int64))
        differing.append((found != expected).any(-1).sum().item())
        return expected

    monkeypatch.setattr(ops, "ball_query", ball_query)
    return differing


def adopted(state):
    made = SkeletonMerger.adopt(state)
    model = make_detector(made.config.model, made.config.train)
    model.load_state_dict(made.state)
    model.keypoint_head.dropout.p = 0.0
    return model


def ours(model, name):
    """Return a parameter or buffer by its released name, edges in the released order."""
    value = (model.state_dict(keep_vars=True))[encoder_name(name)]
    return value[BACK] if name.startswith("MA_L.") else value


def gradient(model, name):
    value = (model.state_dict(keep_vars=True))[encoder_name(name)].grad
    return value[BACK] if name.startswith("MA_L.") else value


@pytest.mark.parametrize("run", RUNS)
def test_it_gives_what_the_released_code_gave(golden, close, monkeypatch, run):
    data = golden("skeleton_merger")
    recorded, points = data.arrays(run), torch.from_numpy(data.arrays("inputs")["points"])
    state = data.state() if run.startswith("formula") else None
    model = adopted(state or torch.load(data.folder / "state_dict.pt", weights_only=True))
    differing = pin(monkeypatch, recorded)
    seed, tolerance = RUNS[run]
    if "dropout_keep_packed" in recorded:
        model.keypoint_head.dropout = Recorded(recorded["dropout_keep_packed"])
    model.train("train" in run.removeprefix("trained"))
    torch.manual_seed(seed)
    found = model(points)
    assert sum(differing) <= 8
    close(found.keypoints, recorded["keypoints"], 1e-4)
    close(found.strengths[:, BACK], recorded["activations"], 1e-4)
    heat = found.weights.transpose(1, 2)
    if "heatmap" in recorded:
        close(heat, recorded["heatmap"], 1e-4)

    counts = edge_counts(found.keypoints, coupled=True)
    # A length at the very edge of a whole number counts one less on a processor that sums otherwise.
    expected = torch.from_numpy(recorded["part_counts"].astype(np.int64)).to(counts)
    off = (counts[0, BACK] - expected).abs()
    assert off.max() <= 1
    assert off.sum() <= 1
    counts[:, BACK] = expected
    terms = composite_chamfer(points, found.keypoints, found.strengths, model.offsets, counts)
    chamfer = terms.forward + terms.backward + 20 * terms.residual
    total = chamfer + 0.01 * model.offsets.square().sum()
    for name, value in {
        "term_forward": terms.forward,
        "term_backward": terms.backward,
        "term_residual": 20 * terms.residual,
        "loss_ccd": chamfer,
        "loss_total": total,
    }.items():
        assert value.item() == pytest.approx(float(recorded[name]), rel=1e-4, abs=1e-5), name

    total.backward()
    if "grad.DEC_emb_all" in recorded:
        close(model.offsets.grad[BACK], recorded["grad.DEC_emb_all"], relative=2 * tolerance)
    for name, value in recorded.items():
        kind, _, parameter = name.partition(".")
        if kind == "grad" and encoder_name(parameter) and parameter not in NOISE:
            close(gradient(model, parameter).view(value.shape), value, relative=tolerance)
        elif kind == "after" and not name.endswith("num_batches_tracked"):
            close(ours(model, parameter), value, 1e-4)
    torch.optim.Adadelta(model.parameters(), lr=1.0, rho=0.9, eps=1e-2).step()
    for name, value in recorded.items():
        kind, _, parameter = name.partition(".")
        if kind == "after_step" and encoder_name(parameter) and parameter not in NOISE:
            close(ours(model, parameter).view(value.shape), value, 2e-3)  # measured: 1.0e-3
    if "after_step.DEC.1.0.emb" in recorded:
        close(model.offsets[0], recorded["after_step.DEC.1.0.emb"], 1e-3)


@torch.no_grad()
def test_in_float64_it_agrees_to_a_millionth(golden, close, monkeypatch):
    data = golden("skeleton_merger")
    recorded, points = data.arrays("formula_eval"), torch.from_numpy(data.arrays("inputs")["points"])
    pin(monkeypatch, recorded)

    def drawn(cloud, count, *start):
        return torch.from_numpy(recorded[f"fps_idx_l{LEVELS[count][0]}"].astype(np.int64))

    # Both are of the same points: what lies equally far apart is drawn otherwise in float64.
    monkeypatch.setattr(ops, "farthest_point_sample", drawn)
    torch.manual_seed(RUNS["formula_eval"][0])
    found = adopted(data.state()).double().eval()(points.double())
    close(found.keypoints, recorded["keypoints_f64"], 1e-6)
    close(found.strengths[:, BACK], recorded["activations_f64"], 1e-6)


def test_a_released_checkpoint_is_opened_as_what_it_is(golden):
    checkpoint = load_checkpoint(golden("skeleton_merger").folder / "state_dict.pt", torch.device("cpu"))
    assert isinstance(checkpoint.model, SkeletonMerger)
    assert checkpoint.config.model.keypoints == 10
    assert checkpoint.unused == ["MA_EMB"]


def test_edges_of_the_released_code_are_found_again():
    order = [(1, 0), (2, 0), (2, 1), (3, 0), (3, 1), (3, 2)]
    pairs = [order[row] for row in released_rows(4)]
    assert pairs == [(second, first) for first, second in ops.edge_pairs(4).tolist()]


def test_a_foreign_parameter_is_refused():
    state = {
        "PT_L.weight": torch.zeros(2, 2),
        "DEC.1.0.emb": torch.zeros(200, 3),
        "PTW.sa9.w": torch.zeros(1),
    }
    with pytest.raises(KgError, match=r"PTW\.sa9"):
        SkeletonMerger.adopt(state)
