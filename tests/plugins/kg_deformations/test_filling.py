"""Garments that are filled by geometry alone."""

import numpy as np
import pytest

from kg_deformations.filling import filled

HALF = 0.2


def test_a_tube_becomes_round_and_keeps_its_girth(tube):
    placed = filled(*tube, 1.0)
    radii = np.hypot(placed[:, 0], placed[:, 2])
    # Pressed flat the girth is four half widths.
    assert radii == pytest.approx(4 * HALF / (2 * np.pi), rel=0.03)
    assert placed[:, 1] == pytest.approx(tube[0][:, 1], abs=0.005)


def test_both_sides_rise_alike_whichever_way_triangles_turn(tube):
    vertices, faces = tube
    placed = filled(vertices, faces, 0.5)
    assert placed[:, 2].max() == pytest.approx(-placed[:, 2].min())
    assert placed[:, 2].max() == pytest.approx(0.5 * 2 / np.pi * HALF, rel=0.03)
    # The upper layer stays the upper one.
    assert (np.sign(placed[:, 2]) == np.sign(vertices[:, 2]))[np.abs(vertices[:, 2]) > 1e-6].all()
    turned = filled(vertices, faces[:, ::-1], 0.5)
    assert turned == pytest.approx(placed, abs=1e-9)


def test_what_has_one_layer_stays_as_it_is(make_sheet):
    vertices, faces = make_sheet(5, 9)
    vertices = vertices[:, [0, 2, 1]]
    assert filled(vertices, faces, 1.0) == pytest.approx(vertices)


def test_nothing_is_filled_by_nothing(tube):
    assert filled(*tube, 0.0) == pytest.approx(tube[0])
    # A vertex of no triangle, and a triangle without area, harm nothing.
    vertices, faces = np.concatenate([tube[0], [[0, 0, 0]]]), np.concatenate([tube[1], [[0, 0, 1]]])
    assert np.isfinite(filled(vertices, faces, 1.0)).all()
