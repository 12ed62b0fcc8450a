"""Loops compiled by numba on first use, and kept on disk for the next process.

Importing it imports numba, and no PyTorch.
"""

from kg.compiling.loops import compiled

__all__ = ["compiled"]
