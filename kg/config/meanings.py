"""What options mean, as the docstring of their class tells it: said once, for readers and for help."""

import inspect
import re


def meanings(kind: type) -> dict[str, str]:
    """Return what the docstrings of a class and its parents say, under Attributes or Args, of each name."""
    texts: dict[str, str] = {}
    for part in reversed(kind.__mro__):
        docstring = inspect.cleandoc(part.__doc__ or "")
        for block in re.split(r"^(?:Attributes|Args):\n", docstring, flags=re.MULTILINE)[1:]:
            # An entry begins four spaces in and goes on eight spaces in; what is not indented is no entry.
            entries = re.split(r"\n(?=\S)", block)[0]
            for names, text in re.findall(r"^    (\w[\w, ]*): (.*(?:\n {8}.*)*)", entries, re.MULTILINE):
                texts |= dict.fromkeys(names.split(", "), " ".join(text.split()))
    return texts
