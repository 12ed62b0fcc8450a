"""What is left of a cloud, and that keypoints find their way back."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

from kg.data.corruptions import CORRUPTIONS, corrupt, random_turn
from kg.data.store import Clouds
from kg.errors import KgError

COUNT = 512


@pytest.fixture
def clouds():
    rng = np.random.default_rng(0)
    points = rng.normal(size=(3, COUNT, 3)) * [1, 0.7, 0.2]
    low, high = points.min((1, 2), keepdims=True), points.max((1, 2), keepdims=True)
    points = (2 * (points - low) / (high - low) - 1).astype(np.float32)
    return Clouds(list("abc"), list("abc"), np.zeros(3, np.int32), points, np.ones(3), np.zeros(3))


def back(clouds, name, level, seed=0):
    """Return the points that are left, carried back: (n, N, 3)."""
    seen, undo = corrupt(clouds, name, level, seed)
    assert seen.points.shape == clouds.points.shape
    assert seen.points.min((1, 2)) == pytest.approx(-1, abs=1e-5)
    assert seen.points.max((1, 2)) == pytest.approx(1, abs=1e-5)
    return undo(seen.points)


def left(cloud):
    return {tuple(point) for point in cloud.round(4).tolist()}


@pytest.mark.parametrize("name", [name for name, kind in CORRUPTIONS.items() if kind.harmless])
def test_the_least_level_changes_nothing(clouds, name):
    seen, undo = corrupt(clouds, name, CORRUPTIONS[name].least)
    assert (seen.points == clouds.points).all()
    assert (undo(seen.points) == clouds.points).all()


def test_noise(clouds):
    off = back(clouds, "noise", 0.05) - clouds.points
    assert off.std() == pytest.approx(0.05, rel=0.05)
    assert off.mean() == pytest.approx(0, abs=0.005)
    # Of one kind at every level.
    assert_allclose(back(clouds, "noise", 0.1) - clouds.points, 2 * off, atol=1e-5)


def test_what_is_missing(clouds):
    for name, level, share in (
        ("downsample", 4, 1 / 4),
        ("resampling", 0.75, 1 / 4),
        ("occlusion", 0.5, 1 / 2),
    ):
        for seen, cloud in zip(back(clouds, name, level), clouds.points, strict=True):
            assert left(seen) <= left(cloud)
            assert len(left(seen)) == pytest.approx(share * COUNT, abs=1)


@pytest.mark.parametrize("name", list(CORRUPTIONS))
def test_what_is_left_may_be_a_dot(clouds, name):
    """Such a cloud would not be prepared, but what is left of one at the most must be measured."""
    dots = replace(clouds, points=(clouds.points / 100 + [0.9, -0.9, 0]).astype(np.float32))
    assert np.isfinite(back(dots, name, CORRUPTIONS[name].most)).all()


def test_occlusion_is_one_patch(clouds):
    for seen, cloud in zip(back(clouds, "occlusion", 0.3), clouds.points, strict=True):
        gone = np.array([point for point in cloud if tuple(point.round(4).tolist()) not in left(seen)])
        rest = np.unique(seen, axis=0)
        reach = [
            (np.linalg.norm(gone - place, axis=1).max(), np.linalg.norm(rest - place, axis=1).min())
            for place in gone
        ]
        assert any(inner <= outer + 1e-4 for inner, outer in reach)


def test_outliers(clouds):
    for seen, cloud in zip(back(clouds, "outliers", 0.25), clouds.points, strict=True):
        strays = COUNT - len(left(seen) & left(cloud))
        assert strays == pytest.approx(COUNT / 5, rel=0.25)


def test_a_rotation_is_undone(clouds):
    seen, undo = corrupt(clouds, "rotation", 90)
    assert np.abs(seen.points - clouds.points).max() > 0.1
    assert_allclose(undo(seen.points), clouds.points, atol=1e-5)
    assert_allclose(undo.turns @ undo.turns.transpose(0, 2, 1), np.stack([np.eye(3)] * 3), atol=1e-12)
    assert_allclose(np.linalg.det(undo.turns), 1)


def test_rotations_are_even():
    """Of even rotations the mean matrix is 0, and the share by at most 90 degrees (90° - 1) / 180°."""
    turns = np.stack([random_turn(180, np.random.default_rng(seed)) for seed in range(2000)])
    assert_allclose(turns.mean(0), 0, atol=0.06)
    angles = np.degrees(np.arccos(np.clip((np.trace(turns, axis1=1, axis2=2) - 1) / 2, -1, 1)))
    assert (angles <= 90).mean() == pytest.approx((np.pi / 2 - 1) / np.pi, abs=0.03)
    some = [random_turn(30, np.random.default_rng(seed)) for seed in range(200)]
    assert min(np.trace(turn) for turn in some) >= 1 + 2 * np.cos(np.radians(30)) - 1e-9


def test_a_side_view_hides_what_lies_behind():
    """Two sheets one upon the other: from above the lower is hidden, from the side both are edges."""
    x, y = np.meshgrid(np.linspace(-1, 1, 20), np.linspace(-0.9, 0.9, 20))
    sheet = np.stack([x.ravel(), y.ravel(), 0 * x.ravel()], 1)
    points = np.concatenate([sheet, sheet + np.array([0, 0, 0.3])]).astype(np.float32)[None]
    two = Clouds(["a"], ["a"], np.zeros(1, np.int32), points, np.ones(1), np.zeros(1))
    seen = np.unique(back(two, "side-view", 0)[0].round(3), axis=0)
    upper = seen[:, 2] > 0.15
    assert max(upper.mean(), 1 - upper.mean()) > 0.95
    aside = np.unique(back(two, "side-view", 90)[0].round(3), axis=0)
    assert len(aside) < 0.5 * len(seen)
    assert set((aside[:, 2] > 0.15).tolist()) == {True, False}


def test_the_seed_and_the_id_decide_and_nothing_else(clouds):
    whole = back(clouds, "occlusion", 0.4)
    alone = Clouds(["b"], ["b"], np.zeros(1, np.int32), clouds.points[1:2], np.ones(1), np.zeros(1))
    assert (back(alone, "occlusion", 0.4)[0] == whole[1]).all()
    assert (back(clouds, "occlusion", 0.4, seed=1) != whole).any()


def test_unknown(clouds):
    with pytest.raises(KgError, match="no corruption 'nois'"):
        corrupt(clouds, "nois", 0.1)
    with pytest.raises(KgError, match="outliers has no level 2"):
        corrupt(clouds, "outliers", 2)
