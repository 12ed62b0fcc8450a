"""SelfGeo: keypoints of a deforming thing that keep their distances along its surface."""

from kg_detectors.selfgeo.network import SelfGeo

__all__ = ["SelfGeo"]
