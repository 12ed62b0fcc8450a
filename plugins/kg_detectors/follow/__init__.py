"""Keypoints that follow the material: where every point lies at rest, learnt from known correspondence."""

from kg_detectors.follow.detector import Follow

__all__ = ["Follow"]
