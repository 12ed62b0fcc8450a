import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kg.evaluation.metrics.das_unsupervised import mean_order_agreement, order_agreement


def slow(keypoints, first=0):
    others = keypoints.tolist()
    reference = others.pop(first)
    hits = 0
    for shape in others:
        for number, place in enumerate(reference):
            distances = [math.dist(place, point) for point in shape]
            hits += all(distances[number] < other for i, other in enumerate(distances) if i != number)
    return 100 * hits / (len(others) * len(reference))


@given(seed=st.integers(0, 2**32))
def test_equals_the_definition(seed):
    rng = np.random.default_rng(seed)
    keypoints = rng.integers(-2, 3, (rng.integers(2, 7), rng.integers(1, 7), 3)).astype(float)
    assert order_agreement(keypoints) == pytest.approx(slow(keypoints))
    of_each = [slow(keypoints, first) for first in range(len(keypoints))]
    assert order_agreement(keypoints, len(keypoints) - 1) == pytest.approx(of_each[-1])
    assert mean_order_agreement(keypoints) == pytest.approx(sum(of_each) / len(of_each))


def test_a_template_scores_100_and_a_shuffled_one_0():
    template = np.random.default_rng(0).normal(size=(8, 3))
    assert order_agreement(np.stack([template] * 5)) == 100
    assert order_agreement(np.stack([template, np.roll(template, 1, axis=0)])) == 0


def test_collapsed_keypoints_keep_no_identity():
    assert order_agreement(np.zeros((4, 5, 3))) == 0
    assert mean_order_agreement(np.zeros((4, 5, 3))) == 0
    # The last two of three lie in one place.
    assert order_agreement(np.array([[[0.0, 0, 0], [1, 0, 0], [1, 0, 0]]] * 2)) == pytest.approx(100 / 3)


def test_the_first_shape_is_the_reference():
    a = np.array([[0.0, 0, 0], [1, 0, 0]])
    assert order_agreement(np.stack([a, a[::-1], a[::-1]])) == 0
    assert order_agreement(np.stack([a[::-1], a, a[::-1]])) == 50


def test_the_mean_does_not_depend_on_the_order_of_shapes():
    keypoints = np.random.default_rng(3).normal(size=(6, 4, 3))
    assert mean_order_agreement(keypoints) == pytest.approx(mean_order_agreement(keypoints[::-1]))
    assert order_agreement(keypoints) != pytest.approx(order_agreement(keypoints[::-1]))


def test_one_shape_leaves_nothing_to_compare():
    assert math.isnan(order_agreement(np.zeros((1, 5, 3))))
    assert math.isnan(mean_order_agreement(np.zeros((1, 5, 3))))


def test_bad_shape():
    with pytest.raises(ValueError, match=r"\(5, 3\)"):
        order_agreement(np.zeros((5, 3)))
