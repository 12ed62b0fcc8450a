"""Reference keypoints against their definitions, point by point."""

import math
from collections import Counter

import numpy as np
import pytest

from kg.evaluation.metrics import Sample
from kg.evaluation.reference_keypoints import (
    annotated_places,
    material_points,
    reference_keypoints,
)


def sample(**changes):
    rng = np.random.default_rng(0)
    given = {
        "keypoints": rng.normal(size=(5, 3, 3)),
        "points": rng.normal(size=(5, 40, 3)),
        "scale": np.ones(5),
        "offset": np.zeros(5),
        "objects": np.array(list("babba")),
    }
    return Sample(**given | changes)


def closest(place, points):
    return min(range(len(points)), key=lambda row: math.dist(place, points[row]))


def in_box(places, frames):
    low, high = np.min(frames, axis=(0, 1)), np.max(frames, axis=(0, 1))
    return (places - (low + high) / 2) / (high - low)


def test_the_oracle_follows_points_that_are_farthest_apart_at_rest():
    rng = np.random.default_rng(1)
    rest = rng.random((5, 40, 3)) * [3, 2, 0.1]
    rest[[1, 4]] *= [0.5, 2, 1]
    names, frame = np.array(list("babba")), np.array([4, 0, 2, 3, 1])
    # The first cloud's object is b; its points are chosen on its second frame.
    b, a = rest[[0, 2, 3]], rest[[1, 4]]
    sides = np.ptp(b.reshape(-1, 3), axis=0)
    places = in_box(rest[2], b) * sides
    chosen = [int(np.linalg.norm(places - places.mean(0), axis=1).argmax())]
    while len(chosen) < 6:
        away = [min(math.dist(place, places[other]) for other in chosen) for place in places]
        chosen.append(int(np.argmax(away)))
    of_a = in_box(rest[1], a) * sides
    anchors = {
        "b": rest[2, chosen],
        "a": rest[1, [closest(places[point], of_a) for point in chosen]],
    }
    expected = [
        [closest(anchor, rest[row]) for anchor in anchors[name]] for row, name in enumerate(names.tolist())
    ]
    assert material_points(rest, names, frame, 6).tolist() == expected


def test_rest_positions_give_an_oracle_and_one_that_stands_still():
    rng = np.random.default_rng(2)
    rest = np.stack([rng.permutation(rng.random((40, 3))) for _ in range(5)])
    given = sample(rest_positions=rest, rest_id=np.array(list("babba")), frame=np.array([4, 0, 2, 3, 1]))
    found = reference_keypoints(given)
    assert list(found) == ["oracle", "stands still"]
    indices = material_points(rest, given.rest_id, given.frame, 3)
    followed = np.stack([given.points[row, indices[row]] for row in range(5)])
    np.testing.assert_array_equal(found["oracle"], followed)
    still = [[cloud[closest(place, cloud)] for place in followed[2]] for cloud in given.points]
    np.testing.assert_array_equal(found["stands still"], still)


def test_what_is_known_decides_which_rows_there_are():
    landmarks, ids = np.random.default_rng(3).normal(size=(5, 4, 3)), np.tile(np.arange(4), (5, 1))
    annotated = sample(landmarks=landmarks, landmark_ids=ids)
    assert list(reference_keypoints(annotated)) == ["oracle", "template", "box"]
    assert list(reference_keypoints(sample())) == ["template", "box"]
    none = sample(landmarks=landmarks, landmark_ids=np.full((5, 4), -1))
    assert list(reference_keypoints(none)) == ["template", "box"]


def test_the_template_is_the_mean_at_the_nearest_points():
    given = sample()
    mean = [[sum(shape[key][axis] for shape in given.keypoints) / 5 for axis in range(3)] for key in range(3)]
    expected = [[cloud[closest(place, cloud)] for place in mean] for cloud in given.points]
    np.testing.assert_array_equal(reference_keypoints(given)["template"], expected)


def test_the_annotated_oracle_has_the_most_frequent_kinds():
    landmarks = np.random.default_rng(5).normal(size=(4, 3, 3))
    ids = np.array([[7, 2, -1], [2, 9, 7], [9, 2, -1], [-1, -1, -1]])
    landmarks[ids < 0] = np.nan
    assert Counter(ids[ids >= 0].tolist()) == {2: 3, 7: 2, 9: 2}
    found = annotated_places(landmarks, ids, 4)
    np.testing.assert_array_equal(found[0, :2], landmarks[0, [1, 0]])
    np.testing.assert_array_equal(found[1, :3], landmarks[1, [0, 2, 1]])
    np.testing.assert_array_equal(found[2, [0, 2]], landmarks[2, [1, 0]])
    # What a shape lacks: its annotation nearest to where the kind lies elsewhere.
    mean = (landmarks[1, 1] + landmarks[2, 0]) / 2
    np.testing.assert_array_equal(found[0, 2], landmarks[0, closest(mean, landmarks[0, :2])])
    np.testing.assert_array_equal(found[3], np.zeros((4, 3)))
    # There are three kinds: the most frequent comes again.
    np.testing.assert_array_equal(found[:, 3], found[:, 0])
    assert found[0, 0] == pytest.approx(landmarks[0, 1])
