"""Point-cloud operations: one public function each, the fastest version at hand chosen at run time.

Each is an operator of `torch.library`, so that autograd, `torch.compile` and fake tensors know it, and has
a plain version in `torch_kernels` that is the specification of the fast ones (`kernels` chooses).

Clouds are (B, N, 3), features (B, N, C), indices int64. Searches (sampling, neighbours) return indices
and carry no gradient; what is computed from the gathered points does.
"""

from kg.ops.chamfer import chamfer_distance
from kg.ops.columns import column_statistics
from kg.ops.groups import Layer, group_mlp_max
from kg.ops.neighbours import (
    Interpolation,
    ball_query,
    interpolation_weights,
    nearest_neighbours,
    neighbour_max,
    three_interpolate,
)
from kg.ops.norm import Moments, batch_norm_relu
from kg.ops.sampling import canonical_order, farthest_point_sample, gather
from kg.ops.skeleton import edge_pairs, nearest_node, skeleton_heatmap

__all__ = [
    "Interpolation",
    "Layer",
    "Moments",
    "ball_query",
    "batch_norm_relu",
    "canonical_order",
    "chamfer_distance",
    "column_statistics",
    "edge_pairs",
    "farthest_point_sample",
    "gather",
    "group_mlp_max",
    "interpolation_weights",
    "nearest_neighbours",
    "nearest_node",
    "neighbour_max",
    "skeleton_heatmap",
    "three_interpolate",
]
