"""Detectors that come with kg."""
