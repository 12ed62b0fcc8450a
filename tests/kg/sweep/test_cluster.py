"""Trainings by the workers of a Dask cluster: real ones, of detectors that learn in an instant."""

import os
import signal
import threading
import time
from pathlib import Path

import pytest

from kg.errors import KgError
from kg.sweep import state
from kg.sweep.cluster import Starter, WorkerSlot, worker_slots
from kg.sweep.plan import plan_jobs, plan_methods
from kg.sweep.pool import Pool
from kg.train import runs

distributed = pytest.importorskip("distributed")

MEASURE = ["eval", "--metric", "das", "--no-floors", "--json"]
pytestmark = pytest.mark.usefixtures("in_time")


@pytest.fixture(scope="module")
def client():
    with (
        distributed.LocalCluster(
            n_workers=1, threads_per_worker=1, processes=True, dashboard_address=None, silence_logs=50
        ) as made,
        distributed.Client(made.scheduler_address, set_as_default=False) as found,
    ):
        yield found


def run_instead(client, script):
    """Have the workers that there are run a script in the place of kg."""

    def change(script):
        from kg.sweep import cluster

        cluster.WATCHED = script

    client.run(change, script)


@pytest.fixture
def template(tiny_store, tmp_path):
    """A training that is done at once."""
    methods = plan_methods(["quick"], [], [], {"points": "48", "keypoints": "4"}, "object", ["template"])
    return plan_jobs(methods, [tiny_store], [0], tmp_path / "runs" / "sweep")


def test_a_training_is_done_and_measured_by_a_worker(client, template):
    [slot] = worker_slots(client, None, True, 5)
    made = Pool([slot], MEASURE, starter=Starter(client))
    made.run(template)
    assert made.failed == {}
    answer = state.measured(template[0], MEASURE)
    assert answer is not None
    assert answer["words"] == MEASURE
    assert runs.is_run(template[0].folder)


def test_a_worker_that_is_lost_is_replaced_and_the_process_ends_with_it(client, jobs, monkeypatch, tmp_path):
    """In place of kg a script that takes forever the first time."""
    pids = tmp_path / "pids"
    script = (
        "import os, threading, time\n"
        "threading.Thread(target=lambda: (os.read(0, 1), os._exit(1)), daemon=True).start()\n"
        f"with open({str(pids)!r}, 'a') as file:\n"
        "    file.write(f'{os.getppid()} {os.getpid()}\\n')\n"
        f"time.sleep(600 if len(open({str(pids)!r}).readlines()) < 2 else 0)\n"
    )
    run_instead(client, script)
    remote = Starter(client)(jobs[0], worker_slots(client, None, True, 1)[0], ["no-such-command"], "w")
    while not (pids.exists() and pids.read_text().endswith("\n")):
        time.sleep(0.05)
    worker, process = map(int, pids.read_text().split())
    os.kill(worker, signal.SIGKILL)
    # The one in its place has not been told of the script, and runs kg, which does not know these words.
    assert remote.wait() == 2
    while _is_alive(process):
        time.sleep(0.05)


def test_it_stops_when_it_is_asked_to(client, jobs):
    run_instead(
        client, "import signal, sys, time\nsignal.signal(2, lambda *_: sys.exit(130))\ntime.sleep(600)"
    )
    remote = Starter(client)(jobs[1], worker_slots(client, None, True, 1)[0], ["no-such-command"], "w")
    threading.Timer(1.5, remote.send_signal, [signal.SIGINT]).start()
    assert remote.wait() in (130, -signal.SIGINT)
    other = Starter(client)(jobs[1], worker_slots(client, None, True, 1)[0], ["no-such-command"], "w")
    threading.Timer(1.5, other.kill).start()
    assert other.wait() == -signal.SIGKILL


def test_without_workers_and_devices():
    class Empty:
        scheduler = type("Scheduler", (), {"address": "tcp://a:1"})

        def nthreads(self):
            return {}

    with pytest.raises(KgError, match="tcp://a:1 has no workers"):
        worker_slots(Empty(), None, False, 1)
    assert WorkerSlot(None, 4, False).words() == []
    assert WorkerSlot(None, 4, True).words() == ["--cpu"]


def _is_alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().split(")")[1].split()[0] != "Z"
    except OSError:
        return False
