"""Contracts of detectors and backbones, the layers that they share, and checkpoints."""

from kg.model.backbone import Backbone, Features, Pyramid
from kg.model.detector import Adopted, Batch, Candidate, Detector, Examples, Found, HeatmapUse, Losses
from kg.model.layers import MLP, BatchNorm, GroupMLP

__all__ = [
    "MLP",
    "Adopted",
    "Backbone",
    "Batch",
    "BatchNorm",
    "Candidate",
    "Detector",
    "Examples",
    "Features",
    "Found",
    "GroupMLP",
    "HeatmapUse",
    "Losses",
    "Pyramid",
]
