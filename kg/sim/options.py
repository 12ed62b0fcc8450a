"""Deformations by name, and their options as a user types them."""

from collections.abc import Mapping
from dataclasses import asdict, fields, replace
from typing import Any

from kg.errors import KgError, unknown_name
from kg.sim.deformation import Deformation
from kg.sim.drag import Drag
from kg.sim.drop import Drop
from kg.sim.fold import Fold
from kg.sim.settings import Settings

DEFORMATIONS: Mapping[str, type[Deformation]] = {kind.name: kind for kind in (Drop, Drag, Fold)}


def deformation(name: str, given: Mapping[str, str]) -> tuple[Deformation, Settings]:
    """Return a deformation and the settings of its cloth, with some options given as text.

    Raises:
        KgError: There is no such deformation or option, or a value is none.
    """
    if name not in DEFORMATIONS:
        raise unknown_name("deformation", name, DEFORMATIONS)
    how, cloth = DEFORMATIONS[name](), DEFORMATIONS[name].cloth
    unknown = [key for key in given if key not in options(name)]
    if unknown:
        raise unknown_name(f"option of {name}", unknown[0], options(name))
    # All of them at once: one may make sense only beside another, as a lowest above the usual highest.
    return replace(how, **_values(how, given)), replace(cloth, **_values(cloth, given))


def _values(owner: Deformation | Settings, given: Mapping[str, str]) -> dict[str, Any]:
    """Return the values of those options given as text that belong to an owner."""
    values: dict[str, Any] = {}
    for key in (item.name for item in fields(owner) if item.name in given):
        kind = type(getattr(owner, key))
        try:
            values[key] = kind(given[key])
        except ValueError as error:
            wanted = "a whole number" if kind is int else "a number"
            raise KgError(f"The option '{key}' cannot be '{given[key]}'.", f"It takes {wanted}.") from error
    return values


def options(name: str) -> dict[str, Any]:
    """Return every option of a deformation and of its cloth, with its default."""
    return {**asdict(DEFORMATIONS[name]()), **asdict(DEFORMATIONS[name].cloth)}
