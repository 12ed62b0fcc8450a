"""What is measured is what it says."""

import time

import pytest
import torch

from kg.ops import bench

CPU = torch.device("cpu")


def test_the_median_and_the_fastest_of_runs_in_turns():
    order = []

    def sleeps(name, seconds):
        pauses = iter([0, 0, *seconds])

        def run():
            order.append(name)
            time.sleep(next(pauses))

        return bench.Case(name, "in use", run)

    cases = [sleeps("a", (0.03, 0.01, 0.02)), sleeps("b", (0, 0, 0))]
    seen = []
    a, b = bench.measure(cases, CPU, 3, lambda done, total: seen.append((done, total)))
    assert order == ["a", "a", "b", "b", *"ababab"]
    assert a.seconds == pytest.approx(0.02, abs=0.009)
    assert a.fastest == pytest.approx(0.01, abs=0.009)
    assert b.seconds < 0.009
    assert seen == [(done, 8) for done in range(1, 9)]


def test_the_peak_is_what_a_run_holds_at_most():
    size = 64 << 20

    def run():
        return torch.ones(size // 4).sum()

    (measured,) = bench.measure([bench.Case("one", "in use", run)], CPU, 1)
    if measured.peak_bytes is None:
        pytest.skip("only Linux tells a peak apart")
    assert 0.9 * size < measured.peak_bytes < 1.5 * size
