import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from kg.evaluation.metrics.pck import area, shares_within, transfer_errors


def slow(keypoints, landmarks, ids, objects):
    errors = np.full(ids.shape, np.nan)
    for row, column in np.argwhere(ids >= 0):
        votes = Counter()
        for other in range(len(ids)):
            for place, name in zip(landmarks[other], ids[other], strict=True):
                if objects[other] != objects[row] and name == ids[row, column]:
                    away = [math.dist(place, keypoint) for keypoint in keypoints[other]]
                    votes[away.index(min(away))] += 1
        if votes:
            most = max(votes.values())
            stands = min(index for index, count in votes.items() if count == most)
            errors[row, column] = math.dist(landmarks[row, column], keypoints[row, stands])
    return errors


@given(seed=st.integers(0, 2**32))
def test_equals_the_definition(ragged, seed):
    data = ragged(seed)
    objects = np.random.default_rng(seed).integers(0, 4, len(data.ids)).astype(str)
    found = transfer_errors(data.keypoints, data.landmarks, data.ids, objects)
    assert_allclose(found, slow(data.keypoints, data.landmarks, data.ids, objects))


def test_a_shape_does_not_vote_for_itself():
    landmarks = np.array([[[0.0, 0, 0]], [[0.0, 0, 0]], [[0.0, 0, 0]]])
    keypoints = np.array([[[0, 0, 0], [5.0, 0, 0]], [[5.0, 0, 0], [0, 0, 0]], [[5.0, 0, 0], [0, 0, 0]]])
    ids = np.zeros((3, 1), int)
    assert transfer_errors(keypoints, landmarks, ids, ["a", "b", "c"]).ravel().tolist() == [5, 5, 5]
    assert transfer_errors(keypoints, landmarks, ids, ["a", "b", "b"]).ravel().tolist() == [5, 5, 5]
    assert np.isnan(transfer_errors(keypoints, landmarks, ids, ["a", "a", "a"])).all()


def test_shares_and_area():
    errors = np.array([[0.0, 0.1, np.nan], [0.05, 0.2, 0.3], [np.nan, np.nan, np.nan]])
    shares = shares_within(errors, np.array([0, 0.1, 0.2]))
    assert_allclose(shares, [[50, 100, 100], [0, 100 / 3, 200 / 3], [np.nan] * 3])
    assert area(shares)[0] == pytest.approx((75 + 100) / 2)
