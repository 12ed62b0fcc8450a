"""The composite Chamfer distance against a calculation edge by edge and point by point."""

import numpy as np
import pytest
import torch

from kg import ops
from kg_detectors.skeleton_merger.losses import (
    SAMPLES,
    composite_chamfer,
    cover,
    edge_counts,
    edge_points,
)
from kg_detectors.skeleton_merger.released import released_rows

CASES = ["k4_small_activations", "k4_normal", "k4_some_zero", "k4_count_limits", "k10"]


@pytest.fixture
def scene():
    """Return points, keypoints, strengths and offsets of two clouds."""
    made = torch.Generator().manual_seed(0)
    points = torch.rand(2, 30, 3, generator=made).double() * 2 - 1
    keypoints = torch.rand(2, 3, 3, generator=made).double() * 2 - 1
    strengths = torch.rand(2, 3, generator=made).double() / 2
    offsets = 0.05 * torch.randn(3, SAMPLES, 3, generator=made).double()
    return points, keypoints, strengths, offsets


def by_hand(points, keypoints, strengths, offsets, counts):
    """Return forward, backward and residual of one cloud, in numpy."""
    pairs = [(0, 1), (0, 2), (1, 2)]
    forward, columns = 0.0, []
    for edge, (first, second) in enumerate(pairs):
        along = np.linspace(0, 1, counts[edge])[:, None]
        part = along * keypoints[second] + (1 - along) * keypoints[first] + offsets[edge, : counts[edge]]
        away = np.sqrt(1e-4 + ((points[:, None] - part) ** 2).sum(2))
        forward += strengths[edge] * away.min(0).mean() / 3
        columns.append(away.min(1))
    backward, left = [], []
    for row in np.stack(columns, 1):
        open_, total = 1.0, 0.0
        for edge in np.argsort(row):
            taken = min(open_, strengths[edge])
            open_ -= taken
            total += taken * row[edge]
        backward.append(total)
        left.append(open_)
    return forward, np.mean(backward), np.mean(left)


def test_it_is_the_sum_that_the_paper_describes(scene):
    counts = edge_counts(scene[1])
    found = composite_chamfer(*scene, counts)
    *clouds, offsets = (values.numpy() for values in scene)
    each = [by_hand(*one, offsets, number.numpy()) for *one, number in zip(*clouds, counts, strict=True)]
    np.testing.assert_allclose([term.item() for term in found], np.mean(each, 0), rtol=1e-9)


def test_its_gradients_are_those_of_the_value(scene):
    points, *learnt = scene
    counts = edge_counts(scene[1])

    def total(keypoints, strengths, offsets):
        terms = composite_chamfer(points, keypoints, strengths, offsets, counts)
        return terms.forward + terms.backward + 20 * terms.residual

    learnt = [values.clone().requires_grad_() for values in learnt]
    total(*learnt).backward()
    step, way = 1e-6, torch.Generator().manual_seed(1)
    for number, values in enumerate(learnt):
        direction = torch.randn(values.shape, generator=way, dtype=values.dtype)
        with torch.no_grad():
            ahead, behind = (
                total(*[v + sign * step * direction if n == number else v for n, v in enumerate(learnt)])
                for sign in (1, -1)
            )
        slope = (values.grad * direction).sum().item()
        assert slope == pytest.approx(((ahead - behind) / (2 * step)).item(), rel=1e-5)


def test_edges_are_counted_alone_or_for_the_batch():
    keypoints = torch.zeros(2, 2, 3)
    keypoints[0, 1, 0], keypoints[1, 1, 0] = 0.5, 3.0
    assert edge_counts(keypoints).tolist() == [[50], [200]]
    middle = int(100 * np.mean([np.sqrt(0.25 + 1e-3), np.sqrt(9 + 1e-3)]))
    assert edge_counts(keypoints, coupled=True).tolist() == [[middle], [middle]]
    assert edge_counts(torch.zeros(1, 2, 3)).tolist() == [[15]]


def test_an_edge_goes_from_its_first_keypoint_to_its_second():
    keypoints = torch.rand(1, 3, 3)
    counts = torch.tensor([[15, 20, 200]])
    placed = edge_points(keypoints, torch.zeros(3, SAMPLES, 3), counts)
    for edge, (first, second) in enumerate(ops.edge_pairs(3)):
        torch.testing.assert_close(placed[0, edge, 0], keypoints[0, first])
        torch.testing.assert_close(placed[0, edge, counts[0, edge] - 1 :][0], keypoints[0, second])


def test_strong_edges_leave_nothing_to_the_farther_ones():
    distances = torch.tensor([[[0.3], [0.1], [0.2]]])
    covered, shares, far = cover(distances, torch.tensor([[0.9, 0.7, 0.8]]))
    assert far[0, :, 0].tolist() == pytest.approx([0.1, 0.2, 0.3])
    assert shares[0, :, 0].tolist() == pytest.approx([0.7, 0.3, 0.0])
    assert covered.item() == 1
    assert cover(distances, torch.full((1, 3), 0.1))[0].item() == pytest.approx(0.3)


@pytest.mark.parametrize("case", CASES)
def test_the_released_code_says_the_same(golden, close, case):
    recorded = golden("skeleton_merger").arrays("losses")
    expected = {name[len(case) + 1 :]: value for name, value in recorded.items() if name.startswith(case)}
    points = torch.from_numpy(recorded["points"])
    keypoints = torch.from_numpy(expected["keypoints"]).requires_grad_()
    rows = released_rows(keypoints.shape[1])
    back = rows.argsort()
    strengths = torch.from_numpy(expected["activations"])[:, rows].requires_grad_()
    offsets = torch.from_numpy(expected["emb"])[rows].requires_grad_()
    counts = edge_counts(keypoints, coupled=True)
    assert counts[0, back].tolist() == expected["counts"].tolist()
    terms = composite_chamfer(points, keypoints, strengths, offsets, counts)
    loose = 0.01 * offsets.square().sum()
    chamfer = terms.forward + terms.backward + 20 * terms.residual
    (chamfer + loose).backward()
    for name, value in {
        "forward": terms.forward,
        "backward": terms.backward,
        "residual": 20 * terms.residual,
        "ccd": chamfer,
        "offset": loose,
    }.items():
        assert value.item() == pytest.approx(float(expected[name]), rel=1e-5, abs=1e-6), name
    close(keypoints.grad, expected["grad_keypoints"], relative=1e-4)
    close(strengths.grad[:, back], expected["grad_activations"], relative=1e-4)
    close(offsets.grad[back], expected["grad_emb"], relative=1e-4)
