"""Which keypoint lies on which named landmark, against places that are known."""

from dataclasses import replace

import numpy as np
import pytest

from kg.inference.landmarks import LandmarkKeypoint, keypoint_names, landmark_keypoints
from kg.inference.predictions import Predictions


@pytest.fixture
def predictions(tiny_store):
    """Of all shapes, in another order: keypoint 1 on the right, keypoint 0 on the left, 2 in the middle."""
    clouds = tiny_store.read()
    order = np.random.default_rng(1).permutation(len(clouds))
    keypoints = np.stack([clouds.landmarks[:, 1], clouds.landmarks[:, 0], 0 * clouds.landmarks[:, 0]], 1)
    return Predictions(
        ids=np.array(clouds.ids)[order],
        objects=np.array(clouds.objects)[order],
        points=clouds.points[order],
        scale=clouds.scale[order],
        offset=clouds.offset[order],
        keypoints=keypoints[order],
        keypoints_source=keypoints[order].astype(float),
        indices=np.zeros((len(order), 3), np.int64),
        confidences=np.ones((len(order), 3), np.float32),
        edge_pairs=np.empty((0, 2), np.int64),
        edges=np.empty((len(order), 0), np.float32),
    )


def test_keypoints_on_landmarks_are_found_whatever_the_order(predictions, tiny_store):
    assert landmark_keypoints(predictions, tiny_store) == [
        LandmarkKeypoint("right", 1, 100.0, 0.0, 20),
        LandmarkKeypoint("left", 0, 100.0, 0.0, 20),
    ]


def test_the_share_and_the_distance(predictions, tiny_store):
    diagonals = np.linalg.norm(np.ptp(predictions.points, axis=1), axis=1)
    keypoints = predictions.keypoints.copy()
    # On five of the twenty shapes the right one is 15 % of the diagonal away, on ten of them 4 %.
    keypoints[:5, 1, 2] += 0.15 * diagonals[:5]
    keypoints[5:15, 1, 2] += 0.04 * diagonals[5:15]
    right, left = landmark_keypoints(replace(predictions, keypoints=keypoints), tiny_store)
    assert (right.keypoint, right.share) == (1, 75.0)
    assert right.distance == pytest.approx(4, rel=1e-4)
    assert (left.share, left.distance) == (100.0, 0.0)


def test_a_keypoint_that_another_is_nearer_than_does_not_lie_there(predictions, tiny_store):
    keypoints = predictions.keypoints.copy()
    keypoints[:12, [1, 2]] = keypoints[:12, [2, 1]]
    right, _ = landmark_keypoints(replace(predictions, keypoints=keypoints), tiny_store)
    assert (right.keypoint, right.share) == (2, 60.0)


def test_far_away_nothing_lies_on_a_landmark(predictions, tiny_store):
    found = landmark_keypoints(replace(predictions, keypoints=predictions.keypoints + 9), tiny_store)
    assert [one.share for one in found] == [0, 0]
    assert keypoint_names(found) == {}


def test_without_a_store_or_names_there_is_nothing_to_say(predictions, tiny_store):
    assert landmark_keypoints(predictions, None) == []
    tiny_store.landmark_names = {}
    assert landmark_keypoints(predictions, tiny_store) == []


def test_a_keypoint_is_called_by_the_landmark_it_lies_on_most():
    lying = [
        LandmarkKeypoint("cuff", 3, 60.0, 1.0, 10),
        LandmarkKeypoint("sleeve", 3, 97.0, 1.0, 10),
        LandmarkKeypoint("collar", 0, 40.0, 1.0, 10),
    ]
    assert keypoint_names(lying) == {3: "sleeve"}
