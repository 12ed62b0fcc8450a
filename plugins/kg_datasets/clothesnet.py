"""ClothesNet: 4,416 garments of 11 classes, given out through a form (Zhou et al., ICCV 2023)."""

import warnings
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from itertools import groupby
from pathlib import Path
from typing import ClassVar, NamedTuple

import numpy as np

from kg.data import (
    Dataset,
    Item,
    PrepareOptions,
    Shape,
    find_folder,
    locate,
    read_mesh,
    weld,
)
from kg.data.dataset import Access
from kg.errors import KgError, unknown_name

CLASSES = (
    "Dress",
    "Glove",
    "Hat",
    "Mask",
    "One-piece",
    "Scarf_Tie",
    "Skirt",
    "Socks",
    "Tops",
    "Trousers",
    "UnderPants",
)
PARTS = ("ClothesNetM", "Other_clothes")
GARMENTS = {
    "hat": ("hat/*",),
    "long-pants": ("trousers/long/*",),
    "jacket": ("tops/*_lsleeve_frontopen/*",),
    "long-dress": ("dress/long_*/*",),
    "short-dress": ("dress/short_*/*",),
    "mask": ("mask/*",),
    "polo": ("tops/collar_ssleeve_frontclose/*",),
    "scarf": ("scarf_tie/*scarf*",),
    "shirt": ("tops/*_lsleeve_frontclose/*",),
    "short-pants": ("trousers/short/*",),
    "skirt": ("skirt/*",),
    "tie": ("scarf_tie/*_tie*", "scarf_tie/*bow*"),
    "vest": ("tops/*_nosleeve_*/*",),
}
"""The 13 garments of Key-Grid's paper, as patterns of <class>/[<subtype>/]<ID> in lower case."""

BORDER = "border"
"""Name of a mesh that is not a garment, but the edge of one."""

SEAM = 0.05
"""Centimetres: the panels of a garment are not joined, their seams coincide within half a millimetre."""

SMALLEST = 3.0
"""Centimetres: a mesh below that is in other units, and welding would melt it."""


class _Garment(NamedTuple):
    """A garment's mesh; `place` is the path of its folder within its part, <class>/[<subtype>/]<ID>."""

    part: str
    place: Path
    file: Path

    @property
    def id(self) -> str:
        name = "/".join(self.place.parts[1:])
        return f"{PARTS[1]}/{name}" if self.part == PARTS[1] else name

    @property
    def categories(self) -> set[str]:
        """Its class, its subtype within the class, and the paper's garment."""
        *parents, _ = self.place.as_posix().lower().split("/")
        paper = {name for name, patterns in GARMENTS.items() if self._fits(patterns)}
        return {parents[0], "-".join(parents), *paper}

    def _fits(self, patterns: tuple[str, ...]) -> bool:
        return any(fnmatchcase(self.place.as_posix().lower(), pattern) for pattern in patterns)


