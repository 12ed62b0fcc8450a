"""What is to be fetched, from where, and what of it is there."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from kg.data.dataset import Dataset
from kg.data.fetching.archive import ARCHIVES, AskPassword
from kg.data.fetching.download import Progress
from kg.data.fetching.record import Record
from kg.errors import KgError


@dataclass(frozen=True)
class Order:
    """What is to be fetched, and how to speak with the user meanwhile.

    Attributes:
        dataset: The data set.
        folder: Where it goes. Beside it, hidden, lie what is under way and a lock.
        categories: Some of its categories; all if there are none.
        source: None to download; an address, of an archive or of a place laid out as the original is; or
            a path, of a folder or an archive.
        force: Fetch again what is there.
        progress: Called with what is being done, bytes done and bytes in all.
        warn: Told of what the user should know.
        consent: Asks the user to take the licence before a first download; raises KgError if not.
        password: Asked for that of an encrypted archive.
    """

    dataset: Dataset
    folder: Path
    categories: tuple[str, ...] = ()
    source: str | None = None
    force: bool = False
    progress: Progress = lambda what, done, total: None
    warn: Callable[[str], None] = lambda text: None
    consent: Callable[[], None] = lambda: None
    password: AskPassword | None = None

    @property
    def partial(self) -> Path:
        """The folder of what is under way."""
        return self.folder.with_name(f".{self.folder.name}.partial")

    @property
    def path(self) -> Path:
        """The source, if it is none to download."""
        return Path(self.source or "").expanduser()

    @property
    def is_download(self) -> bool:
        """Whether it comes over the network."""
        return self.source is None or urlsplit(self.source).scheme in ("http", "https")

    @property
    def is_archive(self) -> bool:
        """Whether the source is the address of an archive with everything in it."""
        if self.source is None or not self.is_download:
            return False
        return self.dataset.access == "by hand" or urlsplit(self.source).path.lower().endswith(ARCHIVES)

    def parts(self) -> Sequence[str | None]:
        """Return what is fetched one after the other; [None] if it comes as a whole.

        Raises:
            KgError: The data set cannot be had so, or has no such category.
        """
        dataset = self.dataset
        for category in self.categories:
            dataset.check_category(category)
        if self.source is None and dataset.access == "by hand":
            raise KgError(
                f"{dataset.name} cannot be downloaded by a program.",
                "\n".join(
                    ["In a few steps:", *(f"  {i}. {step}" for i, step in enumerate(dataset.steps, 1))]
                ),
            )
        if dataset.access == "in place":
            raise KgError(
                f"{dataset.name} needs no fetching.", f"Use it: kg prepare {dataset.name} --from FOLDER"
            )
        if not self.is_download or not dataset.parts or self.is_archive:
            return [None]
        # A category that is no part, such as all of them together, takes every part.
        return self.categories if set(self.categories or [""]) <= set(dataset.parts) else dataset.parts

    def is_present(self, part: str | None) -> bool:
        """Tell whether a part is there."""
        if not self.folder.exists() or not Record(self.folder).is_whole():
            return False
        try:
            return part is None or part in self.dataset.find_categories(self.folder)
        except KgError:
            return False
