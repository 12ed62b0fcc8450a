"""Which files are frames of one object."""

import re
from collections import defaultdict
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import get_args

from kg.data import Split
from kg_datasets.folder.families import Family

Group = list[Path]


def by_folder(files: Sequence[Path]) -> list[Group]:
    """Return the files that lie in each folder itself; files of one folder follow each other."""
    return [list(together) for _, together in groupby(files, lambda file: file.parent)]


def as_they_look(files: Sequence[Path], alike: Sequence[Family]) -> list[Group]:
    """Return the files of one folder by the objects that they look like frames of.

    Two files are taken for frames of one object if their meshes have the same polygons, or if their names
    differ in numbers alone. That may join several objects, which the user is told and can undo. What it
    must not do is to part the frames of one: a detector would be tested on what it was trained on.

    In a folder called train or test names tell nothing: it holds many objects, numbered or not.
    """
    place = {file: number for number, file in enumerate(files)}
    leader = {file: file for file in files}

    def first(file: Path) -> Path:
        while leader[file] != file:
            file = leader[file]
        return file

    links: list[Sequence[Path]] = [family.files for family in alike]
    if files[0].parent.name not in get_args(Split):
        named: dict[str, Group] = defaultdict(list)
        for file in files:
            # cloth.obj, cloth.001.obj, cloth.002.obj: the first of them may have no number.
            named[re.sub(r"[\W_]*\d+", "", file.stem)].append(file)
        links += named.values()
    for linked in links:
        for file in linked[1:]:
            one, other = sorted((first(linked[0]), first(file)), key=place.__getitem__)
            leader[other] = one
    groups: dict[Path, Group] = defaultdict(list)
    for file in files:
        groups[first(file)].append(file)
    return list(groups.values())
