"""What the README and the guides say is what there is."""

import importlib
import re
import shutil
from pathlib import Path

import pytest

import kg.data
from kg.cli.app import app, run
from kg.cli.docs import topics
from kg.data import PrepareOptions
from kg.data.preparing.plan import make_plan
from kg.data.preparing.prepare import prepare

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
PLUGINS = (ROOT / "kg" / "docs" / "plugins.md").read_text()


def test_continuous_integration_ends_with_the_readmes_test_command():
    command = re.search(r"The tests:\n\n```sh\n(.+)\n```", README)
    assert command is not None
    assert (ROOT / ".ci" / "run").read_text().rstrip().endswith(command[1])


def test_every_command_of_the_table_has_its_help(capsys):
    names = re.findall(r"^\| `kg ([\w-]+)` \|", README, re.MULTILINE)
    assert sorted(names) == sorted(command.name for command in app.registered_commands)
    for name in names:
        assert run([name, "--help"]) == 0
        assert f"kg {name}" in capsys.readouterr().out


@pytest.mark.parametrize(
    "path", re.findall(r"\]\((?:\.\./\.\./)?(fixtures/[^)]+)\)", "".join([README, *topics().values()]))
)
def test_its_pictures_are_there(path):
    assert (ROOT / path).is_file()


def test_it_is_short():
    assert len(README.splitlines()) <= 150


def test_it_names_every_guide():
    assert set(re.findall(r"^\| `(\w+)` \|", README, re.MULTILINE)) == set(topics())


def test_the_data_set_of_the_guide_prepares(tmp_path):
    """The class in the section on data sets, on two boxes."""
    code = re.search(r"```python\n(class Mugs.+?)```", PLUGINS, re.DOTALL)
    assert code is not None
    names = {"kg": kg}
    exec(code[1], names)
    for name in ("a", "b"):
        shutil.copy(ROOT / "fixtures" / "shapes" / "box.obj", tmp_path / f"{name}.obj")
    mugs = names["Mugs"]()
    made = prepare(make_plan(mugs, "mug", tmp_path, PrepareOptions(points=64)))
    assert made.store.read().ids == ["a", "b"]
    assert made.store.unit == "millimetre"


def test_the_backbone_of_the_guide_takes_what_it_imports_from_where_it_is():
    code = re.search(r"```python\n(class Net.+?)```", PLUGINS, re.DOTALL)
    assert code is not None
    for module, name in re.findall(r"kg\.(model|ops)\.(\w+)", code[1]):
        assert hasattr(importlib.import_module(f"kg.{module}"), name)
