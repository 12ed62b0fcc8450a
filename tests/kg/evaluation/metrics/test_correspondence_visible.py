import math

import numpy as np
import pytest
from numpy.testing import assert_allclose

from kg.evaluation.metrics import METRICS, Sample, Terms
from kg.evaluation.metrics.correspondence import rest_drift
from kg.evaluation.metrics.correspondence_visible import visible_drift
from kg.evaluation.metrics.geodesic import Surface

VISIBLE = METRICS["correspondence-visible"]


def sheet(rng, shown=(0, 2), count=600):
    """Return places on a flat sheet of 2 × 1 at rest, as many between two sides of a gap in x."""
    return rng.random((count, 3)) * [shown[1] - shown[0], 1, 0] + [shown[0], 0, 0]


def sample_of(keypoints, rest, objects, frame, visible=None):
    return Sample(
        keypoints=keypoints,
        points=rest,
        scale=np.ones(len(rest)),
        offset=np.zeros(len(rest)),
        objects=np.array(objects),
        rest_id=np.array(objects),
        frame=np.array(frame),
        rest_positions=rest,
        visible=visible,
    )


def values(sample):
    measured = VISIBLE.measure(sample, Terms())
    weights = np.ones((1, len(sample)))
    return {name: part.statistic(weights)[0] for name, part in measured.parts.items()}


def test_on_whole_clouds_it_is_correspondence():
    rng = np.random.default_rng(0)
    rest = np.stack([sheet(rng) for _ in range(7)])
    sample = sample_of(rng.random((7, 5, 3)) * [2, 1, 0], rest, list("aaabbbb"), [4, 0, 2, 9, 8, 7, 3])
    found = values(sample)
    assert list(found) == list(VISIBLE.units)
    plain = METRICS["correspondence"].measure(sample, Terms())
    weights = np.ones((1, 7))
    assert {name: found[name] for name in plain.parts} == {
        name: part.statistic(weights)[0] for name, part in plain.parts.items()
    }
    assert found["visible"] == 100
    assert math.isnan(found["hidden-precision"])
    assert math.isnan(found["hidden-recall"])
    assert_allclose(VISIBLE.measure(sample, Terms()).curves[0].y, plain.curves[0].y)


def test_what_a_cloud_does_not_show_does_not_count():
    rng = np.random.default_rng(1)
    # The second cloud shows the left half, the third the right one.
    rest = np.stack([sheet(rng), sheet(rng, (0, 1)), sheet(rng, (1, 2))])
    keypoints = np.array([[0.3, 0.5, 0], [1.7, 0.5, 0], [0.97, 0.2, 0]]) + rng.normal(size=(3, 3, 3)) * 0.01
    keypoints[:, :, 2] = 0
    given = keypoints, rest, rest, list("xxx"), [0, 1, 2]
    shows = np.array([[False] * 3, [True, False, True], [False, True, True]])
    # 5 % of the extent is 0.11: the third keypoint is beside the right half, and shown by it.
    found, plain = visible_drift(*given), rest_drift(*given)
    assert_allclose(found.drift.geodesic, np.where(shows, plain.geodesic, np.nan))
    assert_allclose(found.drift.identity, np.where(shows, plain.identity, np.nan))
    assert_allclose(found.shown, np.where([[True], [False], [False]], np.nan, shows))
    parts = values(sample_of(keypoints, rest, list("xxx"), [0, 1, 2]))
    assert parts["visible"] == pytest.approx(100 * 4 / 6)
    assert parts["mean"] == pytest.approx(plain.geodesic[shows].mean())
    assert parts["median"] == pytest.approx(np.median(plain.geodesic[shows]))
    by_keypoint = [plain.geodesic[:, k][shows[:, k]].mean() for k in range(3)]
    assert parts["worst"] == pytest.approx(max(by_keypoint))
    assert parts["mean first third"] == pytest.approx(plain.geodesic[1][shows[1]].mean())
    per_keypoint = VISIBLE.measure(sample_of(*given[:2], list("xxx"), [0, 1, 2]), Terms()).parts["mean"]
    assert_allclose(per_keypoint.per_keypoint, by_keypoint)


