import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kg import paths
from kg.cli.app import run
from kg.data import Store
from kg.viz import probe
from kg_datasets.folder import Folder

Install = Callable[..., Path]
Capture = pytest.CaptureFixture[str]


@pytest.fixture
def mugs(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    folder = tmp_path / "my mugs"
    folder.mkdir()
    for number in range(10):
        np.save(folder / f"{'abcdefghij'[number]}.npy", rng.normal(size=(32, 3)))
    return folder


def prepare(capsys: Capture, *arguments: str | Path) -> dict[str, Any]:
    assert run(["prepare", *map(str, arguments), "--no-picture", "--json"]) == 0
    result: dict[str, Any] = json.loads(capsys.readouterr().out)
    return result


def test_ones_own_files(mugs: Path, capsys: Capture) -> None:
    result = prepare(capsys, "folder", "--from", mugs, "--category", "mug", "-n", "16", "--seed", "3")
    [store] = result["stores"]
    assert store["file"] == str(paths.store("folder", "mug", "rest"))
    assert (store["shapes"], store["train"], store["val"], store["test"]) == (10, 7, 1, 2)
    assert (store["objects"], store["points"], store["made"]) == (10, 16, True)
    assert not store["landmarks"]
    assert not store["rest_positions"]
    assert result["failed"] == {}
    opened = Store(Path(store["file"]))
    assert opened.provenance["options"] == {
        "points": 16,
        "objects": None,
        "seed": 3,
        "deform": None,
        "camera": None,
        "normalisation": "longest-side",
        "frames_of": None,
        "split": None,
        "raw": str(mugs),
    }


def test_the_table_and_what_comes_next(mugs: Path, capsys: Capture) -> None:
    assert run(["prepare", "folder", "--from", str(mugs), "-c", "mug", "-n", "16", "--no-picture"]) == 0
    out, err = capsys.readouterr()
    assert str(paths.store("folder", "mug", "rest")) in out
    assert "Next: kg train --category mug" in out
    assert max(len(line) for line in out.splitlines() if "home" not in line) <= 80
    assert err == "mug: 10 objects, 10 frames, correspondence: no\n"


def test_what_files_were_taken_for_is_told_before_the_work(mugs: Path, capsys: Capture) -> None:
    arguments = ["prepare", "folder", "--from", str(mugs), "-c", "mug", "-n", "16", "--no-picture"]
    assert run([*arguments, "--frames-of", "folder"]) == 0
    out, err = capsys.readouterr()
    assert "mug: 1 object, 10 frames, correspondence: no" in err
    assert "10/0/0" in out
    manifest = mugs.parent / "frames.csv"
    manifest.write_text("file,object\n" + "".join(f"{name}.npy,{name in 'abc'}\n" for name in "abcdefgh"))
    assert run([*arguments, "--frames-of", str(manifest), "--force"]) == 0
    out, err = capsys.readouterr()
    assert "mug: 2 objects, 8 frames, correspondence: no" in err


@pytest.mark.parametrize(
    ("words", "match"),
    [
        (["folder", "--frames-of", "flie"], "Did you mean 'file'?"),
        (["folder", "--frames-of", "none.csv"], "There is no manifest none.csv"),
        (["garments", "--frames-of", "file"], "Leave out --frames-of"),
    ],
)
def test_frames_of_what_is_not_there(mugs: Path, capsys: Capture, words: list[str], match: str) -> None:
    source = ["--from", str(mugs)] if words[0] == "folder" else []
    assert run(["prepare", *words, *source, "-c", "shirt"]) == 1
    assert match in capsys.readouterr().err


def test_without_a_category_every_one_that_is_found(fixtures: Path, capsys: Capture) -> None:
    result = prepare(capsys, "keypointnet", "--from", fixtures / "keypointnet", "-n", "8")
    assert [store["category"] for store in result["stores"]] == ["airplane", "knife", "mug"]
    assert [store["landmarks"] for store in result["stores"]] == [True, True, False]


def test_several_categories_by_commas_or_repeated(fixtures: Path, capsys: Capture) -> None:
    chosen = ["-c", "mug,airplane", "-c", "mug"]
    result = prepare(capsys, "keypointnet", "--from", fixtures / "keypointnet", *chosen, "-n", "8")
    assert [store["category"] for store in result["stores"]] == ["mug", "airplane"]


def test_an_unknown_category_is_told_before_any_is_made(capsys: Capture) -> None:
    assert run(["prepare", "-c", "tie,scrf", "--objects", "3", "-n", "16"]) == 1
    assert "Did you mean 'scarf'" in capsys.readouterr().err
    assert not list(paths.stores())


def test_a_category_by_another_name_that_its_data_set_knows(fixtures: Path, capsys: Capture) -> None:
    result = prepare(capsys, "shapenet", "--from", fixtures / "shapenet", "-c", "02747177", "-n", "16")
    assert [store["category"] for store in result["stores"]] == ["02747177"]


def test_an_empty_name_is_not_taken_for_all(capsys: Capture) -> None:
    assert run(["prepare", "-c", "", "--objects", "3", "-n", "16"]) == 1
    assert "--category" in capsys.readouterr().err
    assert not list(paths.stores())


def test_from_the_fetched_folder(fixtures: Path, capsys: Capture) -> None:
    assert run(["fetch", "clothesnet", "--from", str(fixtures / "clothesnet")]) == 0
    capsys.readouterr()
    result = prepare(capsys, "clothesnet", "-c", "mask", "-c", "tops", "-c", "mask", "-n", "64")
    assert [(store["category"], store["shapes"]) for store in result["stores"]] == [("mask", 1), ("tops", 3)]


def test_again_finds_it_and_other_options_need_force(mugs: Path, capsys: Capture) -> None:
    arguments = ("folder", "--from", mugs, "-c", "mug", "-n", "16")
    prepare(capsys, *arguments)
    assert prepare(capsys, *arguments)["stores"][0]["made"] is False
    assert run(["prepare", *map(str, arguments), "--seed", "1"]) == 1
    assert "--force" in capsys.readouterr().err
    assert prepare(capsys, *arguments, "--seed", "1", "--force")["stores"][0]["made"] is True
    assert prepare(capsys, *arguments, "--objects", "4", "--variant", "few")["stores"][0]["shapes"] == 4


def test_new_files_join_a_store(mugs: Path, capsys: Capture) -> None:
    words = ("folder", "--from", mugs, "-c", "mug", "-n", "16", "--frames-of", "file")
    prepare(capsys, *words)
    before = Store(paths.store("folder", "mug", "rest")).read()
    np.save(mugs / "aa.npy", np.random.default_rng(1).normal(size=(32, 3)))
    [store] = prepare(capsys, *words, "--append")["stores"]
    after = Store(Path(store["file"])).read()
    assert (store["made"], after.ids[:-1], after.ids[-1]) == (True, before.ids, "aa")
    np.testing.assert_array_equal(after.points[:-1], before.points)
    assert run(["prepare", *map(str, words), "--append", "--force"]) == 1
    assert "--append and --force exclude each other" in capsys.readouterr().err


def test_broken_shapes_are_counted_and_named(mugs: Path, capsys: Capture) -> None:
    (mugs / "torn.npy").write_bytes(b"torn")
    assert (
        run(["prepare", "folder", "--from", str(mugs), "-c", "mug", "-n", "16", "--no-picture", "--json"])
        == 0
    )
    out, err = capsys.readouterr()
    [store] = json.loads(out)["stores"]
    assert store["shapes"] == 10
    assert [item["id"] for item in store["skipped"]] == ["torn"]
    assert "mug: 1 shape was left out" in err
    assert "torn.npy" in err
    assert (
        run(["prepare", "folder", "--from", str(mugs), "-c", "mug", "-n", "16", "--strict", "--force"]) == 1
    )
    assert "torn: " in capsys.readouterr().err


def test_a_long_list_of_broken_shapes_is_cut_on_the_terminal_only(mugs: Path, capsys: Capture) -> None:
    for number in range(15):
        (mugs / f"torn{number}.npy").write_bytes(b"torn")
    assert (
        run(["prepare", "folder", "--from", str(mugs), "-c", "mug", "-n", "16", "--no-picture", "--json"])
        == 0
    )
    out, err = capsys.readouterr()
    assert len(json.loads(out)["stores"][0]["skipped"]) == 15
    assert "and 5 more" in err


def test_one_category_that_fails_does_not_stop_the_others(tmp_path: Path, capsys: Capture) -> None:
    for category, points in (("few", 4), ("many", 32)):
        (tmp_path / "shapes" / category).mkdir(parents=True)
        for number in range(3):
            cloud = np.random.default_rng(number).normal(size=(points, 3))
            np.save(tmp_path / "shapes" / category / f"{number}.npy", cloud)
    assert (
        run(["prepare", "folder", "--from", str(tmp_path / "shapes"), "-n", "16", "--no-picture", "--json"])
        == 1
    )
    out, err = capsys.readouterr()
    result = json.loads(out)
    assert [store["category"] for store in result["stores"]] == ["many"]
    assert list(result["failed"]) == ["few"]
    assert "few: None of the 3 shapes" in err


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["folder"], 1, "prepare folder --from FOLDER"),
        (["keypointnet"], 1, "kg fetch keypointnet"),
        (["folder", "--from", "none"], 1, "no folder none"),
        (["fodler"], 1, "Did you mean 'folder'"),
        (["keypointnet", "--from", ".", "-c", "airplan"], 1, "airplane"),
        (["folder", "--points", "0"], 2, "--points"),
        (["folder", "--objects", "0"], 2, "--objects"),
    ],
)
def test_what_is_missing_or_mistyped(capsys: Capture, arguments: list[str], code: int, said: str) -> None:
    assert run(["prepare", *arguments]) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert said in err


