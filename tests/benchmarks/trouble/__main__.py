"""What a user sees of broken files, hostile ones and mistakes, and what is left on the disk.

python tests/benchmarks/trouble [WORD ...] > tests/benchmarks/trouble/table.md

Prints a table, a row for each case of shapes.py and commands.py; with words, those that have one in their
description. Each is a command in a folder of its own, in a fork of this process. What no command can show is
shown by tests, which the end of the table names. For Linux; some minutes.
"""

import sys
import tempfile
from pathlib import Path

import commands
import shapes
from running import PARTS, came_of, make_good

import kg.evaluation  # what commands import, once for all forks
import kg.inference
import kg.train
import kg.viz  # noqa: F401
import tests


def cell(lines: list[str]) -> str:
    shown = " / ".join(" ".join(line.split()) for line in lines)
    return shown.replace("|", "\\|").replace("<", "&lt;")


def main() -> None:
    words = sys.argv[1:]
    every = [*shapes.CASES, *commands.CASES]
    chosen = [case for case in every if not words or any(word in case.given for word in words)]
    chosen.sort(key=lambda case: PARTS.index(case.part))
    with tempfile.TemporaryDirectory(prefix="good-") as place:
        good = Path(place) / "good"
        stdout, sys.stdout = sys.stdout, sys.stderr
        make_good(good)
        sys.stdout = stdout
        print(HEAD, flush=True)
        for case in chosen:
            came = came_of(case, good)
            left = ", ".join(came.left) or "nothing"
            print(f"| {case.part} | {case.given} | {cell(came.said)} | {came.code} | {left} |", flush=True)
    print(TESTED)
    for part, what, name in tests.NAMED:
        print(f"| {part} | {what} | `{tests.checked(name)}` |")


HEAD = """\
# What a user sees when something is wrong

Made by `python tests/benchmarks/trouble`; do not edit. Lines of a message stand side by side, with a stroke
between them. Of files, x is left out, or is not, of a store with five good ones. Where nothing is seen it was
read as it is meant. Locks and caches do not count.

| part | given | seen | exit | new or changed on the disk |
|---|---|---|---|---|"""
TESTED = """
What a command alone cannot show is shown by tests.

| part | what | test |
|---|---|---|"""

if __name__ == "__main__":
    main()
