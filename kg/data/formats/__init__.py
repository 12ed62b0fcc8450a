"""One file a format. Every reader takes a path and returns a `kg.data.mesh.Mesh`.

The readers raise KgError without the file's name; `kg.data.read` adds it, and makes one of whatever else they
raise. They are for strangers' files: counts are held against the file's size before anything is made of
them, so that no small file takes much memory or time.

All formats are read here rather than by open3d, which takes truncated files for whole ones (the missing
points of a PCD are then whatever was in memory) and splits an OBJ's vertices where their texture differs, so
that their numbers, which tell where a point of a garment goes, are lost.
"""
