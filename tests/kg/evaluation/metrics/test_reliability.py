import numpy as np
import pytest

from kg.evaluation.metrics import METRICS, Sample, Terms
from kg.evaluation.metrics.correspondence import rest_drift
from kg.evaluation.metrics.reliability import calibration

ALL = np.ones((1, 4))


def test_the_error_is_the_mean_gap_of_the_bins():
    sure = np.array([[0.95, 0.95], [0.91, 0.12], [0.18, 0.15], [1.0, 0.0]])
    right = np.array([[1, 0], [1, 0], [1, 0], [1, 1]])
    part, shares = calibration(sure, right)
    # Bins 0.9 to 1: 0.95, 0.95, 0.91, 1 of which three are right; 0.1 to 0.2: 0.12, 0.18, 0.15, one; 0: one.
    gaps = [4 * abs(0.9525 - 0.75), 3 * abs(0.15 - 1 / 3), abs(0 - 1)]
    assert part.statistic(ALL)[0] == pytest.approx(100 * sum(gaps) / 8)
    assert shares[[9, 1, 0]].tolist() == pytest.approx([0.75, 1 / 3, 1])
    assert np.isnan(shares[2:9]).all()


def test_confidences_that_are_the_shares_have_no_error():
    rng = np.random.default_rng(0)
    sure = rng.integers(0, 10, (4000, 5)) / 10 + 0.05
    right = rng.random(sure.shape) < sure
    assert calibration(sure, right)[0].statistic(np.ones((1, 4000)))[0] < 2
    assert calibration(np.sqrt(sure), right)[0].statistic(np.ones((1, 4000)))[0] > 10


def test_a_cloud_of_which_nothing_is_known_does_not_count_and_one_drawn_twice_counts_twice():
    sure, right = np.array([[0.3], [0.8], [0.8], [0.6]]), np.array([[1.0], [1], [0], [np.nan]])
    part, shares = calibration(sure, right)
    assert part.statistic(ALL)[0] == pytest.approx(100 * (0.7 + 2 * 0.3) / 3)
    assert part.statistic(np.array([[1.0, 2, 0, 5]]))[0] == pytest.approx(100 * (0.7 + 2 * 0.2) / 3)
    assert np.isnan(shares[6])


def test_what_is_right_is_within_five_percent_along_the_object_at_rest():
    rng = np.random.default_rng(5)
    rest = np.stack([rng.permutation(rng.random((300, 3)) * [1, 1, 0]) for _ in range(6)])
    keypoints = rest[0, :4] + 0.05 * rng.normal(size=(6, 4, 3))
    objects, frame = np.array(list("aaabbb")), np.array([0, 1, 2, 0, 1, 2])
    sample = Sample(
        keypoints=keypoints,
        points=rest,
        scale=np.ones(6),
        offset=np.zeros(6),
        objects=objects,
        rest_id=objects,
        frame=frame,
        rest_positions=rest,
        confidences=rng.random((6, 4)),
    )
    measured = METRICS["reliability"].measure(sample, Terms())
    drift = rest_drift(keypoints, rest, rest, objects, frame).geodesic
    compared = ~np.isnan(drift[:, 0])
    values = {name: part.statistic(np.ones((1, 6)))[0] for name, part in measured.parts.items()}
    assert 0 < values["right"] < 100
    assert values["right"] == pytest.approx(100 * (drift[compared] <= 5).mean())
    assert values["confidence"] == pytest.approx(100 * sample.confidences[compared].mean())
    (curve,) = measured.curves
    np.testing.assert_allclose(curve.x, np.arange(5, 100, 10))
