import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from kg import plugins
from kg.data import Dataset
from kg.errors import KgError

Install = Callable[..., Path]

GOOD = """
from kg.data import Dataset

class Good(Dataset):
    name = "{name}"
    title = "A data set"
    licence = "MIT"

    def items(self, category, raw, options):
        return []

    def load(self, item):
        raise NotImplementedError
"""


def test_a_strangers_data_set_is_found(install: Install) -> None:
    install(
        "stranger",
        {"stranger_set": GOOD.format(name="strange")},
        {"kg.datasets strange": "stranger_set:Good"},
    )
    assert plugins.DATASETS.load("strange")().title == "A data set"
    [plugin] = [plugin for plugin in plugins.DATASETS.all() if plugin.name == "strange"]
    assert plugin.distribution == "stranger"
    assert plugin.target == "stranger_set:Good"
    assert plugin.problem == ""


def test_the_example_of_a_third_party_plugin(fixtures: Path, install: Install) -> None:
    folder = fixtures / "third_party_plugin"
    project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    points = {
        f"{group} {name}": target
        for group, found in project["entry-points"].items()
        for name, target in found.items()
    }
    install(project["name"], {file.stem: file.read_text() for file in folder.glob("*.py")}, points)
    dataset = plugins.DATASETS.load("ellipsoids")()
    assert isinstance(dataset, Dataset)
    assert dataset.builtin
    assert plugins.BACKBONES.load("edgeconv").__name__ == "EdgeConvNet"
    assert plugins.DEFORMATIONS.load("pinch")().height == 0.3


def test_an_unknown_name_is_answered_with_those_there_are(install: Install) -> None:
    install(
        "stranger",
        {"stranger_set": GOOD.format(name="strange")},
        {"kg.datasets strange": "stranger_set:Good"},
    )
    with pytest.raises(KgError, match="no data set 'strang'") as caught:
        plugins.DATASETS.load("strang")()
    assert caught.value.hint.startswith("Did you mean 'strange'?")
    assert "keypointnet" in caught.value.hint


@pytest.mark.parametrize(
    ("code", "target", "problem"),
    [
        ("import nothing_of_the_kind", "broken:Set", "does not load: ModuleNotFoundError"),
        ("1 / 0", "broken:Set", "does not load: ZeroDivisionError"),
        ("import sys; sys.exit('no licence')", "broken:Set", "does not load: SystemExit: no licence"),
        (GOOD.format(name="shaky") + "    def __init__(self): raise SystemExit", "broken:Good", "SystemExit"),
        ("", "broken:Set", "does not load: AttributeError"),
        ("class Set: pass", "broken:Set", "is no kg.data.dataset.Dataset"),
        ("Set = 3", "broken:Set", "is no kg.data.dataset.Dataset"),
        (GOOD.format(name="shaky") + "    def __init__(self): 1 / 0", "broken:Good", "ZeroDivisionError"),
        (GOOD.format(name="shaky").replace("def load", "def lode"), "broken:Good", "lacks load"),
        (GOOD.format(name="shaky").replace("title", "tilte"), "broken:Good", "lacks title"),
        (GOOD.format(name="other"), "broken:Good", "calls itself 'other'"),
    ],
)
def test_a_broken_plugin_hurts_only_who_asks_for_it(
    install: Install, code: str, target: str, problem: str
) -> None:
    install("shaky", {"broken": code}, {"kg.datasets shaky": target})
    assert plugins.DATASETS.load("keypointnet")().name == "keypointnet"
    with pytest.warns(UserWarning, match="The plugin 'shaky'"):
        [plugin] = [plugin for plugin in plugins.DATASETS.all() if plugin.name == "shaky"]
    assert problem in plugin.problem
    with pytest.raises(KgError, match="The plugin 'shaky'") as caught:
        plugins.DATASETS.load("shaky")()
    assert problem in caught.value.message
    assert caught.value.hint


def test_what_a_plugin_prints_is_no_result(install: Install, capsys: pytest.CaptureFixture[str]) -> None:
    code = "print('welcome')" + GOOD.format(name="loud") + "    def __init__(self): print('made')"
    install("loud", {"loud": code}, {"kg.datasets loud": "loud:Good"})
    assert plugins.DATASETS.load("loud").name == "loud"
    out, err = capsys.readouterr()
    assert out == ""
    assert "welcome" in err
    assert "made" in err


