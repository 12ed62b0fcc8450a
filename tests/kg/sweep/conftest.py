import pytest

from kg.sweep.plan import plan_jobs, plan_methods
from kg.train import runs


@pytest.fixture
def jobs(tiny_preset, tiny_store, tmp_path):
    """Two methods, two seeds, of three epochs each."""
    methods = plan_methods(["tiny"], [], ["none", "similarity"], {})
    return plan_jobs(methods, [tiny_store], [0, 1], tmp_path / "runs" / "sweep")


@pytest.fixture
def begin(monkeypatch):
    """Return a function that makes a job's run folder, with some epochs done, ten seconds each."""

    def call(job, epochs):
        monkeypatch.setenv("KG_RUNS", str(job.sweep))
        if not job.folder.is_dir():
            runs.new_run(job.config, job.name)
        lines = [f'{{"epoch": {number + 1}, "loss": 1, "seconds": 10}}\n' for number in range(epochs)]
        (job.folder / "metrics.jsonl").write_text("".join(lines))
        (job.folder / "best.safetensors").write_bytes(b"")

    return call
