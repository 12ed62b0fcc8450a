"""What a preparation is about to make, known before any of it is made."""

import json
import platform
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

import kg
from kg import paths
from kg.data.dataset import Dataset, Item, PrepareOptions
from kg.data.preparing.chunks import Chunks, digest, item_stamps
from kg.data.preparing.rows import Job
from kg.data.preparing.size import files_for
from kg.data.read import require_utf8
from kg.data.store import store_files
from kg.errors import KgError

ASIDE = {"--merge": 0, "--shard": 1, "--cluster": 1, "--files": 1, "--workers": 1, "-w": 1}
"""Words of a command that decide who makes a store and not what is in it, and how many values they have."""


@dataclass(frozen=True, eq=False)
class Plan:
    """A store to be.

    Attributes:
        category: Of the data set.
        variant: Name of the store.
        path: Where it will lie.
        files: How many it will have; of several `path` is the folder.
        options: What the user chose.
        made_from: Options and fingerprint of all files: what tells one made of the same from others.
        versions: Of what makes it.
        job: What makes its rows.
    """

    category: str
    variant: str
    path: Path
    files: int
    options: PrepareOptions
    made_from: dict[str, Any]
    versions: dict[str, str]
    job: Job

    @property
    def there(self) -> Path | None:
        """What there is of it: a file or a folder of files."""
        return _there(self.dataset.name, self.category, self.variant)

    @property
    def dataset(self) -> Dataset:
        """Where the shapes come from."""
        return self.job.dataset

    @property
    def items(self) -> Sequence[Item]:
        """Every shape to be made, in order."""
        return self.job.items

    @property
    def chunks(self) -> Chunks:
        """Where rows lie until all are there."""
        return self.job.chunks

    def provenance(self) -> dict[str, Any]:
        """Return what the store will say of where it comes from."""
        return {
            "source": self.dataset.url or self.dataset.title,
            "licence": self.dataset.licence,
            "command": _command(sys.argv[1:]),
            **self.made_from,
            "versions": self.versions,
        }


def make_plan(
    dataset: Dataset,
    category: str,
    raw: Path,
    options: PrepareOptions,
    *,
    variant: str | None = None,
    strict: bool = False,
    files: int | None = None,
) -> Plan:
    """List the shapes of a category (see `kg.data.preparing.prepare.prepare`).

    Args:
        dataset: Where the shapes come from.
        category: Which of them.
        raw: The folder of their files.
        options: What the user chose.
        variant: Name of the store; the data set's own by default.
        strict: A shape that cannot be read ends the preparation.
        files: How many it is written as; by default as many as it has, and a new one is one file if it is not
            large (see `kg.data.preparing.size`).

    Raises:
        KgError: There are none, or two have one id.
    """
    variant = variant or dataset.variant
    path = paths.store(dataset.name, category, variant)
    there = _there(dataset.name, category, variant)
    items = _items(dataset, category, raw, options)
    if files is None:
        files = files_for(dataset, options, len(items)) if there is None else len(store_files(there))
    if files > 1:
        path = path.with_name(variant)
    stamps = item_stamps(items)
    made_from = {
        "options": {**asdict(options), "raw": "" if dataset.builtin else str(raw.resolve())},
        "files": digest("\n".join(stamps).encode()),
    }
    versions = {"kg": kg.__version__, "numpy": np.__version__, "python": platform.python_version()}
    settings = json.dumps([dataset.name, category, made_from["options"], versions])
    chunks = Chunks(path.with_name(f".{variant}.parts"), stamps, settings)
    job = Job(
        dataset, items, chunks, options.points, options.seed, strict, options.camera, options.normalisation
    )
    return Plan(category, variant, path, files, options, made_from, versions, job)


def _there(dataset: str, category: str, variant: str) -> Path | None:
    file = paths.store(dataset, category, variant)
    return next((path for path in (file, file.with_name(variant)) if path.exists()), None)


def _items(dataset: Dataset, category: str, raw: Path, options: PrepareOptions) -> list[Item]:
    items = _chosen(dataset.items(category, raw, options), options)
    if not items:
        raise KgError(
            f"{dataset.name} has no shapes of the category '{category}' in {raw}.",
            f"Known: {', '.join(dataset.find_categories(raw)) or 'none'}.",
        )
    name, times = Counter(item.id for item in items).most_common(1)[0]
    if times > 1:
        raise KgError(f"The id '{name}' names {times} shapes; ids must be unique.")
    require_utf8(name for item in items for name in (item.id, item.object))
    return items


def _chosen(items: Sequence[Item], options: PrepareOptions) -> list[Item]:
    """Return the items of as many objects as were asked for, drawn at random, in their order."""
    names = sorted({item.object for item in items})
    if options.objects is None or len(names) <= options.objects:
        return list(items)
    drawn = np.random.default_rng([options.seed, len(names)]).permutation(len(names))[: options.objects]
    kept = {names[number] for number in drawn}
    return [item for item in items if item.object in kept]


def _command(words: Sequence[str]) -> str:
    """Return the command that makes a store here, whoever shared in its work."""
    kept, skip = ["kg"], 0
    for word in words:
        if skip:
            skip -= 1
        elif (name := word.partition("=")[0]) in ASIDE:
            skip = ASIDE[name] if "=" not in word else 0
        else:
            kept.append(word)
    return " ".join(kept)
