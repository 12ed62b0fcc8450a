import numpy as np
import pytest
from numpy.typing import NDArray

from kg.errors import KgError
from kg.viz.view import View, choose_view, parse_view, upright


def box(x: float, y: float, z: float) -> NDArray[np.float64]:
    return np.random.default_rng(0).uniform(-0.5, 0.5, (500, 3)) * [x, y, z]


def chair(front: int) -> NDArray[np.float64]:
    """Return a seat with a solid back; the sitter looks towards +z or -z."""
    seat = box(1, 0.05, 1)
    back = box(1, 1, 0.05) + np.array([0, 0.5, -0.5])
    legs = box(1, 0.6, 1) - np.array([0, 0.35, 0])
    return np.concatenate([seat, back, back, legs]) * [1, 1, front]


@pytest.mark.parametrize("angles", [(0, 0), (35, 20), (-120, -45), (200, 90), (10, -90)])
def test_a_view_only_turns(angles: tuple[float, float]) -> None:
    rotation = View(*angles).rotation()
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(rotation) == pytest.approx(1)


@pytest.mark.parametrize(
    ("name", "right", "up", "near"),
    [
        ("front", [1, 0, 0], [0, 1, 0], [0, 0, 1]),
        ("back", [-1, 0, 0], [0, 1, 0], [0, 0, -1]),
        ("side", [0, 0, -1], [0, 1, 0], [1, 0, 0]),
        ("top", [1, 0, 0], [0, 0, -1], [0, 1, 0]),
        (" 90, 0 ", [0, 0, -1], [0, 1, 0], [1, 0, 0]),
    ],
)
def test_named_views_look_along_the_axes(name: str, right: list[int], up: list[int], near: list[int]) -> None:
    view = parse_view(name, [])
    np.testing.assert_allclose(view.apply(np.array([right, up, near])), np.eye(3), atol=1e-12)


@pytest.mark.parametrize("text", ["up", "35", "1,2,3", "nan,0", "0,91", ""])
def test_what_is_no_view_is_refused(text: str) -> None:
    with pytest.raises(KgError, match="is no view") as error:
        parse_view(text, [])
    assert "35,20" in error.value.hint


def test_what_lies_flat_is_seen_from_above() -> None:
    assert choose_view([box(1, 0.05, 0.8)] * 3).elevation >= 55


def test_what_lies_flat_keeps_its_front_whatever_is_folded_over() -> None:
    # A rim that stands up in front hides what is behind it.
    rim = box(1, 0.14, 0.05) + np.array([0, 0.07, 0.5])
    assert choose_view([np.concatenate([box(1, 0.02, 1), rim])]).azimuth < 90


def test_a_garment_that_faces_us_is_seen_nearly_from_its_front() -> None:
    view = choose_view([box(0.8, 1, 0.1)] * 3)
    assert abs(view.azimuth) <= 15
    assert 0 < view.elevation <= 20


def test_what_is_flat_sideways_is_seen_from_its_side() -> None:
    assert 60 <= choose_view([box(0.1, 0.8, 1)]).azimuth <= 90


def test_bulky_things_are_seen_from_three_quarters() -> None:
    view = choose_view([box(1, 0.9, 0.95)])
    assert 25 <= view.azimuth <= 45
    assert 15 <= view.elevation <= 40


def test_one_odd_shape_does_not_turn_the_sheet() -> None:
    usual = [box(0.8, 1, 0.1)] * 4
    assert choose_view([*usual, box(1, 0.02, 1)]) == choose_view(usual)


def test_a_chair_is_seen_from_where_one_sits() -> None:
    assert choose_view([chair(1)]).azimuth < 90
    assert choose_view([chair(-1)]).azimuth > 90


@pytest.mark.parametrize("way", [(1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 0), (1, 1, 1), (0, 0, 0)])
def test_points_on_a_line_are_seen(way: tuple[float, float, float]) -> None:
    view = choose_view([np.linspace(0, 1, 20)[:, None] * np.array(way)])
    assert np.isfinite([view.azimuth, view.elevation]).all()


def test_another_axis_can_be_up() -> None:
    np.testing.assert_array_equal(upright(np.array([[1, 2, 3]]), "z"), [[1, 3, -2]])
    np.testing.assert_array_equal(upright(np.array([[1, 2, 3]]), "y"), [[1, 2, 3]])
    with pytest.raises(KgError, match="'x' is no axis"):
        upright(np.zeros((1, 3)), "x")
