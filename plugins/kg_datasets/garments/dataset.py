"""The data set of garments that kg makes."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from kg.data import Dataset, Item, PrepareOptions, Shape
from kg.errors import KgError
from kg_datasets.garments.dress import LongDress, ShortDress
from kg_datasets.garments.hat import Hat
from kg_datasets.garments.jacket import Jacket
from kg_datasets.garments.laying import lay
from kg_datasets.garments.mask import Mask
from kg_datasets.garments.polo import Polo
from kg_datasets.garments.scarf import Scarf
from kg_datasets.garments.sewing import sew
from kg_datasets.garments.shirt import Shirt
from kg_datasets.garments.sizes import Sizes
from kg_datasets.garments.skirt import Skirt
from kg_datasets.garments.tie import Tie
from kg_datasets.garments.trousers import LongPants, ShortPants
from kg_datasets.garments.vest import Vest

CATEGORIES: Mapping[str, type[Sizes]] = {
    "hat": Hat,
    "jacket": Jacket,
    "long-dress": LongDress,
    "long-pants": LongPants,
    "mask": Mask,
    "polo": Polo,
    "scarf": Scarf,
    "shirt": Shirt,
    "short-dress": ShortDress,
    "short-pants": ShortPants,
    "skirt": Skirt,
    "tie": Tie,
    "vest": Vest,
}

OBJECTS = 200
"""Garments a category, unless the user says how many."""


class Garments(Dataset):
    """Clothes from parametric sewing patterns, laid flat and lightly creased.

    Landmarks are the places where the lines of the pattern meet, each on a vertex of the mesh. Material
    coordinates are metres on the pattern: x, y, and 1 cm to the front or the back of the seams' plane; 2
    cm on a collar, which is turned down upon them; 0 on a garment of one layer.
    """

    name = "garments"
    title = "Clothes made by kg from sewing patterns"
    licence = "MIT, made by kg"
    builtin = True
    cloth = True
    categories = tuple(CATEGORIES)
    keypoints = 8
    farthest = 12
    variant = "laid"
    up = "z"
    unit = "metre"

    def landmark_names(self, category: str) -> Mapping[int, str]:
        """Return the names of the landmarks; left and right are the wearer's."""
        self.check_category(category)
        return dict(enumerate(CATEGORIES[category].middle().pattern().places))

    def items(self, category: str, raw: Path, options: PrepareOptions) -> Sequence[Item]:
        """Return as many garments as are wanted; the first of many are those of a few.

        Raises:
            KgError: There is no such category, or fewer than one garment is wanted.
        """
        self.check_category(category)
        count = OBJECTS if options.objects is None else options.objects
        if count < 1:
            raise KgError(f"{count} garments cannot be made.", "Ask for at least one with --objects.")
        names = [f"{category}-{index:04d}" for index in range(count)]
        return [
            Item(id=name, object=name, source=(category, options.seed, index))
            for index, name in enumerate(names)
        ]

    def load(self, item: Item) -> Shape:
        """Make one garment, the same for the same category, seed and index whatever else is made."""
        return self.coarser(item, 1.0)

    def coarser(self, item: Item, times: float) -> Shape:
        """Make the same garment with edges so many times as long."""
        category, seed, index = item.source
        rng = np.random.default_rng([seed, index, *category.encode()])
        pattern = CATEGORIES[category].draw(rng).pattern(rng)
        garment = sew(replace(pattern, edge=times * pattern.edge))
        vertices = lay(garment, rng)
        return Shape(
            vertices=vertices,
            faces=garment.faces,
            landmarks=vertices[list(garment.landmarks.values())],
            landmark_ids=np.arange(len(garment.landmarks)),
            rest_positions=garment.rest_positions,
        )
