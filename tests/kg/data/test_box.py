"""Places on a box against its definition."""

import numpy as np

from kg.data.box import box_places


def test_the_box_has_corners_then_top_and_bottom():
    points = np.random.default_rng(4).normal(size=(2, 30, 3)) * [1, 2, 3]
    found = box_places(points, 20)
    assert found.shape == (2, 10, 3)
    for cloud, places in zip(points, found, strict=True):
        low, high = cloud.min(0), cloud.max(0)
        corners = {(x, y, z) for x in (low[0], high[0]) for y in (low[1], high[1]) for z in (low[2], high[2])}
        assert {tuple(place) for place in places[:8].round(9)} == {tuple(np.round(c, 9)) for c in corners}
        middle = (low + high) / 2
        np.testing.assert_allclose(places[8:, 1], [high[1], low[1]])
        np.testing.assert_allclose(places[8:, [0, 2]], [middle[[0, 2]]] * 2)
    np.testing.assert_array_equal(box_places(points, 8), found[:, :8])
    # Two are opposite corners.
    np.testing.assert_allclose(
        np.linalg.norm(found[:, 0] - found[:, 1], axis=1), np.linalg.norm(np.ptp(points, axis=1), axis=1)
    )
