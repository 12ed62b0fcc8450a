"""Which of the K (K - 1) / 2 weighted edges to draw: all of them are a hairball."""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import minimum_spanning_tree

from kg.inference.predictions import Predictions


def choose_edges(predictions: Predictions, threshold: float | None = None) -> NDArray[np.int64]:
    """Return the columns of `edges` to draw, the same ones for every shape.

    The default is the maximum spanning tree of the mean weight over all shapes: K - 1 edges that
    reach every keypoint. Weights that differ by less than 0.01 count as equal, and of equal
    ones the shorter comes first, so that weights which say nothing still give a tidy picture.

    Args:
        predictions: Keypoints (n, K, 3) and edges (n, E).
        threshold: Draw every edge with at least this mean weight instead.
    """
    weight = predictions.edges.mean(axis=0, dtype=np.float64)
    if threshold is not None:
        # In the precision of the weights: 0.7 reaches 0.7.
        return np.flatnonzero(weight >= np.float32(threshold))
    ends = predictions.keypoints[:, predictions.edge_pairs]
    length = np.linalg.norm(ends[:, :, 0] - ends[:, :, 1], axis=-1).mean(axis=0)
    order = np.lexsort((length, -weight.round(2)))
    # An edge costs its rank, so that no two cost the same and the tree is the only one.
    rank = np.empty(len(order))
    rank[order] = np.arange(1, len(order) + 1)
    size = predictions.keypoints.shape[1]
    tree = minimum_spanning_tree(coo_array((rank, predictions.edge_pairs.T), shape=(size, size)))
    return np.sort(order[tree.data.astype(np.int64) - 1])
