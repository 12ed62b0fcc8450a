"""Distances along a surface of which only points are known: shortest paths from neighbour to neighbour.

Where two layers lie nearer to each other than the points of one, a path jumps from layer to layer.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

ATTACHED = 4
"""Nodes through which a place that is no node itself is joined to the graph."""


class Surface:
    """A graph of points, each joined to its nearest and to those that it is among the nearest of.

    Args:
        nodes: (M, 3).
        neighbours: How many are the nearest; all others where there are fewer.
    """

    def __init__(self, nodes: NDArray[np.floating], neighbours: int) -> None:
        self.nodes = np.asarray(nodes, np.float64)
        count = min(neighbours + 1, len(nodes))
        near = self.nearest(self.nodes, count)
        here = np.repeat(np.arange(len(nodes)), count)
        # A point is its own nearest; where another lies in the same place, it may be that one.
        pairs = np.stack([here, near.ravel()])
        pairs = np.concatenate([pairs, pairs[::-1]], axis=1)
        _, first = np.unique(pairs[0] * len(nodes) + pairs[1], return_index=True)
        self.edges = pairs[:, first]
        self.lengths = np.linalg.norm(self.nodes[self.edges[1]] - self.nodes[self.edges[0]], axis=1)

    def nearest(self, places: NDArray[np.float64], count: int) -> NDArray[np.int64]:
        """Return the nodes (Q, count) that are nearest to places (Q, 3), the nearest first."""
        import torch

        from kg.ops import nearest_neighbours

        # float32 keeps differences only of coordinates around 0.
        centre = self.nodes.mean(0)
        queries, points = (
            torch.from_numpy((cloud - centre).astype(np.float32))[None] for cloud in (places, self.nodes)
        )
        return np.asarray(nearest_neighbours(queries, points, count)[0].numpy())

    def from_nodes(self, indices: NDArray[np.integer]) -> NDArray[np.float64]:
        """Return the distances (S, M) from nodes (S,) to all; infinite where no path leads."""
        size = len(self.nodes)
        graph = csr_array((self.lengths, self.edges), shape=(size, size))
        return np.asarray(dijkstra(graph, indices=indices))

    def _from_places(self, doors: NDArray[np.int64], steps: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the distances (S, M) from places that are joined to nodes (S, D) by steps (S, D)."""
        size, count = len(self.nodes), len(doors)
        # Each place is a node of its own, from which ways lead to its doors, and none to it.
        starts = np.repeat(size + np.arange(count), doors.shape[1])
        edges = np.concatenate([self.edges, [starts, doors.ravel()]], axis=1)
        lengths = np.concatenate([self.lengths, steps.ravel()])
        graph = csr_array((lengths, edges), shape=(size + count, size + count))
        return np.asarray(dijkstra(graph, indices=np.arange(size, size + count)))[:, :size]

    def along(self, starts: NDArray[np.float64], ends: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the distance from place s, of starts (S, 3), to each of ends (m, S, 3), as (m, S).

        Straight between places that share a node among their nearest, and across pieces that no path joins.
        """
        rows = np.broadcast_to(np.arange(len(starts)), ends.shape[:2])
        way = self._ways(starts, rows.ravel(), ends.reshape(-1, 3)).reshape(rows.shape)
        return np.asarray(np.where(np.isinf(way), np.linalg.norm(ends - starts, axis=2), way))

    def shown(
        self, starts: NDArray[np.float64], clouds: NDArray[np.float64], reach: float
    ) -> NDArray[np.bool_]:
        """Return from which places, of starts (S, 3), a point of each cloud (m, N, 3) is near, (m, S).

        Near is what no more than the reach leads to: a layer that lies close by, and to which no path leads,
        is not.
        """
        straight = np.stack([np.linalg.norm(cloud - starts[:, None], axis=2) for cloud in clouds])
        # No way is shorter than the straight one.
        of, row, point = np.nonzero(straight <= reach)
        near = np.zeros(straight.shape[:2], dtype=np.bool_)
        if len(of):
            way = self._ways(starts, row, clouds[of, point])
            near[of[way <= reach], row[way <= reach]] = True
        return near

    def _ways(
        self, starts: NDArray[np.float64], rows: NDArray[np.int64], ends: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return the distances (P,) from starts[rows[p]], of starts (S, 3), to ends (P, 3).

        Straight between places that share a node among their nearest, infinite where no path leads.
        """
        count = min(ATTACHED, len(self.nodes))
        doors = self.nearest(starts, count)
        distances = self._from_places(doors, np.linalg.norm(self.nodes[doors] - starts[:, None], axis=2))

        exits = self.nearest(ends, count)
        last = np.linalg.norm(self.nodes[exits] - ends[:, None], axis=2)
        way = (distances[rows[:, None], exits] + last).min(1)
        straight = np.linalg.norm(ends - starts[rows], axis=1)
        close = (exits[..., None] == doors[rows, None]).any((1, 2))
        return np.asarray(np.where(close, straight, way))
