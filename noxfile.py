"""Test sessions. `nox` runs them all; `nox -s tests -- tests/kg/ops` runs a part."""

import nox

nox.options.sessions = ["check", "tests"]
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
    """The tests, against the package as it is installed."""
    session.install(*CONSTRAINTS, ".", *GROUPS["test"])
    session.run("pytest", *session.posargs)
