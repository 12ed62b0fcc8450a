"""`kg info`."""

import json

from kg.cli.app import run


def test_it_lists_what_there_is(capsys, tmp_path):
    assert run(["info", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert {"torch", "kg", "python"} <= found["versions"].keys()
    assert found["kernels"]["ball_query"]["backend"] in ("numba", "torch")
    plugins = {plugin["name"]: plugin["problem"] for plugin in found["datasets"] + found["backbones"]}
    assert plugins["garments"] == plugins["pointnet2"] == ""
    assert found["folders"]["home"] == str(tmp_path / "home")


def test_a_forced_backend_is_shown_with_its_reason(capsys, monkeypatch):
    monkeypatch.setenv("KG_KERNELS", "torch")
    assert run(["info", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["kernels"]["ball_query"] == {
        "backend": "torch",
        "reason": "asked for",
        "registered": ["torch", "numba", "triton"],
    }


def test_broken_plugins_are_listed_with_what_is_wrong(install, capsys):
    install(
        "shaky",
        {"shaky_net": "class Net: pass", "shaky_set": "import nothing_of_the_kind"},
        {"kg.backbones net": "shaky_net:Net", "kg.datasets set": "shaky_set:Set"},
    )
    assert run(["info", "--json"]) == 0
    out, err = capsys.readouterr()
    found = json.loads(out)
    problems = {plugin["name"]: plugin["problem"] for plugin in found["datasets"] + found["backbones"]}
    assert "is no kg.model.backbone.Backbone" in problems["net"]
    assert "No module named 'nothing_of_the_kind'" in problems["set"]
    assert problems["garments"] == ""
    assert "warning The plugin 'net'" in err
    assert "warning The plugin 'set'" in err
