"""Data sets brought to their folder: downloads, archives, what a user obtained by hand."""
