"""What a data set plugin provides."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal

from kg.data.shape import Shape
from kg.errors import KgError

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
        kin: Name shared by objects whose material coordinates mean the same place on all of them, so that
            they can be compared with each other; None where only frames of one object can.
    """

    id: str
    object: str
    frame: int = 0
    split: Split | None = None
    source: Any = None
    kin: str | None = None


@dataclass(frozen=True)
class PrepareOptions:
    """What the user chose for `kg prepare`.

    Attributes:
        points: N, points a cloud.
        objects: How many objects at most, drawn by the seed where there are more (a made data set: how
            many to make); None for all, or its default.
        seed: Of everything random: made shapes, surface samples, splits.
        deform: How the shapes are deformed (`kg.sim`), as plain values; None if they are not.
    """

    points: int = 2048
    objects: int | None = None
    seed: int = 0
    deform: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Fetch:
    """One request of `kg fetch`.

    Attributes:
        destination: Folder to fill; it appears only when everything in it is there.
        source: What the user obtained by hand (`--from`), a folder or an archive; None to download.
        progress: Called with (done, total, unit) as the work goes on.
    """

    destination: Path
    source: Path | None = None
    progress: Callable[[int, int, str], None] = field(default=lambda done, total, unit: None)


class Dataset(ABC):
    """A source of shapes. Register a subclass in the entry-point group `kg.datasets`.

    Class attributes:
        name: As typed on the command line; equal to the entry point's name.
        title: One line for listings.
        licence: Under which terms the shapes may be used.
        url: Where it lives; empty if nowhere.
        access: How its files come: by `kg fetch` alone, by a person who then gives them to `kg fetch
            --from`, or never, being read where they lie by `kg prepare --from`.
        builtin: True if it needs no fetching: `kg train` may prepare it unasked.
        categories: What it holds; empty if that depends on the raw folder (see `find_categories`).
        keypoints, farthest: K and J that the method uses for it.
        variant: Name of the store when the user gives none.
        by_object: True if loading the items of an object in order is much less work than loading each by
            itself, so that one process should load them all.
        unit: Of the source coordinates, for people to read ("metre", "ShapeNet unit diagonal").
    """

    name: ClassVar[str]
    title: ClassVar[str]
    licence: ClassVar[str]
    url: ClassVar[str] = ""
    access: ClassVar[Access] = "download"
    builtin: ClassVar[bool] = False
    categories: ClassVar[tuple[str, ...]] = ()
    keypoints: ClassVar[int] = 8
    farthest: ClassVar[int] = 12
    variant: ClassVar[str] = "rest"
    by_object: ClassVar[bool] = False
    unit: ClassVar[str] = "unknown"

    def fetch(self, request: Fetch) -> None:
        """Fill `request.destination`, from the network or from `request.source`.

        Raises:
            KgError: It cannot be fetched by a program (the message says how a person does it), or what
                was given is not this data set (the message names what is missing).
        """
        raise KgError(f"The data set '{self.name}' has nothing to fetch.", f"Use it: kg prepare {self.name}")

    def find_categories(self, raw: Path) -> tuple[str, ...]:
        """Return the categories that can be prepared from the raw folder."""
        return self.categories

    def landmark_names(self, category: str) -> Mapping[int, str]:
        """Return what the semantic ids of a category mean; empty if nobody named them."""
        return {}

    @abstractmethod
    def items(self, category: str, raw: Path, options: PrepareOptions) -> Sequence[Item]:
        """Return every cloud of a category, in an order that depends on nothing but the arguments.

        Raises:
            KgError: The raw folder lacks what is needed; names the missing file.
        """

    @abstractmethod
    def load(self, item: Item) -> Shape:
        """Read or make one shape.

        Raises:
            KgError: The file is broken; names it and what is wrong.
        """
