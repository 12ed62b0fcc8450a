"""Locks, and file systems without them."""

import errno

import pytest
from filelock import FileLock

from kg.data.lock import alone, holding


def test_a_second_one_is_told_and_waits(tmp_path):
    other, told = FileLock(tmp_path / ".store.lock", is_singleton=False), []
    other.acquire()

    def on_wait():
        told.append("waiting")
        other.release()

    with alone(tmp_path / "store.h5", on_wait):
        assert told == ["waiting"]
        with pytest.raises(TimeoutError):
            other.acquire(timeout=0)
    other.acquire(timeout=0)
    other.release()


def test_what_is_raised_instead_of_waiting_leaves_the_lock_to_the_other(tmp_path):
    def refuse():
        raise KeyError("taken")

    with FileLock(tmp_path / "lock"), pytest.raises(KeyError), holding(tmp_path / "lock", refuse):
        pytest.fail("it is held by another")


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP])
def test_where_there_are_no_locks_work_goes_on_with_a_warning(tmp_path, monkeypatch, number):
    def acquire(self, *_, **__):
        raise OSError(number, "no locks available")

    monkeypatch.setattr(FileLock, "acquire", acquire)
    done = []
    with pytest.warns(UserWarning, match="no locks"), holding(tmp_path / "lock", pytest.fail):
        done.append(True)
    assert done


def test_another_problem_of_the_lock_is_told(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"), holding(tmp_path / "file" / "lock", pytest.fail):
        pass
