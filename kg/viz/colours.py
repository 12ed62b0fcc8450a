"""One colour a keypoint, the same on every shape; and one for each place on a thing that deforms."""

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

OKLAB_TO_LMS = np.array(
    [
        [1.0, 0.3963377774, 0.2158037573],
        [1.0, -0.1055613458, -0.0638541728],
        [1.0, -0.0894841775, -1.2914855480],
    ]
)
LMS_TO_SRGB = np.array(
    [
        [4.0767416621, -3.3077115913, 0.2309699292],
        [-1.2684380046, 2.6097574011, -0.3413193965],
        [-0.0041960863, -0.7034186147, 1.7076147010],
    ]
)


def keypoint_colours(count: int) -> NDArray[np.float64]:
    """Return the colours of keypoints 0 to count - 1, (count, 3) sRGB in 0 to 1.

    From the 25th on they repeat: more colours than these nobody tells apart.
    """
    names = "".join(PALETTE[number % len(PALETTE)][1:] for number in range(count))
    return np.frombuffer(bytes.fromhex(names), dtype=np.uint8).reshape(count, 3) / 255


def place_colours(
    rest_positions: NDArray[np.floating], low: NDArray[np.floating], high: NDArray[np.floating]
) -> NDArray[np.float64]:
    """Return pale colours (..., 3) of places (..., 3) on a thing at rest, in a box with these corners (3,).

    They change evenly along its two longest axes, from blue to yellow and from green to red, and get
    lighter along the third, in OKLab (Ottosson 2020); keypoints stand out from all of them.
    """
    extent = np.asarray(high, dtype=np.float64) - low
    size = max(float(extent.max()), 1e-12)
    long, short, third = np.argsort(-extent, kind="stable")
    centred = (np.asarray(rest_positions, dtype=np.float64) - low - extent / 2) / size
    lab = np.stack(
        [0.85 + 0.06 * centred[..., third], 0.2 * centred[..., short], 0.2 * centred[..., long]], axis=-1
    )
    linear = (lab @ OKLAB_TO_LMS.T) ** 3 @ LMS_TO_SRGB.T
    linear = np.clip(linear, 0, 1)
    colours: NDArray[np.float64] = np.where(
        linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055
    )
    return colours


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
