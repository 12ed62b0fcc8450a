"""Files of one's own, with what is said or guessed of them."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar, get_args

from kg.data import Dataset, Item, Mesh, PrepareOptions, Shape, Split, read_mesh, read_shape
from kg.data.dataset import Access
from kg.data.read import SUFFIXES, every_shape_file, naming, without_notes
from kg.errors import KgError, unknown_name
from kg_datasets.folder.families import Family, families, read_reference
from kg_datasets.folder.grouping import Group, as_they_look, by_folder
from kg_datasets.folder.manifest import Row, read_manifest

WORDS = ("folder", "file", "none")
"""What `PrepareOptions.frames_of` can be, besides the path of a manifest."""


class Folder(Dataset):
    """Any folder of clouds and meshes.

    Where files lie in the folder itself, it is one category, under whatever name the user gives it;
    otherwise each sub-folder is a category, and under the folder's own name all of them are one. Files
    further down belong to the category above them, and those below a folder `train`, `val` or `test` keep
    that split (ModelNet's layout). An id is the path within the category without its suffix.

    Which files are frames of one object is said by `PrepareOptions.frames_of`:

    - `folder`: those that lie in one folder.
    - `file`: none; each is an object, and those with the same polygons can be compared with each other.
    - `none`: none, and nothing corresponds.
    - The path of a manifest: as that says (see `read_manifest`).
    - Unsaid, it is guessed, folder by folder (see `as_they_look`).

    Among frames of one object, those with the same polygons correspond: vertex i is the same place on all
    of them, and where it lies on the most spread-out one is its rest position.
    """

    name = "folder"
    title = "Your own clouds and meshes"
    licence = "Your own"
    access: ClassVar[Access] = "in place"
    frames_of: ClassVar[bool] = True

    def find_categories(self, raw: Path) -> tuple[str, ...]:
        """Return the folder's own name, or those of its sub-folders that hold shapes."""
        return _categories(raw, _files(raw))

    def items(self, category: str, raw: Path, options: PrepareOptions) -> Sequence[Item]:
        """Return one item a file.

        Raises:
            KgError: There is no such folder or category, two files differ by their suffix alone, or the
                manifest is broken.
        """
        files, folder = _files(raw), raw
        if not _is_flat(raw, files):
            known = _categories(raw, files)
            if category not in (*known, raw.resolve().name):
                raise unknown_name("category", category, (*known, raw.resolve().name))
            folder = raw / category if category in known else raw
        how = options.frames_of
        if how is None or how in WORDS:
            own = [file for file in files if file.is_relative_to(folder)] or every_shape_file(folder)
            return _items(*_found(folder, without_notes(own), category, how))
        return _items(*_listed(folder, raw, Path(how)))

    def understood(self, items: Sequence[Item], options: PrepareOptions) -> Sequence[str]:
        """Return how many objects and frames there are, and what was guessed."""
        objects = len({item.object for item in items})
        rests = [item.rest_id or item.object for item in items]
        paired = sum(count for count in Counter(rests).values() if count > 1)
        corresponding = {0: "no", len(items): "yes"}.get(paired, f"of {paired} frames")
        lines = [f"{_many(objects, 'object')}, {_many(len(items), 'frame')}, correspondence: {corresponding}"]
        if options.frames_of is None and objects < len(items):
            lines.append(
                "Files of one folder with the same faces, or with names that differ in numbers alone, were "
                "taken for frames of one object. If each is an object: --frames-of file"
            )
        return lines

    def load(self, item: Item) -> Shape:
        """Read one file, with rest positions if it corresponds to a reference.

        Raises:
            KgError: The file is broken.
        """
        file: Path
        reference_file: Path | None
        file, reference_file = item.source
        if reference_file is None:
            return read_shape(file)
        mesh = read_mesh(file)
        with naming(file):
            if file == reference_file:
                return mesh.shape(rest_positions=mesh.vertices)
            reference = read_reference(reference_file)
            # The reference's cut of the polygons holds for all.
            posed = Mesh.of_triangles(mesh.vertices, reference.triangles())
            return replace(posed, notes=mesh.notes).shape(rest_positions=reference.vertices)


def _found(
    folder: Path, files: Sequence[Path], category: str, how: str | None
) -> tuple[list[Row], list[Family]]:
    """Return what can be told of all files in a folder, and which of them correspond."""
    ids = {file: file.relative_to(folder).with_suffix("").as_posix() for file in files}
    _require_unique(folder, ids)
    groups: list[Group] = []
    alike: list[Family] = []
    if how in ("file", "none"):
        groups = [[file] for file in files]
        alike = families(files, one_thing=False) if how == "file" else []
    else:
        for together in by_folder(files):
            of_folder = families(together, one_thing=True)
            groups += [together] if how == "folder" else as_they_look(together, of_folder)
            alike += of_folder
    rows: dict[Path, Row] = {}
    taken = set(ids.values())
    for group in groups:
        place = group[0].parent.relative_to(folder)
        thing = place.as_posix() if place.parts else category
        if len(group) == 1 or thing in taken:
            thing = ids[group[0]]
        taken.add(thing)
        split = next((split for split in get_args(Split) if split in place.parts), None)
        rows |= {file: Row(file, ids[file], thing, number, split) for number, file in enumerate(group)}
    return [rows[file] for file in files], alike


def _listed(folder: Path, raw: Path, manifest: Path) -> tuple[list[Row], list[Family]]:
    """Return what a manifest says of the files in a folder, and which of them correspond."""
    rows = [row for row in read_manifest(manifest, raw) if row.file.is_relative_to(folder)]
    if not rows:
        raise KgError(f"{manifest} names no file in {folder}.")
    groups: dict[str, Group] = defaultdict(list)
    for row in rows:
        groups[row.object].append(row.file)
    alone = [group[0] for group in groups.values() if len(group) == 1]
    alike = families(alone, one_thing=False)
    for group in groups.values():
        alike += families(group, one_thing=True) if len(group) > 1 else []
    return rows, alike


def _items(rows: Sequence[Row], alike: Sequence[Family]) -> list[Item]:
    ids = {row.file: row.id for row in rows}
    references = {file: family.reference for family in alike for file in family.files}
    return [
        Item(
            id=row.id,
            object=row.object,
            frame=row.frame,
            split=row.split,
            # What corresponds to nothing is at rest as it is: a store has rest positions of all or of none.
            source=(row.file, references.get(row.file, row.file) if alike else None),
            rest_id=ids[references.get(row.file, row.file)],
        )
        for row in rows
    ]


def _require_unique(folder: Path, ids: Mapping[Path, str]) -> None:
    known: dict[str, Path] = {}
    for file, name in ids.items():
        other = known.setdefault(name, file)
        if other != file:
            raise KgError(
                f"{folder} holds {name} twice, as {other.name} and {file.name}.", "Keep one of them."
            )


def _many(count: int, what: str) -> str:
    return f"{count} {what}" + ("s" if count != 1 else "")


def _files(folder: Path) -> list[Path]:
    """Return all files of shapes; to look for them takes a while where they are many, and is done once."""
    if not folder.is_dir():
        raise KgError(f"There is no folder {folder}.", "Name yours with --from FOLDER.")
    files = every_shape_file(folder)
    if not files:
        raise KgError(f"{folder} holds no shapes.", f"Readable: {' '.join(sorted(SUFFIXES))}")
    return files


def _categories(raw: Path, files: Sequence[Path]) -> tuple[str, ...]:
    if _is_flat(raw, files):
        return (raw.resolve().name,)
    names = {file.relative_to(raw).parts[0] for file in files if file.parent != raw}
    # What a link points to is not searched from above.
    names |= {child.name for child in raw.iterdir() if child.is_symlink() and _holds_shapes(child)}
    return tuple(sorted(names))


def _holds_shapes(child: Path) -> bool:
    return child.is_dir() and not child.name.startswith(".") and bool(every_shape_file(child))


def _is_flat(folder: Path, files: Sequence[Path]) -> bool:
    return any(file.parent == folder for file in without_notes(files))
