"""`kg export-data`, of what `kg prepare --deform` makes."""

import json

import numpy as np

from kg.cli.app import run


def test_a_prepared_motion_becomes_trajectories(tmp_path, capsys):
    words = "prepare -c tie --deform hang --objects 1 --frames 3 -n 64 --no-picture --workers 1"
    fast = ["--set", "seconds=0.3", "--set", "fabric=silk", "--set", "step=0.004"]
    assert run([*words.split(), *fast]) == 0
    folder = tmp_path / "out"
    capsys.readouterr()
    command = ["export-data", "-c", "tie", "--variant", "hang", "-o", str(folder), "--format", "npz"]
    assert run([*command, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["total_episodes"], told["total_frames"], told["unit"]) == (1, 3, "metre")
    with np.load(folder / "episode_000000.npz") as file:
        state, held = file["observation.state"], file["observation.held"]
        points, rest = file["observation.points"], file["observation.rest"]
        motion = json.loads(str(file["meta"]))["motion"]
        contact = file["observation.contact"]
    assert motion["fabric"] == "silk"
    assert state[:, 3].tolist() == [1, 1, 1]
    # The point that is held is the cloud's nearest to the hand, along the cloth.
    for frame in range(3):
        gap = np.linalg.norm(points[frame, held[frame, 0]] - state[frame, :3])
        assert gap < 0.15
    assert rest.shape == points.shape == (3, 64, 3)
    assert contact[0].mean() > 0.5
    assert run(command) == 1
    assert "empty or new" in capsys.readouterr().err
    assert run(["export-data"]) == 1
