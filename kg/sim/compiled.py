"""How the solver's loops are compiled."""

from kg.compiling import compiled

loop = compiled(error_model="numpy")
"""Compile a loop on first use, and keep it: with no look at what it divides by."""
