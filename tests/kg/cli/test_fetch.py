import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from kg import paths
from kg.cli.app import run

Install = Callable[..., Path]

BUILTIN = """
from kg.data import Dataset

class Made(Dataset):
    name, title, licence, builtin, categories = "made", "Made up", "MIT", True, ("cube",)

    def items(self, category, raw, options):
        return []

    def load(self, item):
        raise NotImplementedError

class Odd(Made):
    name = "odd"
    title = None
    def __init__(self):
        raise RuntimeError("[odd] plugin")
"""


@pytest.fixture
def made(install: Install) -> None:
    install("maker", {"made_set": BUILTIN}, {"kg.datasets made": "made_set:Made"})


def test_a_built_in_data_set_needs_no_fetching(made: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["fetch", "made"]) == 0
    assert "nothing to fetch" in capsys.readouterr().out
    assert run(["fetch", "made", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["fetched"] is False


def test_from_a_folder_then_found_then_forced(fixtures: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = str(fixtures / "keypointnet")
    assert run(["fetch", "keypointnet", "--from", source, "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    folder = paths.raw("keypointnet")
    assert result == {"dataset": "keypointnet", "builtin": False, "fetched": True, "folder": str(folder)}
    assert (folder / "pcds" / "02691156" / "a1.pcd").is_file()

    (folder / "mark").touch()
    assert run(["fetch", "keypointnet", "--from", source, "--json"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["fetched"] is False
    assert "--force" in err
    assert (folder / "mark").exists()

    assert run(["fetch", "keypointnet", "--from", source, "--force"]) == 0
    assert not (folder / "mark").exists()
    assert [path.name for path in folder.parent.iterdir()] == ["keypointnet"]


def test_from_an_archive(fixtures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    archive = shutil.make_archive(str(tmp_path / "given"), "zip", fixtures / "clothesnet")
    assert run(["fetch", "clothesnet", "--from", archive]) == 0
    assert "Next: kg prepare clothesnet" in capsys.readouterr().out
    assert (paths.raw("clothesnet") / "ClothesNetM" / "Mask" / "MASK_01" / "MASK_01.obj").is_file()


@pytest.mark.parametrize(
    ("name", "said"), [("keypointnet", "huggingface.co"), ("clothesnet", "sites.google.com/view/clothesnet")]
)
def test_what_no_program_can_download_says_how_a_person_does(
    capsys: pytest.CaptureFixture[str], name: str, said: str
) -> None:
    assert run(["fetch", name]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert said in err
    assert f"kg fetch {name} --from" in err
    assert not paths.raw(name).exists()


def test_the_wrong_folder_is_refused_and_nothing_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    assert run(["fetch", "keypointnet", "--from", str(tmp_path / "empty")]) == 1
    assert "holds no folder 'pcds'" in capsys.readouterr().err
    assert not paths.raw("keypointnet").exists()


def test_the_list_shows_what_there_is_and_what_one_has(
    made: None, fixtures: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["fetch", "keypointnet", "--from", str(fixtures / "keypointnet")]) == 0
    assert run(["prepare", "keypointnet", "-c", "airplane", "-n", "8"]) == 0
    capsys.readouterr()
    assert run(["fetch", "--list", "--json"]) == 0
    found = {item["name"]: item for item in json.loads(capsys.readouterr().out)["datasets"]}
    assert found["made"]["access"] == "built in"
    assert found["folder"]["access"] == "in place"
    assert found["keypointnet"]["fetched"] is True
    assert found["keypointnet"]["stores"] == ["airplane/official"]
    assert found["clothesnet"]["fetched"] is False
    assert run(["fetch", "--list"]) == 0
    assert "airplane/official" in capsys.readouterr().out


def test_a_broken_plugin_does_not_spoil_the_list(
    install: Install, capsys: pytest.CaptureFixture[str]
) -> None:
    install("maker", {"made_set": BUILTIN}, {"kg.datasets odd": "made_set:Odd"})
    assert run(["fetch", "--list", "--json"]) == 0
    out, err = capsys.readouterr()
    assert "keypointnet" in [item["name"] for item in json.loads(out)["datasets"]]
    assert "[odd] plugin" in err


def test_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["fetch"]) == 2
    assert "--list" in capsys.readouterr().err
    assert run(["fetch", "keypoint"]) == 1
    assert "Did you mean 'keypointnet'" in capsys.readouterr().err
