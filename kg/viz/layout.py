"""Where things stand on a page."""

import math
from dataclasses import dataclass

from kg.viz.scene import Scene


@dataclass(frozen=True)
class Layout:
    """Sizes in pixels.

    Attributes:
        columns: Tiles in a row.
        tile: Width and height of a tile.
        title: Height of the line under each tile; 0 for none.
        legend: Height of the legend at the bottom; 0 for none.
        legend_columns: Entries in a row of the legend.
        legend_entry: Width of each, in heights of the letters.
        text: Height of the letters.
        width, height: Of the page.
    """

    columns: int
    tile: tuple[int, int]
    title: int
    legend: int
    legend_columns: int
    legend_entry: float
    text: int
    width: int
    height: int

    def corner(self, number: int) -> tuple[int, int]:
        """Return how far right and down the upper left corner of a tile lies."""
        row, column = divmod(number, self.columns)
        return column * self.tile[0], row * (self.tile[1] + self.title)


def arrange(scene: Scene, size: int, columns: int | None, titled: bool) -> Layout:
    """Return the layout of a scene with tiles whose longer side has `size` pixels."""
    count = len(scene.shapes)
    wide, high = (max(1, round(size * half / max(scene.half))) for half in scene.half)
    columns = min(columns or _balanced(count, wide / high), count)
    rows = -(-count // columns)
    width = columns * wide
    text = max(9, round(size / 32))
    # A letter is about half as wide as it is high; a dot and a gap stand beside a number of two.
    legend_entry = 2 + 0.5 * max(2, *map(len, scene.entries), 0)
    legend_columns = max(1, int((width - text) / (legend_entry * text)))
    legend_rows = -(-len(scene.entries) // legend_columns) if scene.legend else 0
    title = 2 * text if titled else 0
    legend = round((1.9 * legend_rows + 0.8) * text) if legend_rows else 0
    height = rows * (high + title) + legend
    return Layout(columns, (wide, high), title, legend, legend_columns, legend_entry, text, width, height)


def shorten(title: str, letters: int) -> str:
    """Return a title of at most `letters` (3 or more) without its middle: ids differ at both ends."""
    letters = max(letters, 3)
    if len(title) <= letters:
        return title
    tail = (letters - 1) // 2
    return f"{title[: letters - 1 - tail]}…{title[-tail:]}"


def _balanced(count: int, aspect: float) -> int:
    """Return the number of columns that leaves few gaps and makes a page half as wide again as high."""

    def cost(columns: int) -> float:
        rows = -(-count // columns)
        return abs(math.log(columns * aspect / rows / 1.5)) + 2 * (rows * columns - count) / count

    return min(range(1, count + 1), key=cost)
