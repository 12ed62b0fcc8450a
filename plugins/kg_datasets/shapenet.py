"""ShapeNetCore.v2 as clouds of 2,048 points, from the collection PointCloudDatasets."""

import json
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any, get_args

import h5py
import numpy as np
from numpy.typing import NDArray

from kg.data import Dataset, Get, Item, PrepareOptions, Remote, Shape, Split, find_folder, locate
from kg.data.hdf5 import own_dataset
from kg.errors import KgError

SYNSETS = {
    "airplane": "02691156",
    "bag": "02773838",
    "basket": "02801938",
    "bathtub": "02808440",
    "bed": "02818832",
    "bench": "02828884",
    "bottle": "02876657",
    "bowl": "02880940",
    "bus": "02924116",
    "cabinet": "02933112",
    "can": "02747177",
    "camera": "02942699",
    "cap": "02954340",
    "car": "02958343",
    "chair": "03001627",
    "clock": "03046257",
    "dishwasher": "03207941",
    "monitor": "03211117",
    "table": "04379243",
    "telephone": "04401088",
    "tin_can": "02946921",
    "tower": "04460130",
    "train": "04468005",
    "keyboard": "03085013",
    "earphone": "03261776",
    "faucet": "03325088",
    "file": "03337140",
    "guitar": "03467517",
    "helmet": "03513137",
    "jar": "03593526",
    "knife": "03624134",
    "lamp": "03636649",
    "laptop": "03642806",
    "speaker": "03691459",
    "mailbox": "03710193",
    "microphone": "03759954",
    "microwave": "03761084",
    "motorcycle": "03790512",
    "mug": "03797390",
    "piano": "03928116",
    "pillow": "03938244",
    "pistol": "03948459",
    "pot": "03991062",
    "printer": "04004475",
    "remote_control": "04074963",
    "rifle": "04090263",
    "rocket": "04099429",
    "skateboard": "04225987",
    "sofa": "04256520",
    "stove": "04330267",
    "vessel": "04530566",
    "washer": "04554684",
    "cellphone": "02992529",
    "birdhouse": "02843684",
    "bookshelf": "02871439",
}
"""WordNet id of each category, in the order of the labels in the files, 0 to 54."""

CATEGORIES = tuple(SYNSETS)
ARCHIVE = "https://www.dropbox.com/s/cszkbla2pgglapb/shapenetcorev2_hdf5_2048.zip?dl=1"
ARCHIVE_BYTES = 980_000_000
FILE = re.compile(rf"({'|'.join(get_args(Split))})(\d+)\.h5")


class ShapeNet(Dataset):
    """Clouds of 2,048 points of 55 categories, centred and scaled by their makers, with the official split.

    Raw folder: <split><number>.h5, or any *.h5 in folders train, val and test, with `data` (n, 2048, 3) and
    `label` (n, 1), and beside each X.h5 its X_id2file.json, whose entry i is "<synset>/<model>" of row i.
    Lists and clouds belong together by name, not by place in a sorted listing, where train10 comes before
    train2. The <split>_files.txt say which files there have to be.

    A category goes by its name or its synset id. An id is "<synset>/<model>", or "<file>/<row>" where
    the list is missing. A model that is there twice counts once, where it comes first: it must not be
    tested on after it was trained on.
    """

    name = "shapenet"
    title = "ShapeNetCore.v2, 51,127 clouds of 55 categories"
    licence = "ShapeNet terms: research and education only; see shapenet.org/terms"
    url = "https://github.com/antao97/PointCloudDatasets"
    categories = CATEGORIES
    keypoints = 10
    farthest = 14
    variant = "official"
    unit = "scaled by the source"

    def downloads(self, part: str | None, get: Get) -> Sequence[Remote]:
        """Return the one archive of everything."""
        return [Remote(".", ARCHIVE, about=ARCHIVE_BYTES, unpack=True)]

    def find_root(self, folder: Path) -> Path:
        """Return the folder that holds the files of clouds, all those that its lists name."""
        root = find_folder(folder, lambda candidate: bool(_files(candidate)))
        if root is None:
            raise KgError("It holds no train0.h5, val0.h5 or test0.h5.", "See: kg fetch shapenet")
        for split in get_args(Split):
            listed = root / f"{split}_files.txt"
            # The lists name files with the folder of the machine that they were made on.
            names = (
                [PurePosixPath(line).name for line in listed.read_text().split()] if listed.is_file() else []
            )
            for name in names:
                if not any((folder / name).is_file() for folder in (root, root / split)):
                    raise KgError(f"{name} is missing, which {listed.name} lists.", "Obtain it again.")
        return root

    def find_categories(self, raw: Path) -> tuple[str, ...]:
        """Return the categories of which there are shapes, in the order of the labels."""
        labels = [_labels(file) for _, file in _files(locate(self.find_root, raw, raw))]
        present = np.unique(np.concatenate(labels))
        return tuple(name for label, name in enumerate(CATEGORIES) if label in present)

    def check_category(self, category: str) -> None:
        """Refuse what is neither a name nor a synset id."""
        if category not in SYNSETS.values():
            super().check_category(category)

    def items(self, category: str, raw: Path, options: PrepareOptions) -> Sequence[Item]:
        """Return one item a cloud, file after file in the order of their numbers.

        Raises:
            KgError: The category is unknown, or a file is missing, cut short or paired with another's list.
        """
        self.check_category(category)
        label = _label(category)
        items: dict[str, Item] = {}
        again: list[str] = []
        for split, file in _files(locate(self.find_root, raw, raw)):
            rows = np.flatnonzero(_labels(file) == label)
            for row, name in zip(rows, _names(file, rows, CATEGORIES[label]), strict=True):
                if name in items:
                    again.append(f"{name} in {items[name].source[0].name} and {file.name}")
                else:
                    items[name] = Item(name, object=name, split=split, source=(file, label, int(row)))
        if again:
            warnings.warn(
                f"Models that are in several files count once; of {len(again)} the first is {again[0]}.",
                stacklevel=2,
            )
        return list(items.values())

    def load(self, item: Item) -> Shape:
        """Read one cloud."""
        file, label, row = item.source
        return Shape(_clouds(file, label)[row])


