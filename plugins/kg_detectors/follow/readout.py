"""From what is known of every point to keypoints."""

from typing import NamedTuple

from torch import Tensor

CLOSE = 0.05
"""Share of the box's diagonal: a keypoint within it of its anchor counts as found."""


class Readout(NamedTuple):
    """Keypoints of clouds.

    Attributes:
        indices: (B, K) points of the clouds.
        confidences: (B, K), 0 to 1, how likely each lies within `CLOSE` of its anchor.
    """

    indices: Tensor
    confidences: Tensor


def read_out(posterior: Tensor, ways: Tensor) -> Readout:
    """Return for each anchor the cloud's point whose way to it is expected to be the least.

    That is the choice with the least mean error, if the posterior is right: a point that may lie far away
    on another layer loses against one that is nearer for sure. A mean over points would lie on none.

    Args:
        posterior: (B, N, M), of each point over the template's places, sums to 1.
        ways: (B, M, K), from each place to each anchor, as shares of the box's diagonal.
    """
    indices = (posterior @ ways).argmin(1)  # (B, K)
    near = posterior @ (ways <= CLOSE).to(posterior.dtype)
    return Readout(indices, near.gather(1, indices[:, None])[:, 0].clamp(0, 1))
