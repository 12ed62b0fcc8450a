"""Datasets of HDF5 files that may be a stranger's.

HDF5 lets a dataset lie in other files: by external storage, external links, or as a virtual dataset. Through
any of them a file that is shared could read what the reader's machine holds. A small file can claim any shape
besides.
"""

from typing import Any

import h5py

from kg.errors import KgError

DENSEST = 64
"""Times the size of its file that a dataset takes in memory at most; clouds packed well take twice it."""


def own_dataset(file: Any, name: str) -> Any:
    """Return a dataset that lies in this very file, and claims no more than the file can hold.

    Args:
        file: An open h5py.File.
        name: The dataset's path within it.

    Raises:
        KgError: There is none, or it lies elsewhere, or its shape is absurd. The message does not name the
            file.
    """
    group: Any = file
    for part in name.split("/"):
        link = group.get(part, getlink=True) if isinstance(group, h5py.Group) else None
        if link is None:
            raise KgError(f"it has no '{name}'")
        if not isinstance(link, h5py.HardLink):
            raise KgError(f"its '{name}' is a link to somewhere else")
        group = group[part]
    if not isinstance(group, h5py.Dataset):
        raise KgError(f"its '{name}' is no array")
    if group.external or group.is_virtual:
        raise KgError(f"its '{name}' lies in another file")
    if group.shape is None:
        raise KgError(f"its '{name}' is empty")
    if group.nbytes > DENSEST * file.id.get_filesize():
        raise KgError(f"its '{name}' claims {group.nbytes:.3g} bytes, in a file of {file.id.get_filesize()}")
    return group
