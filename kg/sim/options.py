"""Deformations by name, and their options as a user types them."""

from collections.abc import Mapping
from dataclasses import asdict, fields, replace
from typing import Any

from kg import plugins
from kg.config.values import read_values
from kg.errors import unknown_name
from kg.sim.deformation import Deformation
from kg.sim.settings import Settings


def deformation(name: str, texts: Mapping[str, str]) -> tuple[Deformation, Settings]:
    """Return a deformation and the settings of its cloth, with some options given as text.

    Raises:
        KgError: There is no such deformation or option, or a value is none.
    """
    kind = plugins.DEFORMATIONS.load(name)
    unknown = [key for key in texts if key not in options(kind)]
    if unknown:
        raise unknown_name(f"option of {name}", unknown[0], options(kind))
    # All of them at once: one may make sense only beside another, as a lowest above the usual highest.
    return replace(kind(), **_read(kind, texts)), replace(kind.cloth, **_read(Settings, texts))


def _read(owner: type, texts: Mapping[str, str]) -> dict[str, Any]:
    """Return the values of those options that belong to an owner."""
    names = {item.name for item in fields(owner)}
    return read_values(owner, {name: text for name, text in texts.items() if name in names})


def options(kind: type[Deformation]) -> dict[str, Any]:
    """Return every option of a deformation and of its cloth, with its default."""
    return {**asdict(kind()), **asdict(kind.cloth)}
