"""Shapes, data sets and the prepared store: what a data set plugin works with."""

from kg.data.dataset import Dataset, Get, Item, PrepareOptions, Remote, Split
from kg.data.fetching.archive import find_folder, locate
from kg.data.mesh import Mesh, weld
from kg.data.normalise import Scaling, normalise
from kg.data.read import read_mesh, read_shape, shape_files
from kg.data.shape import Shape
from kg.data.store import Store

__all__ = [
    "Dataset",
    "Get",
    "Item",
    "Mesh",
    "PrepareOptions",
    "Remote",
    "Scaling",
    "Shape",
    "Split",
    "Store",
    "find_folder",
    "locate",
    "normalise",
    "read_mesh",
    "read_shape",
    "shape_files",
    "weld",
]
