import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kg.evaluation.metrics.miou import mean_iou


def slow(keypoints, points, landmarks, ids, threshold):
    positives = false_positives = false_negatives = 0
    for of_shape, cloud, known, which in zip(keypoints, points, landmarks, ids, strict=True):
        there = [where for where, name in zip(known, which, strict=True) if name >= 0]
        if not there:
            continue
        snapped = [min(cloud, key=lambda point: math.dist(point, place)) for place in of_shape]
        positives += len(there)
        false_positives += sum(all(math.dist(a, b) > threshold for b in there) for a in snapped)
        false_negatives += sum(all(math.dist(a, b) > threshold for b in snapped) for a in there)
    return 100 * (positives - false_negatives) / (positives + false_positives)


@given(seed=st.integers(0, 2**32), threshold=st.sampled_from([0.1, 0.5, 1.1, 2.3]))
def test_equals_the_definition(ragged, seed, threshold):
    data = ragged(seed)
    arguments = (data.keypoints, data.points, data.landmarks, data.ids, threshold)
    assert mean_iou(*arguments) == pytest.approx(slow(*arguments))


def test_a_distance_of_exactly_the_threshold_is_within():
    keypoints = points = np.array([[[0.5, 0, 0]]])
    landmarks = np.zeros((1, 1, 3))
    assert mean_iou(keypoints, points, landmarks, [[0]], 0.5) == 100
    assert mean_iou(keypoints, points, landmarks, [[0]], np.nextafter(0.5, 0)) == 0


def test_keypoints_are_snapped_to_the_cloud_first():
    points = np.array([[[0.0, 0, 0], [1, 0, 0]]])
    # 0.4 from the landmark as it is, at the landmark once snapped.
    assert mean_iou([[[0.4, 0, 0]]], points, [[[0, 0, 0]]], [[0]], 0.1) == 100


def test_shapes_are_summed_not_averaged():
    # One landmark found on the first shape, three missed on the second: 1 / (4 + 1), not (1 + 0) / 2.
    keypoints = np.zeros((2, 1, 3))
    landmarks = np.full((2, 3, 3), 9.0)
    landmarks[0] = [[0, 0, 0], [np.nan] * 3, [np.nan] * 3]
    assert mean_iou(keypoints, keypoints, landmarks, [[0, -1, -1], [0, 1, 2]], 0.1) == pytest.approx(20)


def test_a_shape_without_landmarks_is_left_out():
    keypoints = np.zeros((2, 1, 3))
    landmarks = np.array([[[0, 0, 0]], [[np.nan] * 3]])
    assert mean_iou(keypoints, keypoints, landmarks, [[0], [-1]]) == 100
    with pytest.raises(ValueError, match="no shape has a landmark"):
        mean_iou(keypoints, keypoints, landmarks, [[-1], [-1]])


def test_clouds_of_other_shapes():
    with pytest.raises(ValueError, match="points must be of 2 shapes, not 3"):
        mean_iou(np.zeros((2, 1, 3)), np.zeros((3, 5, 3)), np.zeros((2, 1, 3)), [[0], [0]])
