"""Pictures and films of predictions and stores. Importing it imports neither pyvista nor matplotlib."""

from kg.viz.film import draw_film, draw_frames
from kg.viz.motion import motion_of_predictions, motion_of_store
from kg.viz.picture import Rendered
from kg.viz.samples import draw_store
from kg.viz.sheet import contact_sheet, render, show
from kg.viz.style import Style

__all__ = [
    "Rendered",
    "Style",
    "contact_sheet",
    "draw_film",
    "draw_frames",
    "draw_store",
    "motion_of_predictions",
    "motion_of_store",
    "render",
    "show",
]
