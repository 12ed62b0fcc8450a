import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from kg.evaluation.metrics.symmetry import NEARLY, asymmetry, box, random_poses, turned


def test_the_turn_is_half_a_turn_about_the_vertical_through_the_boxs_centre():
    places = np.random.default_rng(0).normal(size=(2, 9, 3)) * [1, 2, 3] + 5
    low, high = box(places)
    centre = (low + high) / 2
    half = Rotation.from_euler("y", 180, degrees=True)
    expected = half.apply(places.reshape(-1, 3) - centre).reshape(2, 9, 3) + centre
    found = turned(places, low, high)
    np.testing.assert_allclose(found, expected)
    np.testing.assert_allclose(turned(found, low, high), places)


def test_what_is_symmetric_at_rest():
    rng = np.random.default_rng(1)
    half = rng.random((200, 3)) * [0.5, 1, 0.02]
    whole = np.concatenate([half, half * [-1, 1, -1]])
    names = np.array(["a", "a", "b"])
    assert asymmetry(np.stack([whole, half.repeat(2, 0), whole * 3]), names) == pytest.approx(0, abs=1e-9)
    lopsided = np.concatenate([half, half * [-1, 0.3, -1]])
    found = asymmetry(lopsided[None], np.array(["a"]))
    low, high = lopsided.min(0), lopsided.max(0)
    away = [
        np.linalg.norm(lopsided - (low + high - place) * [1, 0, 1] - place * [0, 1, 0], axis=1).min()
        for place in lopsided
    ]
    assert found == pytest.approx(100 * np.mean(away) / np.linalg.norm(high - low))
    assert found > NEARLY


@pytest.mark.parametrize(("degrees", "random"), [(180, True), (15, False)])
def test_poses_are_random_where_first_frames_are_turned(degrees, random):
    rng = np.random.default_rng(2)
    rest = np.stack([rng.random((50, 3))] * 12)
    names, frame = np.repeat(list("abcdef"), 2), np.tile([7, 3], 6)
    # The later frame is turned any way: only first ones count.
    axes = rng.normal(size=(12, 3))
    axes *= np.radians(np.where(frame == 3, degrees * rng.uniform(0.5, 1, 12), 180))[
        :, None
    ] / np.linalg.norm(axes, axis=1, keepdims=True)
    turns = Rotation.from_rotvec(axes)
    points = np.stack([turn.apply(cloud) * 2 + 1 for turn, cloud in zip(turns, rest, strict=True)])
    assert random_poses(points, rest, names, frame) is random
    assert not random_poses(points[:2], rest[:2], names[:2], frame[:2])
