"""Charts as parts of a page: what they show is there, in the colours of the page."""

import re

import numpy as np
import pytest

from kg.evaluation.metrics import Curve
from kg.evaluation.report.charts import chart, strip


def curve(name, y, x=None, unit="%"):
    y = np.asarray(y, float)
    x = np.arange(float(len(y))) if x is None else np.asarray(x, float)
    return Curve(name, x, y, "threshold", "mIoU", "metre", unit)


def line(svg, number):
    """Return the places (m, 2) of the line in the page's colour of this number."""
    pattern = rf'<path d="([^"]+)"[^>]*stroke: var\(--c{number}\)'
    (places,) = (found for found in re.findall(pattern, svg) if found.count("L") > 0)
    return np.array(re.findall(r"[ML] ([-\d.]+) ([-\d.]+)", places), float)


def test_a_line_is_where_its_points_are():
    y = np.array([0.0, 100.0, 50.0, 30.0] + [25.0] * 12)
    places = line(chart([curve("one", y)]), 0)
    assert len(places) == len(y)
    np.testing.assert_allclose(np.diff(places[:, 0]), np.diff(places[:, 0])[0], rtol=1e-3)
    # Down is more in a picture: what lies between, lies between in the same shares.
    np.testing.assert_allclose(
        (places[:, 1] - places[1, 1]) / np.ptp(places[:, 1]), (100 - y) / 100, atol=1e-3
    )


def test_it_is_a_part_of_a_page_in_its_colours():
    svg = chart([curve("one", [1, 2, 3]), curve("two", [3, 2, 1])])
    assert svg.startswith("<svg")
    assert "<?xml" not in svg
    assert "metadata" not in svg
    assert not re.search(r"<svg[^>]* (width|height)=", svg)
    # Every reference is to something in it.
    ids = set(re.findall(r' id="([^"]+)"', svg))
    assert set(re.findall(r"(?:href=\"#|url\(#)([^\")]+)", svg)) <= ids
    assert not re.findall(r"stroke: #(?!000000|ffffff)\w{6}", svg)
    for word in ("one", "two", "threshold (metre)", "mIoU, %"):
        assert f">{word}</text>" in svg


def test_what_is_not_finite_or_has_no_logarithm_is_left_out():
    svg = chart([curve("one", [1, np.nan, 0.01, 0.1, 0]), curve("two", [np.nan] * 5)], logarithmic=True)
    assert "nan" not in svg
    assert ">two</text>" in svg
    assert "10" in svg


@pytest.mark.parametrize("value", [0.0, 7.0])
def test_a_constant_is_drawn_too(value):
    assert "nan" not in chart([curve("one", [value], unit="loss")])
    assert "nan" not in strip([value, value], "x")


def test_marks_and_their_median():
    svg = strip([1.0, 2.0, np.nan, 10.0], "mIoU of each shape, %")
    assert svg.count("stroke: var(--c0)") == 3
    assert svg.count("stroke: var(--c1)") == 1
    assert ">mIoU of each shape, %</text>" in svg


def test_labels_are_escaped():
    assert "<b>" not in chart([curve("<b>", [0, 1]), curve("two", [0, 1])])
