import math
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from kg.evaluation.metrics.arrays import Agreement
from kg.evaluation.metrics.das_annotated import dual_alignment


def all_pairs(labels):
    same = [a == b for a in labels for b in labels]
    return 100 * sum(same) / len(same)


def slow(keypoints, landmarks, ids):
    """Skeleton Merger's definition, pair by pair."""
    taken, chosen = [], {}
    for of_shape, known, which in zip(keypoints, landmarks, ids, strict=True):
        there = [(where, name) for where, name in zip(known, which, strict=True) if name >= 0]
        if not there:
            continue
        taken.append([min(there, key=lambda item: math.dist(item[0], point))[1] for point in of_shape])
        for where, name in there:
            distances = [math.dist(where, point) for point in of_shape]
            chosen.setdefault(name, []).append(distances.index(min(distances)))
    forward = [all_pairs(column) for column in zip(*taken, strict=True)]
    backward = [all_pairs(column) for column in chosen.values()]
    return sum(forward) / len(forward), sum(backward) / len(backward)


@given(seed=st.integers(0, 2**32))
def test_equals_counting_pairs_one_by_one(ragged, seed):
    data = ragged(seed)
    found = dual_alignment(data.keypoints, data.landmarks, data.ids)
    assert_allclose(found[:2], slow(data.keypoints, data.landmarks, data.ids), atol=1e-9)
    assert found.mean == pytest.approx((found.forward + found.backward) / 2)


@given(seed=st.integers(0, 2**32))
def test_without_pairs_of_a_shape_with_itself(seed):
    rng = np.random.default_rng(seed)
    n = rng.integers(2, 7)
    keypoints, landmarks = rng.normal(size=(n, 4, 3)), rng.normal(size=(n, 3, 3))
    ids = np.tile(np.arange(3), (n, 1))
    found = dual_alignment(keypoints, landmarks, ids, self_pairs=False)
    with_itself = np.array(slow(keypoints, landmarks, ids))
    # Of n * n pairs n are of a shape with itself, which always agrees.
    assert_allclose(found[:2], (with_itself * n - 100) / (n - 1), atol=1e-9)


@pytest.mark.parametrize("self_pairs", [True, False])
def test_weights_are_copies_that_are_not_compared_with_each_other(self_pairs):
    rng = np.random.default_rng(2)
    labels, times = rng.integers(0, 3, 9), rng.integers(0, 4, 9)
    found = Agreement(np.arange(9), labels, self_pairs)(times[None].astype(float))[0]
    copies = np.repeat(np.arange(9), times)
    agreeing = [labels[a] == labels[b] for a in copies for b in copies if a != b]
    share = sum(agreeing) / len(agreeing)
    assert found == pytest.approx(1 / 9 + 8 / 9 * share if self_pairs else share)


def test_one_shape_alone_has_no_pair():
    found = dual_alignment(np.eye(3)[None], np.eye(3)[None], [[0, 1, 2]], self_pairs=False)
    assert np.isnan(found).all()


def test_pairs_of_a_shape_with_itself_count():
    # Two shapes that disagree in everything still agree with themselves: 2 of 4 pairs.
    keypoints = np.array([[[0, 0, 0], [1, 0, 0]], [[1, 0, 0], [0, 0, 0]]])
    landmarks = np.array([[[0, 0, 0], [1, 0, 0]]] * 2)
    assert dual_alignment(keypoints, landmarks, [[0, 1], [0, 1]]) == (50, 50, 50)


def test_of_equally_near_ones_the_first_counts():
    keypoints = np.zeros((2, 2, 3))
    landmarks = np.array([[[1, 0, 0], [-1, 0, 0]], [[1, 0, 0], [-1, 0, 0]]])
    # Each keypoint takes the first landmark's id, each landmark the first keypoint.
    assert dual_alignment(keypoints, landmarks, [[4, 7], [7, 4]]) == (50, 100, 75)


def test_a_shape_without_landmarks_is_left_out():
    rng = np.random.default_rng(0)
    keypoints, landmarks = rng.normal(size=(3, 4, 3)), rng.normal(size=(3, 5, 3))
    ids = np.tile(np.arange(5), (3, 1))
    whole = dual_alignment(keypoints[:2], landmarks[:2], ids[:2])
    ids[2], landmarks[2] = -1, np.nan
    assert dual_alignment(keypoints, landmarks, ids) == whole


def test_one_shape_agrees_with_itself():
    assert dual_alignment(np.eye(3)[None], np.eye(3)[None], [[0, 1, 2]]) == (100, 100, 100)


def test_scale_and_offset_do_not_matter(ragged):
    data = ragged(3)
    here = dual_alignment(data.keypoints, data.landmarks, data.ids)
    assert dual_alignment(data.keypoints * 4 + 2, data.landmarks * 4 + 2, data.ids) == here


def test_a_thousand_shapes_take_seconds():
    rng = np.random.default_rng(0)
    ids = np.tile(np.arange(20), (1000, 1))
    start = time.perf_counter()
    dual_alignment(rng.normal(size=(1000, 10, 3)), rng.normal(size=(1000, 20, 3)), ids)
    assert time.perf_counter() - start < 5


@pytest.mark.parametrize(
    ("keypoints", "landmarks", "ids", "message"),
    [
        (np.zeros((2, 3)), np.zeros((2, 1, 3)), [[0], [0]], r"keypoints must be \(n, M, 3\)"),
        (np.zeros((0, 2, 3)), np.zeros((0, 1, 3)), np.zeros((0, 1)), "n and M of at least 1"),
        (np.full((1, 2, 3), np.nan), np.zeros((1, 1, 3)), [[0]], "NaN"),
        (np.zeros((2, 2, 3)), np.zeros((1, 1, 3)), [[0]], "of 2 shapes, not 1"),
        (np.zeros((1, 2, 3)), np.zeros((1, 2, 3)), [[0]], r"ids \(n, A\)"),
        (np.zeros((1, 2, 3)), np.full((1, 1, 3), np.nan), [[0]], "no finite position"),
        (np.zeros((1, 2, 3)), np.full((1, 1, 3), np.nan), [[-1]], "no shape has a landmark"),
    ],
)
def test_bad_arrays(keypoints, landmarks, ids, message):
    with pytest.raises(ValueError, match=message):
        dual_alignment(keypoints, landmarks, ids)
