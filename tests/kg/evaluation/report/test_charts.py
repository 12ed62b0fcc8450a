"""Axes with round numbers that hold the data, and lines that are where their points are."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kg.evaluation.report.charts import (
    BOTTOM,
    HEIGHT,
    LEFT,
    RIGHT,
    TOP,
    WIDTH,
    Line,
    bars,
    line_chart,
    log_ticks,
    nice_ticks,
    strip,
)

numbers = st.floats(-1e6, 1e6, allow_nan=False)


@given(numbers, st.floats(1e-6, 1e6))
def test_ticks_are_even_and_hold_the_range(low, width):
    ticks = nice_ticks(low, low + width)
    assert 2 <= len(ticks) <= 8
    assert ticks[0] <= low + 1e-6 * max(width, abs(low) * 1e-3)
    assert ticks[-1] >= low + width - 1e-6 * max(width, abs(low) * 1e-3)
    assert np.allclose(np.diff(ticks), ticks[1] - ticks[0])


@given(st.floats(1e-8, 1e8), st.floats(1, 1e6))
def test_logarithmic_ticks_hold_the_range(low, factor):
    ticks = log_ticks(low, low * factor)
    assert ticks[0] <= low * (1 + 1e-6)
    assert ticks[-1] >= low * factor * (1 - 1e-6)
    assert ticks == sorted(ticks)
    assert len(ticks) >= 2


def points_of(svg):
    found = re.findall(r'<polyline class="line c\d" points="([^"]+)"', svg)
    return [np.array([pair.split(",") for pair in places.split()], float) for places in found]


def test_a_line_is_where_its_points_are():
    line = Line("one", np.array([0.0, 1.0, 2.0]), np.array([0.0, 100.0, 50.0]))
    (places,) = points_of(line_chart([line], "x", "y, %", y_range=(0, 100)))
    right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM
    expected = [[LEFT, bottom], [(LEFT + right) / 2, TOP], [right, (TOP + bottom) / 2]]
    np.testing.assert_allclose(places, expected, atol=0.06)


def test_what_is_not_finite_or_has_no_logarithm_is_left_out():
    x = np.arange(1.0, 5.0)
    lines = [Line("one", x, np.array([1, np.nan, 0.01, 0])), Line("two", x, np.full(4, np.nan))]
    svg = line_chart(lines, "epoch", "", logarithmic=True)
    assert [len(places) for places in points_of(svg)] == [2]
    assert "nan" not in svg
    assert "one" in svg


@pytest.mark.parametrize("value", [0.0, 7.0])
def test_a_constant_is_drawn_too(value):
    line = Line("one", np.array([1.0]), np.array([value]))
    assert "nan" not in line_chart([line], "x", "y")
    assert "nan" not in strip([value, value], "x")


def test_bars_are_as_long_as_their_values():
    svg = bars([50.0, 100.0, float("nan")], "%", ["#111", "#222", "#333"])
    lengths = [float(found) for found in re.findall(r'width="([\d.]+)" height="16" rx="3" fill', svg)]
    assert lengths[0] == pytest.approx(lengths[1] / 2)
    assert lengths[2] == 0


def test_labels_are_escaped():
    assert "<b>" not in line_chart(
        [Line("<b>", np.array([0.0, 1.0]), np.array([0.0, 1.0]))] * 2, "<b>", "<b>"
    )
