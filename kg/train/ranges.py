"""Clouds of a store by their range over all axes, for detectors that want them so."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from kg.data.normalise import Frame, normalise, off_range, to_source
from kg.data.store import Clouds


def by_range(clouds: Clouds) -> Clouds:
    """Return clouds normalised by their range over all axes; unchanged where they are.

    Raises:
        KgError: One lies so far from the origin that it would be a dot.
    """
    if not off_range(clouds.scale, clouds.offset).any():
        return clouds
    points, frames = points_by_range(clouds.points, clouds.scale, clouds.offset)
    landmarks = clouds.landmarks
    if landmarks is not None:
        places = to_source(landmarks, clouds.scale, clouds.offset)
        landmarks = np.stack([frame.to_normalised(own) for frame, own in zip(frames, places, strict=True)])
    return replace(
        clouds,
        points=points,
        scale=np.array([frame.scale for frame in frames]),
        offset=np.array([frame.offset for frame in frames]),
        landmarks=landmarks,
    )


def points_by_range(
    points: NDArray[np.float32], scale: NDArray[np.float64], offset: NDArray[np.float64]
) -> tuple[NDArray[np.float32], list[Frame]]:
    """Return clouds (n, N, 3) normalised by their range, and the frame of each.

    Args:
        points: (n, N, 3), as the store has them.
        scale: (n,) of the frames that they are in.
        offset: (n, 3) or (n,) of these.

    Raises:
        KgError: As `by_range`.
    """
    source = to_source(points, scale, offset)
    frames = [normalise(cloud, "range") for cloud in source]
    return np.stack([frame.to_normalised(cloud) for frame, cloud in zip(frames, source, strict=True)]), frames
