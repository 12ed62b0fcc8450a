"""`kg sweep` as it is typed; its processes are real in one test, and played by a script in the others."""

import json
import os
import sys

import pytest

from kg.cli.app import run
from kg.sweep import pool
from kg.train.runs import list_runs, new_run, read_metrics

NET = """
import torch
from kg import ops
from kg.model import MLP, Backbone, Features, Pyramid

class Net(Backbone):
    level_channels, point_channels, global_channels, minimum_points = (8, 12), 16, 12, 32

    def __init__(self):
        super().__init__()
        self.first, self.second, self.third = MLP(3, [8]), MLP(8, [12]), MLP(15, [16])

    def forward(self, points):
        fine = ops.gather(points, ops.farthest_point_sample(points, 16))
        pyramid = Pyramid([points, fine, fine[:, :8].contiguous()])
        one = self.first(fine)
        two = self.second(one[:, :8])
        climbed = pyramid.climb(pyramid.climb(two, 2), 1)
        return Features(pyramid, [one, two], self.third(torch.cat([climbed, points], 2)), two.amax(1))
"""

PLAYED = """
import json, pathlib, sys
words = sys.argv[1:]
if words[0] == "eval":
    das = 80.0 if "seed0" in words[1] else 90.0
    told = {"split": "test", "protocol": "strict", "shapes": 4, "units": {"mean": "%"}}
    print(json.dumps({"results": [{"metric": "das-annotated", "values": {"mean": das}, **told}]}))
elif "FAILS" in str(words):
    print("error no memory", file=sys.stderr)
    sys.exit(1)
"""


@pytest.fixture
def sweep(tiny_preset, tiny_store):
    def call(*words):
        return run(["sweep", "--store", str(tiny_store.path), "--preset", "tiny", "--cpu", *words])

    return call


@pytest.fixture
def played(monkeypatch):
    """Trainings that are over at once, with a folder as if they had been done."""
    start = pool.start

    def begin(job, *rest):
        if not job.folder.is_dir():
            with monkeypatch.context() as there:
                there.setenv("KG_RUNS", str(job.sweep))
                new_run(job.config, job.name)
            lines = (json.dumps({"epoch": number, "seconds": 1}) + "\n" for number in (1, 2, 3))
            (job.folder / "metrics.jsonl").write_text("".join(lines))
            (job.folder / "best.safetensors").touch()
        return start(job, *rest)

    monkeypatch.setattr(pool, "start", begin)
    monkeypatch.setattr(pool, "PAUSE", 0.01)
    monkeypatch.setattr(pool, "KG", (sys.executable, "-c", PLAYED))


def test_a_sweep_does_not_take_the_place_of_the_link_to_the_newest_run(sweep, capsys):
    assert sweep("--name", "latest", "--dry-run") == 1
    assert "cannot be called 'latest'" in capsys.readouterr().err


def test_a_dry_run_lists_everything_and_makes_nothing(sweep, tmp_path, capsys):
    assert sweep("--ablation", "--seed", "0,1", "--dry-run", "--json") == 0
    plan = json.loads(capsys.readouterr().out)
    assert len(plan["jobs"]) == 2 * 5
    assert plan["seconds"] is None
    assert {job["state"] for job in plan["jobs"]} == {"train"}
    assert "--without encoder-features" in plan["jobs"][1]["command"]
    assert not (tmp_path / "runs").exists()


def test_the_table_is_the_mean_over_seeds_and_is_made_once(sweep, played, tmp_path, capsys, monkeypatch):
    words = ("--seed", "0,1", "--without", "none,heatmap", "--csv", str(tmp_path / "t.csv"))
    assert sweep(*words) == 0
    out, err = capsys.readouterr()
    assert "85.0 ± 7.1" in out
    assert "n = 2" in out
    assert err.count("done") == 4
    assert (tmp_path / "t.csv").read_text().count("\n") == 1 + 4 + 4
    monkeypatch.setattr(pool, "KG", ("false",))
    assert sweep(*words, "--json") == 0
    out, err = capsys.readouterr()
    (table,) = json.loads(out)["tables"]
    assert table["rows"][0]["figures"]["ellipsoid"]["by_seed"] == {"0": 80.0, "1": 90.0}
    assert "4 of them finished" in err


