"""Does the decoder use the heatmap? Reconstruct without it, and with another cloud's, and compare."""

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from kg import ops
from kg.config import Inference
from kg.model import HeatmapUse

if TYPE_CHECKING:
    from kg_detectors.key_grid.network import KeyGrid


@torch.no_grad()
def heatmap_use(
    model: "KeyGrid", points: Tensor, batch_size: int = 8, inference: Inference | None = None
) -> HeatmapUse | None:
    """Return how much worse a trained network reconstructs clouds when their heat is taken away.

    The places of the grid's nodes, which belong to the heatmap but are the cloud's, stay. Another cloud is
    the next one in order.

    Args:
        model: In evaluation mode.
        points: (n, N, 3) normalised, of the model's own N, on its device.
        batch_size: Clouds at a time.
        inference: How keypoints are chosen; by default as configured.

    Returns:
        The distances; None for a network whose decoder has no heatmap.
    """
    if not model.config.decoder_heatmap:
        return None
    if model.config.canonical:
        points = ops.gather(points, ops.canonical_order(points))
    batches = torch.split(points, batch_size)
    outputs = [model(batch, inference=inference, reconstruct=False) for batch in batches]
    keypoints = torch.cat([one.keypoints for one in outputs])
    edges = torch.cat([one.edges for one in outputs])
    skeletons = {
        "own": (keypoints, edges),
        "zeroed": (keypoints, torch.zeros_like(edges)),
        "swapped": (keypoints.roll(-1, 0), edges.roll(-1, 0)),
    }
    sums = dict.fromkeys(skeletons, 0.0)
    for number, batch in enumerate(batches):
        features = model.backbone(batch)
        rows = slice(number * batch_size, number * batch_size + len(batch))
        for name, (places, weights) in skeletons.items():
            rebuilt = model.decoder(features, places[rows], weights[rows])
            sums[name] += ops.chamfer_distance(rebuilt, batch).item() * len(batch)
    means = {name: total / len(points) for name, total in sums.items()}
    if len(points) == 1:
        means["swapped"] = math.nan
    return HeatmapUse(**means, shapes=len(points))
