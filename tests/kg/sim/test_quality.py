"""Figures that say what is wrong with cloth."""

import numpy as np
import pytest

from kg.sim import Cloth
from kg.sim.crossings import crossings
from kg.sim.quality import measure


def test_a_flat_sheet_does_not_pass_through_itself(lying):
    vertices, faces = lying
    assert crossings([vertices], faces) == [0]


def test_sheets_that_cross_are_found_until_they_part(crossed):
    vertices, faces = crossed
    half = len(vertices) // 2
    apart = vertices.copy()
    apart[half:, 2] += 0.2
    before, after = crossings([vertices, apart], faces)
    assert before > 10
    assert after == 0


def test_two_triangles_that_intersect_cross_twice():
    triangle = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0]])
    needle = np.array([[0.2, 0.2, -1], [0.2, 0.2, 1], [5.0, 5, 1]])
    faces = np.array([[0, 1, 2], [3, 4, 5]])
    beside = needle + np.array([0.5, 0.5, 0])
    frames = [np.concatenate([triangle, other]) for other in (needle, beside)]
    assert crossings(frames, faces) == [2, 0]


def test_the_figures_of_a_sequence(crossed):
    vertices, faces = crossed
    half = len(vertices) // 2
    apart = vertices.copy()
    apart[half:, 2] += 0.2
    apart[:, 2] += 0.1
    cloth = Cloth.of_mesh(apart, faces)
    sunk = 1.1 * vertices
    sunk[:, 2] = vertices[:, 2] - vertices[:, 2].min() + 0.002
    quality = measure([apart, sunk], cloth, thickness=0.01)
    assert quality.crossing == 0.5
    assert [quality.at_last] == crossings([sunk], faces)
    assert quality.at_last > 10
    assert quality.stretch_most == pytest.approx(0.1, abs=0.02)
    assert quality.stretch_99 <= quality.stretch_most
    assert quality.below == pytest.approx(0.3)


@pytest.mark.parametrize(("size", "stretch", "pressed"), [(1.1, 0.1, 0.0), (0.9, 0.0, 0.1)])
def test_cloth_that_is_pressed_together_is_not_stretched(lying, size, stretch, pressed):
    vertices, faces = lying
    quality = measure([size * vertices], Cloth.of_mesh(vertices, faces), thickness=0.01)
    assert quality.stretch_99 == pytest.approx(stretch)
    assert quality.pressed_99 == pytest.approx(pressed)
