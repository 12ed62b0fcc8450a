import math

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.sparse.csgraph import dijkstra
from scipy.spatial.distance import cdist

from kg.evaluation.metrics import METRICS, Sample, Terms
from kg.evaluation.metrics.correspondence import rest_drift, thirds


@pytest.fixture
def folding():
    """Two strips, three and two frames, rows mixed up; points are shuffled from frame to frame."""
    rng = np.random.default_rng(0)
    objects = np.array(["b", "a", "a", "b", "a"])
    frame = np.array([5, 2, 0, 1, 9])
    rest_positions = np.stack([rng.permutation(rng.random((40, 3)) * [4, 1, 0]) for _ in range(5)])
    points = rest_positions + np.sin(rest_positions * 3 + frame[:, None, None])
    keypoints = points[:, :3] + rng.normal(size=(5, 3, 3)) * 0.02
    return keypoints, points, rest_positions, objects, frame


def nearest_rest(keypoint, cloud, rest_positions):
    return rest_positions[min(range(len(cloud)), key=lambda i: math.dist(cloud[i], keypoint))]


def slow_way(nodes, start, end):
    """The shortest path over a graph of the 8 nearest; places join at their four nearest nodes."""
    away = cdist(nodes, nodes)
    graph = np.full(away.shape, np.inf)
    for node, others in enumerate(away.argsort(1)[:, 1:9]):
        graph[node, others] = graph[others, node] = away[node, others]
    ways = dijkstra(np.where(np.isinf(graph), 0, graph))
    doors, exits = (cdist([place], nodes)[0] for place in (start, end))
    near, last = doors.argsort()[:4], exits.argsort()[:4]
    if set(near) & set(last):
        return math.dist(start, end)
    return min(doors[i] + ways[i, j] + exits[j] for i in near for j in last)


def test_equals_the_definition(folding):
    keypoints, points, rest_positions, objects, frame = folding
    drift, kept = np.full((5, 3), np.nan), np.full((5, 3), np.nan)
    for name in ("a", "b"):
        first, *others = sorted(np.flatnonzero(objects == name), key=lambda row: frame[row])
        extent = math.dist(rest_positions[first].min(0), rest_positions[first].max(0))
        nodes = np.concatenate(rest_positions[[first, *others]])
        there = [
            nearest_rest(keypoint, points[first], rest_positions[first]) for keypoint in keypoints[first]
        ]
        for row in others:
            here = [nearest_rest(keypoint, points[row], rest_positions[row]) for keypoint in keypoints[row]]
            ways = [slow_way(nodes, a, b) for a, b in zip(there, here, strict=True)]
            drift[row] = 100 * np.array(ways) / extent
            kept[row] = [cdist([place], there)[0].argmin() == number for number, place in enumerate(here)]
    found = rest_drift(*folding)
    assert_allclose(found.geodesic, drift, rtol=1e-9)
    assert_allclose(found.identity, kept)
    assert 0 < np.nanmean(kept) < 1


def test_keypoints_that_stay_on_the_cloth_do_not_drift_however_it_moves():
    rest = np.random.default_rng(1).random((60, 3))
    moved = rest[::-1] * [1, -3, 2] + 5
    points, rest_positions = np.stack([rest, moved]), np.stack([rest, rest[::-1]])
    keypoints = np.stack([rest[:4], moved[::-1][:4]])
    found = rest_drift(keypoints, points, rest_positions, ["x", "x"], [0, 1])
    assert found.geodesic[1].tolist() == [0, 0, 0, 0]
    assert found.identity[1].tolist() == [1, 1, 1, 1]


def test_the_way_leads_round_a_gap():
    """A strip bent to a horseshoe at rest: its ends are near each other through the air."""
    angle = np.linspace(0, 1.9 * np.pi, 400)
    rest = np.stack([np.cos(angle), np.sin(angle), 0 * angle], 1)
    keypoints = np.stack([rest[:1], rest[-1:]])
    found = rest_drift(keypoints, np.stack([rest] * 2), np.stack([rest] * 2), ["x", "x"], [0, 1])
    assert found.geodesic[1, 0] == pytest.approx(100 * 1.9 * np.pi / math.hypot(2, 2), rel=2e-3)


