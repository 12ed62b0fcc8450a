"""Several processes that train together do what one does."""

import json
import os
import subprocess
import sys
from copy import deepcopy
from dataclasses import replace

import pytest
import torch

from kg.data.batches import thin
from kg.errors import KgError
from kg.model import Batch
from kg.model.checkpoint import load_checkpoint
from kg.model.making import make_detector
from kg.train import train
from kg.train.launch import launch
from kg.train.runs import latest_run, read_environment, read_metrics
from kg.train.step import Step
from kg.train.team import Team, joined, place

CPU = torch.device("cpu")

# Two detectors without anything random: one with batch norm. A third kills a worker when it is told to.
DETECTORS = """
import os, signal
from torch import nn
from kg.model import MLP, Detector, Found

class Plain(Detector):
    defaults = {"normalisation": "longest-side"}

    def __init__(self, model, train):
        super().__init__()
        self.scores = nn.Linear(3, model.keypoints, bias=False)

    def losses(self, batch, stage):
        keypoints = self.score(batch.points).mul(5).softmax(1).transpose(1, 2) @ batch.points
        return {"apart": (1.0, -(keypoints[:, :, None] - keypoints[:, None]).square().sum(3).mean())}

    def score(self, points):
        return self.scores(points)

    def validation_losses(self, batch):
        return self.losses(batch, 0)

    def find(self, points, inference=None):
        reach, indices = self.score(points).max(1)
        return Found(points.gather(1, indices[..., None].expand(-1, -1, 3)), indices, reach.sigmoid())

class Normed(Plain):
    def __init__(self, model, train):
        super().__init__(model, train)
        self.mlp, self.scores = MLP(3, [8]), nn.Linear(8, model.keypoints, bias=False)
        # Before batch norm a bias has no gradient but rounding, which Adam would make much of.
        self.mlp.linears[0].bias.requires_grad_(False)

    def score(self, points):
        return self.scores(self.mlp(points))

class Deadly(Plain):
    def losses(self, batch, stage):
        if os.environ.get("RANK") == "1" and os.path.exists(os.environ["DEADLY"]):
            os.kill(os.getpid(), signal.SIGKILL)
        return super().losses(batch, stage)
"""

PROGRAM = """
import json, os, signal, sys
from dataclasses import replace
from pathlib import Path
import torch
from kg.config import Config
from kg.model import Batch
from kg.model.making import make_detector
from kg.train import Interrupted, train
from kg.train.step import Step
from kg.train.team import joined

def steps(config, points, team):
    torch.manual_seed(0)
    model = make_detector(config.model, config.train)
    step = Step(model, config.train, team)
    for size in (5, 4, 1):
        own, share = team.share(size)
        losses = step.run(Batch(points[:size][own]), 0.01, 0, 0, share)
    team.mean_buffers(model)
    return model.state_dict(), losses

if __name__ == "__main__":
    torch.set_num_threads(1)
    folder = Path(sys.argv[1])
    config = Config.from_dict(json.loads((folder / "config.json").read_text()))
    points = torch.load(folder / "points.pt")
    with joined(torch.device("cpu")) as team:
        assert (team.rank, team.count) == (int(os.environ["RANK"]), 2)
        results = {}
        for detector in ("plain", "normed"):
            other = replace(config, model=replace(config.model, detector=detector))
            results[detector] = steps(other, points, team)
        if team.leads:
            torch.save(results, folder / "results.pt")
        train(config, folder / "whole", team_device := torch.device("cpu"), team=team)

        def stop(now):
            # One of them is asked to stop, and not the one that writes.
            if team.rank == 1 and now.epoch_metrics is None and (now.epoch, now.step) == (1, 2):
                os.kill(os.getpid(), signal.SIGINT)

        try:
            train(config, folder / "broken", team_device, team=team, report=stop)
        except Interrupted:
            (folder / f"interrupted-{team.rank}").touch()
    threads = [(task / "comm").read_text() for task in Path("/proc/self/task").glob("*")]
    (folder / f"threads-{team.rank}").write_text("".join(threads))
"""


@pytest.fixture
def site(install):
    """The detectors `plain`, `normed` and `deadly`, here and in the processes that are started."""
    names = {f"kg.detectors {name}": f"three:{name.title()}" for name in ("plain", "normed", "deadly")}
    return install("three", {"three": DETECTORS}, names)


@pytest.fixture
def environment(site, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(site), os.environ.get("PYTHONPATH", "")]))


@pytest.fixture
def config(tiny_config):
    return replace(
        tiny_config,
        model=replace(tiny_config.model, detector="plain"),
        # Six in the last batch but one, and one in the last; turns and noise are the same for any number.
        train=replace(tiny_config.train, batch_size=6, turn="yaw", jitter=0.01, learning_rate=0.05),
    )


