"""Processes side by side: what follows what, what a failure or Ctrl-C does. In place of kg, small scripts."""

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from kg.sweep import pool, state
from kg.sweep.pool import Pool, Slot, make_slots

MEASURE = ["eval", "--metric", "das"]

TRAIN = """
import os, signal, sys, time
def stop(*_):
    open(os.environ["TRACE"], "a").write("saved\\n")
    sys.exit(130)
if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
    signal.signal(signal.SIGINT, stop)
words = sys.argv[1:]
line = f"{words[0]} {os.environ['OMP_NUM_THREADS']} {words[-1]}\\n"
open(os.environ["TRACE"], "a").write(line)
if words[0] == "eval":
    print('{"results": []}')
"""


@pytest.fixture
def kg(monkeypatch, tmp_path):
    """Return a function that sets the script, and one that reads what the processes wrote down."""
    trace = tmp_path / "trace"
    trace.touch()
    monkeypatch.setenv("TRACE", str(trace))
    monkeypatch.setattr(pool, "PAUSE", 0.01)

    def say(more=""):
        monkeypatch.setattr(pool, "KG", (sys.executable, "-c", TRAIN + more))
        return trace

    return say


def test_each_training_is_measured_and_its_figures_kept(kg, jobs, begin):
    trace = kg()
    for job in jobs[:2]:
        begin(job, 3 if job is jobs[1] else 0)
    ended = []
    made = Pool([Slot(None, 3)], MEASURE, on_end=lambda one, reason: ended.append((one.job, reason)))
    made.run(jobs[:2])
    # The second is trained already.
    assert trace.read_text().splitlines() == ["train 3 --cpu", "eval 3 --cpu", "eval 3 --cpu"]
    assert ended == [(jobs[0], None), (jobs[1], None)]
    assert all(state.measured(job, MEASURE) == {"words": MEASURE, "results": []} for job in jobs[:2])
    assert not list((jobs[0].sweep / "logs").glob("*.json"))


def test_a_failure_is_told_by_its_own_words_and_the_others_go_on(kg, jobs, begin):
    kg(
        "if words[0] == 'train' and 'seed1' in str(words): "
        "print('error no memory', file=sys.stderr); sys.exit(1)"
    )
    for job in jobs:
        begin(job, 0)
    made = Pool([Slot(None, 1)] * 2, MEASURE)
    made.run(jobs)
    assert made.failed == {job: "no memory" for job in jobs if job.seed == 1}
    assert all(state.measured(job, MEASURE) for job in jobs if job.seed == 0)


def test_a_process_that_is_killed_is_a_failure_with_the_signal_in_it(kg, jobs, begin):
    kg("os.kill(os.getpid(), signal.SIGKILL)")
    begin(jobs[0], 0)
    made = Pool([Slot(None, 1)], MEASURE)
    made.run(jobs[:1])
    assert "SIGKILL" in made.failed[jobs[0]]


@pytest.fixture
def at_interrupt(request):
    """Have a disposition of SIGINT for one test: pytest may itself run in the background of a script."""
    before = signal.signal(signal.SIGINT, request.param)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize(
    ("at_interrupt", "number"),
    [
        (signal.default_int_handler, signal.SIGINT),
        (signal.default_int_handler, signal.SIGTERM),
        (signal.SIG_IGN, signal.SIGTERM),
    ],
    indirect=["at_interrupt"],
)
def test_a_stop_lets_every_process_save_itself(kg, jobs, begin, at_interrupt, number):
    trace = kg("time.sleep(60)")
    for job in jobs:
        begin(job, 0)

    def interrupt():
        while trace.read_text().count("train") < 2:
            time.sleep(0.01)
        os.kill(os.getpid(), number)

    stopped = []
    threading.Thread(target=interrupt).start()
    with pytest.raises(KeyboardInterrupt):
        Pool([Slot(None, 1)] * 2, MEASURE, on_stop=stopped.append).run(jobs)
    assert stopped == [2]
    assert trace.read_text().count("saved") == 2
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


def test_what_fails_beside_the_trainings_lets_them_save_themselves(kg, jobs, begin):
    trace = kg("time.sleep(60)")
    begin(jobs[0], 0)

    def look(running):
        if "train" in trace.read_text():
            raise OSError("the disk is full")

    with pytest.raises(OSError, match="full"):
        Pool([Slot(None, 1)], MEASURE, on_look=look).run(jobs[:1])
    assert trace.read_text().count("saved") == 1


def test_what_lies_in_the_working_folder_is_not_imported(tmp_path):
    (tmp_path / "typer.py").write_text("raise SystemExit(3)")
    assert subprocess.run([*pool.KG, "--version"], cwd=tmp_path, check=False).returncode == 0


def test_a_machine_is_shared_out():
    assert make_slots(None, [], cores=8, jobs=10) == [Slot(None, 2)] * 4
    assert make_slots(None, [], cores=8, jobs=3) == [Slot(None, 2)] * 3
    assert make_slots(8, [], cores=2, jobs=10) == [Slot(None, 1)] * 8
    assert make_slots(None, [], cores=1, jobs=10) == [Slot(None, 1)]
    assert make_slots(None, [0, 2], cores=8, jobs=10) == [Slot(0, 4), Slot(2, 4)]
    assert [slot.gpu for slot in make_slots(3, [0, 2], cores=8, jobs=10)] == [0, 2, 0]
    assert Slot(2, 4).words() == ["--gpu", "2"]


def test_trainings_share_the_threads_that_are_asked_for(monkeypatch):
    from kg.cli.sweep import _slots

    monkeypatch.setenv("OMP_NUM_THREADS", "6")
    assert _slots(2, None, True, 10) == [Slot(None, 3)] * 2
    assert _slots(None, None, True, 10) == [Slot(None, 2)] * 3
