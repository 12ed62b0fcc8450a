"""A user's clouds on their way to a detector and back: any units, any number of points, arrays or tensors."""

import warnings
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kg.data.batches import thinning
from kg.data.normalise import Kind, normalise
from kg.data.store import Clouds
from kg.errors import KgError
from kg.inference.predictions import Predictions

Cloud = NDArray[Any] | Tensor


class Detection(NamedTuple):
    """The keypoints of a cloud, or of a batch with B first, arrays or tensors as the cloud was.

    Attributes:
        keypoints: (K, 3) in the units of the cloud; keypoint k means the same on every shape.
        indices: (K,) integers: the point of the cloud that is nearest to each keypoint.
        confidences: (K,) 0 to 1.
        visible: (K,) whether the cloud shows the keypoint's place on the object; if not, the keypoint is a
            guess. None if the detector does not say.
    """

    keypoints: Any
    indices: Any
    confidences: Any
    visible: Any = None


def as_clouds(points: Cloud, count: int, how: Kind) -> tuple[Clouds, NDArray[np.int64]]:
    """Return clouds of `count` points, normalised, and which of the points given (B, count) they are.

    Args:
        points: (N, 3) or (B, N, 3).
        count: Of the points of each.
        how: What they are normalised by.

    Raises:
        KgError: The points cannot be clouds; says why.
    """
    if isinstance(points, Tensor):
        points = points.detach().to("cpu", torch.float64).numpy()
    values = np.asarray(points, dtype=np.float64)
    if values.ndim not in (2, 3) or values.shape[-1] != 3 or 0 in values.shape:
        raise KgError(f"Points are (N, 3) or (B, N, 3), not {values.shape}.")
    if not np.isfinite(values).all():
        raise KgError("A coordinate of the points is NaN or infinite.", "Leave those points out.")
    batch = values if values.ndim == 3 else values[None]
    number = batch.shape[1]
    if number < count:
        warnings.warn(
            f"{number} points are fewer than the {count} of the training: some are repeated.", stacklevel=3
        )
        kept = np.broadcast_to(np.resize(np.arange(number), count), (len(batch), count))
    else:
        kept = thinning(batch, count)
    thinned = np.take_along_axis(batch, kept[..., None], axis=1)
    scalings = [normalise(cloud, how) for cloud in thinned]
    names = [str(row) for row in range(len(batch))]
    clouds = Clouds(
        ids=names,
        objects=names,
        frame=np.zeros(len(batch), np.int32),
        points=np.stack(
            [scaling.to_normalised(cloud) for scaling, cloud in zip(scalings, thinned, strict=True)]
        ),
        scale=np.array([scaling.scale for scaling in scalings]),
        offset=np.array([scaling.offset for scaling in scalings]),
    )
    return clouds, kept


def as_given(points: Cloud, found: Predictions, kept: NDArray[np.int64]) -> Detection:
    """Return what was found in clouds as the points were given: one cloud or several, arrays or tensors.

    Args:
        points: (N, 3) or (B, N, 3).
        found: In the thinned clouds.
        kept: (B, n), which of the points these hold.
    """
    indices = np.take_along_axis(kept, found.indices, axis=1)
    arrays: list[NDArray[Any]] = [found.keypoints_source, indices, found.confidences]
    if found.visible is not None:
        arrays.append(found.visible)
    if points.ndim == 2:
        arrays = [values[0] for values in arrays]
    if isinstance(points, Tensor):
        kind = points.dtype if points.is_floating_point() else torch.float32
        kinds = (kind, torch.int64, kind, torch.bool)
        tensors = zip(arrays, kinds, strict=False)
        return Detection(*(torch.from_numpy(values).to(points.device, to) for values, to in tensors))
    real = np.issubdtype(points.dtype, np.floating)
    return Detection(arrays[0].astype(points.dtype if real else np.float64), *arrays[1:])
