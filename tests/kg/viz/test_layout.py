import numpy as np
import pytest

from kg.viz.layout import arrange, shorten
from kg.viz.scene import Scene, Shape


def scene(count: int, keypoints: int = 8, half: tuple[float, float] = (1.0, 0.75)) -> Scene:
    shape = Shape("", np.zeros((1, 3)), np.zeros((keypoints, 3)), np.empty(0))
    return Scene((shape,) * count, np.empty((0, 2), dtype=np.int64), half, 0.01, 0.05, np.ones(3))


@pytest.mark.parametrize("count", [1, 2, 5, 12, 31])
@pytest.mark.parametrize("titled", [True, False])
def test_tiles_fill_the_page_without_overlap(count: int, titled: bool) -> None:
    layout = arrange(scene(count), 200, None, titled)
    corners = [layout.corner(number) for number in range(count)]
    assert len(set(corners)) == count
    assert max(left for left, _ in corners) + layout.tile[0] == layout.width
    assert max(top for _, top in corners) + layout.tile[1] + layout.title + layout.legend == layout.height
    assert all(
        left % layout.tile[0] == 0 and top % (layout.tile[1] + layout.title) == 0 for left, top in corners
    )


def test_a_tile_has_the_shape_of_what_it_shows() -> None:
    assert arrange(scene(1, half=(1.0, 0.75)), 400, None, False).tile == (400, 300)
    assert arrange(scene(1, half=(0.5, 1.0)), 400, None, False).tile == (200, 400)


def test_columns_are_the_users_or_balanced() -> None:
    assert arrange(scene(12), 100, 6, False).columns == 6
    assert arrange(scene(2), 100, 6, False).columns == 2
    assert arrange(scene(12, half=(1, 1)), 100, None, False).columns == 4
    assert arrange(scene(12, half=(0.5, 1)), 100, None, False).columns > 4


def test_a_narrow_page_breaks_its_legend() -> None:
    wide, narrow = arrange(scene(6, 24), 400, 6, False), arrange(scene(6, 24), 400, 1, False)
    assert narrow.legend_columns < 24 <= wide.legend_columns
    assert narrow.legend > wide.legend
    assert arrange(scene(6, 0), 400, 1, False).legend == 0


@pytest.mark.parametrize("letters", [3, 4, 9, 10])
def test_long_titles_keep_both_ends(letters: int) -> None:
    short = shorten("abcdefghijklmnop", letters)
    assert len(short) == letters
    assert short[0] == "a"
    assert short[-1] == "p"
    assert "…" in short


def test_short_titles_stay() -> None:
    assert shorten("mug", 1) == shorten("mug", 10) == "mug"
