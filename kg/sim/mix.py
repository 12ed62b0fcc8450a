"""Several motions in one data set: each sequence is of one of them."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from math import inf
from typing import Any

import numpy as np

from kg import plugins
from kg.errors import KgError, unknown_name
from kg.sim.deformation import Deformation, every
from kg.sim.options import deformation, options
from kg.sim.settings import Settings

ALL = "all"
"""Stands for every motion that is simulated."""
SHARE = "share."
"""What stands before a motion's name in the option of its share."""


@dataclass(frozen=True)
class Mix:
    """Motions, one of which is drawn for each sequence.

    Attributes:
        name: Of them together, as part of a file's name.
        motions: Each with the settings of its cloth.
        shares: How likely each is, beside the others.
        fixed: Options of the cloth that a user gave, which no fabric changes.
    """

    name: str
    motions: tuple[tuple[Deformation, Settings], ...]
    shares: tuple[float, ...]
    fixed: frozenset[str] = frozenset()

    def drawn(self, rng: np.random.Generator) -> tuple[Deformation, Settings]:
        """Return the motion of one sequence and the settings of its cloth; nothing is drawn of one alone."""
        if len(self.motions) == 1:
            return self.motions[0]
        likely = np.array(self.shares) / sum(self.shares)
        return self.motions[int(rng.choice(len(likely), p=likely))]

    def described(self) -> dict[str, Any]:
        """Return all its options, as plain values: those of one motion by themselves, or those of each."""
        each = {how.name: described(how, cloth) for how, cloth in self.motions}
        if len(each) == 1:
            return {"name": self.name, **each[self.name]}
        shares = dict(zip(each, self.shares, strict=True))
        return {"name": self.name, "shares": shares, "motions": each}


def described(how: Deformation, cloth: Settings) -> dict[str, Any]:
    """Return the options of a motion and its cloth, as plain values, without those that say nothing new."""
    return _new(how) | _new(cloth)


def _new(values: Deformation | Settings) -> dict[str, Any]:
    later = every(type(values), "later")
    usual = {option.name: option.default for option in fields(values) if option.name in later}
    return {name: value for name, value in asdict(values).items() if usual.get(name, ...) != value}


def mix(names: str, texts: Mapping[str, str]) -> Mix:
    """Return the motions of names with commas between them, or of `all`, with some options given as text.

    An option of a motion counts for each that has it.

    Args:
        names: As typed.
        texts: Options of the motions and their cloth, and shares such as `share.fold`.

    Raises:
        KgError: There is no such motion, none that has an option, a value is none, or nothing has a share.
    """
    known = {name: options(plugins.DEFORMATIONS.load(name)) for name in names_of(names)}
    shares = dict.fromkeys(known, 1.0)
    for key in [key for key in texts if key.startswith(SHARE)]:
        name = key.removeprefix(SHARE)
        if name not in shares:
            raise unknown_name("motion of this mix", name, known)
        shares[name] = _share(key, texts[key])
    if not sum(shares.values()) > 0:
        raise KgError("No motion has a share above 0.")
    others = {key: text for key, text in texts.items() if not key.startswith(SHARE)}
    for key in others:
        if all(key not in of for of in known.values()):
            every = sorted({option for of in known.values() for option in of})
            raise unknown_name(f"option of {names}", key, every)
    motions = tuple(
        deformation(name, {key: text for key, text in others.items() if key in of})
        for name, of in known.items()
    )
    return Mix(ALL if names == ALL else "-".join(known), motions, tuple(shares.values()), frozenset(others))


def names_of(names: str) -> list[str]:
    """Return the names of motions with commas between them, or of all that are simulated, each once."""
    if names == ALL:
        return [name for name, how in plugins.DEFORMATIONS.working().items() if how.simulated]
    return list(dict.fromkeys(name.strip() for name in names.split(",")))


def _share(key: str, text: str) -> float:
    """Return the value of a share's option."""
    try:
        share = float(text)
        if 0 <= share < inf:
            return share
    except ValueError:
        pass
    raise KgError(f"The option '{key}' cannot be '{text}'.", "It takes a number of at least 0.")
