import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from kg.data import Scaling, normalise
from kg.data.normalise import off_range, scaling_of, to_source
from kg.errors import KgError


def test_one_minimum_and_maximum_for_all_axes() -> None:
    """2 (X - min) / (max - min) - 1 by hand: min -1, max 3."""
    cloud = np.array([[-1.0, 0, 1], [1, 3, 2]])
    scaling = normalise(cloud, "range")
    assert scaling.to_normalised(cloud).tolist() == [[-1, -0.5, 0], [0, 1, 0.5]]


def test_the_centre_of_the_box_and_its_longest_side() -> None:
    """By hand: sides 2, 3 and 1, centre (0, 1.5, 1.5)."""
    cloud = np.array([[-1.0, 0, 1], [1, 3, 2]])
    scaling = normalise(cloud)
    assert (scaling.scale, scaling.offset) == (1.5, (0, 1.5, 1.5))
    np.testing.assert_allclose(
        scaling.to_normalised(cloud), [[-2 / 3, -1, -1 / 3], [2 / 3, 1, 1 / 3]], rtol=1e-6
    )
    np.testing.assert_allclose(scaling.to_source(scaling.to_normalised(cloud)), cloud, atol=1e-6)


@given(arrays(np.float64, (7, 3), elements=st.floats(-1, 1)))
def test_it_does_not_matter_where_the_origin_is(cloud: np.ndarray) -> None:
    if np.ptp(cloud, axis=0).max() < 1e-3:
        return
    moved = cloud + np.array([3.0, -20, 0.5])
    np.testing.assert_allclose(
        normalise(cloud).to_normalised(cloud), normalise(moved).to_normalised(moved), atol=1e-6
    )


def test_clouds_are_carried_back_and_to_their_range_together() -> None:
    rng = np.random.default_rng(0)
    source = rng.random((4, 20, 3)) * [1, 2, 0.5] + rng.normal(size=(4, 1, 3))
    scalings = [normalise(cloud) for cloud in source]
    clouds = np.stack([scaling.to_normalised(cloud) for scaling, cloud in zip(scalings, source, strict=True)])
    scale, offset = (
        np.array([scaling.scale for scaling in scalings]),
        np.array([scaling.offset for scaling in scalings]),
    )
    np.testing.assert_allclose(to_source(clouds, scale, offset), source, atol=1e-6)
    shifted = clouds + off_range(scale, offset)[:, None]
    for cloud, own in zip(shifted, source, strict=True):
        expected = normalise(own, "range").to_normalised(own)
        np.testing.assert_allclose(normalise(cloud, "range").to_normalised(cloud), expected, atol=1e-6)


def test_one_number_for_all_axes_is_their_range_already() -> None:
    scale, offset = np.array([2.0, 3]), np.array([5.0, -1])
    assert to_source(np.ones((2, 1, 3)), scale, offset).tolist() == [[[7] * 3], [[2] * 3]]
    for same in (offset, np.repeat(offset[:, None], 3, axis=1)):
        assert off_range(scale, same).tolist() == [[0] * 3] * 2


@given(arrays(np.float64, (7, 3), elements=st.floats(-1e4, 1e4)))
def test_there_and_back(cloud: np.ndarray) -> None:
    if np.ptp(cloud) < 1e-3:
        return
    scaling = scaling_of(cloud, "range")
    normalised = scaling.to_normalised(cloud)
    assert normalised.dtype == np.float32
    assert normalised.min() == -1
    assert normalised.max() == 1
    np.testing.assert_allclose(scaling.to_source(normalised), cloud, atol=1e-7 * np.ptp(cloud), rtol=0)


def test_far_from_the_origin_nothing_is_lost() -> None:
    cloud = np.array([[1e6, 1e6 + 0.25, 1e6 + 1], [1e6 + 0.5, 1e6, 1e6]])
    assert normalise(cloud, "range").to_normalised(cloud).tolist() == [[-1, -0.5, 1], [0, -1, -1]]


def test_a_point_has_no_extent() -> None:
    with pytest.raises(KgError, match="one place"):
        normalise(np.full((5, 3), 0.3))


@pytest.mark.parametrize("away", [0, 15, 25, 1e6])
def test_a_cloud_that_would_be_a_dot_is_refused(away: float) -> None:
    """A cube of side 1, moved along x: its share of the range is 1 / (1 + away)."""
    cloud = np.random.default_rng(0).uniform(0, 1, (500, 3)) + np.array([away, 0, 0])
    if away < 19:
        assert normalise(cloud, "range") == scaling_of(cloud, "range")
        return
    with pytest.raises(KgError, match="too far from the origin") as caught:
        normalise(cloud, "range")
    assert "subtract its centre" in caught.value.hint
    assert normalise(cloud - cloud.mean(axis=0), "range").scale == pytest.approx(0.5, rel=0.1)


def test_one_point_many_times_has_no_extent() -> None:
    with pytest.raises(KgError, match="one place"):
        normalise(np.tile([1.0, 2, 3], (5, 1)))


def test_empty_positions_pass() -> None:
    assert Scaling(2, (1, 1, 1)).to_normalised(np.empty((0, 3))).shape == (0, 3)
