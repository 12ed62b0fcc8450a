"""`kg eval --report` as it is typed."""

from kg.cli.app import run


def test_a_report_is_written_beside_the_figures(train, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("kg.viz.probe.renders", lambda: False)
    assert train("--name", "mine", "--epochs", "1") == 0
    path = tmp_path / "out.html"
    assert run(["eval", "mine", "--metric", "coverage", "--report", str(path), "--cpu"]) == 0
    assert "coverage" in capsys.readouterr().out
    text = path.read_text(encoding="utf-8")
    for title in ("Training", "Configuration", "Does the decoder use the heatmap?"):
        assert f"<h2>{title}</h2>" in text


def test_a_report_of_another_kind_is_refused_before_anything_is_measured(tmp_path, capsys):
    assert run(["eval", "--report", str(tmp_path / "out.pdf")]) == 1
    assert ".html" in capsys.readouterr().err
