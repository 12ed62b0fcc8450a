"""Pictures and films of predictions and stores. Importing it imports neither pyvista nor matplotlib."""

from kg.viz.animation import draw_film, draw_frames
from kg.viz.contact_sheets import contact_sheet, render, show
from kg.viz.motion import motion_of_predictions, motion_of_store
from kg.viz.picture import Rendered
from kg.viz.store_picture import draw_store
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