class ClothesNet(Dataset):
    """Garment meshes at rest, in centimetres, Y up, their sewing panels welded along the seams.

    Raw folder: ClothesNetM and Other_clothes, or one of them, each with <Class>/[<Subtype>/]<ID>/<ID>.obj;
    other files (border.obj, clouds, textures) are passed over.

    A category is a class ("tops"), a subtype within its class ("tops-nocollar_lsleeve_frontclose"), or a
    garment of Key-Grid's paper. The paper does not say which folders it took; here they are

        hat, mask, skirt    the classes of these names
        long-pants          Trousers/Long            short-pants   Trousers/Short
        long-dress          Dress/Long_*             short-dress   Dress/Short_*
        shirt               Tops, long sleeves, front closed, with or without a collar
        jacket              Tops, long sleeves, front open
        polo                Tops, short sleeves, a collar, front closed
        vest                Tops without sleeves
        scarf, tie          Scarf_Tie by the garment's ID; a bow is a tie

    The labels are the authors', some are wrong (gloves among long-sleeved tops), and nothing is mended.

    There are no landmarks. kp_<name>.pcd has keypoints, but nobody says whether the i-th means the same on
    all garments of a category, and a figure measured on a guess would be wrong without a word.
    """

    name = "clothesnet"
    title = "ClothesNet, 4,416 garments of 11 classes at rest"
    licence = "Given on request, for research; see the form"
    url = "https://sites.google.com/view/clothesnet"
    access: ClassVar[Access] = "by hand"
    steps = (
        f"Fill in the form on {url}; the link comes by mail.",
        "Download ClothesNetData.",
        "kg fetch clothesnet --from FOLDER, ARCHIVE or ADDRESS",
    )
    unit = "centimetre"

    def find_root(self, folder: Path) -> Path:
        """Return the folder that holds the parts of the data set, or the classes of one."""
        root = find_folder(folder, lambda candidate: any(_parts(candidate)))
        if root is None:
            raise KgError(
                f"It holds no ClothesNetM: none of the folders {', '.join(CLASSES)}.",
                "See: kg fetch clothesnet",
            )
        if next(_garments(root), None) is None:
            raise KgError("Its classes hold no garments <Class>/[<Subtype>/]<ID>/<ID>.obj.")
        return root

    def find_categories(self, raw: Path) -> tuple[str, ...]:
        """Return the classes, subtypes and garments of the paper that are there, in lower case."""
        garments = _garments(locate(self.find_root, raw, raw))
        return tuple(sorted(set().union(*(garment.categories for garment in garments))))

    def items(self, category: str, raw: Path, options: PrepareOptions) -> Sequence[Item]:
        """Return one item a garment; its id is its path within its class.

        Raises:
            KgError: The folder holds no garments, or none of this category.
        """
        root = locate(self.find_root, raw, raw)
        items = [
            Item(id=garment.id, object=garment.id, source=garment.file)
            for garment in _garments(root)
            if category in garment.categories
        ]
        if not items:
            raise unknown_name("category", category, self.find_categories(raw))
        return items

    def load(self, item: Item) -> Shape:
        """Read a garment and weld its panels.

        Raises:
            KgError: The mesh is broken or not in centimetres.
        """
        file: Path = item.source
        mesh = read_mesh(file)
        if mesh.is_cloud:
            raise KgError(f"{file} has no faces.")
        if (size := np.ptp(mesh.vertices, axis=0).max()) < SMALLEST:
            raise KgError(f"{file} is {size:.2g} across, too small for a garment in centimetres.")
        try:
            return weld(mesh, SEAM).shape()
        except KgError as error:
            raise KgError(f"{file}: {error.message}", error.hint) from error


def _parts(root: Path) -> Iterator[tuple[str, Path]]:
    """Yield the parts of the data set in a folder, which may itself be one."""
    for name, part in ((root.name, root), *((name, root / name) for name in PARTS)):
        if any((part / category).is_dir() for category in CLASSES):
            yield name, part


def _garments(root: Path) -> Iterator[_Garment]:
    for name, part in _parts(root):
        for category in CLASSES:
            files = [file for depth in ("*/*.obj", "*/*/*.obj") for file in (part / category).glob(depth)]
            files.sort(key=lambda file: (file.parent, file.name))
            for folder, meshes in groupby(files, lambda file: file.parent):
                if file := _mesh(list(meshes)):
                    yield _Garment(name, folder.relative_to(part), file)
                else:
                    warnings.warn(f"{folder} is left out: none of its meshes has its name.", stacklevel=2)


def _mesh(files: Sequence[Path]) -> Path | None:
    """Return which of a folder's meshes is the garment: the one of its name, or the only one."""
    own = [file for file in files if file.stem.lower() == file.parent.name.lower()]
    own = own or [file for file in files if file.stem != BORDER]
    return own[0] if len(own) == 1 else None
