"""Extremal points that recur on all shapes of a category."""

from kg_detectors.extremal.detector import Extremal

__all__ = ["Extremal"]
