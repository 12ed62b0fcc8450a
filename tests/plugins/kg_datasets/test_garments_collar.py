"""Fronts cut open, and collars."""

import numpy as np
import pytest

from kg_datasets.garments import CATEGORIES, sew
from kg_datasets.garments.collar import cut_open, turned_down


def places(sizes):
    garment = sew(sizes.pattern())
    return {name: garment.flat[vertex] for name, vertex in garment.landmarks.items()}


def test_a_front_is_cut_away_along_the_centre():
    half = CATEGORIES["shirt"].middle().half()
    opened = cut_open(half, 0.05, 0.02)
    rim, neck = opened.edges[0].front, opened.edges[-1].front
    assert rim[0, 0] == pytest.approx(0.05)
    assert neck[-1, 0] == pytest.approx(0.02)
    assert np.array_equal(opened.slit, [rim[0], neck[-1]])
    # The rest of both curves stays, and the back stays whole.
    assert np.array_equal(rim[1:], half.edges[0].front[-len(rim) + 1 :])
    assert np.array_equal(neck[:-1], half.edges[-1].front[: len(neck) - 1])
    for edge in (0, -1):
        assert np.array_equal(opened.edges[edge].back, half.edges[edge].back)


def test_a_cut_lies_on_the_curve():
    half = CATEGORIES["shirt"].middle().half()
    neck = half.edges[-1].front
    for x in (0.004, 0.011, 0.03):
        end = cut_open(half, 0.0, x).edges[-1].front[-1]
        assert end[1] == pytest.approx(np.interp(x, neck[::-1, 0], neck[::-1, 1]))


def test_a_collar_lies_around_the_shoulder():
    half = cut_open(CATEGORIES["shirt"].middle().half(), 0.0, 0.01)
    collar = turned_down(half, 0.07, 30.0).collar
    neck, side = collar.side
    assert np.linalg.norm(side - neck) == pytest.approx(0.07)
    shoulder = half.edges[-2].front[::-1]
    assert np.array_equal(shoulder[0], neck)
    # Farther out than the shoulder's line there, so that cloth of some thickness fits between.
    assert side[1] - np.interp(side[0], shoulder[:, 0], shoulder[:, 1]) > 0.008
    tip = collar.front[-1]
    assert np.degrees(np.arctan2(tip[0] - 0.01, collar.front[0, 1] - tip[1])) == pytest.approx(30)
    assert np.array_equal(collar.outer, [tip, side])
    assert collar.back[-1] == pytest.approx(half.edges[-1].back[-1] - [0, 0.07])


def test_a_jacket_is_open_as_far_as_its_sizes_say():
    jacket = CATEGORIES["jacket"].middle()
    at = places(jacket)
    assert at["left front hem"][0] == pytest.approx(jacket.open_hem)
    assert at["right front hem"][0] == pytest.approx(-jacket.open_hem)
    assert at["left front neck"][0] == pytest.approx(jacket.open_neck)
    assert at["back hem"][0] == 0


def test_a_polo_is_open_down_to_its_placket_and_whole_below():
    polo = CATEGORIES["polo"].middle()
    at = places(polo)
    assert at["placket end"] == pytest.approx(np.array([0, -polo.front_neck - polo.placket]))
    assert at["left front neck"][0] == pytest.approx(polo.open_neck)
    garment = sew(polo.pattern())
    front = garment.faces[garment.layer == 1]
    # Both fronts share the seam below the slit, and nothing else.
    left = {*front[garment.flat[front, 0].mean(axis=1) > 0].ravel().tolist()}
    right = {*front[garment.flat[front, 0].mean(axis=1) < 0].ravel().tolist()}
    seam = garment.flat[sorted(left & right)]
    assert seam[:, 0] == pytest.approx(0)
    assert seam[:, 1].max() == at["placket end"][1]
    assert seam[:, 1].min() == at["front hem"][1]
