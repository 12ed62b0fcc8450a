"""Point-cloud operations: one public function each, the fastest version at hand chosen at run time.

Clouds are (B, N, 3), features (B, N, C), indices int64. Searches (sampling, neighbours) return indices
and carry no gradient; what is computed from the gathered points does.
"""

from kg.ops.chamfer import chamfer_distance
from kg.ops.neighbours import (
    Interpolation,
    ball_query,
    interpolation_weights,
    nearest_neighbours,
    three_interpolate,
)
from kg.ops.norm import batch_norm_relu, batch_norm_relu_max
from kg.ops.sampling import canonical_order, farthest_point_sample, gather
from kg.ops.skeleton import edge_pairs, nearest_node, skeleton_heatmap

__all__ = [
    "Interpolation",
    "ball_query",
    "batch_norm_relu",
    "batch_norm_relu_max",
    "canonical_order",
    "chamfer_distance",
    "edge_pairs",
    "farthest_point_sample",
    "gather",
    "interpolation_weights",
    "nearest_neighbours",
    "nearest_node",
    "skeleton_heatmap",
    "three_interpolate",
]
