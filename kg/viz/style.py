"""How a sheet looks."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Style:
    """What a user can choose.

    Attributes:
        size: Pixels of the longer side of a tile.
        columns: Tiles in a row; None for a balanced page.
        edges: Draw the skeleton: the maximum spanning tree of the mean edge weights.
        threshold: Draw every edge with at least this mean weight instead, 0 to 1.
        labels: Write the ids under the shapes and the numbers on the keypoints.
        view: auto, front, back, side, top or "azimuth,elevation" in degrees.
        up: The axis that is up in the source, y or z; None for z where it is known to be, else y.
        trails: Draw where the keypoints of a sequence have been.
        background: A colour that matplotlib knows: a name or #rrggbb.
        renderer: auto, pyvista or matplotlib; auto is pyvista where it renders, and for vector files
            matplotlib.
    """

    size: int = 400
    columns: int | None = None
    edges: bool = True
    threshold: float | None = None
    labels: bool = False
    view: str = "auto"
    up: str | None = None
    trails: bool = True
    background: str = "white"
    renderer: str = "auto"


DEFAULT = Style()