@pytest.mark.parametrize("joined", [True, False])
def test_the_other_layer_does_not_show_it(joined):
    """Two sheets 2 cm apart, joined along one side or not at all."""
    step = np.linspace(0, 0.4, 81)
    x, y = (axis.ravel() for axis in np.meshgrid(step, step))
    layers = [np.stack([x, y, np.full(x.shape, height)], 1) for height in (0.01, -0.01)]
    seam = np.stack([np.full(243, -0.004), np.tile(step, 3), np.repeat([0.005, 0, -0.005], 81)], 1)
    surface = Surface(np.concatenate([*layers, seam] if joined else layers), 8)
    starts = np.array([[0.2, 0.2, 0.01], [0.005, 0.2, 0.01]])
    # Round the seam the way from the second place to the other layer is some 3 cm long.
    assert surface.shown(starts, np.stack(layers), 0.05).tolist() == [[True, True], [False, joined]]


def test_the_reference_is_the_first_frame_in_which_a_keypoint_is_said_to_be_visible():
    rng = np.random.default_rng(2)
    rest = np.stack([sheet(rng) for _ in range(4)])
    frame = np.array([3, 0, 2, 1])
    keypoints = np.stack([cloud[:3] for cloud in rest])
    # By frame: the second is hidden in frame 0, the third always.
    said = np.zeros((4, 3), np.bool_)
    said[:, 0] = True
    said[[2, 3], 1] = True
    given = keypoints, rest, rest, list("xxxx"), frame
    found = visible_drift(*given, said)
    # Of each keypoint by itself, with the frame that is its reference made the lowest; the extent stays.
    of_first = rest_drift(keypoints[:, :1], *given[1:]).geodesic[:, 0]
    of_second = rest_drift(keypoints[:, 1:2], *given[1:4], [3, 0.5, 2, 0]).geodesic[:, 0]
    assert_allclose(found.drift.geodesic[:, 0], of_first)
    lowest, reference = (np.linalg.norm(np.ptp(rest[row], axis=0)) for row in (1, 3))
    assert_allclose(found.drift.geodesic[:, 1], of_second * reference / lowest)
    assert np.flatnonzero(np.isnan(of_second)).tolist() == [3]
    assert np.isnan(found.drift.geodesic[:, 2]).all()
    assert found.placed.tolist() == [[True, True, False]] * 4
    assert np.nansum(found.shown[:, 2]) == 0
    # Three of nine do not count, for want of a place.
    parts = values(sample_of(keypoints, rest, list("xxxx"), frame, said))
    assert parts["visible"] == pytest.approx(100 * 6 / 9)


def test_what_is_said_to_be_hidden_is_held_against_what_is():
    rng = np.random.default_rng(3)
    halves = {"whole": (0, 2), "left": (0, 1), "right": (1, 2)}
    kinds = ["whole", "left", "right", "left", "whole", "right"]
    rest = np.stack([sheet(rng, halves[kind]) for kind in kinds])
    places = np.array([[0.3, 0.5, 0], [1.7, 0.5, 0]])
    said = rng.random((6, 2)) < 0.5
    said[[0, 4]] = True
    objects = np.array(list("aaaabb"))
    keypoints = np.broadcast_to(places, (6, 2, 3))
    parts = VISIBLE.measure(sample_of(keypoints, rest, objects, range(6), said), Terms()).parts
    truth = {(1, 1), (2, 0), (3, 1), (5, 0)}
    told = {(row, k) for row in (1, 2, 3, 5) for k in (0, 1) if not said[row, k]}
    assert told - truth
    assert truth - told
    assert truth & told
    weights = np.array([[1] * 6, [2, 2, 2, 2, 1, 1]], float)
    for draw, weight in enumerate(weights):
        size = {name: sum(weight[row] for row, _ in pairs) for name, pairs in (("said", told), ("is", truth))}
        both = sum(weight[row] for row, _ in truth & told)
        precision, recall = (
            parts[f"hidden-{name}"].statistic(weights)[draw] for name in ("precision", "recall")
        )
        assert precision == pytest.approx(100 * both / size["said"])
        assert recall == pytest.approx(100 * both / size["is"])


def test_nothing_said_to_be_visible_leaves_nothing():
    rest = np.stack([sheet(np.random.default_rng(4))] * 3)
    parts = values(sample_of(rest[:, :2], rest, list("xxx"), [0, 1, 2], np.zeros((3, 2), np.bool_)))
    assert parts["visible"] == 0
    assert all(math.isnan(parts[name]) for name in ("mean", "median", "worst", "pck-5", "identity"))


def test_statements_of_another_shape_are_refused():
    rest = np.stack([sheet(np.random.default_rng(5))] * 2)
    with pytest.raises(ValueError, match=r"visible must be \(2, 3\), not \(2, 1\)"):
        visible_drift(rest[:, :3], rest, rest, list("xx"), [0, 1], np.ones((2, 1), np.bool_))
