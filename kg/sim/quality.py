"""How good a simulated sequence is, in numbers. Needs numba."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kg.sim.cloth import Cloth
from kg.sim.crossings import crossings


@dataclass(frozen=True)
class Quality:
    """What is wrong with a sequence; 0 is perfect.

    Attributes:
        crossing: Share of its frames in which the mesh passes through itself.
        at_last: Pairs (edge, triangle) that pass through each other in the last frame.
        stretch, stretch_99, stretch_most: Median, 99th percentile and largest of how much longer an edge is
            than at rest, as a share, over all frames; 0 for one that is shorter.
        pressed_99: 99th percentile of how much shorter it is: wrinkles that the mesh is too coarse for.
        below: How deep the lowest vertex ever was below the height at which cloth lies, as a share of
            the thickness.
    """

    crossing: float
    at_last: int
    stretch: float
    stretch_99: float
    stretch_most: float
    pressed_99: float
    below: float


def measure(frames: Sequence[NDArray[np.float64]], cloth: Cloth, thickness: float) -> Quality:
    """Return the quality of frames (V, 3), in metres with the ground at z = 0."""
    i, j = cloth.edges.pairs.T
    lengths = np.array([np.linalg.norm(frame[i] - frame[j], axis=1) for frame in frames])
    longer = lengths / cloth.edges.rest - 1
    stretch = longer.clip(min=0)
    lowest = min(float(frame[:, 2].min()) for frame in frames)
    crossing = crossings(frames, cloth.faces)
    return Quality(
        crossing=sum(count > 0 for count in crossing) / len(frames),
        at_last=crossing[-1],
        stretch=float(np.median(stretch)),
        stretch_99=float(np.percentile(stretch, 99)),
        stretch_most=float(stretch.max()),
        pressed_99=float(np.percentile(-longer.clip(max=0), 99)),
        below=max(0.0, thickness / 2 - lowest) / thickness,
    )
