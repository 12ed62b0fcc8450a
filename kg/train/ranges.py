"""Clouds of a store by their range over all axes, for detectors that want them so."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from kg.data.normalise import Scaling, normalise, off_range, to_source
from kg.data.store import Clouds


def by_range(clouds: Clouds) -> Clouds:
    """Return clouds normalised by their range over all axes; unchanged where they are.

    Raises:
        KgError: One lies so far from the origin that it would be a dot.
    """
    if not off_range(clouds.scale, clouds.offset).any():
        return clouds
    points, scalings = points_by_range(clouds.points, clouds.scale, clouds.offset)
    landmarks = clouds.landmarks
    if landmarks is not None:
        places = to_source(landmarks, clouds.scale, clouds.offset)
        landmarks = np.stack(
            [scaling.to_normalised(own) for scaling, own in zip(scalings, places, strict=True)]
        )
    return replace(
        clouds,
        points=points,
        scale=np.array([scaling.scale for scaling in scalings]),
        offset=np.array([scaling.offset for scaling in scalings]),
        landmarks=landmarks,
    )


def points_by_range(
    points: NDArray[np.float32], scale: NDArray[np.float64], offset: NDArray[np.float64]
) -> tuple[NDArray[np.float32], list[Scaling]]:
    """Return clouds (n, N, 3) normalised by their range, and the scaling of each.

    Args:
        points: (n, N, 3), as the store has them.
        scale: (n,) that they are normalised by.
        offset: (n, 3) or (n,) of these.

    Raises:
        KgError: As `by_range`.
    """
    source = to_source(points, scale, offset)
    scalings = [normalise(cloud, "range") for cloud in source]
    return np.stack(
        [scaling.to_normalised(cloud) for scaling, cloud in zip(scalings, source, strict=True)]
    ), scalings
