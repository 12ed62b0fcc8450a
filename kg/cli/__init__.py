"""The command line. Importing it imports neither torch, open3d nor pyvista."""

from kg.cli.app import main

__all__ = ["main"]
