import errno
import gzip
import io
import os
import shutil
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from kg.data.fetching import archive
from kg.data.fetching.archive import PasswordError, find_folder, measure, obtain, unwrapped
from kg.errors import KgError

FILES = {"data/a.txt": b"first" * 1000, "data/deep/b.bin": bytes(range(256)), "data/empty": b""}

Pack = Callable[[Path, dict[str, bytes]], Path]


def pack_zip(folder: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(folder / "a.zip", "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in files.items():
            packed.writestr(name, content)
    return folder / "a.zip"


def pack_tar(folder: Path, files: dict[str, bytes]) -> Path:
    with tarfile.open(folder / "a.tar.gz", "w:gz") as packed:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            packed.addfile(member, io.BytesIO(content))
    return folder / "a.tar.gz"


def pack_folder(folder: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        file = folder / "a" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    return folder / "a"


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def itself(folder: Path) -> Path:
    return folder


def data_folder(folder: Path) -> Path:
    found = find_folder(folder, lambda candidate: (candidate / "deep").is_dir())
    if found is None:
        raise KgError("It has no folder 'deep'.", "Look again.")
    return found


@pytest.fixture
def destination(tmp_path: Path) -> Path:
    return tmp_path / "raw" / "set"


def assert_nothing_left(destination: Path) -> None:
    assert not destination.parent.exists() or list(destination.parent.iterdir()) == []


@pytest.mark.parametrize("pack", [pack_zip, pack_tar, pack_folder])
def test_the_root_is_brought_whole(tmp_path: Path, destination: Path, pack: Pack) -> None:
    seen: list[tuple[str, int, int]] = []
    source = pack(tmp_path, FILES)
    assert measure(source, data_folder) == (3, 5256)
    assert obtain(source, destination, data_folder, lambda *values: seen.append(values)) == (3, 5256)
    assert contents(destination) == {name.removeprefix("data/"): content for name, content in FILES.items()}
    assert seen[-1] == ("Copying" if pack is pack_folder else "Unpacking", 5256, 5256)
    assert list(destination.parent.iterdir()) == [destination]
    assert destination.stat().st_mode & 0o777 == 0o777 & ~umask()


def umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


@pytest.mark.parametrize("pack", [pack_zip, pack_tar, pack_folder])
def test_what_was_there_is_replaced_only_by_something_whole(
    tmp_path: Path, destination: Path, pack: Pack
) -> None:
    destination.mkdir(parents=True)
    (destination / "old").write_text("old")
    with pytest.raises(KgError, match=r"a.*: It has no folder 'deep'") as caught:
        obtain(pack(tmp_path, {"data/a": b"1"}), destination, data_folder)
    assert caught.value.hint == "Look again."
    assert contents(destination) == {"old": b"old"}
    shutil.rmtree(tmp_path / "a", ignore_errors=True)
    obtain(pack(tmp_path, FILES), destination, data_folder)
    assert "old" not in contents(destination)
    assert list(destination.parent.iterdir()) == [destination]


@pytest.mark.parametrize("pack", [pack_zip, pack_tar, pack_folder])
def test_an_interruption_leaves_nothing(tmp_path: Path, destination: Path, pack: Pack) -> None:
    def interrupt(what: str, done: int, total: int) -> None:
        raise KeyboardInterrupt

    source = pack(tmp_path, FILES)
    with pytest.raises(KeyboardInterrupt):
        obtain(source, destination, itself, interrupt)
    assert_nothing_left(destination)


def test_a_failed_move_brings_the_old_one_back(
    tmp_path: Path, destination: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    destination.mkdir(parents=True)
    (destination / "old").write_text("old")
    rename = Path.rename

    def fail_for_new(path: Path, target: Path) -> Path:
        if path.name == "data":
            raise OSError("no")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", fail_for_new)
    with pytest.raises(OSError, match="no"):
        obtain(pack_folder(tmp_path, FILES), destination, itself)
    assert contents(destination) == {"old": b"old"}


@pytest.mark.parametrize("pack", [pack_zip, pack_tar])
@pytest.mark.parametrize(
    "name", ["../out", "a/../../out", "/etc/out", "C:/out", "C:out", "..\\out", "\\\\host\\share\\out"]
)
def test_names_that_lead_out_are_refused(tmp_path: Path, destination: Path, pack: Pack, name: str) -> None:
    source = pack(tmp_path, {"fine": b"1", name: b"2"})
    with pytest.raises(KgError, match="leads out"):
        obtain(source, destination, itself)
    assert_nothing_left(destination)
    assert not list(tmp_path.rglob("out"))


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_links_and_devices_in_a_tar_are_refused(tmp_path: Path, destination: Path, kind: bytes) -> None:
    member = tarfile.TarInfo("odd")
    member.type, member.linkname = kind, "/etc/passwd"
    with tarfile.open(tmp_path / "a.tar", "w") as packed:
        packed.addfile(member)
    with pytest.raises(KgError, match="odd, a link or a device"):
        obtain(tmp_path / "a.tar", destination, itself)
    assert_nothing_left(destination)


def test_links_in_a_zip_are_refused(tmp_path: Path, destination: Path) -> None:
    info = zipfile.ZipInfo("odd")
    info.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as packed:
        packed.writestr(info, "/etc/passwd")
    with pytest.raises(KgError, match="a link, odd"):
        obtain(tmp_path / "a.zip", destination, itself)


@pytest.mark.parametrize("to", ["file", "folder"])
def test_links_and_pipes_in_a_folder_are_refused(tmp_path: Path, destination: Path, to: str) -> None:
    source = pack_folder(tmp_path, FILES)
    (source / "odd").symlink_to(source / "data/a.txt" if to == "file" else source)
    with pytest.raises(KgError, match="a link, odd"):
        obtain(source, destination, itself)
    (source / "odd").unlink()
    os.mkfifo(source / "pipe")
    with pytest.raises(KgError, match="pipe, which is neither"):
        obtain(source, destination, itself)
    assert_nothing_left(destination)


@pytest.mark.parametrize("pack", [pack_zip, pack_tar])
def test_bombs_are_refused_before_they_go_off(tmp_path: Path, destination: Path, pack: Pack) -> None:
    source = pack(tmp_path, {"zeros": bytes(archive.SMALL + 1)})
    with pytest.raises(KgError, match="looks like a bomb"):
        obtain(source, destination, itself)
    assert_nothing_left(destination)


def test_a_tar_bomb_is_not_even_read_through(tmp_path: Path, destination: Path) -> None:
    """Its header claims a terabyte; a reader that goes on to the next member would unpack it all."""
    member = tarfile.TarInfo("zeros")
    member.size = 1 << 40
    (tmp_path / "a.tar.gz").write_bytes(gzip.compress(member.tobuf() + bytes(1 << 20)))
    with pytest.raises(KgError, match="looks like a bomb"):
        obtain(tmp_path / "a.tar.gz", destination, itself)


def long_name(size: int) -> bytes:
    """Return a header that claims that many bytes of a name, and no more than that."""
    member = tarfile.TarInfo("././@LongLink")
    member.type, member.size = tarfile.GNUTYPE_LONGNAME, size
    return member.tobuf()


@pytest.mark.parametrize("before", [b"", tarfile.TarInfo("empty").tobuf()])
def test_a_giant_name_is_not_read(tmp_path: Path, destination: Path, before: bytes) -> None:
    (tmp_path / "a.tar.gz").write_bytes(gzip.compress(before + long_name(1 << 30) + bytes(1 << 20)))
    with pytest.raises(KgError, match="header of 1,073,741,824 bytes"):
        obtain(tmp_path / "a.tar.gz", destination, itself)


def test_names_of_names_without_an_end(tmp_path: Path, destination: Path) -> None:
    (tmp_path / "a.tar").write_bytes(b"".join([long_name(512) + bytes(512)] * 2000))
    with pytest.raises(KgError, match="broken"):
        obtain(tmp_path / "a.tar", destination, itself)


@pytest.mark.parametrize("end", [b"", bytes(1024)])
def test_a_bomb_of_nothing_but_headers(
    tmp_path: Path, destination: Path, end: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its files are empty; what follows the end of an archive is nobody's."""
    monkeypatch.setattr(archive, "SMALL", 1 << 20)
    member = tarfile.TarInfo("empty").tobuf() if not end else bytes(512)
    (tmp_path / "a.tar.gz").write_bytes(gzip.compress(end + member * 6000))
    with pytest.raises(KgError, match="looks like a bomb"):
        obtain(tmp_path / "a.tar.gz", destination, itself)


def test_members_are_counted_as_they_come(
    tmp_path: Path, destination: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "MAX_FILES", 2)
    folder = tarfile.TarInfo("folder")
    folder.type = tarfile.DIRTYPE
    (tmp_path / "a.tar").write_bytes(folder.tobuf() * 3 + long_name(1 << 30))
    with pytest.raises(KgError, match="3 files"):
        obtain(tmp_path / "a.tar", destination, itself)


def test_too_many_files(tmp_path: Path, destination: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MAX_FILES", 2)
    with pytest.raises(KgError, match="3 files"):
        obtain(pack_zip(tmp_path, FILES), destination, itself)


@pytest.mark.parametrize("pack", [pack_zip, pack_tar, pack_folder])
def test_a_full_disk_is_seen_before_writing(
    tmp_path: Path, destination: Path, pack: Pack, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = pack(tmp_path, FILES)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=5000))
    with pytest.raises(KgError, match="needs 5,256 bytes, 5,000 are free") as caught:
        obtain(source, destination, itself)
    assert "KG_HOME" in caught.value.hint
    assert_nothing_left(destination)


@pytest.mark.parametrize("pack", [pack_zip, pack_tar, pack_folder])
def test_a_disk_that_fills_up_leaves_nothing(
    tmp_path: Path, destination: Path, pack: Pack, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fill(*_: object) -> Iterator[int]:
        yield 1
        raise OSError(errno.ENOSPC, "No space left on device")

    source = pack(tmp_path, FILES)
    monkeypatch.setattr(archive, "_copy", fill)
    with pytest.raises(KgError, match="The disk is full") as caught:
        obtain(source, destination, itself)
    assert "KG_HOME" in caught.value.hint
    assert_nothing_left(destination)


@pytest.mark.parametrize("pack", [pack_zip, pack_tar])
@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_an_archive_cut_short(tmp_path: Path, destination: Path, pack: Pack, share: float) -> None:
    source = pack(tmp_path, {"random": os.urandom(50000), "more": os.urandom(50000)})
    content = source.read_bytes()
    source.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(KgError, match="cut short"):
        obtain(source, destination, itself)
    assert_nothing_left(destination)


def test_damaged_content_of_a_zip(tmp_path: Path, destination: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as packed:
        packed.writestr("a", b"x" * 100)
    content = (tmp_path / "a.zip").read_bytes()
    (tmp_path / "a.zip").write_bytes(content.replace(b"xxxxx", b"xxyxx", 1))
    with pytest.raises(KgError, match="broken"):
        obtain(tmp_path / "a.zip", destination, itself)
    assert_nothing_left(destination)


def test_a_zip_whose_entry_has_no_name(tmp_path: Path, destination: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as packed:
        packed.writestr("%", b"x")
    content = (tmp_path / "a.zip").read_bytes()
    (tmp_path / "a.zip").write_bytes(content.replace(b"%", bytes(1)))
    with pytest.raises(KgError, match=r"a\.zip is broken or cut short: an entry has no name"):
        obtain(tmp_path / "a.zip", destination, itself)
    assert_nothing_left(destination)


@pytest.mark.parametrize("packing", ["gz", "bz2", "xz"])
def test_the_checksum_at_the_end_of_a_packed_tar(tmp_path: Path, destination: Path, packing: str) -> None:
    with tarfile.open(tmp_path / "a.tar", f"w:{packing}") as packed:  # type: ignore[call-overload]
        packed.addfile(tarfile.TarInfo("a"))
    content = bytearray((tmp_path / "a.tar").read_bytes())
    obtain(tmp_path / "a.tar", destination, itself)
    shutil.rmtree(destination)
    content[-5] ^= 1
    (tmp_path / "a.tar").write_bytes(content)
    with pytest.raises(KgError, match="broken"):
        obtain(tmp_path / "a.tar", destination, itself)
    assert_nothing_left(destination)


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_damage_to_what_a_zip_packs(tmp_path: Path, destination: Path, method: int) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w", method) as packed:
        packed.writestr("a", os.urandom(100))
    content = (tmp_path / "a.zip").read_bytes()
    start = content.index(b"a", 30) + 14
    (tmp_path / "a.zip").write_bytes(content[:start] + bytes(40) + content[start + 40 :])
    with pytest.raises(KgError, match="broken"):
        obtain(tmp_path / "a.zip", destination, itself)
    assert_nothing_left(destination)


def encrypt(source: Path, password: bytes) -> Path:
    """Encrypt the one stored file of a zip as PKZIP 2 does, by its published description."""

    def step(keys: list[int], byte: int) -> None:
        keys[0] = crc(keys[0], byte)
        keys[1] = ((keys[1] + (keys[0] & 0xFF)) * 134775813 + 1) & 0xFFFFFFFF
        keys[2] = crc(keys[2], keys[1] >> 24)

    def crc(value: int, byte: int) -> int:
        return (zlib.crc32(bytes([byte]), value ^ 0xFFFFFFFF)) ^ 0xFFFFFFFF

    with zipfile.ZipFile(source) as plain:
        [info] = plain.infolist()
        content = bytes(range(11)) + bytes([info.CRC >> 24]) + plain.read(info)
    keys, scrambled = [0x12345678, 0x23456789, 0x34567890], bytearray()
    for byte in password:
        step(keys, byte)
    for byte in content:
        half = (keys[2] | 2) & 0xFFFF
        scrambled.append(byte ^ (half * (half ^ 1) >> 8 & 0xFF))
        step(keys, byte)
    # A zip of a stored file is written as it would be, then told that it is encrypted.
    with zipfile.ZipFile(source, "w") as packed:
        packed.writestr(info.filename, bytes(scrambled))
    raw = bytearray(source.read_bytes())
    for header, flags, check in ((b"PK\x03\x04", 6, 14), (b"PK\x01\x02", 8, 16)):
        at = raw.index(header)
        raw[at + flags] |= 1
        raw[at + check : at + check + 4] = info.CRC.to_bytes(4, "little")
        raw[at + check + 8 : at + check + 12] = info.file_size.to_bytes(4, "little")
    source.write_bytes(raw)
    return source


@pytest.fixture
def encrypted(tmp_path: Path) -> Path:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as packed:
        packed.writestr("a/b.txt", b"hidden " * 100)
    return encrypt(tmp_path / "a.zip", b"open sesame")


def test_an_encrypted_zip(encrypted: Path, destination: Path) -> None:
    with pytest.raises(PasswordError, match=r"a\.zip is encrypted") as caught:
        obtain(encrypted, destination, itself)
    assert "KG_PASSWORD" in caught.value.hint
    with pytest.raises(PasswordError, match=r"The password of .*a\.zip is wrong"):
        obtain(encrypted, destination, itself, password=lambda path: "open says me")
    assert_nothing_left(destination)
    assert measure(encrypted, itself) == (1, 700)
    obtain(encrypted, destination, itself, password=lambda path: "open sesame")
    assert contents(destination) == {"a/b.txt": b"hidden " * 100}


def test_a_wrong_password_that_passes_the_first_look(encrypted: Path, destination: Path) -> None:
    """The look is at one byte; the checksum of the content then tells."""
    with zipfile.ZipFile(encrypted) as packed:
        info = packed.infolist()[0]
        for number in range(100_000):
            try:
                packed.open(info, pwd=str(number).encode()).close()
            except RuntimeError:
                continue
            break
    with pytest.raises(KgError, match="broken") as caught:
        obtain(encrypted, destination, itself, password=lambda path: str(number))
    assert "password" in caught.value.hint
    assert_nothing_left(destination)


def test_a_zip_encrypted_in_another_way(encrypted: Path, destination: Path) -> None:
    content = bytearray(encrypted.read_bytes())
    content[content.index(b"PK\x01\x02") + 10] = archive.AES
    encrypted.write_bytes(bytes(content))
    with pytest.raises(KgError, match="encrypted with AES") as caught:
        obtain(encrypted, destination, itself, password=lambda path: "open sesame")
    assert "7z x" in caught.value.hint


def test_a_folder_of_archives(tmp_path: Path, destination: Path) -> None:
    """As they were downloaded; each with a folder of its own, or else put into one of its name."""
    given = tmp_path / "given"
    for name, files in {
        "one": {"deep/a.txt": b"1", "deep/b.txt": b"2"},
        "two": {"deep/c.txt": b"3"},
        "three": {"d.txt": b"4", "e.txt": b"5"},
    }.items():
        (given / name).mkdir(parents=True)
        pack_zip(given / name, files).rename(given / f"{name}.zip")
        (given / name).rmdir()
    (given / "note.txt").write_text("not part of it")
    expected = {
        "deep/a.txt": b"1",
        "deep/b.txt": b"2",
        "deep/c.txt": b"3",
        "three/d.txt": b"4",
        "three/e.txt": b"5",
    }
    assert obtain(given, destination, data_folder) == measure(given, data_folder) == (5, 5)
    assert contents(destination) == expected
    (given / "one.zip").unlink()
    (given / "two.zip").unlink()
    with pytest.raises(KgError, match=r"given: It has no folder 'deep'"):
        obtain(given, destination, data_folder)
    assert contents(destination) == expected


def test_the_one_folder_that_wraps_everything(tmp_path: Path) -> None:
    (tmp_path / "all" / "a").mkdir(parents=True)
    (tmp_path / "__MACOSX").mkdir()
    assert unwrapped(tmp_path) == tmp_path / "all"
    (tmp_path / "other").touch()
    assert unwrapped(tmp_path) == tmp_path


def test_a_name_that_comes_twice(tmp_path: Path, destination: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as packed:
        packed.writestr("a", b"1")
        with pytest.warns(UserWarning, match="Duplicate"):
            packed.writestr("a", b"2")
    with pytest.raises(KgError, match="holds a twice"):
        obtain(tmp_path / "a.zip", destination, itself)


def test_what_is_no_archive(tmp_path: Path, destination: Path) -> None:
    (tmp_path / "a.rar").write_bytes(b"Rar!" * 100)
    with pytest.raises(KgError, match="no archive") as caught:
        obtain(tmp_path / "a.rar", destination, itself)
    assert "7z x 'a.rar'" in caught.value.hint
    with pytest.raises(KgError, match="no folder 'deep'") as caught:
        obtain(tmp_path, destination, data_folder)
    assert caught.value.hint.startswith("Unpack a.rar there first")
    with pytest.raises(KgError, match="nothing at"):
        obtain(tmp_path / "none.zip", destination, itself)


def test_a_folder_into_itself(tmp_path: Path) -> None:
    """The data folder may lie within the folder that is fetched from."""
    source = pack_folder(tmp_path, FILES)
    obtain(source, source / "home" / "raw" / "set", itself)
    assert contents(source / "home" / "raw" / "set") == FILES


def test_find_folder_takes_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "a" / "b" / "pcds").mkdir(parents=True)
    (tmp_path / "c" / "pcds").mkdir(parents=True)
    assert find_folder(tmp_path, lambda folder: (folder / "pcds").is_dir()) == tmp_path / "c"
    assert find_folder(tmp_path, lambda folder: folder.name == "pcds", depth=1) is None
    with pytest.raises(KgError, match="no folder"):
        find_folder(tmp_path / "none", lambda folder: True)
