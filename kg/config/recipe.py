"""What a user says of a training, and the configuration that it makes with a prepared store."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from kg import plugins
from kg.config.options import PLUGINS, Config
from kg.config.presets import preset
from kg.config.stores import name_stores
from kg.data.store import SplitBy, Store
from kg.errors import KgError

MANY = 16
"""How many keypoints a training begins with that keeps those of use."""


@dataclass(frozen=True)
class Recipe:
    """A training, whatever it is done on.

    Attributes:
        preset: Where it starts from.
        options: What differs from the preset and from the data set's own K and J: texts by name.
        without: Parts of the method that are left out, names in `kg.config.ABLATIONS`.
        split_by: How the store is split.
    """

    preset: str = "kg"
    options: Mapping[str, str] = field(default_factory=dict)
    without: tuple[str, ...] = ()
    split_by: SplitBy = "object"

    def configure(self, *stores: Store) -> Config:
        """Return the configuration of the training on one store or several.

        What a data set says of K and J holds for all that are of the same one.

        Raises:
            KgError: The preset, an option or a part is unknown, or an option cannot be what it says.
        """
        made = preset(self.preset)
        try:
            source = plugins.DATASETS.load(stores[0].dataset)()
            defaults = {"keypoints": str(source.keypoints), "farthest": str(source.farthest)}
        except KgError:
            # The store outlives the plugin that made it.
            defaults = {}
        kind = plugins.DETECTORS.load(self.options.get("detector", made.model.detector))
        # What a preset says of the training of its own accord, a quick one's epochs, stands against the
        # detector's.
        own = {name: text for name, text in kind.defaults.items() if not made.differs_in(name)}
        texts = defaults | own | dict(self.options)
        # A plugin before the options of its own.
        for name, text in sorted(texts.items(), key=lambda each: each[0] not in PLUGINS):
            made = made.override(name, text)
        if made.train.choose_keypoints and not kind.chooses:
            # J is the paper's for so many.
            many = {"keypoints": str(MANY), "farthest": str(MANY + 4)}
            for name in many.keys() - self.options.keys():
                made = made.override(name, many[name])
        for part in self.without:
            made = made.without(part)
        if made.train.farthest > made.train.points:
            raise KgError(
                f"{made.train.farthest} farthest points are more than the {made.train.points} of a cloud.",
                "Choose fewer, --farthest, or more of a cloud, --points.",
            )
        categories = tuple(dict.fromkeys(store.category for store in stores))
        return replace(
            made,
            model=replace(made.model, categories=categories),
            data=name_stores(stores, self.split_by),
        )

    def words(self) -> list[str]:
        """Return what says the same to `kg train`."""
        words = ["--preset", self.preset]
        for name, text in self.options.items():
            words += ["--set", f"{name}={text}"]
        for part in self.without:
            words += ["--without", part]
        return [*words, *(["--split-by", self.split_by] if self.split_by != "object" else [])]
