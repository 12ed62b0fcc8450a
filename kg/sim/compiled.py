"""How the solver's loops are compiled by numba."""

from numba import njit

loop = njit(cache=True, nogil=True, error_model="numpy")
"""Compile a loop on first use, and keep it: free of Python's lock, and with no look at what it divides by."""
