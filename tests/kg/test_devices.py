"""Choosing a device, or a sentence on why not; how many threads, and how they wait."""

import json
import os
import subprocess
import sys

import pytest
import torch

from kg import devices
from kg.devices import choose_device
from kg.errors import KgError


@pytest.fixture
def gpus(monkeypatch):
    def pretend(count, cuda="12.8"):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: count > 0)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
        monkeypatch.setattr(torch.version, "cuda", cuda)

    return pretend


def test_the_best_device_is_the_first_gpu_or_the_cpu(gpus):
    gpus(2)
    assert choose_device() == torch.device("cuda", 0)
    assert choose_device(gpu=1) == torch.device("cuda", 1)
    assert choose_device(cpu=True) == torch.device("cpu")
    gpus(0)
    assert choose_device() == torch.device("cpu")


@pytest.mark.parametrize(
    ("count", "cuda", "gpu", "message", "hint"),
    [
        (0, None, 0, "built without", "CUDA build"),
        (0, "12.8", 0, "no CUDA device", "nvidia-smi"),
        (2, "12.8", 2, "no GPU 2", "0, 1"),
        (2, "12.8", -1, "no GPU -1", "0, 1"),
    ],
)
def test_a_gpu_that_is_not_there_is_explained(gpus, count, cuda, gpu, message, hint):
    gpus(count, cuda)
    with pytest.raises(KgError, match=message) as caught:
        choose_device(gpu=gpu)
    assert hint in caught.value.hint


def test_gpu_and_cpu_exclude_each_other():
    with pytest.raises(KgError, match="exclude"):
        choose_device(gpu=0, cpu=True)


@pytest.fixture
def machine(monkeypatch, tmp_path):
    """Pretend four cores, and a folder of control groups; the process's own are in its file `own`."""
    monkeypatch.delenv("OMP_NUM_THREADS")
    monkeypatch.setenv("OMP_WAIT_POLICY", "passive")
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(4)), raising=False)
    monkeypatch.setattr(devices, "OWN_CGROUPS", tmp_path / "own")
    monkeypatch.setattr(devices, "CGROUPS", tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("groups", "files", "gib"),
    [
        ("", {}, 3),
        ("0::/a/b\n", {"a/memory.max": str(2 << 30), "a/b/memory.max": "max"}, 2),
        ("4:memory:/a\n", {"memory/a/memory.limit_in_bytes": str(1 << 30)}, 1),
        ("0::/a\n", {"a/memory.max": str(8 << 30)}, 3),
    ],
)
def test_memory_is_what_is_there_and_the_limits_permit(machine, monkeypatch, groups, files, gib):
    write(machine, {"info": f"MemTotal: {9 << 20} kB\nMemAvailable: {3 << 20} kB", **files})
    (machine / "own").write_text(groups)
    monkeypatch.setattr(devices, "MEMORY", machine / "info")
    assert devices.usable_memory(torch.device("cpu")) == gib << 30


def write(folder, files):
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text + "\n")


@pytest.mark.parametrize(
    ("groups", "files", "cores"),
    [
        ("0::/\n", {}, 4),
        ("0::/\n", {"cpu.max": "max 100000"}, 4),
        ("0::/\n", {"cpu.max": "200000 100000"}, 2),
        ("0::/a/b\n", {"a/cpu.max": "150000 100000", "a/b/cpu.max": "300000 100000"}, 1),
        ("0::/a\n", {"a/cpu.max": "50000 100000"}, 1),
        ("0::/\n", {"cpu.max": "6400000 100000"}, 4),
        ("0::/gone/away\n", {"cpu.max": "300000 100000"}, 3),
        ("0::/\n", {"cpu.max": "nonsense"}, 4),
        (
            "4:cpu,cpuacct:/a\n3:cpuset:/\n1:name=systemd:/\n",
            {"cpu,cpuacct/a/cpu.cfs_quota_us": "200000", "cpu,cpuacct/a/cpu.cfs_period_us": "100000"},
            2,
        ),
        ("1:cpu:/\n", {"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, 4),
    ],
)
def test_threads_are_what_affinity_and_quotas_permit(machine, groups, files, cores):
    (machine / "own").write_text(groups)
    write(machine, files)
    assert devices.cores() == devices.threads() == cores


def test_without_control_groups_the_affinity_counts(machine):
    assert devices.cores() == 4


@pytest.mark.parametrize(
    ("wanted", "threads"), [("3", 3), ("7", 7), ("2,4", 2), ("", 4), ("0", 4), ("many", 4)]
)
def test_the_variable_of_openmp_is_obeyed(machine, monkeypatch, wanted, threads):
    monkeypatch.setenv("OMP_NUM_THREADS", wanted)
    assert devices.threads() == threads


def test_threads_asked_for_are_pytorchs_and_those_of_processes_to_come():
    before = torch.get_num_threads()
    try:
        devices.use_threads(2)
        assert (torch.get_num_threads(), devices.threads()) == (2, 2)
        assert os.environ["OMP_NUM_THREADS"] == "2"
    finally:
        torch.set_num_threads(before)


def imported(code="import kg", **variables):
    """Return what the environment holds after some code, in a process of its own."""
    names = ("OMP_WAIT_POLICY", "OMP_NUM_THREADS", "GOMP_SPINCOUNT")
    environment = {name: value for name, value in os.environ.items() if name not in names}
    show = "import os, sys, json; print(json.dumps([dict(os.environ), 'torch' in sys.modules]))"
    made = subprocess.run(
        [sys.executable, "-c", f"{code}; {show}"],
        env={**environment, **variables},
        check=True,
        capture_output=True,
        text=True,
    )
    return json.loads(made.stdout)


def test_threads_that_wait_soon_sleep_unless_the_user_says_otherwise():
    environment, torch_is_loaded = imported()
    assert environment["OMP_WAIT_POLICY"] == "passive"
    assert int(environment["GOMP_SPINCOUNT"]) == devices.SPINS
    assert not torch_is_loaded
    assert imported(GOMP_SPINCOUNT="7")[0]["GOMP_SPINCOUNT"] == "7"
    for policy in ("active", "passive"):
        environment = imported(OMP_WAIT_POLICY=policy)[0]
        assert environment["OMP_WAIT_POLICY"] == policy
        assert "GOMP_SPINCOUNT" not in environment


def test_a_quota_is_the_number_of_threads_unless_the_user_says_otherwise(machine, monkeypatch):
    devices.share_cpu()
    assert "OMP_NUM_THREADS" not in os.environ
    write(machine, {"own": "0::/", "cpu.max": "200000 100000"})
    devices.share_cpu()
    assert os.environ["OMP_NUM_THREADS"] == "2"
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    devices.share_cpu()
    assert os.environ["OMP_NUM_THREADS"] == "3"
