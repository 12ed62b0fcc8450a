"""Options as a user types them, read into the types that their dataclasses declare.

Read here rather than by pydantic: to import it and to make two models takes 0.25 s, more than half of what
`kg --help` takes in all, and the dataclasses of other people's motions would need this still.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from types import NoneType
from typing import Any, Literal, get_args, get_origin, get_type_hints

from kg.errors import KgError, unknown_name

TRUTHS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


@dataclass(frozen=True)
class Bounds:
    """What a number may be that a user gives: finite, from `least`, or `above` it, to `most`."""

    least: int
    most: float = math.inf
    above: bool = False

    def hold(self, value: float) -> bool:
        """Tell whether a number is within; nan is not."""
        within = self.least < value if self.above else self.least <= value
        return within and value <= self.most and value < math.inf

    def __str__(self) -> str:
        if self.above:
            return f"above {self.least}"
        return f"{self.least} or more" if self.most == math.inf else f"from {self.least} to {self.most}"


def read_values(owner: type, texts: Mapping[str, str], of: str = "", prefix: str = "") -> dict[str, Any]:
    """Return the values of fields of a dataclass that were given as text.

    Args:
        owner: A dataclass whose fields are bool, int, float, str, tuples of numbers, literals or one of
            these or None, annotated with `Bounds` where not every number will do.
        texts: Text by the name of the field.
        of: What the options belong to, for the error of an unknown one.
        prefix: What stands before the name on the command line.

    Raises:
        KgError: There is no such field (the hint names the closest), or its value cannot be read.
    """
    known = [item.name for item in fields(owner)]
    kinds = get_type_hints(owner, include_extras=True)
    values = {}
    for name, text in texts.items():
        if name not in known:
            raise unknown_name(f"option of {of}" if of else "option", name, known)
        values[name] = _read(f"{prefix}{name}", kinds[name], text)
    return values


def check_value(name: str, kind: Any, value: Any) -> None:
    """Check that a value, of a file perhaps, is of the type that a field is annotated with.

    Raises:
        KgError: It is not.
    """
    if not _is(getattr(kind, "__origin__", kind) if hasattr(kind, "__metadata__") else kind, value):
        raise KgError(f"Its option '{name}' cannot be {str(value)[:40]!r}.")


def _is(kind: Any, value: Any) -> bool:
    """Tell whether a value is a plain one of a type: a number, text, a choice, a tuple or dict of these."""
    parts = get_args(kind)
    match get_origin(kind):
        case None if kind is float:
            return isinstance(value, int | float) and not isinstance(value, bool)
        case None:
            return isinstance(value, kind) and (kind is bool or not isinstance(value, bool))
        case origin if origin is Literal:
            return any(value == choice for choice in parts)
        case origin if origin is tuple:
            kinds = parts[:1] * len(value) if isinstance(value, tuple) and parts[-1] is ... else parts
            return isinstance(value, tuple) and len(value) == len(kinds) and all(map(_is, kinds, value))
        case _:
            keys, values = parts
            return isinstance(value, dict) and all(
                _is(keys, key) and _is(values, each) for key, each in value.items()
            )


def _read(name: str, kind: Any, text: str) -> Any:
    """Return the value of an option from its text."""
    bounds = getattr(kind, "__metadata__", ())
    kind = kind.__origin__ if bounds else kind
    if NoneType in get_args(kind):
        (kind,) = (part for part in get_args(kind) if part is not NoneType)
    try:
        value = _parse(kind, text)
        numbers = value if isinstance(value, tuple) else (value,)
        if not all(each.hold(number) for each in bounds for number in numbers):
            raise ValueError(text)
    except (KeyError, ValueError) as error:
        takes = ", ".join([_describe(kind), *map(str, bounds)])
        raise KgError(f"The option '{name}' cannot be '{text}'.", f"It takes {takes}.") from error
    return value


def _parse(kind: Any, text: str) -> Any:
    if kind is bool:
        return TRUTHS[text.lower()]
    if get_origin(kind) is tuple:
        parts = text.replace("x", ",").split(",")
        return tuple(number(part) for number, part in zip(get_args(kind), parts, strict=True))
    if get_origin(kind) is Literal:
        return {str(choice): choice for choice in get_args(kind)}[text]
    return kind(text)


def _describe(kind: Any) -> str:
    if get_origin(kind) is tuple:
        return "three numbers such as 16,16,8"
    if get_origin(kind) is Literal:
        return " or ".join(map(str, get_args(kind)))
    return {bool: "true or false", int: "a whole number", float: "a number"}.get(kind, "text")
