"""Places at rest in each object's own box."""

import numpy as np
import pytest

from kg.data.rest import in_boxes


def test_rows_of_one_object_share_its_box():
    rest = np.zeros((3, 2, 3))
    rest[0] = [[0, 0, 1], [1, 2, 1]]
    rest[1] = [[3, 1, 1], [2, 4, 1]]
    rest[2] = [[10, 10, 10], [12, 14, 16]]
    places, boxes = in_boxes(rest, ["a", "a", "b"])
    assert places.dtype == np.float32
    assert boxes.tolist() == [[3, 4, 0], [3, 4, 0], [2, 4, 6]]
    assert places[0, 0].tolist() == [-1, -1, 0]
    assert places[1, 1].tolist() == [pytest.approx(1 / 3), 1, 0]
    assert places[2].tolist() == [[-1, -1, -1], [1, 1, 1]]
