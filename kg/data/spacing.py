"""How close the points of a cloud lie."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

PROBES = 64
"""Points of a cloud whose neighbours are measured."""


def spacing(clouds: Sequence[NDArray[np.floating]]) -> float:
    """Return the median distance to the sixth neighbour in clouds (N, 3).

    On a surface of density ρ that is about 1.3 / √ρ, whether the samples are even or random; the first
    neighbour's distance would depend on that.
    """
    sixth = []
    for cloud in clouds:
        probes = cloud[:: -(-len(cloud) // PROBES)]
        squared = ((probes[:, None] - cloud[None]) ** 2).sum(axis=-1)
        rank = min(6, len(cloud) - 1)
        sixth.append(np.sqrt(np.partition(squared, rank, axis=1)[:, rank]))
    return float(np.median(np.concatenate(sixth)))
