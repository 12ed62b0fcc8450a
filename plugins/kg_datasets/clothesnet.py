"""ClothesNet: 3,051 garments of 11 classes, given out through a form (Zhou et al., ICCV 2023)."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar

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
SEAM = 0.05
"""Centimetres: the panels of a garment are not joined, their seams coincide within half a millimetre."""

SMALLEST = 3.0
"""Centimetres: a mesh below that is in other units, and welding would melt it."""


class ClothesNet(Dataset):
    """Garment meshes at rest, in centimetres, Y up, their sewing panels welded along the seams.

    Raw folder: <Class>/[<Subtype>/]<ID>/<ID>.obj, as in ClothesNetData/ClothesNetM; other files beside
    the garment's own (its border, its keypoints, its textures) are passed over. A category is a class
    ("tops") or a subtype within its class ("tops-nocollar_lsleeve_frontclose").
    """

    name = "clothesnet"
    title = "ClothesNet, 11 classes of garments at rest"
    licence = "Given on request, for research; see the form"
    url = "https://sites.google.com/view/clothesnet"
    access: ClassVar[Access] = "by hand"
    steps = (
        f"Fill in the form on {url}; the link comes by mail.",
        "Download ClothesNetData.",
        "kg fetch clothesnet --from FOLDER_OR_ARCHIVE",
    )
    unit = "centimetre"

    def find_root(self, folder: Path) -> Path:
        """Return the folder that holds the folders of the classes."""
        root = find_folder(folder, lambda candidate: any((candidate / name).is_dir() for name in CLASSES))
        if root is None:
            raise KgError(
                f"It holds no ClothesNetM: none of the folders {', '.join(CLASSES)}.",
                "See: kg fetch clothesnet",
            )
        if next(_garments(root), None) is None:
            raise KgError("Its classes hold no garments <Class>/[<Subtype>/]<ID>/<ID>.obj.")
        return root

    def find_categories(self, raw: Path) -> tuple[str, ...]:
        """Return the classes and subtypes that hold garments, in lower case."""
        root = locate(self.find_root, raw, raw)
        found = {
            "-".join(parts[:depth]).lower()
            for parts in (garment.parts for garment in _garments(root))
            for depth in range(1, len(parts))
        }
        return tuple(sorted(found))

    def items(self, category: str, raw: Path, options: PrepareOptions) -> Sequence[Item]:
        """Return one item a garment; its id is its path within its class.

        Raises:
            KgError: The folder holds no garments, or none of this category.
        """
        root = locate(self.find_root, raw, raw)
        items = [
            Item(id="/".join(parts[1:]), object="/".join(parts[1:]), source=root.joinpath(*parts))
            for parts in (garment.parts for garment in _garments(root))
            if category in (parts[0].lower(), "-".join(parts[:-1]).lower())
        ]
        if not items:
            raise unknown_name("category", category, self.find_categories(raw))
        return items

    def load(self, item: Item) -> Shape:
        """Read a garment and weld its panels."""
        folder: Path = item.source
        file = folder / f"{folder.name}.obj"
        mesh = read_mesh(file)
        if mesh.is_cloud:
            raise KgError(f"{file} has no faces.")
        if (size := np.ptp(mesh.vertices, axis=0).max()) < SMALLEST:
            raise KgError(f"{file} is {size:.2g} across, too small for a garment in centimetres.")
        try:
            return weld(mesh, SEAM).shape()
        except KgError as error:
            raise KgError(f"{file}: {error.message}", error.hint) from error


def _garments(root: Path) -> Iterator[Path]:
    """Yield the folder of each garment, relative to the root."""
    for name in CLASSES:
        for pattern in ("*/*.obj", "*/*/*.obj"):
            for file in sorted((root / name).glob(pattern)):
                if file.stem == file.parent.name:
                    yield file.parent.relative_to(root)