def test_a_third_party_data_set(fixtures: Path, install: Install, capsys: Capture) -> None:
    folder = fixtures / "third_party_plugin"
    code = (folder / "kg_ellipsoids.py").read_text()
    install("kg-ellipsoids", {"kg_ellipsoids": code}, {"kg.datasets ellipsoids": "kg_ellipsoids:Ellipsoids"})
    result = prepare(capsys, "ellipsoids", "-c", "flat", "--objects", "5", "-n", "64")
    [store] = result["stores"]
    assert (store["shapes"], store["landmarks"], store["unit"]) == (5, True, "metre")
    clouds = Store(Path(store["file"])).read()
    assert Store(Path(store["file"])).landmark_names[2] == "+y"
    # x² / a² + y² / b² + z² / c² = 1, with the axes a, b, c read off the landmarks.
    source = clouds.points * clouds.scale[:, None, None] + clouds.offset[:, None]
    assert clouds.landmarks is not None
    poles = clouds.landmarks * clouds.scale[:, None, None] + clouds.offset[:, None]
    axes = np.stack([poles[:, 0, 0], poles[:, 2, 1], poles[:, 4, 2]], axis=1)
    np.testing.assert_allclose(((source / axes[:, None]) ** 2).sum(axis=2), 1, atol=1e-4)
    assert run(["prepare", "ellipsoids", "--from", str(fixtures)]) == 1
    assert "built in" in capsys.readouterr().err


