"""SC3K: keypoints that agree between two posed views of a shape."""

from kg_detectors.sc3k.network import SC3K

__all__ = ["SC3K"]
