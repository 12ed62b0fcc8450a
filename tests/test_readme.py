"""What the README says is what there is."""

import re
from pathlib import Path

import pytest

from kg.cli.app import app, run

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def test_continuous_integration_ends_with_the_readmes_test_command():
    command = re.search(r"The tests:\n\n```sh\n(.+)\n```", README)
    assert command is not None
    assert (ROOT / ".ci" / "run").read_text().rstrip().endswith(command[1])


def test_every_command_of_the_table_has_its_help(capsys):
    names = re.findall(r"^\| `kg (\w+)` \|", README, re.MULTILINE)
    assert sorted(names) == sorted(command.name for command in app.registered_commands)
    for name in names:
        assert run([name, "--help"]) == 0
        assert f"kg {name}" in capsys.readouterr().out


@pytest.mark.parametrize("path", re.findall(r"\]\((fixtures/[^)]+)\)", README))
def test_its_pictures_are_there(path):
    assert (ROOT / path).is_file()
