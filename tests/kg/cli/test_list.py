import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from kg import paths
from kg.cli.app import run
from kg.config import PRESETS
from kg.evaluation.metrics import METRICS
from kg.evaluation.protocols import PROTOCOLS
from kg.train.runs import new_run

Install = Callable[..., Path]

ODD = """
from kg.data import Dataset

class Odd(Dataset):
    name, title, licence = "odd", "Odd", "MIT"

    def __init__(self):
        raise RuntimeError("[odd] plugin")

    def items(self, category, raw, options):
        return []

    def load(self, item):
        raise NotImplementedError
"""


def test_data_sets_with_what_one_has_of_them(fixtures: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["fetch", "keypointnet", "--from", str(fixtures / "keypointnet")]) == 0
    assert run(["prepare", "keypointnet", "-c", "airplane", "-n", "8"]) == 0
    capsys.readouterr()
    assert run(["list", "--json"]) == 0
    found = {item["name"]: item for item in json.loads(capsys.readouterr().out)["datasets"]}
    assert {name: item["access"] for name, item in found.items() if not item["parts"]} == {
        "clothesnet": "by hand",
        "deepfashion3d": "by hand",
        "folder": "in place",
        "garments": "built in",
        "shapenet": "download",
    }
    here, folder = found["keypointnet"], paths.raw("keypointnet")
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert here["fetched_categories"] == ["airplane", "knife", "mug"]
    assert (here["files"], here["folder"]) == (len(files), str(folder))
    assert here["bytes"] == sum(path.stat().st_size for path in files)
    store = paths.store("keypointnet", "airplane", "official")
    assert here["stores"] == [
        {
            "category": "airplane",
            "variant": "official",
            "bytes": store.stat().st_size,
            "file": str(store),
        }
    ]
    assert found["shapenet"]["fetched"] is False


def test_for_a_person(fixtures: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["fetch", "clothesnet", "--from", str(fixtures / "clothesnet")]) == 0
    (paths.raw("shapenet").with_name(".shapenet.partial")).mkdir()
    capsys.readouterr()
    assert run(["list", "datasets"]) == 0
    out = capsys.readouterr().out
    assert "by hand; the steps: kg fetch deepfashion3d" in out
    assert "Licence" not in out
    assert "CC BY-NC 4.0" in out
    assert str(paths.raw("clothesnet")) in out
    assert out.count("in part; the same command goes on") == 1


def test_a_broken_plugin_is_named(install: Install, capsys: pytest.CaptureFixture[str]) -> None:
    install("maker", {"odd_set": ODD}, {"kg.datasets odd": "odd_set:Odd"})
    assert run(["list", "--json"]) == 0
    out, err = capsys.readouterr()
    assert [plugin["name"] for plugin in json.loads(out)["broken"]] == ["odd"]
    assert "[odd] plugin" in err


def test_backbones(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["list", "backbones", "--json"]) == 0
    assert "pointnet2" in [found["name"] for found in json.loads(capsys.readouterr().out)["backbones"]]
    assert run(["list", "backbones"]) == 0
    assert "kg train --category shirt --backbone NAME" in capsys.readouterr().out


def test_deformations(fixtures: Path, install: Install, capsys: pytest.CaptureFixture[str]) -> None:
    code = (fixtures / "third_party_plugin" / "kg_pinch.py").read_text()
    install("kg-example", {"kg_pinch": code}, {"kg.deformations pinch": "kg_pinch:Pinch"})
    assert run(["list", "deformations", "--json"]) == 0
    found = {plugin["name"]: plugin for plugin in json.loads(capsys.readouterr().out)["deformations"]}
    assert found["pinch"]["about"] == "A hand pinches a lying garment in the middle and lifts it."
    assert found["pinch"]["target"] == "kg_pinch:Pinch"
    assert found["drop"]["about"].startswith("A garment falls")
    assert run(["list", "deformations"]) == 0
    assert "kg prepare --deform NAME --set help" in " ".join(capsys.readouterr().out.split())


def test_a_mistyped_kind(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["list", "dataset"]) == 2
    assert "datasets" in capsys.readouterr().err


def test_runs_are_listed_the_latest_first(tiny_config, capsys):
    one, two, begun = (new_run(tiny_config, name) for name in ("sweep/one", "two", "begun"))
    for run_folder, seconds in ((one, 20), (two, 10)):
        (run_folder / "last.safetensors").touch()
        os.utime(run_folder / "last.safetensors", (seconds, seconds))
    (begun / "metrics.jsonl").write_text('{"epoch": 1, "val_loss": 0.5}\n')
    assert run(["list", "runs", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)["runs"]
    assert [entry["run"] for entry in listed] == ["sweep/one", "two", "begun"]
    assert listed[2]["epochs"] == "1 of 3"
    assert (listed[2]["best val_loss"], listed[2]["saved"]) == (0.5, "")
    assert listed[0]["method"] == "key-grid, tiny, seed 0"


def test_a_broken_run_is_told_and_the_others_are_listed(tiny_config, capsys):
    new_run(tiny_config, "one")
    (new_run(tiny_config, "two") / "config.json").write_text("{")
    (new_run(tiny_config, "three") / "metrics.jsonl").write_text('{"val_loss": "low"}\n')
    assert run(["list", "runs", "--json"]) == 0
    said = capsys.readouterr()
    assert [entry["run"] for entry in json.loads(said.out)["runs"]] == ["one", "three"]
    assert "two/config.json cannot be read" in said.err


def test_stores_are_listed_with_what_is_in_them(tiny_store, tmp_path, capsys):
    there = tmp_path / "home" / "prepared" / "ellipsoids" / "ellipsoid"
    there.mkdir(parents=True)
    tiny_store.path.rename(there / "rest.h5")
    (there / "broken.h5").write_text("no store")
    assert run(["list", "stores", "--json"]) == 0
    said = capsys.readouterr()
    (store,) = json.loads(said.out)["stores"]
    assert "broken.h5 cannot be read" in said.err
    assert (store["store"], store["shapes"], store["N"]) == ("ellipsoids/ellipsoid/rest", 20, 64)


@pytest.mark.parametrize(("what", "made_by"), [("runs", "kg train"), ("stores", "kg prepare")])
def test_an_empty_list_says_where_nothing_is_and_how_to_make_one(
    what, made_by, tmp_path, capsys, monkeypatch
):
    monkeypatch.setenv("KG_HOME", str(tmp_path / "[none]"))
    monkeypatch.setenv("KG_RUNS", str(tmp_path / "[none]"))
    assert run(["list", what]) == 0
    said = capsys.readouterr().out
    assert "[none]" in said
    assert made_by in said
    assert "file" not in said


@pytest.mark.parametrize(
    ("what", "names"), [("metrics", METRICS), ("presets", PRESETS), ("protocols", PROTOCOLS)]
)
def test_names_of_options_are_listed_with_their_meaning(what, names, capsys):
    assert run(["list", what, "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)[what]
    assert [entry[what.removesuffix("s")] for entry in listed] == list(names)
    assert all(any(len(str(meaning)) > 1 for meaning in list(entry.values())[1:]) for entry in listed)
    assert run(["list", what]) == 0
    assert all(name in capsys.readouterr().out for name in [next(iter(names))])


def test_what_a_preset_changes_is_said_as_it_is_typed(capsys):
    assert run(["list", "presets", "--json"]) == 0
    release = json.loads(capsys.readouterr().out)["presets"][-1]
    assert {"grid=16,16,8", "backbone.neighbours=first"} <= set(release["what differs"].split())
