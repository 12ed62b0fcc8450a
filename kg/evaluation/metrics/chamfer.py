"""Chamfer distance between a cloud and what the decoder makes of its keypoints."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kg.evaluation.metrics import arrays
from kg.evaluation.metrics.metric import Measured, Metric, Sample, Terms, mean_part


def chamfer(reconstructions: ArrayLike, points: ArrayLike) -> NDArray[np.float64]:
    """Return the Chamfer distance of each pair of clouds, (n,), as Key-Grid's similarity loss has it.

    Squared distance to the nearest point of the other cloud, mean over points, both directions summed.

    Args:
        reconstructions: (n, M, 3).
        points: (n, N, 3), in the same space.

    Raises:
        ValueError: An array has the wrong shape.
    """
    import torch

    from kg.ops import nearest_neighbours

    pair = arrays.clouds("reconstructions", reconstructions), arrays.clouds("points", points)
    arrays.clouds("points", points, len(pair[0]))

    def one_way(source: NDArray[np.float64], target: NDArray[np.float64]) -> NDArray[np.float64]:
        queries, cloud = (torch.from_numpy(of.astype(np.float32)) for of in (source, target))
        nearest = nearest_neighbours(queries, cloud).numpy()
        return np.asarray(np.square(source - np.take_along_axis(target, nearest, axis=1)).sum(2).mean(1))

    return one_way(*pair) + one_way(*pair[::-1])


def _measure(sample: Sample, _: Terms) -> Measured:
    assert sample.detector is not None
    return Measured({"value": mean_part(1000 * chamfer(*sample.detector.reconstructions()))})


METRIC = Metric(
    name="chamfer",
    title="How far the decoder's cloud is from the shape, squared, normalised (Key-Grid's similarity loss)",
    units={"value": "×10⁻³"},
    measure=_measure,
    truth="detector",
    lower_is_better=frozenset({"value"}),
)
