"""What a sweep trains: methods times data times seeds, each in a run folder that is named after it."""

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product
from pathlib import Path

from kg import plugins
from kg.config import Config
from kg.config.recipe import Recipe
from kg.data.store import SplitBy, Store
from kg.errors import KgError
from kg.evaluation.ground_truth import check_store

NONE, FULL = "none", "full"
"""The method without an ablation: as it is typed, and as a table calls it."""


@dataclass(frozen=True)
class Method:
    """A row of the summary: a recipe without its seed.

    Attributes:
        label: In tables: what sets it apart from the others.
        slug: In the names of run folders: all that was said of it.
        recipe: What it is.
    """

    label: str
    slug: str
    recipe: Recipe


@dataclass(frozen=True, eq=False)
class Job:
    """One training, and where it lies."""

    method: Method
    store: Store
    seed: int
    sweep: Path

    @property
    def name(self) -> str:
        """The run folder's."""
        return f"{self.store.name.replace('/', '-')}-{self.method.slug}-seed{self.seed}"

    @property
    def folder(self) -> Path:
        """The run folder, there or not."""
        return self.sweep / self.name

    @cached_property
    def recipe(self) -> Recipe:
        """With its seed."""
        recipe = self.method.recipe
        return replace(recipe, options={**recipe.options, "seed": str(self.seed)})

    @cached_property
    def config(self) -> Config:
        """What the run has, or will have."""
        return self.recipe.configure(self.store)

    def words(self) -> list[str]:
        """Return what `kg` is asked, to begin the training or to go on with it."""
        if self.folder.is_dir():
            return ["train", "--resume", str(self.folder)]
        return ["train", "--store", self.store.place, *self.recipe.words(), "--name", self.name]

    def command(self) -> str:
        """Return the same for people to read."""
        return shlex.join(["kg", *self.words()])


def plan_methods(
    presets: Sequence[str],
    varied: Sequence[tuple[str, str]],
    without: Sequence[str],
    common: dict[str, str],
    split_by: SplitBy = "object",
    detectors: Sequence[str] = (),
) -> list[Method]:
    """Return every combination of presets, detectors, option values and ablations.

    Args:
        presets: Names in `kg.config.PRESETS`.
        varied: Options and a value; one that comes several times is varied.
        without: Ablations: `NONE`, a part, or several that go together, joined by "+".
        common: Options of all of them.
        split_by: How stores are split.
        detectors: Their names, each with options of its own, NAME:OPTION=VALUE:..., which stand against
            the common ones; by default that of the preset.

    Raises:
        KgError: The seed is varied as an option, or an option is given in two ways.
    """
    values: dict[str, list[str]] = {}
    for name, text in varied:
        if name == "seed":
            raise KgError("--set seed is not for sweeps: a seed is no method.", "For example: --seed 0,1,2")
        if name in common:
            raise KgError(f"'{name}' is given by its own option and by --set.", "Leave one of them out.")
        values.setdefault(name, []).append(text)
    chosen_detectors = {entry: _detector_options(entry) for entry in detectors} or {"": {}}
    for name in values:
        if name in set().union(*chosen_detectors.values()):
            raise KgError(f"'{name}' is given for a detector and by --set.", "Leave one of them out.")
    ablations = [() if entry == NONE else tuple(entry.split("+")) for entry in without] or [()]
    made = []
    for preset, (entry, own), combination, parts in product(
        presets, chosen_detectors.items(), product(*values.values()), ablations
    ):
        options = dict(zip(values, combination, strict=True))
        left_out = f"without {' and '.join(parts)}" if parts else FULL
        label = [preset] if len(presets) > 1 else []
        label += [entry] if len(chosen_detectors) > 1 else []
        label += [f"{name}={text}" for name, text in options.items() if len(values[name]) > 1]
        label += [left_out] if len(ablations) > 1 or parts else []
        words = [preset, *filter(None, [entry]), *(f"{name}{text}" for name, text in options.items())]
        words += [f"without-{'-'.join(parts)}"] if parts else []
        slug = re.sub(r"[^\w.+-]", "_", "-".join(words))
        recipe = Recipe(preset, {**common, **own, **options}, parts, split_by)
        made.append(Method(", ".join(label) or entry or preset, slug, recipe))
    return list({method.slug: method for method in made}.values())


def _detector_options(entry: str) -> dict[str, str]:
    """Return the options of a training that an entry, NAME or NAME:OPTION=VALUE:..., stands for."""
    name, *texts = entry.split(":")
    options = {"detector": name}
    for text in texts:
        option, equals, value = text.partition("=")
        if not equals:
            raise KgError(
                f"'{text}' in --detector {entry} is no OPTION=VALUE.",
                "For example: --detector sc3k,key-grid:normalisation=stretch",
            )
        options[option.strip().replace("-", "_")] = value.strip()
    return options


def lacking(methods: Sequence[Method], stores: Sequence[Store]) -> list[tuple[Method, Store]]:
    """Return what cannot be trained: methods on stores that lack what they learn from.

    That is places at rest, or sequences.

    Raises:
        KgError: There is no detector of some name.
    """
    pairs = []
    for store in stores:
        sequences = len(set(store.read_column("objects"))) < store.count
        for method in methods:
            kind = plugins.DETECTORS.load(method.recipe.configure(store).model.detector)
            if (kind.needs_rest and not store.has_rest_positions) or (kind.needs_sequences and not sequences):
                pairs.append((method, store))
    return pairs


def usual_metrics(stores: Sequence[Store], by: SplitBy) -> list[str]:
    """Return what is measured where nobody says: also whether keypoints keep their place, if all can tell."""
    try:
        for store in stores:
            check_store(["correspondence"], store, by)
    except KgError:
        return ["das"]
    return ["correspondence", "das"]


def plan_jobs(
    methods: Sequence[Method], stores: Sequence[Store], seeds: Sequence[int], sweep: Path
) -> list[Job]:
    """Return every training, one seed of everything first, so that a sweep cut short compares something.

    What `lacking` names is left out.

    Raises:
        KgError: An option is unknown or cannot be read, two stores have one name, or nothing is left.
    """
    impossible = lacking(methods, stores)
    jobs = [
        Job(method, store, seed, sweep)
        for seed in dict.fromkeys(seeds)
        for store in stores
        for method in methods
        if (method, store) not in impossible
    ]
    if not jobs:
        raise KgError(
            f"What is to be trained learns from places at rest or from sequences, and {stores[0].name} lacks "
            "them.",
            "Deform meshes (kg prepare --deform fold), or prepare a folder of poses with the same faces.",
        )
    of_folder: dict[Path, Job] = {}
    for job in jobs:
        if (other := of_folder.setdefault(job.folder, job)) is not job:
            raise KgError(
                f"{other.store.path} and {job.store.path} have the same name, {job.store.name}: "
                "the trainings would share a run folder.",
                "Sweep them one after the other, each with a --name of its own.",
            )
        if not (job.config.model.decoder_heatmap or job.config.model.decoder_features):
            raise KgError(
                f"The method '{job.method.label}' leaves nothing for the decoder to rebuild a cloud from.",
                "Leave out the heatmap or the encoder's features, not both.",
            )
    return jobs
