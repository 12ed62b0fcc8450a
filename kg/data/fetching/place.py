"""Downloaded files unpacked and moved to the data set's folder."""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from kg.data.disk import FullDiskError
from kg.data.fetching.answer import name_of
from kg.data.fetching.archive import PasswordError, locate, obtain, put, unwrapped
from kg.data.fetching.download import Got
from kg.data.fetching.order import Order
from kg.data.fetching.record import Record
from kg.errors import KgError


def drop_all_but(gots: Sequence[Got], files: Path) -> None:
    """Remove what an earlier run brought, or began, and the list no longer names."""
    kept = {got.file for got in gots}
    for path in files.rglob("*"):
        if path.is_file() and path not in kept:
            path.unlink()


def unpack(order: Order, got: Got, files: Path) -> None:
    """Unpack an archive into the folder of the loose files.

    Raises:
        KgError: It is not what it should be, and is removed; or its password is wrong or the disk full,
            and it stays for the next attempt.
    """
    scratch, whole = order.partial / "unpacked", got.remote.path == "."
    try:
        find_root = order.dataset.find_root if whole else unwrapped
        obtain(got.file, scratch, find_root, order.progress, order.password)
    except KgError as error:
        if not isinstance(error, FullDiskError | PasswordError):
            got.file.unlink()
        message, hint = (text.replace(f"{got.file}", got.file.name) for text in (error.message, error.hint))
        raise type(error)(message, hint) from error
    # Renames each file, and lets folders that several archives fill grow together.
    shutil.copytree(scratch, files / got.remote.path, copy_function=os.replace, dirs_exist_ok=True)
    shutil.rmtree(scratch)


def place(order: Order, files: Path, gots: Sequence[Got], record: Record) -> None:
    """Move what has come to the data set's folder, in the order of the list.

    Raises:
        KgError: What was unpacked lacks something.
    """
    if not gots:
        return
    if any(got.remote.unpack for got in gots):
        locate(order.dataset.find_root, files, Path(name_of(gots[0].remote)))
    if not order.folder.exists() or any(got.remote.path == "." for got in gots):
        record.write(files)
        put(files, order.folder, order.partial)
        return
    record.write(order.folder)
    for got in gots:
        moved = _highest_new(got.remote.path, order.folder)
        if not (files / moved).exists():
            continue  # Its folder went as a whole.
        target = order.folder / moved
        if target.is_dir():
            put(files / moved, target, order.partial)
            shutil.rmtree(order.partial / "old")
        else:
            (files / moved).replace(target)


def _highest_new(path: str, folder: Path) -> Path:
    """Return the highest folder of a path that is not there yet, or the path itself.

    Moved as a whole, a folder of a thousand clouds is there or not there, never there in part.
    """
    above = [parent for parent in reversed(Path(path).parents) if not (folder / parent).exists()]
    return above[0] if above else Path(path)
