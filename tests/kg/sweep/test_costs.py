"""What trainings cost, against what their logs are made to say."""

import json

import pytest

from kg.sweep.costs import summarise_costs
from kg.train.runs import write_json


def tell(job, memory):
    """Write what the epochs of a training took."""
    path = job.folder / "metrics.jsonl"
    entries = [json.loads(line) for line in path.read_text().splitlines()]
    lines = [json.dumps({**entry, "memory": value}) for entry, value in zip(entries, memory, strict=True)]
    path.write_text("".join(f"{line}\n" for line in lines))


def test_time_is_summed_and_memory_is_the_highest(jobs, begin):
    for job in jobs[:3]:
        begin(job, 3)
        write_json(job.folder / "environment.json", {"device": "cpu (1 thread)"})
    tell(jobs[0], [1.0, 1.5, 1.25])
    tell(jobs[2], [2.5, 0.5, 0.5])
    time, memory = summarise_costs(jobs)
    # Ten seconds an epoch.
    assert (time.title, memory.title) == ("training (time), minutes", "training (peak memory), GiB")
    assert time.rows[0].cells["ellipsoid"].values == pytest.approx({0: 0.5, 1: 0.5})
    assert time.rows[1].cells["ellipsoid"].values == pytest.approx({0: 0.5})
    assert memory.rows[0].cells["ellipsoid"].values == {0: 1.5, 1: 2.5}
    assert memory.rows[1].cells["ellipsoid"].values == {}
    assert "trained on cpu (1 thread)" in time.caption()


def test_runs_that_never_said_have_no_table_of_memory(jobs, begin):
    begin(jobs[0], 3)
    begin(jobs[1], 2)
    (time,) = summarise_costs(jobs)
    assert [len(row.cells["ellipsoid"].values) for row in time.rows] == [1, 0]
    assert time.caption().startswith("Mean over seeds, n = 0 to 1; trained on an unknown device.")
