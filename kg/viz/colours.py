"""One colour a keypoint, the same on every shape."""

import numpy as np
from numpy.typing import NDArray

# Chosen so that the smallest distance in OKLab, to each other, to the cloud's grey and to white, is large
# for normal, protanope, deuteranope and tritanope sight alike; the first ones are the furthest apart.
# fmt: off
PALETTE = (
    "#3b6ed7", "#cf5604", "#2eab6f", "#e9ca16", "#72339f", "#53b0de", "#a6204c", "#fca0a7",
    "#adb33c", "#402e71", "#762f06", "#ad5697", "#0a5b74", "#d8dea0", "#839ffc", "#ef7d88",
    "#5e875a", "#631f4a", "#95e3d3", "#c08e43", "#2e37da", "#e6b5fc", "#4b8bc5", "#f4b674",
)
# fmt: on


def keypoint_colours(count: int) -> NDArray[np.float64]:
    """Return the colours of keypoints 0 to count - 1, (count, 3) sRGB in 0 to 1.

    From the 25th on they repeat: more colours than these nobody tells apart.
    """
    names = "".join(PALETTE[number % len(PALETTE)][1:] for number in range(count))
    return np.frombuffer(bytes.fromhex(names), dtype=np.uint8).reshape(count, 3) / 255


def mix(
    first: NDArray[np.float64], second: NDArray[np.float64], share: NDArray[np.float64] | float
) -> NDArray[np.float64]:
    """Return `first` with `share` (0 to 1) of `second` in it; colours (..., 3), share (...)."""
    weight = np.asarray(share, dtype=np.float64)[..., None]
    mixed: NDArray[np.float64] = first * (1 - weight) + second * weight
    return mixed


def ink(background: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the colour of text and lines that reads well on a background (3,)."""
    return np.full(3, 0.25) if is_light(background) else np.full(3, 0.85)


def is_light(colour: NDArray[np.float64]) -> bool:
    """Return whether black reads better on a colour (3,) than white."""
    return float(colour @ np.array([0.299, 0.587, 0.114])) > 0.5
