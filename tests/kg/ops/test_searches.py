"""The searches: every backend against an independent calculation, ties and edges included."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import cKDTree

from kg import ops
from kg.errors import KgError

BACKENDS = ("torch", "numba")  # by hand where hypothesis calls a test many times over

sizes = st.tuples(
    st.integers(1, 3),  # clouds
    st.integers(1, 60),  # points
    st.integers(1, 40),  # queries
    st.booleans(),  # on a coarse lattice, so that distances tie
    st.integers(0, 2**32 - 1),
)


def clouds(batch, count, lattice, rng):
    if lattice:
        return torch.from_numpy(rng.integers(-2, 3, (batch, count, 3)).astype(np.float32))
    return torch.from_numpy(rng.uniform(-1, 1, (batch, count, 3)).astype(np.float32))


def distances(queries, points):
    difference = queries.numpy()[:, :, None] - points.numpy()[:, None]
    return (difference**2).sum(-1)


def slow_farthest(points, count, start):
    chosen, nearest = [start], np.full(len(points), np.inf, np.float32)
    while len(chosen) < count:
        step = points - points[chosen[-1]]
        nearest = np.minimum(nearest, step[:, 0] ** 2 + step[:, 1] ** 2 + step[:, 2] ** 2)
        chosen.append(int(nearest.argmax()))
    return chosen


@pytest.mark.parametrize("backend", BACKENDS)
@settings(max_examples=40, deadline=None)
@given(size=sizes)
def test_farthest_points_are_those_of_a_plain_loop(backend, size):
    batch, count, wanted, lattice, seed = size
    rng = np.random.default_rng(seed)
    points = clouds(batch, count, lattice, rng)
    wanted = min(wanted, count)
    start = torch.from_numpy(rng.integers(0, count, batch))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KG_KERNELS", backend)
        found = ops.farthest_point_sample(points, wanted, start)
    expected = [slow_farthest(cloud.numpy(), wanted, int(s)) for cloud, s in zip(points, start, strict=True)]
    assert found.tolist() == expected


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("nearest", [True, False])
@settings(max_examples=40, deadline=None)
@given(size=sizes, radius=st.sampled_from([0.01, 0.3, 1.0, 1.5]), members=st.integers(1, 20))
def test_balls_hold_the_nearest_or_the_first_points(backend, nearest, size, radius, members):
    batch, count, queries, lattice, seed = size
    rng = np.random.default_rng(seed)
    points, centres = clouds(batch, count, lattice, rng), clouds(batch, queries, lattice, rng)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KG_KERNELS", backend)
        found = ops.ball_query(points, centres, radius, members, nearest=nearest)
    for b, rows in enumerate(distances(centres, points)):
        for s, row in enumerate(rows):
            inside = np.flatnonzero(row <= np.float32(radius**2))
            if nearest:
                inside = inside[np.argsort(row[inside], kind="stable")]
            if len(inside) == 0:
                inside = np.array([row.argmin()])
            expected = list(inside[:members]) + [inside[0]] * (members - len(inside))
            assert found[b, s].tolist() == expected


@pytest.mark.parametrize("backend", BACKENDS)
@settings(max_examples=40, deadline=None)
@given(size=sizes, wanted=st.integers(1, 5))
def test_nearest_neighbours_are_sorted_with_ties_by_index(backend, size, wanted):
    batch, count, queries, lattice, seed = size
    rng = np.random.default_rng(seed)
    points, centres = clouds(batch, count, lattice, rng), clouds(batch, queries, lattice, rng)
    wanted = min(wanted, count)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KG_KERNELS", backend)
        found = ops.nearest_neighbours(centres, points, wanted)
    expected = np.argsort(distances(centres, points), axis=2, kind="stable")[..., :wanted]
    np.testing.assert_array_equal(found.numpy(), expected)


def test_nearest_neighbours_agree_with_a_tree_on_a_large_non_contiguous_cloud(backend):
    rng = np.random.default_rng(0)
    points = torch.from_numpy(rng.uniform(-1, 1, (2, 3, 1777)).astype(np.float32)).transpose(1, 2)
    queries = torch.from_numpy(rng.uniform(-1, 1, (2, 613, 3)).astype(np.float32))
    found = ops.nearest_neighbours(queries, points, 3).numpy()
    for b in range(2):
        _, expected = cKDTree(points[b].numpy()).query(queries[b].numpy(), 3)
        np.testing.assert_array_equal(found[b], expected)


def test_a_shorter_sample_is_a_prefix_of_a_longer_one(backend):
    points = torch.rand(2, 300, 3, generator=torch.Generator().manual_seed(0))
    long, short = ops.farthest_point_sample(points, 200), ops.farthest_point_sample(points, 31)
    assert torch.equal(long[:, :31], short)


def test_double_precision_is_searched_as_such(backend):
    base = torch.zeros(1, 3, 3, dtype=torch.float64)
    base[0, 1, 0], base[0, 2, 0] = 1 + 1e-12, 1
    query = torch.zeros(1, 1, 3, dtype=torch.float64)
    assert ops.nearest_neighbours(query, base, 3)[0, 0].tolist() == [0, 2, 1]


@pytest.mark.parametrize(
    "call",
    [
        lambda p: ops.farthest_point_sample(p, 11),
        lambda p: ops.farthest_point_sample(p, 0),
        lambda p: ops.farthest_point_sample(p[0], 2),
        lambda p: ops.nearest_neighbours(p, p, 11),
        lambda p: ops.nearest_neighbours(p[..., :2], p),
        lambda p: ops.ball_query(p[:, :0], p, 0.1, 2),
    ],
)
def test_shapes_that_cannot_be_searched_are_refused(call):
    with pytest.raises(ValueError, match=r"points|queries"):
        call(torch.zeros(1, 10, 3))


def test_what_is_not_finite_is_far_from_everything(backend):
    points = torch.tensor([[[torch.nan, 0, 0], [1, 0, 0], [torch.inf, 0, 0], [0, 0, 0]]])
    queries = torch.tensor([[[0.1, 0, 0], [-torch.inf, 0, 0], [0, torch.nan, 0]]])
    assert ops.nearest_neighbours(queries, points, 3)[0].tolist() == [[3, 1, 0], [0, 1, 2], [0, 1, 2]]
    assert ops.ball_query(points, queries, 2, 3)[0].tolist() == [[3, 1, 3], [0, 0, 0], [0, 0, 0]]
    assert ops.farthest_point_sample(points, 4).tolist() == [[0, 3, 0, 0]]
    assert ops.farthest_point_sample(points, 2, torch.tensor([3])).tolist() == [[3, 1]]
    assert ops.farthest_point_sample(points * torch.nan, 2).tolist() == [[0, 0]]


def test_nothing_asked_is_nothing_found(backend):
    points = torch.rand(2, 5, 3)
    assert ops.nearest_neighbours(points[:, :0], points).shape == (2, 0, 1)
    assert ops.ball_query(points, points[:, :0], 1, 4).shape == (2, 0, 4)
    assert ops.farthest_point_sample(points[:0], 3).shape == (0, 3)


def test_an_unknown_backend_is_answered_with_the_known_ones(monkeypatch):
    monkeypatch.setenv("KG_KERNELS", "numbra")
    with pytest.raises(KgError) as caught:
        ops.farthest_point_sample(torch.zeros(1, 4, 3), 2)
    assert "numba" in caught.value.hint


def test_the_canonical_order_is_lexicographic_and_undoes_any_permutation():
    rng = np.random.default_rng(1)
    cloud = rng.integers(0, 3, (40, 3)).astype(np.float32)
    expected = sorted(map(tuple, cloud))
    for permutation in (np.arange(40), rng.permutation(40)):
        points = torch.from_numpy(cloud[permutation])[None]
        ordered = ops.gather(points, ops.canonical_order(points))[0]
        assert [tuple(point) for point in ordered.tolist()] == expected


def test_gather_takes_rows_of_its_own_cloud_and_passes_gradients():
    values = torch.rand(3, 7, 5, dtype=torch.float64, requires_grad=True)
    indices = torch.tensor([[[0, 6], [1, 1]], [[2, 3], [4, 5]], [[6, 6], [6, 0]]])
    found = ops.gather(values, indices)
    for b in range(3):
        assert torch.equal(found[b], values[b][indices[b]])
    assert torch.autograd.gradcheck(lambda v: ops.gather(v, indices), values)
