"""Shapes, data sets and the prepared store: what a data set plugin works with."""

from kg.data.dataset import Dataset, Fetch, Item, PrepareOptions
from kg.data.normalise import Frame, normalise
from kg.data.shape import Shape
from kg.data.store import Store

__all__ = ["Dataset", "Fetch", "Frame", "Item", "PrepareOptions", "Shape", "Store", "normalise"]
