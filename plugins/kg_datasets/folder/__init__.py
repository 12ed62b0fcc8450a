"""A user's own files."""

from kg_datasets.folder.dataset import Folder

__all__ = ["Folder"]