def test_an_interrupted_one_says_what_is_done(
    mugs: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = prepare(capsys, "folder", "--from", mugs, "-c", "mug", "-n", "16", "--variant", "whole")
    load = Folder.load

    def interrupted(self: Folder, item: Any) -> Any:
        if item.id == "e":
            raise KeyboardInterrupt
        return load(self, item)

    with monkeypatch.context() as patch:
        patch.setattr(Folder, "load", interrupted)
        assert run(["prepare", "folder", "--from", str(mugs), "-c", "mug", "-n", "16"]) == 130
    out, err = capsys.readouterr()
    assert out == ""
    assert "4 of 10 shapes of mug are done; the same command goes on from there." in err
    command = ["folder", "--from", str(mugs), "-c", "mug", "-n", "16", "--no-picture", "--json"]
    assert run(["prepare", *command, "--workers", "1"]) == 0
    out, err = capsys.readouterr()
    assert "Going on with mug: 4 of 10 shapes were done." in err
    [store] = json.loads(out)["stores"]
    assert Store(Path(store["file"])).checksum == Store(Path(whole["stores"][0]["file"])).checksum


def test_a_damaged_store_is_made_again_with_force(mugs: Path, capsys: Capture) -> None:
    arguments = ("folder", "--from", mugs, "-c", "mug", "-n", "16")
    file = Path(prepare(capsys, *arguments)["stores"][0]["file"])
    file.write_bytes(file.read_bytes()[:-500])
    assert run(["prepare", *map(str, arguments)]) == 1
    assert "--force" in capsys.readouterr().err
    assert run(["train", "-c", "mug", "--preset", "quick"]) == 1
    assert "rest.h5 cannot be read" in capsys.readouterr().err
    assert prepare(capsys, *arguments, "--force")["stores"][0]["shapes"] == 10


class TestPicture:
    """The picture beside the store, drawn by matplotlib as where there is no graphics library."""

    @pytest.fixture(autouse=True)
    def matplotlib(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(probe, "renders", lambda: False)

    def prepare(self, capsys: Capture, mugs: Path, *more: str) -> tuple[str | None, str]:
        command = ["folder", "--from", str(mugs), "-c", "mug", "-n", "16", "--json"]
        assert run(["prepare", *command, *more]) == 0
        out, err = capsys.readouterr()
        # Before that stands what the files were taken for.
        return json.loads(out)["stores"][0]["picture"], err.partition("\n")[2]

    def test_it_is_drawn_once(self, mugs: Path, capsys: Capture) -> None:
        picture, _ = self.prepare(capsys, mugs)
        assert picture == str(paths.store("folder", "mug", "rest").with_suffix(".png"))
        assert Path(picture).read_bytes().startswith(b"\x89PNG")
        drawn = Path(picture).stat().st_mtime_ns
        assert self.prepare(capsys, mugs) == (picture, "mug was prepared before, with the same options.\n")
        assert Path(picture).stat().st_mtime_ns == drawn

    def test_none_is_wanted_and_none_is_kept_of_what_is_gone(self, mugs: Path, capsys: Capture) -> None:
        assert self.prepare(capsys, mugs, "--no-picture")[0] is None
        assert self.prepare(capsys, mugs)[0] is not None
        assert self.prepare(capsys, mugs, "--force", "--no-picture")[0] is None
        assert not paths.store("folder", "mug", "rest").with_suffix(".png").exists()

    def test_where_nothing_draws_the_store_is_made(
        self, mugs: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(*_: object) -> None:
            raise RuntimeError("no fonts")

        monkeypatch.setattr("kg.viz.draw_store", fail)
        picture, err = self.prepare(capsys, mugs)
        assert picture is None
        assert "No picture of mug: no fonts" in err
        assert paths.store("folder", "mug", "rest").is_file()


def test_deformed_garments_are_a_variant_with_a_cloud_a_frame(capsys: Capture) -> None:
    words = ("-c", "short-pants", "--deform", "drop", "--frames", "3", "--objects", "2", "-n", "64")
    fast = ("--set", "seconds=0.05", "--set", "step=0.002")
    [store] = prepare(capsys, *words, *fast)["stores"]
    assert store["file"] == str(paths.store("garments", "short-pants", "drop"))
    assert (store["shapes"], store["landmarks"], store["rest_positions"]) == (6, True, True)
    opened = Store(Path(store["file"]))
    clouds = opened.read()
    assert clouds.ids[:4] == [
        f"short-pants-{name}" for name in ("0000-000", "0000-001", "0000-002", "0001-000")
    ]
    assert clouds.frame.tolist() == [0, 1, 2, 0, 1, 2]
    assert clouds.objects[0] == clouds.objects[2] != clouds.objects[3]
    made = opened.provenance["options"]["deform"]
    assert (made["name"], made["frames"], made["seconds"]) == ("drop", 3, 0.05)
    assert not prepare(capsys, *words, *fast)["stores"][0]["made"]
    assert run(["prepare", *words, "--set", "seconds=0.04"]) == 1
    assert "prepared with other options" in capsys.readouterr().err


def test_a_third_party_motion(fixtures: Path, install: Install, capsys: Capture) -> None:
    code = (fixtures / "third_party_plugin" / "kg_pinch.py").read_text()
    install("kg-example", {"kg_pinch": code}, {"kg.deformations pinch": "kg_pinch:Pinch"})
    words = ("-c", "tie", "--deform", "pinch", "--frames", "3", "--objects", "1", "-n", "64")
    options = ("--set", "seconds=0.1", "--set", "height=0.05", "--set", "step=0.002")
    [store] = prepare(capsys, *words, *options)["stores"]
    clouds = Store(Path(store["file"])).read()
    tops = (clouds.points[:, :, 2] * clouds.scale[:, None] + clouds.offset[:, 2:]).max(axis=1)
    assert tops[-1] - tops[0] == pytest.approx(0.05, abs=0.01)
    assert run(["prepare", "-c", "tie", "--deform", "pinhc"]) == 1
    assert "Did you mean 'pinch'?" in capsys.readouterr().err


def test_options_of_a_deformation(capsys: Capture) -> None:
    assert run(["prepare", "--deform", "fold", "--set", "help", "--json"]) == 0
    assert "sloppiness" in json.loads(capsys.readouterr().out)["fold"]
    assert run(["prepare", "--set", "help"]) == 0
    assert "3 (drag)" in capsys.readouterr().out
    assert run(["prepare", "--set", "bend=1"]) == 2
    assert run(["prepare", "--deform", "fold", "--set", "bend"]) == 2
    capsys.readouterr()
    assert run(["prepare", "-c", "shirt", "--deform", "fold", "--set", "blend=1"]) == 1
    assert "blend" in capsys.readouterr().err


def test_what_a_camera_sees_is_a_variant_of_its_own(capsys: Capture) -> None:
    words = ("-c", "mask", "--objects", "2", "-n", "64", "--camera", "--set", "camera.up=z")
    [store] = prepare(capsys, *words, "--set", "camera.elevation=90")["stores"]
    assert store["file"] == str(paths.store("garments", "mask", "laid-camera"))
    seen_by = Store(Path(store["file"])).provenance["options"]["camera"]
    assert (seen_by["up"], seen_by["elevation"], seen_by["azimuth"]) == ("z", 90, None)
    deformed = ("-c", "mask", "--objects", "1", "-n", "64", "--camera", "--deform", "drop", "--frames", "2")
    [store] = prepare(capsys, *deformed, "--set", "seconds=0.02", "--set", "camera.noise=0.001")["stores"]
    assert store["file"] == str(paths.store("garments", "mask", "drop-camera"))
    made = Store(Path(store["file"])).provenance["options"]
    assert (made["camera"]["up"], made["camera"]["noise"], made["deform"]["seconds"]) == ("z", 0.001, 0.02)


def test_options_of_a_camera(capsys: Capture) -> None:
    assert run(["prepare", "--set", "help", "--json"]) == 0
    assert "camera.field_of_view" in json.loads(capsys.readouterr().out)["camera"]
    assert run(["prepare", "--set", "camera.noise=1"]) == 2
    assert "camera.noise goes with --camera" in capsys.readouterr().err
    assert run(["prepare", "-c", "mask", "--camera", "--set", "camera.noize=1"]) == 1
    assert "Did you mean 'noise'" in capsys.readouterr().err
