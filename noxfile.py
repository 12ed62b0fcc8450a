"""Test sessions. `nox` runs all but `bounds`, `fuzz`, `audit`; `nox -s tests -- tests/kg/ops` runs a part."""

import sys
from pathlib import Path

import nox

nox.options.sessions = ["check", "tests", "plugin"]
# pip, not uv: it also finds wheels in folders that the machine's pip is configured with.
nox.options.default_venv_backend = "virtualenv"

CONSTRAINTS = ("-c", "tests/constraints.txt")
GROUPS = nox.project.load_toml("pyproject.toml")["dependency-groups"]


@nox.session
def check(session: nox.Session) -> None:
    """Style and types."""
    session.install(*CONSTRAINTS, *GROUPS["lint"], *GROUPS["types"])
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("mypy", "kg", "plugins", "noxfile.py")


@nox.session
def tests(session: nox.Session) -> None:
    """The tests, against the package as it is installed; then the GPU's kernels compiled, without one."""
    session.install(*CONSTRAINTS, ".", *GROUPS["test"])
    session.run("pytest", *session.posargs)
    if sys.platform == "linux" and not session.posargs:
        session.run("python", "tests/kg/ops/compile_kernels.py")


@nox.session
def bounds(session: nox.Session) -> None:
    """The tests of compiled loops, compiled so that they look at the bounds of all they read and write."""
    session.install(*CONSTRAINTS, ".", *GROUPS["test"])
    loops = ("tests/kg/ops", "tests/kg/sim", "tests/kg/data/test_farthest.py")
    session.run("pytest", *(session.posargs or loops), env={"NUMBA_BOUNDSCHECK": "1"})


@nox.session
def fuzz(session: nox.Session) -> None:
    """Every reader given thousands of files that are almost right, other ones each time: half an hour."""
    session.install(*CONSTRAINTS, ".", *GROUPS["test"], *GROUPS["fuzz"])
    session.run("pytest", *(session.posargs or ["tests/kg/test_fuzz.py"]), env={"KG_FUZZ": "3000"})
    if sys.platform == "linux" and not session.posargs:
        for suffix in sorted({file.suffix for file in Path("fixtures/shapes").iterdir()}):
            session.run("python", "tests/kg/fuzz_readers.py", suffix, "120")


@nox.session
def audit(session: nox.Session) -> None:
    """What is known against the releases that kg is tested with."""
    session.install(*CONSTRAINTS, ".", *GROUPS["audit"])
    # Without --strict what the service does not know passes: all of it where it cannot be reached.
    # kg itself is on no index.
    listed = session.run("python", "-m", "pip", "freeze", "--exclude", "kg", silent=True)
    file = Path(session.create_tmp()) / "installed.txt"
    file.write_text(str(listed))
    how = ("--strict", "--no-deps", "--disable-pip", "--progress-spinner", "off")
    session.run("pip-audit", *how, "-r", str(file), *session.posargs)


@nox.session
def plugin(session: nox.Session) -> None:
    """What a stranger installs beside kg: their data set, detector, backbone and motion, by command."""
    session.install(*CONSTRAINTS, ".", "./fixtures/third_party_plugin")
    folder = session.create_tmp()
    env = {"KG_HOME": f"{folder}/home", "KG_RUNS": f"{folder}/runs"}

    def kg(*words: str) -> None:
        session.run("kg", *words, env=env)

    kg("prepare", "ellipsoids", "-c", "flat", "--points", "512", "--no-picture", "--force")
    backbone = ("--set", "backbone=edgeconv", "--set", "backbone.neighbours=8", "--set", "similarity_delay=0")
    kg("train", "-c", "flat", *backbone, "--points", "256", "--epochs", "2", "--cpu")
    kg("predict", "-o", f"{folder}/out.npz", "--cpu")
    kg("eval", f"{folder}/out.npz", "--metric", "das,miou")
    extremes = ("--detector", "extremes", "--set", "detector.softness=0.2", "--points", "256")
    kg("train", "-c", "flat", *extremes, "--epochs", "2", "--cpu")
    kg("predict", "-o", f"{folder}/extremes.npz", "--cpu")
    few = ("--objects", "1", "--frames", "3", "--points", "256", "--set", "seconds=0.1", "--no-picture")
    kg("prepare", "-c", "tie", "--deform", "pinch", *few, "--force")
