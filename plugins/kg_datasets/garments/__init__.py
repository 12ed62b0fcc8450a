"""Garments made by kg itself: nothing to fetch, and every place on them is known.

A garment comes about in three steps, each of which can be used by itself:

    sizes = CATEGORIES["shirt"].draw(rng)
    garment = sew(sizes.pattern(rng))    # two flat layers, meshed and sewn
    vertices = lay(garment, rng)         # (V, 3), laid down and lightly creased

Axes: x to the wearer's left, y up, z out of the front; metres. Left and right are the wearer's.
"""

from kg_datasets.garments.dataset import CATEGORIES, Garments
from kg_datasets.garments.laying import lay
from kg_datasets.garments.sewing import Garment, sew

__all__ = ["CATEGORIES", "Garment", "Garments", "lay", "sew"]