def test_an_object_with_one_frame_has_nothing_to_tell(folding):
    keypoints, points, rest_positions, _, frame = folding
    with pytest.raises(ValueError, match="no object has two frames"):
        rest_drift(keypoints, points, rest_positions, list("abcde"), frame)
    drift = rest_drift(keypoints, points, rest_positions, list("aabcd"), frame).geodesic
    assert np.flatnonzero(~np.isnan(drift).any(1)).tolist() == [0]


def test_arrays_that_do_not_belong_together(folding):
    keypoints, points, rest_positions, objects, frame = folding
    with pytest.raises(ValueError, match="do not belong together"):
        rest_drift(keypoints, points, rest_positions[:, :9], objects, frame)


def test_a_cloud_turned_by_half_a_turn_costs_nothing_where_it_may_be():
    rng = np.random.default_rng(4)
    half = rng.random((60, 3)) * [0.5, 1, 0.1]
    rest = np.concatenate([half, half * [-1, 1, -1]])
    kept, swapped = np.arange(4), np.arange(4) + 60
    # The second frame is as it is, the third turned, the fourth turned in half of its keypoints alone.
    chosen = np.stack([kept, kept, swapped, [0, 1, 62, 63]])
    keypoints, clouds = rest[chosen], np.stack([rest] * 4)
    given = keypoints, clouds, clouds, ["x"] * 4, [0, 1, 2, 3]
    plain, least = rest_drift(*given), rest_drift(*given, symmetric=True)
    assert_allclose(least.geodesic[1:3], 0, atol=1e-9)
    assert least.identity[1:3].tolist() == [[1] * 4] * 2
    assert plain.geodesic[2].min() > 5
    assert np.isnan(least.geodesic[0]).all()
    # Never by point: half of the keypoints are wrong, either way.
    assert (least.geodesic[3] > 1).sum() == 2
    assert least.geodesic[3].mean() <= plain.geodesic[3].mean() + 1e-9


def test_thirds_go_by_the_order_of_frames():
    objects, frame = np.array(list("aabaaaab")), np.array([9, 0, 5, 7, 4, 30, 8, 1])
    counted = np.array([True, False, True, True, True, True, True, False])
    assert thirds(objects, frame, counted).tolist() == [2, -1, 1, 0, 0, 2, 1, -1]


def test_the_parts_are_of_all_clouds_and_of_each_third():
    rng = np.random.default_rng(5)
    rest = np.stack([rng.permutation(rng.random((40, 3))) for _ in range(9)])
    sample = Sample(
        keypoints=rng.random((9, 5, 3)),
        points=rest,
        scale=np.ones(9),
        offset=np.zeros(9),
        objects=np.array(list("aaaabbbbb")),
        rest_id=np.array(list("aaaabbbbb")),
        frame=np.array([0, 1, 2, 3, 9, 8, 7, 6, 5]),
        rest_positions=rest,
    )
    drift, kept = rest_drift(sample.keypoints, rest, rest, sample.rest_id, sample.frame)
    parts = METRICS["correspondence"].measure(sample, Terms()).parts
    assert list(parts) == list(METRICS["correspondence"].units)
    # Of four frames that are compared the second and the third are in the middle.
    rows = {"": [1, 2, 3, 4, 5, 6, 7], " first third": [1, 7], " middle": [2, 6, 5], " last": [3, 4]}
    # Once, and with some objects drawn twice.
    weights = np.array([[1.0] * 9, [2, 2, 2, 2, 1, 1, 1, 1, 1], [0.0] * 9])
    for draw, weight in enumerate(weights[:2].astype(int)):
        for third, of_third in rows.items():
            some = np.repeat(of_third, weight[of_third])
            expected = {
                "mean": drift[some].mean(),
                "median": np.median(drift[some]),
                "worst": drift[some].mean(0).max(),
                "pck-5": 100 * (drift[some] <= 5).mean(),
                "identity": 100 * kept[some].mean(),
            }
            found = {name: parts[name + third].statistic(weights)[draw] for name in expected}
            assert found == pytest.approx(expected), third
    assert math.isnan(parts["median"].statistic(weights)[2])
