"""Another detector's keypoints, of shapes that are first turned to lie as their category does."""

from kg_detectors.upright.detector import Upright

__all__ = ["Upright"]
