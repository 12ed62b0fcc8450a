"""A CSV that says which files are frames of which object."""

import csv
import io
from collections import Counter
from pathlib import Path, PurePosixPath
from typing import NamedTuple, get_args

from kg.data import Split
from kg.errors import KgError, unknown_name

COLUMNS = ("id", "object", "frame", "split", "file")
HINT = f"A manifest is a CSV with the columns {', '.join(COLUMNS)}; file alone must be there."


class Row(NamedTuple):
    """What a manifest says of one file, and what follows where it says nothing.

    The id is then the file's path without suffix, the object the id, and the frame the number of the row
    among the object's.
    """

    file: Path
    id: str
    object: str
    frame: int
    split: Split | None


def read_manifest(path: Path, root: Path) -> list[Row]:
    """Return the rows of a manifest, in its order; files are named from the folder `root`.

    Raises:
        KgError: It is no such CSV, or a row contradicts another or names a file that is not there.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise KgError(f"The manifest {path} cannot be read: {error}", HINT) from error
    reader = csv.DictReader(io.StringIO(text), skipinitialspace=True)
    rows: list[Row] = []
    counts: Counter[str] = Counter()
    try:
        _require_columns(list(reader.fieldnames or ()))
        rows += (_row(record, root, counts) for record in reader)
    except (KgError, csv.Error, OSError) as error:
        hint = error.hint if isinstance(error, KgError) else HINT
        raise KgError(f"{path}, line {max(1, reader.line_num)}: {error}", hint) from error
    if not rows:
        raise KgError(f"{path} names no file.", HINT)
    _require_consistent(path, rows)
    return rows


def _require_columns(names: list[str]) -> None:
    for name in names:
        if name not in COLUMNS:
            raise unknown_name("column", name, COLUMNS)
        if names.count(name) > 1:
            raise KgError(f"It has two columns '{name}'.", HINT)
    if "file" not in names:
        raise KgError("It has no column 'file'.", HINT)


def _row(record: dict[str | None, str | None], root: Path, counts: Counter[str]) -> Row:
    if None in record or None in record.values():
        raise KgError("It has more or fewer values than the header has columns.")
    values = {str(name): value.strip() for name, value in record.items() if value}
    place = PurePosixPath(values.get("file", ""))
    if not place.name:
        raise KgError("It names no file.")
    if place.is_absolute() or ".." in place.parts:
        raise KgError(f"{place} is no path below {root}.")
    if not (root / place).is_file():
        raise KgError(f"There is no file {root / place}.")
    frame, split = values.get("frame"), values.get("split")
    if frame and not (frame.isascii() and frame.isdigit() and len(frame) < 10):
        raise KgError(f"The frame '{frame}' is no number from 0.")
    known: dict[str, Split] = {one: one for one in get_args(Split)}
    if split and split not in known:
        raise unknown_name("split", split, known)
    name = values.get("id") or place.with_suffix("").as_posix()
    thing = values.get("object") or name
    counts[thing] += 1
    number = int(frame) if frame else counts[thing] - 1
    return Row(root / place, name, thing, number, known[split] if split else None)


def _require_consistent(path: Path, rows: list[Row]) -> None:
    seen: set[tuple[str, ...]] = set()
    splits: dict[str, Split | None] = {}
    for row in rows:
        for what in (("file", str(row.file)), ("id", row.id), ("frame", str(row.frame), row.object)):
            if what in seen:
                raise KgError(f"{path} has the {' of '.join((' '.join(what[:2]), *what[2:]))} twice.")
            seen.add(what)
        if splits.setdefault(row.object, row.split) != row.split:
            one, other = splits[row.object] or "no split", row.split or "no split"
            raise KgError(
                f"{path} puts the object '{row.object}' into {one} and {other}.",
                "Frames of one object belong into one split.",
            )
