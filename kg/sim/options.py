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
    made: tuple[Deformation, Settings] = DEFORMATIONS[name](), Settings()
    for key, text in given.items():
        owner = next((part for part in made if key in {item.name for item in fields(part)}), None)
        if owner is None:
            raise unknown_name(f"option of {name}", key, options(name))
        kind = type(getattr(owner, key))
        try:
            changed = replace(owner, **{key: kind(text)})
        except ValueError as error:
            wanted = "a whole number" if kind is int else "a number"
            raise KgError(f"The option '{key}' cannot be '{text}'.", f"It takes {wanted}.") from error
        made = (changed, made[1]) if isinstance(changed, Deformation) else (made[0], changed)
    return made


def options(name: str) -> dict[str, Any]:
    """Return every option of a deformation and of its cloth, with its default."""
    return {**asdict(DEFORMATIONS[name]()), **asdict(Settings())}
