"""Pictures of predictions. Importing it imports neither pyvista nor matplotlib."""

from kg.viz.sheet import RENDERERS, Rendered, Style, contact_sheet, render, show

__all__ = ["RENDERERS", "Rendered", "Style", "contact_sheet", "render", "show"]
