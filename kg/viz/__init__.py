"""Pictures of predictions. Importing it imports neither pyvista nor matplotlib."""

from kg.viz.picture import Rendered
from kg.viz.samples import draw_store
from kg.viz.sheet import contact_sheet, render, show
from kg.viz.style import Style

__all__ = ["Rendered", "Style", "contact_sheet", "draw_store", "render", "show"]
