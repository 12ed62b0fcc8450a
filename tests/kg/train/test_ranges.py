"""Clouds by their range, whatever the store has."""

from dataclasses import replace

import numpy as np
import pytest

from kg.data.normalise import normalise, to_source
from kg.errors import KgError
from kg.train.examples import read_examples
from kg.train.ranges import by_range


def in_boxes(clouds):
    """Return clouds normalised by their boxes."""
    source, landmarks = (
        to_source(part, clouds.scale, clouds.offset) for part in (clouds.points, clouds.landmarks)
    )
    scalings = [normalise(cloud) for cloud in source]
    return replace(
        clouds,
        points=np.stack(
            [scaling.to_normalised(cloud) for scaling, cloud in zip(scalings, source, strict=True)]
        ),
        landmarks=np.stack(
            [scaling.to_normalised(own) for scaling, own in zip(scalings, landmarks, strict=True)]
        ),
        scale=np.array([scaling.scale for scaling in scalings]),
        offset=np.array([scaling.offset for scaling in scalings]),
    )


def test_a_store_of_ranges_is_read_as_it_is(tiny_store):
    clouds = tiny_store.read("train")
    assert by_range(clouds) is clouds
    np.testing.assert_array_equal(
        read_examples([tiny_store], "train", "object", 64, "range").points, clouds.points
    )


def test_clouds_in_boxes_are_brought_to_their_range_with_their_landmarks(tiny_store):
    clouds = tiny_store.read()
    source = to_source(clouds.points, clouds.scale, clouds.offset)
    found = by_range(in_boxes(clouds))
    low, high = source.min((1, 2))[:, None, None], source.max((1, 2))[:, None, None]
    np.testing.assert_allclose(found.points, 2 * (source - low) / (high - low) - 1, atol=1e-5)
    marks = to_source(clouds.landmarks, clouds.scale, clouds.offset)
    np.testing.assert_allclose(found.landmarks, 2 * (marks - low) / (high - low) - 1, atol=1e-5)


def test_what_would_be_a_dot_is_refused(tiny_store):
    clouds = in_boxes(tiny_store.read())
    with pytest.raises(KgError, match="too far from the origin"):
        by_range(replace(clouds, offset=clouds.offset + np.array([100, 0, 0])))