def assert_close(first, second):
    assert first.keys() == second.keys()
    for name in first:
        # The same sums in another order.
        torch.testing.assert_close(first[name], second[name], atol=2e-6, rtol=1e-5)


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("size", [1, 2, 5, 8])
def test_shares_make_up_a_batch(count, size):
    shares = [Team(rank, count).share(size) for rank in range(count)]
    assert sum(share for _, share in shares) == pytest.approx(1)
    rows = [row for own, _ in shares for row in range(size)[own]]
    assert rows == list(range(size)) * (count if size < count else 1)


def reference(config, detector, points, shares):
    """Return the weights and the losses after the program's steps, each written out share by share."""
    config = replace(config, model=replace(config.model, detector=detector))
    torch.manual_seed(0)
    model = make_detector(config.model, config.train).train()
    optimizer = Step(model, config.train).optimizer
    optimizer.param_groups[0]["lr"] = 0.01
    buffers = [{name: buffer.clone() for name, buffer in model.named_buffers()} for _ in range(shares)]
    for size in (5, 4, 1):
        optimizer.zero_grad()
        total = 0.0
        for rank in range(shares):
            own, share = Team(rank, shares).share(size)
            model.load_state_dict({**model.state_dict(), **buffers[rank]})
            loss = share * sum(
                weight * value for weight, value in model.losses(Batch(points[:size][own]), 0).values()
            )
            loss.backward()
            total += loss.item()
            buffers[rank] = {name: buffer.clone() for name, buffer in model.named_buffers()}
        optimizer.step()
    means = {name: torch.stack([each[name] for each in buffers]).mean(0) for name in buffers[0]}
    return {**deepcopy(model.state_dict()), **means}, total


def test_two_processes_do_what_one_does(config, site, environment, tmp_path, tiny_store):
    for name in ("whole", "broken", "alone"):
        (tmp_path / name).mkdir()
    points = torch.from_numpy(thin(tiny_store.read("train").points[:5], 48))
    torch.save(points, tmp_path / "points.pt")
    (tmp_path / "config.json").write_text(json.dumps(config.to_dict()))
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    subprocess.run([*torchrun, str(program), str(tmp_path)], check=True, timeout=300)

    # What outlives the team aborts the process, now and then, while Python ends.
    assert not [path for path in tmp_path.glob("threads-*") if "gloo" in path.read_text()]
    results = torch.load(tmp_path / "results.pt")
    state, losses = results["plain"]
    expected, total = reference(config, "plain", points, 1)
    assert_close(state, expected)
    assert losses["loss"] == pytest.approx(total, rel=1e-5)
    # Batch norm sees a share: as if one process had done the shares one after the other.
    expected, total = reference(config, "normed", points, 2)
    assert_close(results["normed"][0], expected)
    assert results["normed"][1]["loss"] == pytest.approx(total, rel=1e-5)

    alone, whole, broken = tmp_path / "alone", tmp_path / "whole", tmp_path / "broken"
    train(config, alone, CPU)
    final = load_checkpoint(alone / "last.safetensors", CPU).model.state_dict()
    assert_close(load_checkpoint(whole / "last.safetensors", CPU).model.state_dict(), final)
    for one, other in zip(read_metrics(alone), read_metrics(whole), strict=True):
        for name in ("loss", "apart", "val_loss"):
            assert other[name] == pytest.approx(one[name], rel=1e-4)
    assert read_environment(whole)["workers"] == 2
    # Asked to stop, both did; one goes on where the two were.
    assert (tmp_path / "interrupted-0").exists()
    assert (tmp_path / "interrupted-1").exists()
    assert len(read_metrics(broken)) == 1
    train(config, broken, CPU, resume=True)
    assert_close(load_checkpoint(broken / "last.safetensors", CPU).model.state_dict(), final)


def test_workers_are_started_and_end_together(environment, tiny_store, tmp_path, monkeypatch, capfd):
    deadly = tmp_path / "deadly"
    monkeypatch.setenv("DEADLY", str(deadly))
    words = ["train", "--store", str(tiny_store.path), "--detector", "deadly", "--points", "48", "-k", "4"]
    words += ["--preset", "quick", "-e", "2"]
    assert launch(words, [["--cpu"], ["--cpu"]]) == 0
    said = capfd.readouterr()
    assert said.out.count("Trained") == 1
    assert said.err.count("epoch 2 of 2") == 1
    assert "and 1 more" in said.err
    assert len(read_metrics(latest_run())) == 2
    deadly.touch()
    with pytest.raises(KgError, match="Worker 1 of 2 was ended by SIGKILL"):
        launch(words, [["--cpu"], ["--cpu"]])
    assert "error" not in capfd.readouterr().err


def test_alone_unless_told(monkeypatch):
    for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR"):
        monkeypatch.delenv(name, raising=False)
    assert place() is None
    with joined(CPU) as team:
        assert (team.leads, team.count, team.any(True), team.gather(3)) == (True, 1, True, [3])
        assert team.first(lambda: 5) == 5
    for name, value in {"RANK": "3", "WORLD_SIZE": "4", "LOCAL_RANK": "1", "MASTER_ADDR": "a"}.items():
        monkeypatch.setenv(name, value)
    assert place() == (3, 4, 1)