def _label(category: str) -> int:
    names = CATEGORIES if category in SYNSETS else list(SYNSETS.values())
    return names.index(category)


def _files(folder: Path) -> list[tuple[Split, Path]]:
    """Return the files of clouds with their splits, split after split, each in the order of the numbers."""
    files: list[tuple[Split, Path]] = []
    for split in get_args(Split):
        of_split = [path for path in folder.glob(f"{split}*.h5") if FILE.fullmatch(path.name)]
        of_split += (folder / split).glob("*.h5")
        files += [(split, path) for path in sorted(of_split, key=_number)]
    for split, path in files:
        other = FILE.fullmatch(path.name)
        if other and other[1] != split:
            raise KgError(f"{path} is called after {other[1]} and lies in {split}.", "Obtain it again.")
    return files


def _number(file: Path) -> tuple[list[int], str]:
    return [int(number) for number in re.findall(r"\d+", file.stem)], file.stem


@contextmanager
def _opened(file: Path) -> Iterator[Any]:
    """Open a file of clouds; whatever is wrong with it names it."""
    try:
        with h5py.File(file, "r") as content:
            data, label = (own_dataset(content, name) for name in ("data", "label"))
            if data.shape[1:] != (2048, 3) or label.size != len(data):
                raise KgError(
                    f"{file} holds data {data.shape} and label {label.shape}, not (n, 2048, 3) and (n, 1)."
                )
            yield content
    except (OSError, KeyError, RuntimeError) as error:
        raise KgError(f"{file} is broken or cut short: {error}", "Obtain it again.") from error


def _labels(file: Path) -> NDArray[np.int64]:
    with _opened(file) as content:
        return np.asarray(content["label"][:], dtype=np.int64).reshape(-1)


@lru_cache(maxsize=1)
def _clouds(file: Path, label: int) -> dict[int, NDArray[np.float64]]:
    """Return the clouds of a category by row.

    They are packed many to a chunk, so one by one each chunk would be unpacked as often as it has rows.
    """
    with _opened(file) as content:
        rows = np.flatnonzero(content["label"][:].reshape(-1) == label)
        clouds = np.asarray(content["data"][rows], dtype=np.float64)
    return dict(zip(rows.tolist(), clouds, strict=True))


def _names(file: Path, rows: NDArray[np.int64], category: str) -> list[str]:
    """Return the id of each of these rows, all of one category."""
    listed = file.with_name(f"{file.stem}_id2file.json")
    if not listed.is_file():
        # In a folder of a split, files of several splits may have one name.
        named = FILE.fullmatch(file.name)
        return [f"{file.stem if named else f'{file.parent.name}/{file.stem}'}/{row}" for row in rows]
    try:
        entries = json.loads(listed.read_text(encoding="utf-8"))
        names = [str(PurePosixPath(entries[row]).with_suffix("")) for row in rows]
    except (ValueError, TypeError, KeyError, IndexError) as error:
        raise KgError(
            f"{listed} does not list the rows of {file.name}: {error!r}", "Obtain it again."
        ) from error
    for row, name in zip(rows, names, strict=True):
        synset = name.partition("/")[0]
        if synset in SYNSETS.values() and synset != SYNSETS[category]:
            raise KgError(
                f"{listed} has {name} in row {row}, which is a {category} in {file.name}: "
                "the two do not belong together.",
                "Obtain them again.",
            )
    return names