def test_detectors_are_rows_and_what_they_cost_stands_below(sweep, played, capsys):
    assert sweep("--detector", "key-grid,template:epochs=2", "--set", "keypoints=4", "--json") == 0
    result = json.loads(capsys.readouterr().out)
    (table,) = result["tables"]
    assert [row["method"] for row in table["rows"]] == ["key-grid", "template:epochs=2"]
    (time,) = result["costs"]
    assert (time["metric"], time["part"], time["unit"]) == ("training", "time", "minutes")
    assert [row["figures"]["ellipsoid"]["mean"] for row in time["rows"]] == [3 / 60, 3 / 60]


def test_a_detector_that_cannot_learn_here_is_left_out(sweep, tiny_store, played, capsys):
    assert not tiny_store.has_rest_positions
    assert sweep("--detector", "template,follow", "--json") == 0
    captured = capsys.readouterr()
    assert "follow learns from places at rest or sequences that ellipsoid" in captured.err
    (table,) = json.loads(captured.out)["tables"]
    assert [row["method"] for row in table["rows"]] == ["template"]
    assert sweep("--detector", "follow", "--name", "other") == 1
    assert "kg prepare --deform fold" in capsys.readouterr().err


def test_an_ablation_has_the_papers_figures_beside_it(sweep, played, capsys):
    assert sweep("--ablation", "--json") == 0
    (table,) = json.loads(capsys.readouterr().out)["tables"]
    published = {row["method"]: row["published"]["airplane"] for row in table["rows"]}
    assert published == {
        "full": 84.7,
        "without encoder-features": 73.4,
        "without heatmap": 73.2,
        "without similarity": 71.5,
        "without farthest-point": 15.6,
    }


def test_a_failure_is_named_at_the_end_and_the_rest_is_shown(sweep, played, capsys, monkeypatch):
    script = PLAYED.replace("FAILS", "heatmap")
    monkeypatch.setattr(pool, "KG", (sys.executable, "-c", script))
    assert sweep("--without", "none,heatmap", "--epochs", "4", "--json") == 1
    out, err = capsys.readouterr()
    (name,) = json.loads(out)["failed"]
    assert name.endswith("without-heatmap-seed0")
    assert "no memory" in err
    assert "1 of 2 trainings failed" in err


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["--seed", "one"], 2, "whole number"),
        (["--without", "heat"], 1, "Did you mean 'heatmap'"),
        (["--ablation", "--without", "heatmap"], 1, "--ablation says"),
        (["--metric", "das,correspondence"], 1, "'correspondence' cannot be measured"),
        (["--metric", "dass"], 1, "das"),
        (["--set", "sigma"], 2, "NAME=VALUE"),
        (["--detector", "key-gird"], 1, "Did you mean 'key-grid'"),
        (["--gpu", "0"], 1, "exclude each other"),
    ],
)
def test_what_cannot_be_swept_is_one_line_and_a_hint(sweep, capsys, words, code, message):
    assert sweep(*words) == code
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.out == ""


def test_without_data_it_says_what_to_name(capsys):
    assert run(["sweep"]) == 1
    assert "kg sweep -c" in capsys.readouterr().err


def test_real_trainings_side_by_side(tiny_store, install, tmp_path, monkeypatch, capsys):
    site = install("kg-net", {"kg_net": NET}, {"kg.backbones net": "kg_net:Net"})
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(site), *sys.path]))
    words = ["--store", str(tiny_store.path), "--set", "backbone=net", "--set", "similarity_delay=1"]
    words += ["--points", "48", "--epochs", "2", "-k", "4", "--without", "none,heatmap", "--jobs", "2"]
    assert run(["sweep", *words, "--cpu", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["failed"] == {}
    das = result["tables"][0]
    assert das["metric"] == "das-annotated"
    assert [row["method"] for row in das["rows"]] == ["full", "without heatmap"]
    folders = list((tmp_path / "runs" / "sweep").glob("*/config.json"))
    assert all(len(read_metrics(path.parent)) == 2 for path in folders)
    assert list_runs() == []  # a sweep's runs lie in its own folder
