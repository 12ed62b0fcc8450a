import numpy as np
import pytest

from kg.data.sample import farthest_points
from kg.data.spacing import spacing


@pytest.mark.parametrize("even", [True, False])
def test_it_follows_from_the_density_alone(even: bool) -> None:
    """A thousand points on a square of 4 × 4, whose borders count a little."""
    square = np.random.default_rng(0).uniform(0, 4, (4000, 3)) * [1, 1, 0]
    cloud = square[farthest_points(square, 1000)] if even else square[:1000]
    assert spacing([cloud]) == pytest.approx(1.3 * np.sqrt(16 / 1000), rel=0.15)


def test_few_points_have_fewer_neighbours() -> None:
    assert spacing([np.array([[0.0, 0, 0], [3, 0, 0]])]) == 3
