"""Two hosts, each with a network and a data folder of its own, make a store together.

Hosts are network namespaces, each joined to this machine by a pair of its own: that takes root, and `ip` of
iproute2.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from hashlib import sha256
from pathlib import Path

import pytest

from kg import paths, plugins
from kg.data import PrepareOptions
from kg.data.preparing import cluster as module
from kg.data.preparing.plan import make_plan
from kg.data.preparing.prepare import prepare, prepare_on_cluster

pytest.importorskip("distributed")

OPTIONS = PrepareOptions(points=32)
NAMES = [f"kg-{os.getpid()}-{number}" for number in (1, 2)]
NETWORK = f"10.{os.getpid() % 200 + 20}"
SLOW = "import time; time.sleep(0.05)"
pytestmark = pytest.mark.usefixtures("in_time")


def run(*words: str) -> None:
    subprocess.run(words, check=True, capture_output=True, timeout=60)


@pytest.fixture
def here() -> Iterator[str]:
    """The address of this machine for two others, which are network namespaces."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0 or shutil.which("ip") is None:
        pytest.skip("needs root and iproute2")
    with ExitStack() as undo:
        for number, name in enumerate(NAMES):
            try:
                run("ip", "netns", "add", name)
            except subprocess.CalledProcessError as error:
                pytest.skip(f"no network namespaces here: {error.stderr.decode().strip()}")
            undo.callback(subprocess.run, ["ip", "netns", "delete", name], check=False)
            ours, there = f"kg{os.getpid() % 10**8}h{number}", "eth0"
            run("ip", "link", "add", ours, "type", "veth", "peer", "name", there, "netns", name)
            run("ip", "address", "add", f"{NETWORK}.{number}.1/24", "dev", ours)
            run("ip", "link", "set", ours, "up")
            inside = ("ip", "netns", "exec", name)
            run(*inside, "ip", "address", "add", f"{NETWORK}.{number}.2/24", "dev", there)
            run(*inside, "ip", "link", "set", there, "up")
            run(*inside, "ip", "link", "set", "lo", "up")
            # All that is elsewhere is behind this machine.
            run(*inside, "ip", "route", "add", "default", "via", f"{NETWORK}.{number}.1")
        yield f"{NETWORK}.0.1"


def start_worker(name: str, scheduler: str, site: Path, home: Path) -> "subprocess.Popen[bytes]":
    """Start a worker on a host, which has a data folder of its own where this machine has another."""
    own_folder = 'mount -t tmpfs none "$KG_HOME" && exec "$@"'
    worker = [sys.executable, "-m", "distributed.cli.dask_worker", scheduler, "--nthreads", "1"]
    return subprocess.Popen(
        ["ip", "netns", "exec", name, "sh", "-c", own_folder, "sh", *worker, "--no-dashboard", "--no-nanny"],
        env={**os.environ, "KG_HOME": str(home), "PYTHONPATH": str(site), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def test_the_same_file_with_one_host_lost_in_the_middle(
    odd: Path, odd_code: str, here: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from distributed import LocalCluster

    for number in range(40):
        (odd / f"s{number}").write_text(SLOW)
    dataset = plugins.DATASETS.load("odd")()
    whole = prepare(make_plan(dataset, "c", odd, OPTIONS, variant="v")).store.path
    expected = sha256(whole.read_bytes()).hexdigest()
    whole.unlink()
    site = tmp_path / "workers"
    site.mkdir()
    (site / "odd_set.py").write_text(odd_code)

    with (
        LocalCluster(
            n_workers=0,
            host=here,
            protocol="tcp://",
            processes=False,
            dashboard_address=None,
            silence_logs=50,
        ) as cluster,
        ExitStack() as undo,
    ):
        workers = []
        for name in NAMES:
            workers.append(start_worker(name, cluster.scheduler_address, site, paths.home()))
            undo.callback(workers[-1].wait, 30)
            undo.callback(workers[-1].kill)
        deadline = time.monotonic() + 90
        while len(cluster.scheduler.workers) < 2 and time.monotonic() < deadline:
            time.sleep(0.2)
        assert {worker.host for worker in cluster.scheduler.workers.values()} == {
            f"{NETWORK}.{number}.2" for number in (0, 1)
        }
        lost = []

        def progress(done: int, total: int) -> None:
            if done >= 10 and not lost:
                workers[0].send_signal(signal.SIGKILL)
                lost.append(done)

        receive, sent = module._receive, set[str]()

        def note(folder: Path, found: Mapping[str, bytes]) -> None:
            sent.update(found)
            receive(folder, found)

        monkeypatch.setattr(module, "_receive", note)
        plan = make_plan(dataset, "c", odd, OPTIONS, variant="v")
        made = prepare_on_cluster(plan, cluster.scheduler_address, progress=progress)
    assert lost
    assert lost[0] < 40
    assert len(sent) > 1  # the hosts do not see this machine's data folder
    assert not made.skipped
    assert sha256(made.store.path.read_bytes()).hexdigest() == expected
