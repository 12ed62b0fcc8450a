"""The versions of numba's kernels for several threads, which tests on one thread never reach."""

import os
import subprocess
import sys

import pytest
import torch

from kg.ops import kernels, numba_kernels, torch_kernels
from kg.ops.numba_kernels import QUERIES
from kg.ops.torch_kernels import PIECE

GENERATOR = torch.Generator()


@pytest.fixture(autouse=True)
def two_threads(monkeypatch):
    """Let numba's threads work however little there is to do."""
    monkeypatch.setattr(numba_kernels, "SMALL", 0)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    GENERATOR.manual_seed(0)
    yield
    torch.set_num_threads(before)


def draw(*shape):
    return torch.randn(*shape, generator=GENERATOR)


def whole(high, *shape, dtype=torch.int64):
    return torch.randint(high, shape, generator=GENERATOR).to(dtype)


# More than one job of each kind, and a last one that is not full.
ROWS, SEVERAL = 2 * PIECE + 17, 2 * QUERIES + 5
ARGUMENTS = {
    "farthest_point_sample": lambda: (draw(3, 70, 3), 20, whole(70, 3)),
    "ball_query": lambda: (draw(3, 70, 3), draw(3, SEVERAL, 3), 0.5, 6, True),
    "ball_query, first": lambda: (draw(3, 70, 3), draw(3, SEVERAL, 3), 0.5, 6, False),
    "nearest_neighbours": lambda: (draw(3, SEVERAL, 3), draw(3, 70, 3), 3),
    "column_statistics": lambda: (draw(3, 90, 3), 0.5, 0.1),
    "neighbour_max": lambda: (draw(3, 70, 5), whole(70, 3, 40, 6)),
    "neighbour_max_backward": lambda: (draw(3, 40, 5), whole(70, 3, 40, 5, dtype=torch.int32), 70),
    "three_interpolate": lambda: (draw(3, 9, 5), whole(9, 3, 40, 3), draw(3, 40, 3)),
    "three_interpolate_backward": lambda: (draw(3, 40, 5), whole(9, 3, 40, 3), draw(3, 40, 3), 9),
    "skeleton_heatmap": lambda: (draw(3, 40, 3), draw(3, 4, 3), draw(3, 6), -1.5),
    "skeleton_heatmap_backward": lambda: (
        *(draw(3, 40), draw(3, 40, 3), draw(3, 4, 3), draw(3, 6)),
        *(whole(6, 3, 40, dtype=torch.int32), -1.5),
    ),
    "moments": lambda: (draw(ROWS, 5),),
    "affine_relu": lambda: (draw(ROWS, 5), draw(5), draw(5)),
    "affine_relu_sums": lambda: (draw(ROWS, 5), draw(ROWS, 5), draw(5), draw(5), draw(5)),
    "affine_relu_backward": lambda: (draw(ROWS, 5), draw(ROWS, 5), draw(5), draw(5), draw(5), draw(5)),
    "group_rows": lambda: (draw(30, 5), draw(11, 5), whole(30, 11, 7)),
    "group_rows_backward": lambda: (draw(11, 7, 5), whole(30, 11, 7), draw(30, 5)),
    "group_extremes": lambda: (draw(11, 7, 5), draw(5)),
    "extremes_backward": lambda: (
        *(draw(11, 7, 5), draw(11, 7, 5), whole(7, 11, 6, dtype=torch.int32)),
        *(draw(11, 6), draw(6, 5)),
    ),
}


LOOPS = {
    "ball_query": ["_nearest"],
    "ball_query, first": ["_first_in_ball"],
    "nearest_neighbours": ["_nearest"],
    "extremes_backward": ["_extremes_to_weight", "_extremes_to_rows"],
}
"""What does the work, where it is not what the operation is called."""


def test_every_kernel_of_numbas_is_here():
    named = {name.partition(",")[0] for name in ARGUMENTS}
    assert named == {name for name in kernels.operations() if "numba" in kernels.backends(name)}


@pytest.mark.parametrize("name", ARGUMENTS)
def test_two_threads_compute_what_the_twin_does(name):
    operation, arguments = name.partition(",")[0], ARGUMENTS[name]()
    ours, theirs = (
        [value.clone() if isinstance(value, torch.Tensor) else value for value in arguments] for _ in "ab"
    )
    found = getattr(numba_kernels, operation)(*ours)
    expected = getattr(torch_kernels, operation)(*theirs)
    # Sums are in another order: 2e-6 was measured.
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
    # What is added to in place.
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)
    for loop in LOOPS.get(name, [f"_{operation}"]):
        assert getattr(numba_kernels, loop).parallel.signatures


SEVERAL_OF_PYTHON = """
import threading, numba, torch
from kg import ops
from kg.ops import numba_kernels
numba_kernels.SMALL = 0
torch.set_num_threads(2)
queries, points = torch.rand(8, 300, 3), torch.rand(8, 300, 3)
expected = ops.nearest_neighbours(queries, points, 3)
layer = numba.threading_layer()
wrong = []
def search():
    for _ in range(200):
        torch.set_num_threads(2)
        if not torch.equal(ops.nearest_neighbours(queries, points, 3), expected):
            wrong.append(1)
threads = [threading.Thread(target=search) for _ in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(layer, len(wrong))
"""


def test_several_threads_of_python_search_at_once_in_numbas_own_pool():
    environment = {**os.environ, "NUMBA_THREADING_LAYER": "workqueue", "KG_KERNELS": "numba"}
    done = subprocess.run(
        [sys.executable, "-c", SEVERAL_OF_PYTHON],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "workqueue 0\n"), done.stderr
