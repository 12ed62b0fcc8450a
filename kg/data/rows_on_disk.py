"""Rows of a store read where they lie, any number at a time, without what is around them."""

import os
from pathlib import Path
from types import TracebackType
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from kg.data.store import Store
from kg.data.store_file import AGAIN, COLUMNS, checked
from kg.errors import KgError


class RowsOnDisk:
    """A column of a store, open for as long as this is: rows can be read in any order, by several threads.

    A file may be replaced meanwhile, as a store is that grows: what is read is what was opened.

    Args:
        store: Which.
        name: Of the column, a field of `kg.data.store.Clouds`.

    Raises:
        KgError: A file cannot be read.
    """

    def __init__(self, store: Store, name: str) -> None:
        self._files: list[_Column] = []
        for file in store.files:
            self._files.append(_Column(file.path, COLUMNS.get(name, name)))
        self._starts = np.array(store.starts)
        self.shape: tuple[int, ...] = (store.count, *self._files[0].shape)

    def read(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return (n, ...) for row numbers (n,), in their order, which may repeat.

        Raises:
            KgError: A file cannot be read any more.
        """
        if len(self._files) == 1:
            return self._files[0].read(rows)
        result = np.empty((len(rows), *self.shape[1:]), np.float32)
        of = np.searchsorted(self._starts, rows, side="right") - 1
        for number in np.unique(of).tolist():
            places = np.flatnonzero(of == number)
            result[places] = self._files[number].read(rows[places] - self._starts[number])
        return result

    def close(self) -> None:
        """Close the files; nothing can be read any more."""
        for file in self._files:
            file.close()

    def __enter__(self) -> "RowsOnDisk":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()


class _Column:
    """The column in one of the files; `shape` is that of a row."""

    def __init__(self, path: Path, name: str) -> None:
        self._path, self._name = path, name
        try:
            with h5py.File(path, "r", locking=False) as file:
                column: Any = file[name]
                self.shape: tuple[int, ...] = column.shape[1:]
                self._dtype = column.dtype
                plain = column.chunks is None and hasattr(os, "pread")
                self._offset = column.id.get_offset() if plain else None
            self._file = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        except (OSError, KeyError) as error:
            raise KgError(f"{path} cannot be read: {error}") from error

    def read(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return (n, ...) for row numbers within the file."""
        values = self._read_packed(rows) if self._offset is None else self._read_plain(rows, self._offset)
        try:
            return checked(values, self._name)
        except KgError as error:
            raise KgError(f"{self._path} is no kg store: {error.message}.", AGAIN) from error

    def _read_plain(self, rows: NDArray[np.int64], offset: int) -> NDArray[np.float32]:
        """Return rows of a column that begins at a byte of the file."""
        # Not by memory map: pages that were looked at would count as this process's memory.
        size = int(np.prod(self.shape)) * self._dtype.itemsize
        result = np.empty((len(rows), *self.shape), self._dtype)
        for place, row in enumerate(rows.tolist()):
            content = os.pread(self._file, size, offset + row * size)
            if len(content) != size:
                raise KgError(f"{self._path} cannot be read: it ends within row {row}.")
            result[place] = np.frombuffer(content, self._dtype).reshape(self.shape)
        return result.astype(np.float32, copy=False)

    def _read_packed(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return rows of a column that is packed, or of any on a system that cannot read at a place."""
        once, places = np.unique(rows, return_inverse=True)
        try:
            with h5py.File(self._path, "r", locking=False) as file:
                values: NDArray[np.float32] = file[self._name][once].astype(np.float32, copy=False)
        except (OSError, KeyError) as error:
            raise KgError(f"{self._path} cannot be read: {error}") from error
        return values[places]

    def close(self) -> None:
        """Close the file, unless it is."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
