"""Data sets, detectors, backbones, deformations: found through entry points, ours as a stranger's are.

A plugin that is broken or whose name is taken never stops kg: it is a `Plugin` with a `problem`, which is
a warning wherever all are looked at, which `kg info` lists, and an error when that very one is asked for.
"""

import inspect
import warnings
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, get_origin

import entrypoints

from kg.errors import KgError, unknown_name

if TYPE_CHECKING:
    from kg.data import Dataset
    from kg.model.backbone import Backbone
    from kg.model.detector import Detector
    from kg.sim import Deformation

DATASETS = "kg.datasets"
BACKBONES = "kg.backbones"
DETECTORS = "kg.detectors"
DEFORMATIONS = "kg.deformations"

NAMED = (DATASETS, DEFORMATIONS)
"""Groups whose classes have a name, the same as their entry point, and are made without arguments."""


@dataclass(frozen=True)
class Plugin:
    """One entry point: its name, where it points, the distribution that brings it, and what is wrong."""

    name: str
    target: str
    distribution: str
    problem: str = ""


def _scan(group: str) -> list[tuple[Plugin, entrypoints.EntryPoint]]:
    by_name: dict[str, dict[str, entrypoints.EntryPoint]] = defaultdict(dict)
    for point in entrypoints.get_group_all(group):
        # One distribution can be found twice, as an editable install and as its own source folder.
        by_name[point.name].setdefault(f"{point.module_name}:{point.object_name}", point)
    found = []
    for name, points in sorted(by_name.items()):
        # Several claim the name: ours stays, else the first by its target, so that it is always the same.
        ranked = sorted(points.items(), key=lambda item: (_distribution(item[1]) != "kg", item[0]))
        for rank, (target, point) in enumerate(ranked):
            problem = f"the name '{name}' is taken by {ranked[0][0]}" if rank else ""
            if problem:
                warnings.warn(f"Plugin {target} of {group} is left out: {problem}.", stacklevel=3)
            found.append((Plugin(name, target, _distribution(point), problem), point))
    return found


def _distribution(point: entrypoints.EntryPoint) -> str:
    return point.distro.name if point.distro else "unknown"


def _load(group: str, base: type, plugin: Plugin, point: entrypoints.EntryPoint) -> type:
    try:
        loaded = point.load()
        if group in NAMED and isinstance(loaded, type) and not _missing(loaded, base):
            loaded()
    except Exception as error:
        raise KgError(
            f"The plugin '{plugin.name}' ({plugin.target}) does not load: {type(error).__name__}: {error}",
            f"Mend or remove the package '{plugin.distribution}'.",
        ) from error
    if not (isinstance(loaded, type) and issubclass(loaded, base)):
        raise KgError(
            f"The plugin '{plugin.name}' ({plugin.target}) is no {base.__module__}.{base.__name__}.",
            f"Its entry point in the group {group} has to name a subclass.",
        )
    if missing := _missing(loaded, base):
        raise KgError(
            f"The plugin '{plugin.name}' ({plugin.target}) lacks {', '.join(missing)}.",
            f"Mend or remove the package '{plugin.distribution}'.",
        )
    if group in NAMED and loaded.name != plugin.name:  # type: ignore[attr-defined]
        raise KgError(
            f"The plugin '{plugin.name}' ({plugin.target}) calls itself '{loaded.name}'.",  # type: ignore[attr-defined]
            f"Mend or remove the package '{plugin.distribution}'.",
        )
    return loaded


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


def _get(group: str, kind: str, base: type, name: str) -> type:
    usable = {plugin.name: (plugin, point) for plugin, point in _scan(group) if not plugin.problem}
    if name not in usable:
        raise unknown_name(kind, name, usable)
    return _load(group, base, *usable[name])


def _examine(group: str, base: type) -> list[Plugin]:
    examined = []
    for plugin, point in _scan(group):
        problem = plugin.problem
        if not problem:
            try:
                _load(group, base, plugin, point)
            except KgError as error:
                problem = error.message
                warnings.warn(problem, stacklevel=3)
        examined.append(Plugin(plugin.name, plugin.target, plugin.distribution, problem))
    return examined


def dataset(name: str) -> "Dataset":
    """Return the data set of that name.

    Raises:
        KgError: There is none (the hint names the closest), or its plugin is broken.
    """
    from kg.data import Dataset

    made: Dataset = _get(DATASETS, "data set", Dataset, name)()
    return made


def datasets() -> list[Plugin]:
    """Return every data set plugin, each loaded once to see whether it works."""
    from kg.data import Dataset

    return _examine(DATASETS, Dataset)


def backbone(name: str) -> "type[Backbone]":
    """Return the backbone class of that name.

    Raises:
        KgError: There is none (the hint names the closest), or its plugin is broken.
    """
    from kg.model.backbone import Backbone

    return _get(BACKBONES, "backbone", Backbone, name)


def backbones() -> list[Plugin]:
    """Return every backbone plugin, each loaded once to see whether it works."""
    from kg.model.backbone import Backbone

    return _examine(BACKBONES, Backbone)


def detector(name: str) -> "type[Detector]":
    """Return the detector class of that name.

    Raises:
        KgError: There is none (the hint names the closest), or its plugin is broken.
    """
    from kg.model.detector import Detector

    return _get(DETECTORS, "detector", Detector, name)


def detectors() -> list[Plugin]:
    """Return every detector plugin, each loaded once to see whether it works."""
    from kg.model.detector import Detector

    return _examine(DETECTORS, Detector)


def deformation(name: str) -> "type[Deformation]":
    """Return the deformation class of that name.

    Raises:
        KgError: There is none (the hint names the closest), or its plugin is broken.
    """
    from kg.sim import Deformation

    return _get(DEFORMATIONS, "deformation", Deformation, name)


def deformations() -> list[Plugin]:
    """Return every deformation plugin, each loaded once to see whether it works."""
    from kg.sim import Deformation

    return _examine(DEFORMATIONS, Deformation)
