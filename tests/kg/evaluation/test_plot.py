"""Which curves a plot shows, and where."""

from types import SimpleNamespace

import pytest

from kg.errors import KgError
from kg.evaluation.metrics import METRICS
from kg.evaluation.plot import check_curves, panels_of
from kg.evaluation.robustness import Robustness


def drawn(*names: str) -> list[list[list[str]]]:
    """Return the names of the curves in every panel of every row."""
    units = {name: METRICS[name].units for name in names}
    results = [
        SimpleNamespace(metric=name, units=parts, values=dict.fromkeys(parts, 50.0), meaningless=False)
        for name, parts in units.items()
    ]
    worse = [result for result in results if METRICS[result.metric].truth != "detector"]
    curves = [Robustness(kind, [0.0, 0.1], [worse, worse], 0) for kind in ("noise", "occlusion")]
    return [[[curve.name for curve in panel] for panel in row] for row in panels_of(results, curves)]


def test_what_has_no_curve_is_refused_before_it_is_measured():
    for metrics, corruptions in (([], ()), (["das", "miou"], ()), (["all"], ()), (["spread"], ["noise"])):
        check_curves(metrics, corruptions)
    with pytest.raises(KgError, match="no curve to plot"):
        check_curves(["das", "spread"], ())


def test_companions_stand_beside_what_shares_their_unit():
    assert drawn("das-annotated", "coverage", "spread") == [[["das-annotated", "coverage"]] * 2]


def test_what_asks_the_detector_again_itself_has_no_panel():
    names = ("das-annotated", "chamfer", "repeatability", "coverage", "spread")
    assert drawn(*names) == [[["das-annotated", "coverage"]] * 2]


def test_companions_that_are_asked_for_alone_have_panels():
    assert drawn("coverage", "spread") == [[["coverage"]] * 2, [["spread"]] * 2]
