"""Another detector's keypoints, learnt on turned shapes."""

from kg_detectors.student.detector import Student

__all__ = ["Student"]
