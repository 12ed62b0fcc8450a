"""Measuring: ground truth, metrics, protocols, results, comparison and reports."""
