"""Every Triton kernel against its twin: natively where there is a GPU, else through Triton's interpreter.

Sizes are odd on purpose, and small, because the interpreter takes milliseconds for each step of a loop.
"""

import importlib

import pytest
import torch

from kg import ops
from kg.ops import kernels, torch_kernels

pytest.importorskip("triton")
# That a square overflows is meant: it is what makes a point infinitely far.
pytestmark = pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning")

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")


@pytest.fixture(autouse=True)
def triton_kernels(monkeypatch):
    monkeypatch.setenv("KG_KERNELS", "triton")
    monkeypatch.setattr(kernels, "_broken", {})


def both(operation, *arguments):
    """Return what the Triton kernel and the twin make of the same arguments, each of its own copy."""
    kernel = kernels._registered[operation]["triton"]
    assert kernels.choose(operation, DEVICE).kernel is kernel
    ours, theirs = (
        [value.clone() if isinstance(value, torch.Tensor) else value for value in arguments] for _ in range(2)
    )
    found = getattr(importlib.import_module(kernel.module), operation)(*ours)
    return found, getattr(torch_kernels, operation)(*theirs), ours, theirs


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)).to(DEVICE)


def lattice(*shape, seed=0):
    """Points whose distances tie."""
    return torch.randint(-2, 3, shape, generator=torch.Generator().manual_seed(seed)).float().to(DEVICE)


def whole(high, *shape, seed=0, dtype=torch.int64):
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(high, shape, generator=generator).to(dtype).to(DEVICE)


@pytest.mark.parametrize("kind", [draw, lattice])
@pytest.mark.parametrize(("size", "count"), [(1, 1), (129, 7)])
def test_farthest_points(kind, size, count):
    start = whole(size, 3)
    found, expected, *_ = both("farthest_point_sample", kind(3, size, 3), count, start)
    assert torch.equal(found, expected)


def test_farthest_points_whose_coordinates_do_not_fit_into_registers(monkeypatch):
    from kg.ops.triton_kernels import farthest_point_sample

    monkeypatch.setattr(farthest_point_sample, "COORDINATES_HELD", 64)
    found, expected, *_ = both("farthest_point_sample", draw(2, 77, 3), 5, whole(77, 2))
    assert torch.equal(found, expected)


@pytest.mark.parametrize("kind", [draw, lattice])
@pytest.mark.parametrize("nearest", [True, False])
@pytest.mark.parametrize(("size", "count", "radius"), [(1, 3, 0.5), (33, 5, 1.2), (17, 1, 0.01)])
def test_balls(kind, nearest, size, count, radius):
    points, centres = kind(1, size, 3), kind(1, 9, 3, seed=1)
    found, expected, *_ = both("ball_query", points, centres, radius, count, nearest)
    assert torch.equal(found, expected)


@pytest.mark.parametrize("kind", [draw, lattice])
@pytest.mark.parametrize("count", [1, 3])
def test_nearest_neighbours(kind, count):
    found, expected, *_ = both("nearest_neighbours", kind(1, 35, 3, seed=1), kind(1, 39, 3), count)
    assert torch.equal(found, expected)


def test_two_clouds_are_searched_each_for_itself_and_more_neighbours_than_three():
    points, queries = draw(2, 9, 3), draw(2, 3, 3, seed=1)
    found, expected, *_ = both("nearest_neighbours", queries, points, 5)
    assert torch.equal(found, expected)


def test_what_is_not_finite_is_far_from_everything():
    points = torch.tensor([[[torch.nan, 0, 0], [1, 0, 0], [torch.inf, 0, 0], [0, 0, 0]]], device=DEVICE)
    queries = torch.tensor([[[0.1, 0, 0], [-torch.inf, 0, 0]]], device=DEVICE)
    assert ops.nearest_neighbours(queries, points, 3)[0].tolist() == [[3, 1, 0], [0, 1, 2]]
    assert ops.ball_query(points, queries, 2, 3)[0].tolist() == [[3, 1, 3], [0, 0, 0]]


def test_the_largest_of_neighbourhoods_forward_and_backward():
    found, expected, *_ = both("neighbour_max", draw(2, 5, 70), whole(5, 2, 21, 3))
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0)
    winners = expected[1]
    found, expected, *_ = both("neighbour_max_backward", draw(2, 21, 70), winners, 5)
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("ranks", [1, 3])
def test_interpolation_forward_and_backward(ranks):
    indices, weights = whole(5, 2, 21, ranks), draw(2, 21, ranks)
    found, expected, *_ = both("three_interpolate", draw(2, 5, 70), indices, weights)
    torch.testing.assert_close(found, expected)
    found, expected, *_ = both("three_interpolate_backward", draw(2, 21, 70), indices, weights, 5)
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("factor", [-1.0, 0.2])
def test_heat_forward_and_backward(factor):
    scene = (draw(2, 131, 3), draw(2, 5, 3, seed=1), draw(2, 10, seed=2).sigmoid())
    (heat, winner), (expected, chosen), *_ = both("skeleton_heatmap", *scene, factor)
    torch.testing.assert_close(heat, expected)
    assert torch.equal(winner, chosen)
    found, gradients, *_ = both("skeleton_heatmap_backward", draw(2, 131, seed=3), *scene, winner, factor)
    torch.testing.assert_close(found, gradients, rtol=1e-4, atol=1e-5)  # sums in another order


