"""Garments made by kg itself: nothing to fetch, and every place on them is known.

A garment comes about in three steps, each of which can be used by itself:

    sizes = Shirt.draw(rng)              # or Shirt(length=0.7, ...)
    garment = sew(sizes.pattern(rng))    # two flat layers, meshed and sewn
    vertices = lay(garment, rng)         # (V, 3), laid down and lightly creased

Axes: x to the wearer's left, y up, z out of the front; metres. Left and right are the wearer's.
"""

from kg_datasets.garments.dataset import CATEGORIES, Garments
from kg_datasets.garments.dress import Dress
from kg_datasets.garments.laying import lay
from kg_datasets.garments.sewing import Garment, sew
from kg_datasets.garments.shirt import Shirt
from kg_datasets.garments.skirt import Skirt
from kg_datasets.garments.trousers import LongPants, ShortPants

__all__ = [
    "CATEGORIES",
    "Dress",
    "Garment",
    "Garments",
    "LongPants",
    "Shirt",
    "ShortPants",
    "Skirt",
    "lay",
    "sew",
]
