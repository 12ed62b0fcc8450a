import numpy as np
import pytest

from kg.data import Shape
from kg.errors import KgError

TRIANGLE = np.eye(3)


def test_a_cloud_needs_nothing_but_points() -> None:
    shape = Shape(TRIANGLE)
    assert shape.faces is None
    assert shape.landmarks.shape == (0, 3)


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"vertices": np.zeros((0, 3))}, r"not \(0, 3\)"),
        ({"vertices": np.zeros((4, 2))}, r"not \(4, 2\)"),
        ({"vertices": np.array([[0, 0, np.inf], [0, 0, 0]])}, "1 of 2 vertices"),
        ({"faces": np.zeros((0, 3), int)}, r"not \(0, 3\)"),
        ({"faces": np.zeros((1, 4), int)}, r"not \(1, 4\)"),
        ({"faces": np.array([[0, 1, 3]])}, "beyond the 3"),
        ({"faces": np.array([[0, 1, -1]])}, "beyond the 3"),
        ({"landmarks": np.zeros((2, 3)), "landmark_ids": np.zeros(1, int)}, "landmarks"),
        ({"landmarks": np.full((1, 3), np.nan), "landmark_ids": np.zeros(1, int)}, "1 of 1 landmarks"),
        ({"rest_positions": np.zeros((2, 3))}, "Rest positions"),
        ({"rest_positions": np.diag([np.nan, np.inf, 0])}, "2 of 3 rest positions"),
    ],
)
def test_arrays_that_do_not_fit(arguments: dict[str, np.ndarray], problem: str) -> None:
    with pytest.raises(KgError, match=problem):
        Shape(**{"vertices": TRIANGLE, **arguments})