def test_heat_that_is_not_a_number_wins():
    keypoints = draw(1, 3, 3)
    keypoints[0, 1] = torch.nan
    (heat, winner), (_, chosen), *_ = both(
        "skeleton_heatmap", draw(1, 9, 3), keypoints, draw(1, 3).sigmoid(), -1.0
    )
    assert heat.isnan().all()
    assert torch.equal(winner, chosen)


@pytest.mark.parametrize(("rows", "channels"), [(1, 3), (255, 33), (1300, 5)])
def test_moments_and_the_normalised_rows(rows, channels):
    values, slope, shift, mean = draw(rows, channels) + 3, *draw(3, channels, seed=1)
    found, expected, *_ = both("moments", values)
    torch.testing.assert_close(found, expected)
    found, expected, *_ = both("affine_relu", values, slope, shift)
    torch.testing.assert_close(found, expected)
    grad = draw(rows, channels, seed=2)
    found, expected, *_ = both("affine_relu_sums", grad, values, slope, shift, mean)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)  # sums of 300
    vectors = draw(2, channels, seed=3)
    found, expected, *_ = both("affine_relu_backward", grad, values, slope, shift, *vectors)
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("channels", [3, 300])
def test_the_line_and_the_way_through_moments(channels):
    weight, bias, mean, pull, push = draw(5, channels)
    variance = draw(channels, seed=1).square()
    found, expected, *_ = both("line", weight, bias, mean, variance, 1e-5)
    torch.testing.assert_close(found, expected)
    found, expected, *_ = both("through_moments", found[0], found[2], mean, pull, push, 1000)
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize(("count", "channels"), [(1, 3), (7, 66)])
def test_groups_forward_and_backward(count, channels):
    points, members = draw(13, channels), whole(13, 5, count)
    found, expected, *_ = both("group_rows", points, draw(5, channels, seed=1), members)
    torch.testing.assert_close(found, expected)
    grad = draw(5, count, channels, seed=2)
    found, expected, ours, theirs = both("group_rows_backward", grad, members, points)
    torch.testing.assert_close((found, ours[2]), (expected, theirs[2]))


@pytest.mark.parametrize(("groups", "channels"), [((5, 7, 66), 9), ((3, 1, 2), 9), ((6, 11, 140), 130)])
def test_extremes_forward_and_backward(monkeypatch, groups, channels):
    from kg.ops.triton_kernels import groups as module

    monkeypatch.setattr(module, "PIECE", 64)
    values, slope = lattice(*groups), draw(groups[2])
    (index, chosen), expected, *_ = both("group_extremes", values, slope)
    assert torch.equal(index, expected[0])
    assert torch.equal(chosen, expected[1])
    rows, pull = draw(*groups[:2], channels, seed=1), draw(groups[0], groups[2])
    weight = draw(groups[2], channels)
    found, gradient, ours, theirs = both("extremes_backward", rows.clone(), rows, index, pull, weight)
    torch.testing.assert_close((found, ours[0]), (gradient, theirs[0]), rtol=1e-4, atol=1e-5)


@pytest.mark.skipif(DEVICE.type == "cpu", reason="needs a GPU")
@pytest.mark.parametrize(("batch", "size"), [(8, 2048), (2, 8192), (1, 20000), (1, 32768)])
def test_searches_at_the_sizes_of_a_training(batch, size):
    points, start = draw(batch, size, 3), whole(size, batch)
    points = points / points.norm(dim=2, keepdim=True)
    chosen, expected, *_ = both("farthest_point_sample", points, 1024, start)
    assert torch.equal(chosen, expected)
    centres = ops.gather(points, chosen)
    for nearest, radius, count in ((True, 0.05, 16), (True, 0.1, 32), (False, 0.1, 32), (True, 0.4, 64)):
        found, expected, *_ = both("ball_query", points, centres, radius, count, nearest)
        assert torch.equal(found, expected)
    for count in (1, 3, 5):
        found, expected, *_ = both("nearest_neighbours", points, centres, count)
        assert torch.equal(found, expected)


def test_a_step_through_all_of_them():
    def step():
        points = draw(2, 30, 3)
        layer = [value.requires_grad_() for value in (draw(6), draw(6, seed=1), draw(6, 4), draw(6, seed=2))]
        first = [value.requires_grad_() for value in (draw(4), draw(4, seed=1))]
        chosen = ops.farthest_point_sample(points, 9)
        centres = ops.gather(points, chosen)
        members = ops.ball_query(points, centres, 1.0, 3)
        features, middles = draw(2, 30, 4), draw(2, 9, 4)
        layers = [ops.Layer(*first), ops.Layer(*layer)]
        pooled, _ = ops.group_mlp_max(features, middles, members, layers)
        back = ops.three_interpolate(pooled, ops.interpolation_weights(points, centres))
        loss = back.square().mean() + ops.chamfer_distance(back[..., :3], points)
        loss.backward()
        return loss.detach(), [value.grad for value in (*first, *layer)]

    found = step()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KG_KERNELS", "torch")
        expected = step()
    assert not kernels._broken
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
