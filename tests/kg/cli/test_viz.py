"""`kg viz` as it is typed."""

import json
from pathlib import Path

import numpy as np
import pytest

from kg import paths
from kg.cli.app import run
from kg.data.store import Clouds, write_store
from kg.inference.predictions import Predictions
from kg.viz import probe


@pytest.fixture
def predicted(tmp_path: Path) -> Path:
    """A file of 15 clouds with 3 keypoints each."""
    rng = np.random.default_rng(0)
    points = rng.uniform(-1, 1, (15, 60, 3)).astype(np.float32)
    names = np.array([f"mug-{number:02}" for number in range(15)])
    path = tmp_path / "out.npz"
    Predictions(
        ids=names,
        objects=names,
        points=points,
        scale=np.ones(15),
        offset=np.zeros(15),
        keypoints=points[:, :3],
        keypoints_source=points[:, :3].astype(np.float64),
        indices=np.tile(np.arange(3), (15, 1)),
        confidences=np.ones((15, 3), dtype=np.float32),
        edge_pairs=np.array([(0, 1), (0, 2), (1, 2)]),
        edges=np.full((15, 3), 0.5, dtype=np.float32),
    ).save(path)
    return path


def test_it_draws_twelve_shapes_beside_the_predictions(
    predicted: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["viz", str(predicted), "--size", "64", "--renderer", "matplotlib"]) == 0
    captured = capsys.readouterr()
    assert predicted.with_suffix(".png").is_file()
    assert "12 of 15 shapes" in captured.out
    assert captured.err == ""


def test_its_default_file_is_what_predict_writes(predicted: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(predicted.parent)
    assert run(["viz", "--size", "64", "--shapes", "1", "--renderer", "matplotlib"]) == 0
    assert (predicted.parent / "out.png").is_file()


def test_json_says_what_was_drawn(predicted: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = predicted.parent / "new" / "figure.svg"
    words = ["--ids", "mug-11", "--ids", "mug-03", "--columns", "1", "--size", "100", "--view", "-20,10"]
    assert run(["viz", str(predicted), "-o", str(output), *words, "--labels", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["path"] == str(output)
    assert result["shapes"] == ["mug-11", "mug-03"]
    assert (result["total"], result["renderer"]) == (15, "matplotlib")
    assert result["width"] <= 100 < result["height"]
    assert output.is_file()


def test_the_fallback_is_noted_on_stderr(
    predicted: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probe, "renders", lambda: False)
    assert run(["viz", str(predicted), "--size", "64", "--shapes", "1", "--json"]) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out)["renderer"] == "matplotlib"
    assert captured.err.count("\n") == 1
    assert "libegl1" in captured.err


def test_a_window_without_a_display_is_one_line_and_a_way_out(
    predicted: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probe, "has_display", lambda: False)
    assert run(["viz", str(predicted), "--window"]) == 1
    captured = capsys.readouterr()
    assert captured.err.splitlines()[0] == "error There is no display to open a window on."
    assert "-o" in captured.err.splitlines()[1]
    assert not predicted.with_suffix(".png").exists()


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--ids", "mug-99"], 1, "There is no shape 'mug-99' among the 15."),
        (["-o", "figure.jpg"], 1, "figure.jpg is no kind of picture"),
        (["--view", "under"], 1, "'under' is no view."),
        (["--renderer", "raytracer"], 1, "There is no renderer 'raytracer'."),
        (["--size", "10"], 2, "--size"),
    ],
)
def test_what_is_wrong_is_named(
    predicted: Path, capsys: pytest.CaptureFixture[str], words: list[str], code: int, said: str
) -> None:
    assert run(["viz", str(predicted), *words]) == code
    assert said in capsys.readouterr().err


def test_a_missing_file_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["viz", str(tmp_path / "none.npz")]) == 1
    assert "none.npz" in capsys.readouterr().err


def test_its_help_has_examples(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["viz", "--help"]) == 0
    assert "kg viz out.npz --window" in capsys.readouterr().out


@pytest.fixture
def sequence(tmp_path: Path) -> Path:
    """A store of two objects of five frames each, and a third with one."""
    objects = [*(["fold/a"] * 5), *(["fold/b"] * 5), "c"]
    points = np.random.default_rng(0).uniform(-1, 1, (11, 60, 3)).astype(np.float32)
    clouds = Clouds(
        ids=[f"{name}-{number}" for number, name in enumerate(objects)],
        objects=objects,
        frame=np.arange(11, dtype=np.int32),
        points=points,
        scale=np.ones(11),
        offset=np.zeros(11),
        rest_positions=points,
    )
    path = paths.store("folder", "sock", "fold")
    write_store(
        path,
        [clouds],
        {"object": ["train"] * 11, "frame": ["train"] * 11},
        dataset="folder",
        category="sock",
        variant="fold",
        unit="metre",
        landmark_names={},
        provenance={"options": {"deform": {"seconds": 0.5}}},
    )
    return path


FAST = ("--size", "64", "--renderer", "matplotlib")


def test_a_store_by_its_category_or_file(
    sequence: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["viz", "-c", "sock", "--shapes", "3", "--json", *FAST]) == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["path"], result["total"]) == ("sock-fold.png", 11)
    assert result["shapes"] == ["fold/a-0", "fold/b-5", "c-10"]
    assert Path("sock-fold.png").is_file()
    assert run(["viz", str(sequence), "--ids", "c-10", "-o", "one.png", *FAST]) == 0
    assert "1 of 11 shapes" in capsys.readouterr().out


def test_frames_of_an_object_as_film_and_as_sheet(
    sequence: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    film = tmp_path / "a.gif"
    words = ["viz", str(sequence), "--object", "fold/b"]
    assert run([*words, "-o", str(film), "--json", *FAST]) == 0
    out, err = capsys.readouterr()
    result = json.loads(out)
    assert (result["object"], result["seconds"], result["bytes"]) == ("fold/b", 0.5, film.stat().st_size)
    assert result["shapes"] == [f"fold/b-{number}" for number in range(5, 10)]
    assert err == ""
    assert run([*words, "-o", str(tmp_path / "a.png"), "--shapes", "3", *FAST]) == 0
    assert "3 of 5 frames" in capsys.readouterr().out
    assert run(["viz", str(sequence), "-o", str(film), "--seconds", "0.2", "--fps", "10", *FAST]) == 0
    out, err = capsys.readouterr()
    assert "2 of 5 frames in 0.2 s" in out
    assert err == "Showing fold/a; other objects with --object.\n"


def test_predicted_files_follow_each_other_in_a_film(
    predicted: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    film = predicted.with_suffix(".gif")
    assert run(["viz", str(predicted), "-o", str(film), "--seconds", "0.5", *FAST]) == 0
    assert "10 of 15 frames in 0.5 s" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--object", "fold/d"], 1, "There is no object 'fold/d' among the 3.\nhint  Closest: fold/"),
        (["--object", "c", "-o", "a.gif"], 1, "There is no sequence to show: c has one frame."),
        (["-o", "a.gif", "--ids", "c-10"], 2, "--ids"),
        (["-o", "a.avi"], 1, "that of a film in .gif or .mp4."),
        (["-c", "sock"], 2, "excludes --category"),
        (["--window", "--object", "fold/a"], 2, "--object"),
        (["--window"], 1, "A window shows predictions."),
    ],
)
def test_what_is_wrong_with_a_sequence_is_named(
    sequence: Path, capsys: pytest.CaptureFixture[str], words: list[str], code: int, said: str
) -> None:
    assert run(["viz", str(sequence), *words]) == code
    out, err = capsys.readouterr()
    assert said in err
    assert out == ""
