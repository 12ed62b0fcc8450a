"""Data sets, detectors, backbones, deformations: found through entry points, ours as a stranger's are.

A plugin that is broken or whose name is taken never stops kg: it is a `Plugin` with a `problem`, which is
a warning wherever all are looked at, which `kg info` lists, and an error when that very one is asked for.

Example:
    >>> plugins.DATASETS.load("garments")()
    >>> [plugin.name for plugin in plugins.BACKBONES.all()]
"""

import inspect
import sys
import warnings
from collections import defaultdict
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from importlib import import_module
from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar, get_origin

import entrypoints

from kg.errors import KgError, unknown_name

if TYPE_CHECKING:
    from kg.data import Dataset
    from kg.model.backbone import Backbone
    from kg.model.detector import Detector
    from kg.sim import Deformation

Base = TypeVar("Base")


@dataclass(frozen=True)
class Plugin:
    """One entry point: its name, where it points, the distribution that brings it, and what is wrong."""

    name: str
    target: str
    distribution: str
    problem: str = ""


@dataclass(frozen=True)
class Kind(Generic[Base]):
    """A kind of plugin.

    Attributes:
        group: Of its entry points.
        title: What people call one of them.
        contract: Module and name of the class that they are subclasses of; imported where it is needed.
        named: They have a name, the same as their entry point, and are made without arguments.
    """

    group: str
    title: str
    contract: str
    named: bool = False

    def load(self, name: str) -> type[Base]:
        """Return the class of that name.

        Raises:
            KgError: There is none (the hint names the closest), or its plugin is broken.
        """
        usable = {plugin.name: (plugin, point) for plugin, point in _scan(self.group) if not plugin.problem}
        if name not in usable:
            raise unknown_name(self.title, name, usable)
        return self._load(*usable[name])

    def all(self) -> list[Plugin]:
        """Return every plugin of the kind, each loaded once to see whether it works."""
        return [plugin for plugin, _ in self._examined()]

    def working(self) -> dict[str, type[Base]]:
        """Return the classes of all plugins that work, by name."""
        return {plugin.name: loaded for plugin, loaded in self._examined() if loaded is not None}

    def _examined(self) -> list[tuple[Plugin, type[Base] | None]]:
        examined: list[tuple[Plugin, type[Base] | None]] = []
        for plugin, point in _scan(self.group):
            loaded = None
            if not plugin.problem:
                try:
                    loaded = self._load(plugin, point)
                except KgError as error:
                    plugin = replace(plugin, problem=error.message)
                    warnings.warn(error.message, stacklevel=3)
            examined.append((plugin, loaded))
        return examined

    def _load(self, plugin: Plugin, point: entrypoints.EntryPoint) -> type[Base]:
        module, _, name = self.contract.partition(":")
        base: type[Base] = getattr(import_module(module), name)
        which = f"The plugin '{plugin.name}' ({plugin.target})"
        mend = f"Mend or remove the package '{plugin.distribution}'."
        try:
            # What it prints must not come among the results of a command.
            with redirect_stdout(sys.stderr):
                loaded = point.load()
                if self.named and isinstance(loaded, type) and not _missing(loaded, base):
                    loaded()
        # One that exits does not take kg with it.
        except (Exception, SystemExit) as error:
            raise KgError(f"{which} does not load: {type(error).__name__}: {error}", mend) from error
        if not (isinstance(loaded, type) and issubclass(loaded, base)):
            raise KgError(
                f"{which} is no {base.__module__}.{base.__name__}.",
                f"Its entry point in the group {self.group} has to name a subclass.",
            )
        if missing := _missing(loaded, base):
            raise KgError(f"{which} lacks {', '.join(missing)}.", mend)
        if self.named and (own := getattr(loaded, "name")) != plugin.name:  # noqa: B009
            raise KgError(f"{which} calls itself '{own}'.", mend)
        return loaded


def _scan(group: str) -> list[tuple[Plugin, entrypoints.EntryPoint]]:
    by_name: dict[str, dict[str, entrypoints.EntryPoint]] = defaultdict(dict)
    for point in entrypoints.get_group_all(group):
        # One distribution can be found twice, as an editable install and as its own source folder.
        by_name[point.name].setdefault(f"{point.module_name}:{point.object_name}", point)
    plugins = []
    for name, points in sorted(by_name.items()):
        # Several claim the name: ours stays, else the first by its target, so that it is always the same.
        ranked = sorted(points.items(), key=lambda item: (_distribution(item[1]) != "kg", item[0]))
        for rank, (target, point) in enumerate(ranked):
            problem = f"the name '{name}' is taken by {ranked[0][0]}" if rank else ""
            if problem:
                warnings.warn(f"Plugin {target} of {group} is left out: {problem}.", stacklevel=3)
            plugins.append((Plugin(name, target, _distribution(point), problem), point))
    return plugins


def _distribution(point: entrypoints.EntryPoint) -> str:
    return point.distro.name if point.distro else "unknown"


def _missing(loaded: type, base: type) -> list[str]:
    """Return the methods and class attributes that the base leaves to its subclasses and this one lacks."""
    origins: dict[str, object] = {
        name: get_origin(kind) for name, kind in inspect.get_annotations(base).items()
    }
    attributes = [name for name, origin in origins.items() if origin is ClassVar]
    return [
        *sorted(getattr(loaded, "__abstractmethods__", ())),
        *(name for name in attributes if not hasattr(loaded, name)),
    ]


DATASETS: Kind["Dataset"] = Kind("kg.datasets", "data set", "kg.data:Dataset", named=True)
BACKBONES: Kind["Backbone"] = Kind("kg.backbones", "backbone", "kg.model.backbone:Backbone")
DETECTORS: Kind["Detector"] = Kind("kg.detectors", "detector", "kg.model.detector:Detector")
DEFORMATIONS: Kind["Deformation"] = Kind("kg.deformations", "deformation", "kg.sim:Deformation", named=True)

KINDS = (DATASETS, BACKBONES, DETECTORS, DEFORMATIONS)
