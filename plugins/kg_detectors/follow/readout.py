"""From what is known of every point to keypoints."""

from typing import NamedTuple

import torch
from torch import Tensor

from kg.ops.precision import full_precision
from kg_detectors.follow.template import THIN

DOORS = 3
"""Places through which the ways lead to an anchor that is none itself."""
CLOSE = 0.05
"""Share of the box's diagonal: a keypoint within it of its anchor counts as found."""
VISIBLE = 0.2
"""Confidence from which a keypoint is said to be visible. Where either of two layers may be its own, it has a
half: it is seen, though nobody knows on which of them."""
FAR = 0.3
"""Share of the diagonal beyond which it does not matter by how much a keypoint would miss its anchor."""
LEAST = 1e-30
"""Likelihood that has a logarithm."""


class Readout(NamedTuple):
    """Keypoints of clouds.

    Attributes:
        indices: (B, K) points of the clouds.
        confidences: (B, K), 0 to 1, how likely each lies within `CLOSE` of its anchor.
    """

    indices: Tensor
    confidences: Tensor


def read_out(likelihood: Tensor, ways: Tensor, temperature: float | Tensor = 1.0) -> Readout:
    """Return for each anchor the cloud's point whose way to it is expected to be the least.

    A point that may lie far away on another layer loses against one that is nearer for sure, but a way counts
    `FAR` at most: on a packet that might lie either way round, what is halfway between the two is no
    compromise. A mean over points would lie on none.

    Args:
        likelihood: (B, N, M), how likely each point lies at each of the template's places, up to a factor of
            the point.
        ways: (B, M, K), or (M, K) for all, from each place to each anchor, shares of the box's diagonal.
        temperature: What confidences are calibrated by; the choice does not depend on it.
    """
    with full_precision(likelihood.device):
        indices = (likelihood @ ways.clamp(max=FAR) / likelihood.sum(2, keepdim=True)).argmin(1)  # (B, K)
    rows = indices[..., None].expand(-1, -1, likelihood.shape[2])
    logits = likelihood.gather(1, rows).clamp(min=LEAST).log()  # (B, K, M)
    near = (ways <= CLOSE).to(likelihood.dtype).transpose(-2, -1)
    return Readout(indices, ((logits / temperature).softmax(2) * near).sum(2).clamp(0, 1))


def ways_to(anchors: Tensor, places: Tensor, ways: Tensor, boxes: Tensor) -> Tensor:
    """Return the ways from the places to anchors anywhere on the object, (C, M, K), shares of the diagonal.

    They lead through the nearest of the three places that are nearest to the anchor.

    Args:
        anchors: (C, K, 3) in [-1, 1] of the box.
        places: (C, M, 3), the same.
        ways: (C, M, M) between places.
        boxes: (C, 3) sides of the box.
    """
    diagonal = boxes.norm(dim=1)[:, None]
    sides = boxes[:, None] / diagonal[..., None] / 2
    # A thin axis counts for more in the search, so that it finds places of the same layer.
    stretched = torch.maximum(boxes, THIN * diagonal)[:, None]
    apart = torch.cdist(anchors * stretched, places * stretched, compute_mode="donot_use_mm_for_euclid_dist")
    doors = apart.topk(DOORS, largest=False).indices  # (C, K, DOORS)
    count, kinds = ways.shape[1], torch.arange(len(ways), device=ways.device)[:, None, None]
    last = ((anchors[:, :, None] - places[kinds, doors]) * sides[:, None]).norm(dim=3)
    flat = doors.flatten(1)[:, None].expand(-1, count, -1)
    through = ways.gather(2, flat).to(last).view(*flat.shape[:2], -1, DOORS) + last[:, None]
    shortest: Tensor = through.amin(3)
    return shortest
