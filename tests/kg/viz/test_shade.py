import numpy as np
import pytest
from numpy.typing import NDArray

from kg.viz.shade import LIGHT, MOST, cloud_colours, facing, hidden_share, shadow


def sheet(height: float = 0.0, count: int = 4000) -> NDArray[np.float64]:
    flat = np.random.default_rng(3).uniform(-1, 1, (count, 3))
    flat[:, 2] = height
    return flat


def test_of_two_sheets_the_far_one_is_hidden() -> None:
    assert hidden_share(sheet(), 1.0) == 0
    both = np.concatenate([sheet(0.5), sheet(-0.5)])
    assert hidden_share(both, 1.0) == pytest.approx(0.5, abs=0.05)


def test_a_pit_lies_in_shadow_and_open_ground_does_not() -> None:
    ground = sheet()
    pit = np.linalg.norm(ground[:, :2], axis=1) < 0.1
    ground[pit, 2] = -0.3
    dark = shadow(ground, 1.0)
    assert dark[pit].mean() > 0.2
    assert dark[np.linalg.norm(ground[:, :2], axis=1) > 0.3].max() == 0


@pytest.mark.parametrize("count", [200, 3 * MOST])
def test_a_surface_is_brightest_where_it_faces_the_light(count: int) -> None:
    towards = LIGHT / np.linalg.norm(LIGHT)
    across = np.linalg.svd(towards[None])[2][1:]
    facing_it = sheet(count=count)[:, :2] @ across
    np.testing.assert_allclose(facing(facing_it), 1, atol=1e-6)
    np.testing.assert_allclose(facing(sheet(count=count)), towards[2], atol=1e-6)


def test_fewer_points_than_neighbours_are_shaded_too() -> None:
    colours = cloud_colours(np.eye(3), 1.0, np.ones(3))
    assert colours.shape == (3, 3)
    assert ((colours >= 0) & (colours <= 1)).all()


def test_far_points_fade_into_the_background() -> None:
    for background in (np.ones(3), np.zeros(3)):
        near, far = (
            np.abs(cloud_colours(sheet(height), 1.0, background) - background).mean()
            for height in (0.9, -0.9)
        )
        assert far < 0.75 * near
