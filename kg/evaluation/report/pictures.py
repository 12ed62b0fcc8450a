"""The worst and the best shapes as pictures inside the page, one for light and one for dark surroundings."""

import base64
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kg.inference.predictions import Predictions
from kg.viz import Style, render

LIGHT, DARK = "#ffffff", "#171b22"
"""The backgrounds of the page's cards, in its style sheet."""

PIXELS = 360


def extremes(
    values: NDArray[np.float64], ids: NDArray[np.str_], count: int, lower: bool
) -> tuple[list[str], list[str]]:
    """Return the ids of the worst and of the best shapes, the most extreme first; no shape is both.

    Args:
        values: (n,) of each shape; those that are NaN are neither.
        ids: (n,) of the shapes.
        count: How many of each, at most.
        lower: Whether a lower value is better.
    """
    known = np.flatnonzero(np.isfinite(values))
    order = known[np.argsort(values[known] * (-1 if lower else 1), kind="stable")]
    count = min(count, -(-len(order) // 2))
    worst, best = order[:count], order[count:][::-1][:count]
    return ids[worst].tolist(), ids[best].tolist()


def picture(predictions: Predictions, ids: Sequence[str]) -> dict[str, str]:
    """Return addresses that hold a picture of shapes with their keypoints: one for light, one for dark."""
    return {
        "light": _embedded(predictions, ids, LIGHT),
        "dark": _embedded(predictions, ids, DARK),
    }


def _embedded(predictions: Predictions, ids: Sequence[str], background: str) -> str:
    style = Style(size=PIXELS, columns=min(len(ids), 2), labels=True, background=background)
    with tempfile.TemporaryDirectory() as folder:
        drawn = render(predictions, Path(folder) / "shapes.png", ids=ids, style=style)
        content = base64.b64encode(drawn.path.read_bytes()).decode()
    return f"data:image/png;base64,{content}"
