"""Distances along the surface of clouds, and how much those between keypoints change."""

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import dijkstra
from scipy.spatial import cKDTree
from torch import Tensor

from kg import ops

NEIGHBOURS = 20
"""Each point is joined to so many nearest ones."""


def geodesics(points: Tensor, places: Tensor) -> Tensor:
    """Return the shortest ways (B, M, N) from some points to all, along the graph of nearest neighbours.

    Straight ones where no way leads. They carry no gradient.

    Args:
        points: (B, N, 3).
        places: (B, M) int64, the points to start from.
    """
    clouds, rows = points.detach().cpu().double().numpy(), places.cpu().numpy()
    ways = np.stack([_ways(cloud, each) for cloud, each in zip(clouds, rows, strict=True)])
    return torch.from_numpy(ways).to(points)


def _ways(cloud: NDArray[np.float64], places: NDArray[np.int64]) -> NDArray[np.float64]:
    near = min(NEIGHBOURS + 1, len(cloud))
    lengths, others = cKDTree(cloud).query(cloud, near)
    rows = np.repeat(np.arange(len(cloud)), near)
    # A length of 0 would be no edge.
    graph = csr_matrix((lengths.ravel() + 1e-12, (rows, others.ravel())), (len(cloud),) * 2)
    ways: NDArray[np.float64] = dijkstra(graph, directed=False, indices=places)
    straight = np.linalg.norm(cloud[places][:, None] - cloud, axis=2)
    return np.where(np.isinf(ways), straight, ways)


def between_keypoints(points: Tensor, weights: Tensor, count: int) -> Tensor:
    """Return the mean way along each cloud between keypoints, (B, K, K), symmetric.

    A keypoint is spread over the cloud by its weights. Ways begin at some farthest points, each of which
    stands for the points whose nearest it is.

    Args:
        points: (B, N, 3).
        weights: (B, N, K), summing to 1 over the points.
        count: How many of the points ways begin at; 0 for all, which is exact and slow.
    """
    if 0 < count < points.shape[1]:
        places = ops.farthest_point_sample(points, count)
    else:
        places = torch.arange(points.shape[1], device=points.device).expand(points.shape[:2])
    ways = geodesics(points, places)
    owners = ways.argmin(1)[..., None].expand_as(weights)
    gathered = weights.new_zeros(len(weights), places.shape[1], weights.shape[2])
    gathered = gathered.scatter_add(1, owners, weights)
    between = gathered.transpose(1, 2) @ ways @ weights
    return (between + between.transpose(1, 2)) / 2


def geodesic_loss(ways: Tensor, released: bool = False) -> Tensor:
    """Return the mean square by which ways between keypoints, (B, K, K), differ between two frames.

    Args:
        ways: Of the frames of one thing.
        released: The sum over the shifts from 1 to B by which frames are compared with others: B - 1 times
            the mean over all pairs, and so the larger the batch.
    """
    pairs = len(ways) - 1 if released else 1
    # The mean square difference of two of them is twice their variance.
    return 2 * pairs * ways.var(0).mean() if len(ways) > 1 else 0 * ways.sum()


def smoothness_loss(keypoints: Tensor) -> Tensor:
    """Return the mean way of keypoints (B, K, 3) from a frame to the next; 0 for a single frame."""
    if len(keypoints) == 1:
        return 0 * keypoints.sum()
    mean: Tensor = torch.linalg.vector_norm(keypoints[1:] - keypoints[:-1], dim=2).mean()
    return mean
