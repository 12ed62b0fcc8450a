"""Fronts that are cut open and collars that are turned down."""

from dataclasses import replace

import numpy as np

from kg_datasets.garments.curves import Curve, line, rounded
from kg_datasets.garments.half import Collar, Edge, Half

TIP = 1.15
"""Length of a collar's edge at the throat, as a share of its width."""
CLEAR = np.radians(11.0)
"""By how much a collar's side rises above the shoulder's line, so that it lies around the shoulder."""


def cut_open(half: Half, hem: float, neck: float) -> Half:
    """Return the half with its front cut away along the centre, by so much at the hem and at the neck."""
    lower, upper = half.edges[0], half.edges[-1]
    rim, neckline = _beyond(lower.front, hem), _beyond(upper.front[::-1], neck)[::-1]
    edges = [
        Edge(lower.start, rim, lower.back),
        *half.edges[1:-1],
        Edge(upper.start, neckline, upper.back),
    ]
    return replace(half, edges=edges, slit=line(rim[0], neckline[-1]))


def turned_down(half: Half, width: float, spread: float) -> Half:
    """Return a half, cut open, with a collar.

    Args:
        half: Its last edge is the neckline, the one before it ends with the shoulder.
        width: From the neckline to the collar's edge.
        spread: Degrees from the vertical by which the edge at the throat leans outwards.
    """
    shoulder, neckline = half.edges[-2].front, half.edges[-1]
    neck, throat = neckline.front[0], neckline.front[-1]
    assert neckline.back is not None
    nape = neckline.back[-1]
    lean = np.radians(spread)
    tip = throat + TIP * width * np.array([np.sin(lean), -np.cos(lean)])
    fall = np.arctan2(*(shoulder[-2] - neck)[::-1]) + CLEAR
    side = neck + width * np.array([np.cos(fall), np.sin(fall)])
    middle = nape - [0, width]
    return replace(
        half,
        collar=Collar(
            front=line(throat, tip),
            outer=line(tip, side),
            side=line(neck, side),
            back=rounded([side, [side[0] * 0.7, middle[1]], middle], 1.0),
        ),
    )


def _beyond(curve: Curve, x: float) -> Curve:
    """Return the part of a curve, drawn from the centre line outwards, that lies beyond x."""
    at = int(np.searchsorted(curve[:, 0], x, side="right"))
    before, after = curve[at - 1], curve[at]
    share = (x - before[0]) / (after[0] - before[0])
    return np.concatenate([[before + share * (after - before)], curve[at:]])
