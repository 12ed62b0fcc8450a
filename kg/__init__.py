"""Keypoints that mean the same on every shape of a category, learnt without labels."""

from kg.devices import share_cpu

__version__ = "0.1.0"

share_cpu()  # before anything of kg loads PyTorch
