"""A prepared store at a glance."""

from pathlib import Path

import matplotlib.image
import numpy as np
import pytest

from kg.data import Store
from kg.data.store import Clouds, write_store
from kg.viz import Style, draw_store
from kg.viz.colours import keypoint_colours


def store_of(path: Path, landmark_ids: list[list[int]] | None) -> Store:
    """Flat squares of points, their landmarks 0, 1, 2 ... at corners, as many as have ids."""
    count = len(landmark_ids) if landmark_ids else 30
    square = np.random.default_rng(0).uniform(-1, 1, (300, 3)) * [1, 1, 0.01]
    corners = np.array([[-0.8, -0.8, 0], [0.8, -0.8, 0], [0.8, 0.8, 0]])
    ids = np.array(landmark_ids, dtype=np.int32) if landmark_ids else None
    places = None if ids is None else np.where(ids[..., None] < 0, np.nan, corners[ids // 10])
    clouds = Clouds(
        ids=[f"s{number}" for number in range(count)],
        objects=[f"s{number}" for number in range(count)],
        frame=np.zeros(count, np.int32),
        points=np.tile(square.astype(np.float32), (count, 1, 1)),
        scale=np.ones(count),
        offset=np.zeros(count),
        landmarks=None if places is None else places.astype(np.float32),
        landmark_ids=ids,
    )
    facts = {"dataset": "d", "category": "c", "variant": "v", "unit": "metre"}
    splits = {"object": ["train"] * count, "frame": ["train"] * count}
    write_store(path, [clouds], splits, **facts, landmark_names={}, provenance={})  # type: ignore[arg-type]
    return Store(path)


def test_some_of_many_evenly_chosen(tmp_path: Path, renderer: str) -> None:
    style = Style(size=64, renderer=renderer)
    drawn = draw_store(store_of(tmp_path / "v.h5", None), tmp_path / "v.png", 4, style)
    assert drawn.ids == ("s0", "s10", "s19", "s29")


def test_a_landmark_has_one_colour_and_none_where_it_is_missing(tmp_path: Path, renderer: str) -> None:
    """The second shape lists its landmarks in another order, and lacks one."""
    store = store_of(tmp_path / "v.h5", [[0, 10, 20], [20, 0, -1]])
    style = Style(size=200, columns=2, view="front", renderer=renderer)
    draw_store(store, tmp_path / "v.png", style=style)
    picture = matplotlib.image.imread(tmp_path / "v.png")[..., :3]
    tiles = np.split(picture, 2, axis=1)
    for number, colour in enumerate(keypoint_colours(3)):
        places = [patch(tile, number) for tile in tiles]
        near = [float(np.abs(place - colour).sum(axis=-1).min()) for place in places]
        assert near[0] < 0.35
        assert near[1] > 0.5 if number == 1 else near[1] < 0.35


def patch(tile: np.ndarray, number: int) -> np.ndarray:
    """Return the pixels around the corner where landmark `number` belongs."""
    height, width = tile.shape[:2]
    x, y = ((0.13, 0.87), (0.87, 0.87), (0.87, 0.13))[number]
    row, column = int(y * height), int(x * width)
    return tile[row - 12 : row + 12, column - 12 : column + 12]


def test_landmarks_that_no_shown_shape_has(tmp_path: Path, renderer: str) -> None:
    store = store_of(tmp_path / "v.h5", [[-1, -1], [-1, -1]])
    draw_store(store, tmp_path / "v.png", style=Style(size=64, renderer=renderer))
    assert (tmp_path / "v.png").is_file()


@pytest.mark.parametrize("count", [1, 5])
def test_fewer_than_a_sheet_holds(tmp_path: Path, renderer: str, count: int) -> None:
    store = store_of(tmp_path / "v.h5", [[0]] * count)
    assert len(draw_store(store, tmp_path / "v.png", 12, Style(size=64, renderer=renderer)).ids) == count
