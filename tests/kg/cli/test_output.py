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
