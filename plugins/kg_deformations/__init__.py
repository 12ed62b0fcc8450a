"""Motions of cloth, one file each, which kg finds through the entry-point group `kg.deformations`."""
