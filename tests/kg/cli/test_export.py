"""`kg export` writes a detector that every other command takes."""

import json

from kg.cli.app import run
from kg.model.checkpoint import save_checkpoint
from kg.model.making import make_detector
from kg.train.runs import new_run


def test_a_run_is_exported_and_used(tiny_config, tiny_store, tmp_path, capsys):
    made = new_run(tiny_config, "mine")
    model = make_detector(tiny_config.model, tiny_config.train)
    save_checkpoint(made / "best.safetensors", model.state_dict(), tiny_config, 4, {})
    file = tmp_path / "mine.safetensors"
    assert run(["export", "mine", "-o", str(file), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["bytes"], told["epoch"]) == (file.stat().st_size, 4)
    out = tmp_path / "out.npz"
    assert run(["predict", "--run", str(file), "--store", str(tiny_store.path), "-o", str(out), "--cpu"]) == 0
    assert out.is_file()


def test_a_name_that_nobody_would_know_is_refused(tiny_config, tmp_path, capsys):
    made = new_run(tiny_config, "mine")
    model = make_detector(tiny_config.model, tiny_config.train)
    save_checkpoint(made / "best.safetensors", model.state_dict(), tiny_config, 4, {})
    assert run(["export", "-o", str(tmp_path / "mine.zip")]) == 1
    assert "End its name in .safetensors" in capsys.readouterr().err
