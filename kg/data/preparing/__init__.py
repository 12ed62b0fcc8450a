"""Shapes turned into a store, by several processes, so that an interruption loses nothing."""
