"""One command given in a folder of its own, what is seen of it, and what it leaves there."""

import os
import re
import shutil
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from kg.cli.app import run
from kg.errors import KgError

OPTIONS = "--workers 1 --no-picture"
MADE = (
    f"prepare folder --from good -c mug --frames-of file -n 512 {OPTIONS}",
    "train -c mug --set backbone=layered --points 512 -k 4 --farthest 4 -e 1 -b 4 --cpu --name mine",
    "predict --cpu",
)
"""The commands that make what others work on: a store of ten clouds, a run, its predictions."""
PARTS = ("numbers", "frames", "data sets", "operations", "choices", "bad files", "odd files", "own files")
PARTS += ("outputs", "attacks", "plugins")
"""Of the table, in their order."""
TOLD = re.compile(r"error |hint |warning |note |  \S+: |Wrote |\w+: \d+ objects?, |Traceback|\w+Error: ")
"""How lines begin that tell of trouble, or of none."""
DULL = re.compile(r"jug: \d+ objects?, |warning The similarity loss")
"""Of these, those that are the same in most cases."""


@dataclass(frozen=True)
class Case:
    """Something that goes wrong.

    Attributes:
        part: One of `PARTS`.
        given: What it is, for people.
        make: Brings it into a folder that holds `good/a.xyz` to `good/j.xyz` and what `MADE` has made;
            returns the words of a command, or a function to call.
    """

    part: str
    given: str
    make: Callable[[Path], str | Callable[[], object]]


@dataclass(frozen=True)
class Came:
    """What came of it: the exit code, the lines that tell of it, and the files that are new or other ones."""

    code: int
    said: list[str]
    left: list[str]


def make_good(folder: Path) -> None:
    """Make what all cases begin with."""
    rng = np.random.default_rng(0)
    (folder / "good").mkdir(parents=True)
    for name in "abcdefghij":
        np.savetxt(folder / "good" / f"{name}.xyz", rng.normal(size=(600, 3)) * rng.uniform(0.5, 1, 3))
    with _inside(folder):
        for words in MADE:
            if run(words.split()):
                raise SystemExit(f"kg {words} failed")


def came_of(case: Case, good: Path) -> Came:
    """Give a case's command in a copy of the folder `good`, from a fork."""
    with tempfile.TemporaryDirectory(prefix="trouble-") as place:
        folder, log = Path(place) / "here", Path(place) / "log"
        shutil.copytree(good, folder)
        given = case.make(folder)
        before = _files(folder)
        if not (process := os.fork()):
            _obey(given, folder, log)
        code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
        lines = log.read_text(errors="replace").replace(f"{folder}/", "").splitlines()
        after = _files(folder)
        left = [_described(folder, name) for name in sorted(after) if before.get(name) != after[name]]
        left += [f"{name} is gone" for name in sorted(before.keys() - after.keys())]
        return Came(code, [line for line in lines if TOLD.match(line) and not DULL.match(line)], left)


def _obey(given: str | Callable[[], object], folder: Path, log: Path) -> None:
    code = 99
    try:
        file = os.open(log, os.O_CREAT | os.O_WRONLY)
        os.dup2(file, 1)
        os.dup2(file, 2)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        with _inside(folder):
            code = run(given.split()) if isinstance(given, str) else _call(given)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _call(given: Callable[[], object]) -> int:
    try:
        print(f"note  {given()}")
    except (KgError, ValueError) as error:
        print(f"{type(error).__name__}: {error}")
        return 1
    return 0


@contextmanager
def _inside(folder: Path) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(folder)
    os.environ |= {"KG_HOME": str(folder / "home"), "KG_RUNS": "runs", "COLUMNS": "200"}
    warnings.simplefilter("default")
    yield
    os.chdir(before)


def _files(folder: Path) -> dict[str, tuple[int, int]]:
    """Return by each file's name what tells that it was written anew; without caches and locks."""
    found = {}
    for file in folder.rglob("*"):
        name = os.fsencode(file.relative_to(folder)).decode(errors="replace")
        if not file.is_dir() and not name.startswith("home/cache/") and file.suffix != ".lock":
            seen = file.lstat()
            found[name] = (seen.st_ino, seen.st_mtime_ns)
    return found


def _described(folder: Path, name: str) -> str:
    """Return a file's name, and how many shapes are in it."""
    file = folder / name
    if file.suffix == ".h5":
        with h5py.File(file) as store:
            return f"{name}: {len(store['ids'])} shapes"
    if file.suffix == ".npz":
        return f"{name}: {len(np.load(file)['ids'])} shapes"
    return name
