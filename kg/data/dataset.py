"""What a data set plugin provides."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar, Literal

from kg.data.camera import Camera
from kg.data.normalise import Kind
from kg.data.shape import Shape
from kg.errors import KgError, unknown_name

Split = Literal["train", "val", "test"]
Access = Literal["download", "by hand", "in place"]


@dataclass(frozen=True)
class Item:
    """One cloud to be, known without reading it, so that splitting and counting are cheap.

    Attributes:
        id: Unique in the category; the key by which results are matched.
        object: Identity of the thing; frames of one garment share it and never straddle a split.
        frame: Number within the object's sequence.
        split: The data set's own split, where it publishes one.
        source: What `Dataset.load` needs: a path, parameters, a tuple of such; picklable. By the `Path`s in
            it kg notices that a file has changed.
        rest_id: Name shared by objects whose rest positions mean the same place on all of them, so that
            they can be compared with each other; None where only frames of one object can.
    """

    id: str
    object: str
    frame: int = 0
    split: Split | None = None
    source: Any = None
    rest_id: str | None = None


@dataclass(frozen=True)
class PrepareOptions:
    """What the user chose for `kg prepare`.

    Attributes:
        points: N, points a cloud.
        objects: How many objects at most, drawn by the seed where there are more (a made data set: how
            many to make); None for all, or its default.
        seed: Of everything random: made shapes, surface samples, splits.
        deform: How the shapes are deformed (`kg.sim`), as plain values; None if they are not.
        camera: What each cloud is seen by; None to sample whole shapes.
        normalisation: What clouds are brought into [-1, 1] by.
        frames_of: Which files of one's own are frames of one object, to a data set that asks (`Dataset.
            frames_of`): `folder`, `file`, `none`, or the path of a manifest; None if that was not said.
        split: Of all objects, or of all that join a store; None to deal them. A data set's own validation
            and test stand.
    """

    points: int = 2048
    objects: int | None = None
    seed: int = 0
    deform: Mapping[str, Any] | None = None
    camera: Camera | None = None
    normalisation: Kind = "longest-side"
    frames_of: str | None = None
    split: Split | None = None


@dataclass(frozen=True)
class Remote:
    """One file that `kg fetch` downloads.

    Attributes:
        path: Where it lies below the data set's folder, with forward slashes; for an archive the folder
            that its content becomes, "." for the data set's folder itself.
        url: Its address, http or https. Its last part is what an archive is called; no other file may be.
        size: Bytes, where its authors publish them; checked.
        sha256: Where its authors publish it; otherwise the first download is recorded, and later ones
            are held to that.
        about: Roughly how many bytes, where the number is not published: what the user is told, and what
            the disk must have room for.
        unpack: It is an archive, kept as its content alone. A folder that wraps everything is left out.
        elsewhere: Other addresses, tried in turn where this one has no such file.
        optional: The data set can do without it: a file that is nowhere to be found is a warning.
    """

    path: str
    url: str
    size: int | None = None
    sha256: str | None = None
    about: int | None = None
    unpack: bool = False
    elsewhere: tuple[str, ...] = ()
    optional: bool = False

    def __post_init__(self) -> None:
        # Paths may come from a downloaded list.
        parts = PurePosixPath(self.path).parts
        if (
            PurePosixPath(self.path).is_absolute()
            or ".." in parts
            or any(mark in self.path for mark in "\\:\0")
            or (not parts and not self.unpack)
        ):
            raise KgError(f"'{self.path}' is no path below a data set's folder.")


Get = Callable[[Remote], Path]


class Dataset(ABC):
    """A source of shapes. Register a subclass in the entry-point group `kg.datasets`.

    Class attributes:
        name: As typed on the command line; equal to the entry point's name.
        title: One line for listings.
        licence: Under which terms the shapes may be used.
        url: Where it lives; empty if nowhere.
        access: How its files come: by `kg fetch` alone, by a person who then gives them to `kg fetch
            --from`, or never, being read where they lie by `kg prepare --from`.
        steps: What a person does to obtain what no program can, one step a line, up to `kg fetch`.
        parts: Those of its categories that can be downloaded one by one; none if it comes as a whole.
        builtin: True if it needs no fetching: `kg train` may prepare it unasked.
        cloth: True if its meshes are even and fine enough to be simulated as they are; they are refined
            otherwise.
        categories: What it holds; empty if that depends on the raw folder (see `find_categories`).
        keypoints, farthest: K and J that the method uses for it.
        variant: Name of the store when the user gives none.
        by_object: True if loading the items of an object in order is much less work than loading each by
            itself, so that one process should load them all.
        unit: Of the source coordinates, for people to read ("metre", "ShapeNet unit diagonal"); deformations
            go by metre, centimetre and millimetre, and guess what else it may be.
        up: The axis of the source coordinates that is up, y or z: a camera looks down along it.
        frames_of: True if it goes by `PrepareOptions.frames_of`.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    licence: ClassVar[str]
    url: ClassVar[str] = ""
    access: ClassVar[Access] = "download"
    steps: ClassVar[tuple[str, ...]] = ()
    parts: ClassVar[tuple[str, ...]] = ()
    builtin: ClassVar[bool] = False
    cloth: ClassVar[bool] = False
    categories: ClassVar[tuple[str, ...]] = ()
    keypoints: ClassVar[int] = 8
    farthest: ClassVar[int] = 12
    variant: ClassVar[str] = "rest"
    by_object: ClassVar[bool] = False
    unit: ClassVar[str] = "unknown"
    up: ClassVar[str] = "y"
    frames_of: ClassVar[bool] = False

    def downloads(self, part: str | None, get: Get) -> Sequence[Remote]:
        """Return what to download: files, archives, or both.

        kg downloads them, several at once, resumes, checks and unpacks them, and lets the data set see
        them when all are there; they appear in the order of this list.

        Args:
            part: One of the `parts`; None if there are none: everything.
            get: Downloads one small file now and returns where it lies, for a data set whose list of files
                is itself a file. It goes into the returned list too if it is to be kept.
        """
        return ()

    def find_root(self, folder: Path) -> Path:
        """Return the part of a folder, such as a user gave or an archive unpacked to, that is this data set.

        `kg.data.find_folder` looks through the folders that wrap it.

        Raises:
            KgError: It is not there; names the file or folder that is missing, and calls the folder "it".
        """
        return folder

    def find_categories(self, raw: Path) -> tuple[str, ...]:
        """Return the categories that can be prepared from the raw folder."""
        return self.categories

    def check_category(self, category: str) -> None:
        """Refuse what no category is called, whatever the raw folder holds, before anything that takes time.

        A data set whose categories go by other names too says so here.

        Raises:
            KgError: It holds certain `categories`, and this is none of them.
        """
        if self.categories and category not in self.categories:
            raise unknown_name("category", category, self.categories)

    def landmark_names(self, category: str) -> Mapping[int, str]:
        """Return what the semantic ids of a category mean; empty if nobody named them."""
        return {}

    @abstractmethod
    def items(self, category: str, raw: Path, options: PrepareOptions) -> Sequence[Item]:
        """Return every cloud of a category, in an order that depends on nothing but the arguments.

        Raises:
            KgError: The raw folder lacks what is needed; names the missing file.
        """

    def understood(self, items: Sequence[Item], options: PrepareOptions) -> Sequence[str]:
        """Return what it took a user's files for, a sentence each, told before they are prepared."""
        return ()

    @abstractmethod
    def load(self, item: Item) -> Shape:
        """Read or make one shape.

        Raises:
            KgError: The file is broken; names it and what is wrong.
        """

    def coarser(self, item: Item, times: float) -> Shape:
        """Load a mesh with edges so many times as long as usual, if the data set makes its meshes itself."""
        return self.load(item)
