import numpy as np
import pytest

from kg.evaluation.metrics.bootstrap import interval, resample
from kg.evaluation.metrics.metric import mean_part, ratio


def test_frames_of_one_object_are_drawn_together():
    weights = resample(np.array(["a", "b", "a", "c"]), 200)
    assert (weights[:, 0] == weights[:, 2]).all()
    assert (weights[:, [0, 1, 3]].sum(1) == 3).all()
    assert weights.mean(0) == pytest.approx(1, abs=0.2)


def test_equal_objects_are_drawn_alike():
    assert (resample(np.array(list("xyz"))) == resample(np.array(list("xyz")))).all()
    assert (resample(np.array(list("xyz")), seed=1) != resample(np.array(list("xyz")))).any()


def test_the_interval_of_a_mean_is_the_textbooks():
    values = np.random.default_rng(0).normal(50, 10, 400)
    low, high = interval(mean_part(values).statistic(resample(np.arange(400).astype(str))))
    error = values.std() / 20
    assert (low, high) == pytest.approx(
        (values.mean() - 1.96 * error, values.mean() + 1.96 * error), abs=0.15
    )


def test_the_interval_holds_the_truth_about_as_often_as_it_says():
    held = 0
    for seed in range(200):
        values = np.random.default_rng(seed).exponential(1, 60)
        low, high = interval(mean_part(values).statistic(resample(np.arange(60).astype(str), 300)))
        held += low <= 1 <= high
    assert 0.88 <= held / 200 <= 0.99


def test_weights_are_repetitions():
    rng = np.random.default_rng(0)
    above, below, times = rng.random(5), rng.random(5), np.array([[2, 0, 1, 0, 3]])
    repeated = np.repeat(np.arange(5), times[0])
    expected = above[repeated].sum() / below[repeated].sum()
    assert ratio(above, below)(times.astype(float))[0] == pytest.approx(expected)
    part = mean_part(np.where(np.arange(5) == 4, np.nan, above))
    assert part.statistic(times.astype(float))[0] == pytest.approx((2 * above[0] + above[2]) / 3)


def test_an_undefined_part_has_no_interval():
    assert interval(np.full(100, np.nan)) is None
