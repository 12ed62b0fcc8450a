"""KeypointDeformer: keypoints whose moves deform one shape into another."""

from kg_detectors.keypoint_deformer.network import KeypointDeformer

__all__ = ["KeypointDeformer"]
