import errno
import os
from pathlib import Path

import pytest

from kg import paths
from kg.errors import KgError


def test_the_folders_follow_their_variables(tmp_path: Path) -> None:
    assert paths.home() == tmp_path / "home"
    assert paths.raw("clothesnet") == tmp_path / "home" / "raw" / "clothesnet"
    assert paths.store("d", "c", "v") == tmp_path / "home" / "prepared" / "d" / "c" / "v.h5"
    assert paths.runs() == tmp_path / "runs"


def test_without_variables(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("KG_HOME", "KG_RUNS", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert paths.home() == tmp_path / ".local/share/kg"
    assert paths.runs() == Path("runs")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    assert paths.home() == tmp_path / "data/kg"
    monkeypatch.setenv("KG_HOME", "~/mine")
    assert paths.home() == tmp_path / "mine"


def test_who_has_no_home_is_told_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("KG_HOME", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)

    def no_home(_: object) -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "expanduser", no_home)
    with pytest.raises(KgError) as caught:
        paths.home()
    assert "KG_HOME" in caught.value.hint


def test_the_variable_that_moves_a_folder_where_nothing_can_be_written(tmp_path: Path) -> None:
    def variable(file: Path, number: int = errno.EACCES) -> str | None:
        return paths.variable_of(OSError(number, "no", str(file)))

    assert variable(paths.home() / "prepared" / "x") == variable(tmp_path, errno.EROFS) == "KG_HOME"
    assert variable(paths.runs() / "mine") == "KG_RUNS"
    assert variable(tmp_path / "elsewhere") is variable(paths.home(), errno.ENOSPC) is None


def test_what_cannot_be_written_is_told_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    paths.require_writable(None, tmp_path / "file", tmp_path / "new", tmp_path / "deep" / "er" / "new")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file"]
    with pytest.raises(KgError, match=f"{tmp_path} is a folder"):
        paths.require_writable(None, tmp_path)
    with pytest.raises(KgError, match=r"new cannot be written: .*file is a file"):
        paths.require_writable(tmp_path / "file" / "deep" / "new")


def test_a_folder_that_is_read_only_is_told_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As root may write anywhere, the system is asked in its place."""
    monkeypatch.setattr(os, "access", lambda folder, mode: folder != tmp_path)
    with pytest.raises(KgError, match=r"new cannot be written: .* is read-only"):
        paths.require_writable(tmp_path / "new")


@pytest.mark.parametrize("name", ["..", "a/b", "", ".x", "a\\b", "a\0b"])
def test_a_store_is_called_by_plain_names(name: str) -> None:
    with pytest.raises(KgError, match="category cannot be called"):
        paths.store("d", name, "v")
    with pytest.raises(KgError, match="variant cannot be called"):
        paths.store("d", "c", name)


def test_stores_are_listed_without_those_being_written() -> None:
    for name in ("d/c/v", "d/b/v", "d/c/.v-123"):
        file = paths.home() / "prepared" / f"{name}.h5"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    assert paths.stores() == [paths.store("d", "b", "v"), paths.store("d", "c", "v")]


def test_replacing_shows_the_old_file_or_the_whole_new_one(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "a.txt"
    with paths.replacing(file) as temporary:
        temporary.write_text("first")
        assert not file.exists()
        assert temporary.suffix == ".txt"
        assert temporary.parent == file.parent
    assert file.read_text() == "first"
    with pytest.raises(KeyboardInterrupt):
        write_and_interrupt(file)
    assert file.read_text() == "first"
    assert list(file.parent.iterdir()) == [file]


def write_and_interrupt(file: Path) -> None:
    with paths.replacing(file) as temporary:
        temporary.write_text("sec")
        raise KeyboardInterrupt


def test_replaced_files_have_ordinary_permissions(tmp_path: Path) -> None:
    (tmp_path / "ordinary").touch()
    with paths.replacing(tmp_path / "a") as temporary:
        temporary.touch()
    assert (tmp_path / "a").stat().st_mode == (tmp_path / "ordinary").stat().st_mode


def test_what_is_replaced_has_the_permissions_of_a_new_file(tmp_path: Path) -> None:
    (tmp_path / "plain").touch()
    with paths.replacing(tmp_path / "made") as temporary:
        temporary.write_text("x")
    assert (tmp_path / "made").stat().st_mode == (tmp_path / "plain").stat().st_mode


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOTSUP, errno.EIO])
def test_a_file_system_that_cannot_flush_is_no_error_and_a_broken_disk_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def fsync(handle: int) -> None:
        os.write(handle, b"")  # Windows refuses a handle that only reads
        raise OSError(number, "no")

    monkeypatch.setattr(os, "fsync", fsync)
    (tmp_path / "file").write_text("x")
    if number == errno.EIO:
        with pytest.raises(OSError, match="no"):
            paths.to_disk(tmp_path / "file")
    else:
        paths.to_disk(tmp_path / "file")
