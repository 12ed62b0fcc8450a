import h5py
import numpy as np
import pytest

from kg.data.rows_on_disk import RowsOnDisk
from kg.errors import KgError

ROWS = np.array([7, 0, 19, 7, 3])


@pytest.mark.parametrize("packed", [False, True])
def test_rows_in_any_order(tiny_store, packed):
    points = tiny_store.read().points
    if packed:
        with h5py.File(tiny_store.path, "r+") as file:
            del file["points"]
            file.create_dataset("points", data=points, chunks=(3, 64, 3), compression="gzip")
    with RowsOnDisk(tiny_store, "points") as column:
        assert column.shape == points.shape
        np.testing.assert_array_equal(column.read(ROWS), points[ROWS])
        assert column.read(ROWS[:0]).shape == (0, 64, 3)


def test_a_store_that_is_replaced_meanwhile_is_read_as_it_was(tiny_store, tmp_path):
    points = tiny_store.read().points
    with RowsOnDisk(tiny_store, "points") as column:
        (tmp_path / "other").write_bytes(b"nothing")
        (tmp_path / "other").replace(tiny_store.path)
        np.testing.assert_array_equal(column.read(ROWS), points[ROWS])


def test_points_that_are_no_numbers_are_refused(tiny_store):
    with h5py.File(tiny_store.path, "r+") as file:
        file["points"][3, 5] = np.nan
    with RowsOnDisk(tiny_store, "points") as column:
        assert column.read(np.array([2, 4])).shape == (2, 64, 3)
        with pytest.raises(KgError, match=r"store\.h5 is no kg store: its 'points' has values that are NaN"):
            column.read(ROWS)


def test_a_file_that_was_cut_is_told(tiny_store):
    with RowsOnDisk(tiny_store, "points") as column:
        with tiny_store.path.open("rb+") as file:
            file.truncate(2000)
        with pytest.raises(KgError, match="it ends within row 19"):
            column.read(np.array([19]))
    tiny_store.path.unlink()
    with pytest.raises(KgError, match="cannot be read"):
        RowsOnDisk(tiny_store, "points")
