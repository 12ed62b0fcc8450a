"""Progress where nobody watches."""

from kg.cli import output


def test_a_log_file_gets_a_line_every_half_minute(monkeypatch, capsys):
    now = iter([0.0, 10.0, 31.0, 31.0, 40.0, 70.0, 70.0])
    monkeypatch.setattr(output, "time", type("Clock", (), {"monotonic": lambda: next(now)}))
    with output.progress("Predicting [all]") as advance:
        for done in (1, 2, 3):
            advance(done, 2000, text="epoch 1")
        advance(1500, 2000)
    assert capsys.readouterr().err.splitlines() == [
        "Predicting [all]: 2 of 2,000 epoch 1",
        "Predicting [all]: 1,500 of 2,000",
    ]


def test_one_is_no_plural() -> None:
    assert [output.counted(number, "epoch") for number in (0, 1, 2000)] == [
        "0 epochs",
        "1 epoch",
        "2,000 epochs",
    ]


def test_nothing_in_a_text_is_obeyed(capsys):
    output.note("[team] home: [/x] \x1b[31mred", "warning")
    made = output.table("[bold]s", ("[x]", "id"), [("a[/b]", "\x1b]0;title\x07")])
    output.show({}, False, "Wrote [z]out.npz, :smile:", made)
    out, err = capsys.readouterr()
    assert err == "warning [team] home: [/x] \\x1b[31mred\n"
    assert "Wrote [z]out.npz, :smile:\n" in out
    for whole in ("[bold]s", "[x]", "a[/b]", r"\x1b]0;title\x07"):
        assert whole in out
    assert "\x1b" not in out + err


def test_a_narrow_terminal_folds_words_and_no_numbers(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "30")
    rows = [("correspondence", "0.1234567 ± 0.0001234", 1234567), ("das", "80.12–90.21", 3)]
    output.show({}, False, output.table("", ("metric", "value", "number of shapes"), rows))
    out = capsys.readouterr().out
    for number in ("0.1234567", "0.0001234", "80.12–90.21", "1234567"):
        assert number in out
    assert "correspondence" not in out
    rows = [("correspondence", "x" * 40)]
    output.show({}, False, output.table("", ("metric", "value"), rows, whole=["value"]))
    assert "x" * 40 in capsys.readouterr().out
