"""The network: the backbone contract, Key-Grid's heads and decoder, its losses and checkpoints."""

from kg.model.backbone import Backbone, Features, Pyramid
from kg.model.layers import MLP, BatchNorm, GroupMLP

__all__ = ["MLP", "Backbone", "BatchNorm", "Features", "GroupMLP", "Pyramid"]
