"""One file a format. Every reader takes a path and returns a `kg.data.mesh.Mesh`.

The readers raise KgError without the file's name; `kg.data.read` adds it. PLY, PCD, OBJ and OFF are
read here rather than by open3d: it fills the missing points of a truncated file with whatever is in
memory, and it splits an OBJ's vertices where their texture differs, so that their numbers are lost.
"""
