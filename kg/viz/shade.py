"""Light and shadow on a cloud that has no surface; everything as seen from +z."""

import numpy as np
from numpy.typing import NDArray

from kg.viz.colours import mix

CELLS = 72
AROUND = np.array([(x, y) for x in (-2, -1, 0, 1, 2) for y in (-2, -1, 0, 1, 2) if x or y])
LIGHT = np.array([-0.4, 0.6, 0.7])
NEIGHBOURS = 12
MOST = 2048
LIT, DARK = np.array([0.80, 0.83, 0.87]), np.array([0.28, 0.33, 0.42])


def hidden_share(points: NDArray[np.float64], half: float) -> float:
    """Return the share of points (N, 3) that others cover; `half` is half the side of the picture."""
    cell = _cells(points, half, cells := 40)
    near = _depth(cell, points, cells)[cell[:, 0], cell[:, 1]]
    return float((near - points[:, 2] > 0.1 * half).mean())


def shadow(points: NDArray[np.float64], half: float) -> NDArray[np.float64]:
    """Return how shaded each point (N, 3) lies, 0 to 1: eye-dome lighting on a coarse grid.

    A point is darker, the more its neighbours in the picture stand nearer to the viewer than it does
    (Boucheny 2009, there by pixel). `half` is half the side of the picture.
    """
    cell = _cells(points, half, CELLS) + 2
    near = _depth(cell, points, CELLS + 4)
    around = near[cell[:, None, 0] + AROUND[:, 0], cell[:, None, 1] + AROUND[:, 1]]
    step = np.hypot(AROUND[:, 0], AROUND[:, 1]) * 2 * half / CELLS
    over = np.clip((around - points[:, 2, None]) / step, 0, 2.5).mean(axis=1)
    shade: NDArray[np.float64] = 1 - np.exp(-0.8 * over)
    return shade


def facing(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how squarely the surface through each point (N, 3) faces the light, 0 to 1 (Lambert).

    The surface is the plane through the nearest points; it has no inside, so both of its sides are lit.
    """
    light = LIGHT / np.linalg.norm(LIGHT)
    among = points[:: -(-len(points) // MOST)]
    count = min(NEIGHBOURS, len(among))
    cosines = np.empty(len(points))
    for start in range(0, len(points), 512):
        part = points[start : start + 512]
        squared = (part**2).sum(axis=1)[:, None] - 2 * part @ among.T + (among**2).sum(axis=1)
        patch = among[np.argpartition(squared, count - 1, axis=1)[:, :count]]
        patch = patch - patch.mean(axis=1, keepdims=True)
        normal = np.linalg.eigh(patch.transpose(0, 2, 1) @ patch)[1][:, :, 0]
        normal *= np.where(normal[:, 2:] < 0, -1, 1)
        cosines[start : start + 512] = normal @ light
    return np.clip(cosines, 0, 1)


def cloud_colours(
    points: NDArray[np.float64],
    half: float,
    background: NDArray[np.float64],
    own: NDArray[np.float64] | None = None,
) -> NDArray[np.float64]:
    """Return the colours (N, 3) of a cloud: darker off the light and in hollows, fainter when far.

    `own` (N, 3) are its points' colours in the light; grey by default.
    """
    shade = 1 - (0.35 + 0.65 * facing(points)) * (1 - 0.85 * shadow(points, half))
    far = np.clip((half - points[:, 2]) / (2 * half), 0, 1)
    lit, dark = (LIT, DARK) if own is None else (own, own * DARK / LIT)
    return mix(mix(lit, dark, shade), background, 0.45 * far)


def _cells(points: NDArray[np.float64], half: float, cells: int) -> NDArray[np.int64]:
    scaled = (points[:, :2] / half + 1) / 2 * cells
    return np.clip(scaled.astype(np.int64), 0, cells - 1)


def _depth(cell: NDArray[np.int64], points: NDArray[np.float64], cells: int) -> NDArray[np.float64]:
    near = np.full((cells, cells), -np.inf)
    np.maximum.at(near, (cell[:, 0], cell[:, 1]), points[:, 2])
    return near
