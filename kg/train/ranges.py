"""Clouds of a store by their range over all axes, for detectors that want them so."""

from dataclasses import replace

import numpy as np

from kg.data.normalise import normalise, off_range, to_source
from kg.data.store import Clouds


def by_range(clouds: Clouds) -> Clouds:
    """Return clouds normalised by their range over all axes; unchanged where they are.

    Raises:
        KgError: One lies so far from the origin that it would be a dot.
    """
    if not off_range(clouds.scale, clouds.offset).any():
        return clouds
    source = to_source(clouds.points, clouds.scale, clouds.offset)
    frames = [normalise(cloud, "range") for cloud in source]
    landmarks = clouds.landmarks
    if landmarks is not None:
        places = to_source(landmarks, clouds.scale, clouds.offset)
        landmarks = np.stack([frame.to_normalised(own) for frame, own in zip(frames, places, strict=True)])
    return replace(
        clouds,
        points=np.stack([frame.to_normalised(cloud) for frame, cloud in zip(frames, source, strict=True)]),
        scale=np.array([frame.scale for frame in frames]),
        offset=np.array([frame.offset for frame in frames]),
        landmarks=landmarks,
    )
