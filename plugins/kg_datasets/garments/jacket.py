"""Jackets: shirts that are open in front, with a collar."""

from dataclasses import dataclass

from kg_datasets.garments.collar import cut_open, turned_down
from kg_datasets.garments.half import Half
from kg_datasets.garments.shirt import LONGEST, Shirt
from kg_datasets.garments.sizes import drawn


@dataclass(frozen=True)
class Jacket(Shirt):
    """A long-sleeved shirt whose front is open from neck to hem; further sizes as of the shirt.

    Attributes:
        collar: Width of the collar.
        spread: Degrees by which the collar's edges at the throat lean outwards.
        open_neck, open_hem: How far each front stays from the centre line, at neck and hem.
    """

    length: float = drawn(0.64, 0.80)
    chest: float = drawn(0.52, 0.62)
    waist: float = drawn(0.92, 1.0)
    hem: float = drawn(0.90, 1.02)
    neck: float = drawn(0.17, 0.21)
    front_neck: float = drawn(0.08, 0.11)
    neck_power: float = drawn(1.6, 2.2)
    armhole: float = drawn(0.20, 0.24, sided=True)
    sleeve: float = drawn(0.40, LONGEST, sided=True)
    sleeve_angle: float = drawn(36.0, 56.0, sided=True)
    cuff: float = drawn(1.05, 1.35, sided=True)
    collar: float = drawn(0.060, 0.080)
    spread: float = drawn(35.0, 55.0, sided=True)
    open_neck: float = drawn(0.012, 0.030, sided=True)
    open_hem: float = drawn(0.020, 0.070, sided=True)

    def half(self) -> Half:
        """Return the half on the wearer's left."""
        return turned_down(cut_open(super().half(), self.open_hem, self.open_neck), self.collar, self.spread)
