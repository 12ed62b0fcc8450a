import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

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
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert result == {
        "dataset": "keypointnet",
        "builtin": False,
        "fetched": True,
        "folder": str(folder),
        "files": len(files),
        "bytes": sum(path.stat().st_size for path in files),
        "first_checksums": 0,
    }
    assert (folder / "pcds" / "02691156" / "a1.pcd").is_file()

    (folder / "mark").touch()
    assert run(["fetch", "keypointnet", "--from", source, "--json"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["fetched"] is False
    assert "--force" in err
    assert (folder / "mark").exists()

    assert run(["fetch", "keypointnet", "--from", source, "--force"]) == 0
    assert not (folder / "mark").exists()
    assert [path.name for path in folder.parent.iterdir() if path.suffix != ".lock"] == ["keypointnet"]


def test_from_an_archive(fixtures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    archive = shutil.make_archive(str(tmp_path / "given"), "zip", fixtures / "clothesnet")
    assert run(["fetch", "clothesnet", "--from", archive]) == 0
    assert "Next: kg prepare clothesnet" in capsys.readouterr().out
    assert (paths.raw("clothesnet") / "ClothesNetM" / "Mask" / "MASK_01" / "MASK_01.obj").is_file()


@pytest.mark.parametrize(
    ("name", "said"),
    [("deepfashion3d", "deepFashion3D"), ("clothesnet", "sites.google.com/view/clothesnet")],
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


AIRPLANES = ["fetch", "keypointnet", "--category", "airplane"]


@pytest.fixture
def mirror(server: Any, fixtures: Path) -> Any:
    """Return a server that has the fixtures of KeypointNet."""
    for file in (fixtures / "keypointnet").rglob("*.*"):
        server.files[f"/{file.relative_to(fixtures).as_posix()}"] = file.read_bytes()
    return server


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Return a function that lets a person type."""

    def type_in(text: str) -> None:
        keyboard = io.StringIO(text)
        monkeypatch.setattr(keyboard, "isatty", lambda: True)
        monkeypatch.setattr("sys.stdin", keyboard)

    return type_in


def test_a_download_asks_once_whether_its_licence_is_taken(
    mirror: Any, terminal: Callable[[str], None], capsys: pytest.CaptureFixture[str]
) -> None:
    source = ["--from", f"{mirror.url}/keypointnet"]
    assert run([*AIRPLANES, *source]) == 1
    err = capsys.readouterr().err
    assert "Licence: MIT" in err
    assert "kg fetch keypointnet --yes" in err
    terminal("n\n")
    assert run([*AIRPLANES, *source]) == 1
    assert "Nothing was fetched" in capsys.readouterr().err
    assert mirror.requests == []
    assert not paths.raw("keypointnet").exists()
    terminal("y\n")
    assert run([*AIRPLANES, *source]) == 0
    assert "kg prepare keypointnet --category airplane" in capsys.readouterr().out
    assert run([*AIRPLANES, *source, "--force"]) == 0


def test_a_download_reports_itself(mirror: Any, capsys: pytest.CaptureFixture[str]) -> None:
    command = [*AIRPLANES, "--from", f"{mirror.url}/keypointnet", "--json"]
    assert run([*command, "--dry-run"]) == 0
    planned = json.loads(capsys.readouterr().out)
    assert (planned["files"], planned["exact"]) == (6, False)
    assert not paths.home().exists()
    assert run([*command, "--yes"]) == 0
    out, err = capsys.readouterr()
    result = json.loads(out)
    assert (result["fetched"], result["files"], result["first_checksums"]) == (True, 6, 6)
    assert "No SHA-256 is published for 6 files" in err
    assert "kg-fetch.json" in err
    assert run([*command, "--dry-run"]) == 0
    assert json.loads(capsys.readouterr().out)["files"] == 0
    assert run(command) == 0
    assert json.loads(capsys.readouterr().out)["fetched"] is False


def test_the_password_is_asked_for_or_taken_from_a_variable(
    fixtures: Path,
    tmp_path: Path,
    terminal: Callable[[str], None],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The fixture's password is "open sesame"."""
    command = ["fetch", "clothesnet", "--from", str(fixtures / "archives" / "encrypted.zip"), "--force"]
    assert run(command) == 1
    assert "KG_PASSWORD" in capsys.readouterr().err
    monkeypatch.setattr("getpass.getpass", lambda prompt, stream=None: "open sesame")
    terminal("open sesame\n")
    assert run(command) == 0
    monkeypatch.setenv("KG_PASSWORD", "wrong")
    assert run(command) == 1
    assert "password of" in capsys.readouterr().err
    monkeypatch.setenv("KG_PASSWORD", "open sesame")
    assert run(command) == 0


def test_the_wrong_folder_is_refused_and_nothing_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    assert run(["fetch", "keypointnet", "--from", str(tmp_path / "empty")]) == 1
    assert "holds no folder 'pcds'" in capsys.readouterr().err
    assert not paths.raw("keypointnet").exists()


def test_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["fetch"]) == 2
    assert "NAME" in capsys.readouterr().err
    assert run(["fetch", "keypoint"]) == 1
    assert "Did you mean 'keypointnet'" in capsys.readouterr().err
    assert run(["fetch", "keypointnet", "--category", "mug,airplan"]) == 1
    assert "Did you mean 'airplane'" in capsys.readouterr().err
