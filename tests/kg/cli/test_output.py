"""Progress where nobody watches."""

import threading
from types import SimpleNamespace

from kg.cli import output


class HalfMinutes:
    """An event that is waited for as often as a test says."""

    def __init__(self):
        self.over, self.waited, self.passed = False, threading.Semaphore(0), threading.Semaphore(0)

    def wait(self, seconds):
        assert seconds == 30
        self.waited.release()
        self.passed.acquire()
        return self.over

    def set(self):
        self.over = True
        self.passed.release()

    def go_by(self):
        """Let one pass, and return when the next is waited for."""
        self.waited.acquire()
        self.passed.release()
        self.waited.acquire()
        self.waited.release()


def test_a_log_file_gets_a_line_every_half_minute_however_long_a_step_takes(monkeypatch, capsys):
    time = HalfMinutes()
    monkeypatch.setattr(output, "threading", SimpleNamespace(Event=lambda: time, Thread=threading.Thread))
    with output.progress("Predicting [all]") as advance:
        time.go_by()
        advance(1, 2000)
        advance(2, 2000, text="epoch 1")
        time.go_by()
        time.go_by()
        advance(1500, 2000, text="")
        time.go_by()
    assert capsys.readouterr().err.splitlines() == [
        "Predicting [all]: begun",
        "Predicting [all]: 2 of 2,000 epoch 1",
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
