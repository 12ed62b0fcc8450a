"""Keypoints that mean the same on every shape of a category, learnt without labels."""

__version__ = "0.1.0"