def test_a_name_that_two_claim_goes_to_the_same_one_every_time(install: Install) -> None:
    for number in (2, 1):
        install(
            f"stranger{number}",
            {f"set{number}": GOOD.format(name="strange").replace("A data set", f"Number {number}")},
            {"kg.datasets strange": f"set{number}:Good"},
        )
    with pytest.warns(UserWarning, match="set2:Good of kg.datasets is left out: the name 'strange' is taken"):
        assert plugins.DATASETS.load("strange")().title == "Number 1"
    with pytest.warns(UserWarning, match="left out"):
        found = [plugin for plugin in plugins.DATASETS.all() if plugin.name == "strange"]
    assert [plugin.problem for plugin in found] == ["", "the name 'strange' is taken by set1:Good"]


def test_ours_stays_where_a_stranger_claims_its_name(install: Install) -> None:
    install("stranger", {"a_set": GOOD.format(name="folder")}, {"kg.datasets folder": "a_set:Good"})
    with pytest.warns(UserWarning, match="a_set:Good"):
        assert plugins.DATASETS.load("folder")().title == "Your own clouds and meshes"


NET = """
from kg.model import Backbone

class Net(Backbone):
    level_channels, point_channels, global_channels = (8, 8), 8, 8

    def forward(self, points):
        raise NotImplementedError
"""


def test_a_strangers_backbone_is_found(install: Install) -> None:
    install("stranger", {"stranger_net": NET}, {"kg.backbones strange": "stranger_net:Net"})
    assert plugins.BACKBONES.load("strange").point_channels == 8
    [plugin] = [plugin for plugin in plugins.BACKBONES.all() if plugin.name == "strange"]
    assert (plugin.distribution, plugin.problem) == ("stranger", "")


@pytest.mark.parametrize(
    ("code", "problem"),
    [
        ("import nothing_of_the_kind", "does not load: ModuleNotFoundError"),
        ("class Net: pass", "is no kg.model.backbone.Backbone"),
        (NET.replace("forward", "froward"), "lacks forward"),
        (NET.replace("point_channels", "points"), "lacks point_channels"),
    ],
)
def test_a_broken_backbone_hurts_only_who_asks_for_it(install: Install, code: str, problem: str) -> None:
    install("shaky", {"broken_net": code}, {"kg.backbones shaky": "broken_net:Net"})
    assert plugins.BACKBONES.load("pointnet2").__name__ == "PointNet2"
    with pytest.warns(UserWarning, match="The plugin 'shaky'"):
        [plugin] = [plugin for plugin in plugins.BACKBONES.all() if plugin.name == "shaky"]
    assert problem in plugin.problem
    with pytest.raises(KgError, match=problem):
        plugins.BACKBONES.load("shaky")


def test_our_backbone_stays_where_a_stranger_claims_its_name(install: Install) -> None:
    install("stranger", {"a_net": NET}, {"kg.backbones pointnet2": "a_net:Net"})
    with pytest.warns(UserWarning, match="a_net:Net of kg.backbones is left out: the name 'pointnet2'"):
        assert plugins.BACKBONES.load("pointnet2").__name__ == "PointNet2"


MOTION = """
from dataclasses import dataclass
from kg.sim import Deformation

@dataclass(frozen=True)
class Still(Deformation):
    name = "strange"

    def begin(self, garment, rng):
        pass

    def grips(self, garment, rng):
        yield from ()
"""


def test_a_strangers_deformation_is_found(install: Install) -> None:
    install("stranger", {"stranger_motion": MOTION}, {"kg.deformations strange": "stranger_motion:Still"})
    assert plugins.DEFORMATIONS.load("strange")().seconds == 3
    [plugin] = [plugin for plugin in plugins.DEFORMATIONS.all() if plugin.name == "strange"]
    assert (plugin.distribution, plugin.problem) == ("stranger", "")


@pytest.mark.parametrize(
    ("code", "problem"),
    [
        ("class Still: pass", "is no kg.sim.deformation.Deformation"),
        (MOTION.replace("def grips", "def gripes"), "lacks grips"),
        (MOTION.replace('"strange"', '"other"'), "calls itself 'other'"),
        (MOTION + "    seconds: float = -1.0", "needs seconds above 0"),
    ],
)
def test_a_broken_deformation_hurts_only_who_asks_for_it(install: Install, code: str, problem: str) -> None:
    install("shaky", {"broken_motion": code}, {"kg.deformations strange": "broken_motion:Still"})
    assert plugins.DEFORMATIONS.load("drop").__name__ == "Drop"
    with pytest.warns(UserWarning, match="The plugin 'strange'"):
        [plugin] = [plugin for plugin in plugins.DEFORMATIONS.all() if plugin.name == "strange"]
    assert problem in plugin.problem
    with pytest.raises(KgError, match=problem):
        plugins.DEFORMATIONS.load("strange")
