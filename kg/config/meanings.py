"""What the fields of a dataclass mean, as their docstring tells it: said once, for readers and for help."""

import inspect
import re


def meanings(kind: type) -> dict[str, str]:
    """Return what the docstrings of a dataclass and its parents say, under Attributes, of each field."""
    texts: dict[str, str] = {}
    for part in reversed(kind.__mro__):
        _, _, block = (inspect.cleandoc(part.__doc__ or "")).partition("Attributes:\n")
        # An entry begins four spaces in and goes on eight spaces in; what is not indented is no entry.
        block = re.split(r"\n(?=\S)", block)[0]
        for names, text in re.findall(r"^    (\w[\w, ]*): (.*(?:\n {8}.*)*)", block, re.MULTILINE):
            texts |= dict.fromkeys(names.split(", "), " ".join(text.split()))
    return texts
