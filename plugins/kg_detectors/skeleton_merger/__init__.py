"""Skeleton Merger: keypoints that carry a skeleton, whose edges rebuild the cloud."""

from kg_detectors.skeleton_merger.network import SkeletonMerger

__all__ = ["SkeletonMerger"]
