"""Whether keypoints turn with the shape, and what they tell of how it lies."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from kg.evaluation.metrics import METRICS, Sample, Terms


class Asked:
    """A detector that finds given keypoints once shapes are turned."""

    def __init__(self, turned, reference):
        self.turned, self.reference = turned, reference

    def keypoints(self, corruption, level):
        assert (corruption, level) == ("rotation", 180)
        return self.turned

    def category_keypoints(self):
        return self.reference

    def reconstructions(self):
        raise NotImplementedError


def sample(turned=lambda keypoints: keypoints, count=6):
    rng = np.random.default_rng(0)
    reference = rng.normal(size=(5, 3))
    keypoints = np.repeat(reference[None], count, axis=0)
    points = np.stack([np.concatenate([keypoints[0], rng.normal(size=(30, 3))])] * count)
    made = Sample(keypoints, points, np.ones(count), np.zeros((count, 3)), np.arange(count).astype(str))
    return replace(made, detector=Asked(turned(keypoints), 2 * reference + 1))


def measured(name, given):
    once = np.ones((1, len(given)))
    parts = METRICS[name].measure(given, Terms()).parts
    assert list(parts) == list(METRICS[name].units)
    return {part: float(value.statistic(once)[0]) for part, value in parts.items()}


def test_keypoints_that_turn_with_the_shape_have_no_error():
    given = sample()
    assert measured("equivariance", given) == {"mean": 0, "median": 0, "worst": 0}
    assert measured("rotation-error", given) == pytest.approx(
        {"mean": 0, "within 15°": 100, "unturned": 0}, abs=1e-4
    )


def test_equivariance_is_in_percent_of_the_diagonal():
    def moved(keypoints):
        away = keypoints.copy()
        away[:, 0, 0] += 0.5
        away[:, 1, 1] += 0.1
        return away

    given = sample(moved)
    diagonal = np.linalg.norm(np.ptp(given.points[0], axis=0))
    found = measured("equivariance", given)
    assert found["mean"] == pytest.approx(100 * 0.6 / 5 / diagonal)
    assert found["median"] == pytest.approx(0)
    assert found["worst"] == pytest.approx(100 * 0.5 / diagonal)


def test_the_rotation_error_is_the_angle():
    angles = np.array([0, 5, 10, 14, 20, 40])
    turns = Rotation.from_euler("x", angles[:, None], degrees=True).as_matrix()
    found = measured("rotation-error", sample(lambda keypoints: keypoints @ turns))
    assert found["mean"] == pytest.approx(angles.mean())
    assert found["within 15°"] == pytest.approx(100 * 4 / 6)
    assert found["unturned"] == pytest.approx(0, abs=1e-4)
