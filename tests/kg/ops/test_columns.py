"""What lies above and below a point."""

import numpy as np
import pytest
import torch

from kg import ops

pytestmark = pytest.mark.usefixtures("backend")


def test_three_sheets_over_each_other_are_told_apart():
    rng = np.random.default_rng(0)
    flat = rng.uniform(-1, 1, (200, 2))
    sheets = np.concatenate([np.column_stack([flat, np.full(200, height)]) for height in (0.0, 0.1, 0.3)])
    found = ops.column_statistics(torch.from_numpy(sheets)[None], radius=0.2, margin=0.01)[0].numpy()
    for below, above, down, up, rows in (
        (0, 2 / 3, 0, 0.3, slice(0, 200)),
        (1 / 3, 1 / 3, 0.1, 0.2, slice(200, 400)),
        (2 / 3, 0, 0.3, 0, slice(400, 600)),
    ):
        expected = np.tile([below, above, down, up], (200, 1))
        np.testing.assert_allclose(found[rows, 1:], expected, atol=1e-12)


def test_the_column_s_share_is_that_of_the_points_within_it():
    rng = np.random.default_rng(1)
    points = rng.uniform(-1, 1, (2, 90, 3))
    found = ops.column_statistics(torch.from_numpy(points), radius=0.4, margin=0.0)
    for b in range(2):
        away = np.linalg.norm(points[b, :, None, :2] - points[b, None, :, :2], axis=2)
        np.testing.assert_allclose(found[b, :, 0], (away <= 0.4).mean(1))


def test_a_turn_about_the_vertical_changes_nothing():
    points = torch.rand(1, 300, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    cos, sin = np.cos(0.7), np.sin(0.7)
    turn = torch.tensor([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]], dtype=torch.float64)
    found = ops.column_statistics(points @ turn.T, 0.1, 0.01)
    torch.testing.assert_close(found, ops.column_statistics(points, 0.1, 0.01))


def test_one_point_is_a_column_of_itself():
    found = ops.column_statistics(torch.zeros(1, 1, 3), 0.1, 0.01)
    assert found.tolist() == [[[1, 0, 0, 0, 0]]]


@pytest.mark.parametrize(("radius", "margin"), [(0, 0.1), (-1, 0.1), (0.1, -0.1), (float("nan"), 0.1)])
def test_a_radius_or_margin_that_means_nothing_is_refused(radius, margin):
    with pytest.raises(ValueError, match="radius must be above 0"):
        ops.column_statistics(torch.zeros(1, 2, 3), radius, margin)
