"""Key-Grid: keypoints, their skeleton and the reconstruction that teaches both."""

from kg_detectors.key_grid.network import KeyGrid

__all__ = ["KeyGrid"]
