"""What does not belong together is refused before a kernel sees it, with the shapes said."""

import time
from itertools import pairwise

import pytest
import torch

from kg import ops
from kg.ops.signature import Signature, check_indices


def cloud(*shape, dtype=torch.float32):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(0)).to(dtype)


ONE, EIGHT, DOUBLE = cloud(1, 9, 3), cloud(8, 4, 3), cloud(1, 9, 3, dtype=torch.float64)
VECTOR, WHOLE = cloud(4), torch.zeros(1, 9, 3, dtype=torch.int64)
HEAT = {"sigma": 0.3}


def index(*shape, value=0):
    return torch.full(shape, value)


def layers(*widths):
    made = [ops.Layer(torch.ones(widths[0]), torch.zeros(widths[0]))]
    for before, width in pairwise(widths):
        made.append(
            ops.Layer(torch.ones(width), torch.zeros(width), cloud(width, before), torch.zeros(width))
        )
    return made


def grouped(made=None, running=None, points=(2, 9, 4), centres=(2, 5, 4), members=None):
    members = index(2, 5, 3) if members is None else members
    return ops.group_mlp_max(cloud(*points), cloud(*centres), members, made or layers(4, 6), running)


def interpolate(features, indices, weights):
    return ops.three_interpolate(features, ops.Interpolation(indices, weights))


MOMENTS = ops.Moments(torch.zeros(4), torch.ones(4))
REFUSED = {
    # One cloud against several: what wrote outside the arrays.
    "neighbours, batches": (lambda: ops.nearest_neighbours(ONE, EIGHT), r"\(1, 9, 3\) and \(8, 4, 3\)"),
    "neighbours, batches the other way": (lambda: ops.nearest_neighbours(EIGHT, ONE), r"\(8, 4, 3\) and \(1"),
    "ball, batches": (lambda: ops.ball_query(ONE, EIGHT, 0.1, 2), r"\(1, 9, 3\) and \(8, 4, 3\)"),
    "chamfer, batches": (lambda: ops.chamfer_distance(ONE, EIGHT), r"\(1, 9, 3\) and \(8, 4, 3\)"),
    "weights, batches": (lambda: ops.interpolation_weights(ONE, EIGHT), r"fine and coarse .*\(8, 4, 3\)"),
    "gather, batches": (lambda: ops.gather(ONE, index(8, 2)), r"\(1, 9, 3\) and \(8, 2\)"),
    "sample, starts": (lambda: ops.farthest_point_sample(EIGHT, 2, index(1)), r"\(8, 4, 3\) and \(1,\)"),
    "heat, batches": (
        lambda: ops.skeleton_heatmap(EIGHT, cloud(1, 3, 3), cloud(1, 3), **HEAT),
        r"\(8, 4, 3\), \(1, 3, 3\) and \(1, 3\)",
    ),
    "maximum, batches": (lambda: ops.neighbour_max(EIGHT, index(1, 7, 3)), r"\(8, 4, 3\) and \(1, 7, 3\)"),
    "maximum, no member": (lambda: ops.neighbour_max(ONE, index(1, 7, 0)), r"\(1, 7, 0\)"),
    "maximum, above": (lambda: ops.neighbour_max(ONE, index(1, 7, 3, value=9)), r"members .*\[0, 9\)"),
    "interpolate, batches": (
        lambda: interpolate(cloud(2, 5, 4), index(1, 7, 3), cloud(1, 7, 3)),
        r"\(2, 5, 4\), \(1, 7, 3\) and \(1, 7, 3\)",
    ),
    "groups, batches": (lambda: grouped(members=index(1, 5, 3)), r"\(2, 9, 4\), \(2, 5, 4\), \(1, 5, 3\)"),
    # Sizes within a cloud.
    "interpolate, ranks": (
        lambda: interpolate(cloud(1, 5, 4), index(1, 7, 3), cloud(1, 7, 2)),
        r"\(1, 7, 3\) and \(1, 7, 2\)",
    ),
    "interpolate, no rank": (lambda: interpolate(ONE, index(1, 7, 0), cloud(1, 7, 0)), r"\(1, 7, 0\)"),
    "sample, a plane": (lambda: ops.farthest_point_sample(cloud(1, 9, 2), 2), r"\(1, 9, 2\)"),
    "order, no batch": (lambda: ops.canonical_order(ONE[0]), r"\(9, 3\)"),
    "gather, no batch": (lambda: ops.gather(ONE[0], index(9)), r"\(9, 3\)"),
    "node, a plane": (lambda: ops.nearest_node(cloud(5, 2), (4, 4, 4)), r"\(5, 2\)"),
    "node, one node": (lambda: ops.nearest_node(ONE, (4, 1, 4)), r"\(4, 1, 4\)"),
    "heat, edges": (lambda: ops.skeleton_heatmap(ONE, ONE, cloud(1, 9), **HEAT), r"\(1, 9, 3\) and \(1, 9\)"),
    "groups, centres": (lambda: grouped(centres=(2, 4, 4)), r"\(2, 4, 4\), \(2, 5, 3\)"),
    "groups, channels": (lambda: grouped(layers(5, 6)), r"\(2, 9, 4\).* \(5,\)"),
    "groups, weight": (lambda: grouped([*layers(4), layers(5, 6)[1]]), r"\(D, 4\) .* \(6, 5\)"),
    "groups, no layer": (lambda: ops.group_mlp_max(ONE, ONE, index(1, 9, 1), []), "one or more layers"),
    "groups, no first": (lambda: grouped(layers(4, 6)[1:]), "without a linear part"),
    "groups, no linear part": (lambda: grouped([*layers(4), *layers(4)]), "must have a linear part"),
    "groups, moments": (lambda: grouped(running=[MOMENTS]), "2 layers .* not 1"),
    "groups, width of moments": (lambda: grouped(running=[MOMENTS, MOMENTS]), r"\(6,\), \(4,\) and \(4,\)"),
    "norm, rows": (lambda: ops.batch_norm_relu(cloud(7, 5), VECTOR, VECTOR), r"\(7, 5\), \(4,\) and \(4,\)"),
    "norm, moments": (
        lambda: ops.batch_norm_relu(cloud(7, 5), cloud(5), cloud(5), MOMENTS),
        r"\(5,\), \(4,\) and \(4,\)",
    ),
    # Nothing there.
    "chamfer, no points": (lambda: ops.chamfer_distance(ONE, ONE[:, :0]), r"\(1, 0, 3\)"),
    "chamfer, no clouds": (lambda: ops.chamfer_distance(ONE[:0], ONE[:0]), r"\(0, 9, 3\)"),
    "weights, no points": (lambda: ops.interpolation_weights(ONE, ONE[:, :0]), r"\(1, 0, 3\)"),
    "interpolate, no points": (lambda: interpolate(ONE[:, :0], index(1, 7, 3), cloud(1, 7, 3)), "nothing"),
    # Indices of nothing.
    "gather, above": (lambda: ops.gather(EIGHT, index(8, 2, value=4)), r"\[0, 4\).* 4 to 4"),
    "gather, below": (lambda: ops.gather(EIGHT, index(8, 2, value=-1)), "from -1"),
    "sample, start": (lambda: ops.farthest_point_sample(EIGHT, 2, index(8, value=4)), r"start .*\[0, 4\)"),
    "interpolate, above": (lambda: interpolate(ONE, index(1, 7, 3, value=9), cloud(1, 7, 3)), r"\[0, 9\)"),
    "groups, above": (lambda: grouped(members=index(2, 5, 3, value=9)), r"members .*\[0, 9\)"),
    "groups, below": (lambda: grouped(members=index(2, 5, 3, value=-1)), "from -1"),
    # Numbers of another kind.
    "neighbours, dtypes": (lambda: ops.nearest_neighbours(ONE, DOUBLE), "float32, points torch.float64"),
    "chamfer, dtypes": (lambda: ops.chamfer_distance(DOUBLE, ONE), "float64, second torch.float32"),
    "ball, whole numbers": (lambda: ops.ball_query(WHOLE, WHOLE, 1, 2), r"points .*int64 \(1, 9, 3\)"),
    "gather, floating": (lambda: ops.gather(ONE, cloud(1, 4)), "indices must be int64, not torch.float32"),
    "gather, int32": (lambda: ops.gather(ONE, index(1, 4).int()), "int64, not torch.int32"),
    "heat, dtypes": (
        lambda: ops.skeleton_heatmap(DOUBLE, cloud(1, 2, 3), cloud(1, 1), **HEAT),
        "float64, keypoints torch.float32",
    ),
    "norm, dtypes": (lambda: ops.batch_norm_relu(cloud(7, 4), VECTOR, VECTOR.double()), "bias torch.float64"),
    "groups, dtypes": (
        lambda: grouped([*layers(4), ops.Layer(*(value.double() for value in layers(4, 6)[1]))]),
        "weight must be .*float64",
    ),
    # Options.
    "ball, radius": (lambda: ops.ball_query(ONE, ONE, float("nan"), 2), "radius nan"),
    "ball, count": (lambda: ops.ball_query(ONE, ONE, 1, 0), "take 0"),
    "neighbours, count": (lambda: ops.nearest_neighbours(ONE, ONE, 10), "10 neighbours asked of 9"),
    "sample, count": (lambda: ops.farthest_point_sample(ONE, 10), "10 of 9"),
    "heat, sigma": (lambda: ops.skeleton_heatmap(ONE, ONE, cloud(1, 36), sigma=0.0), "sigma"),
    "heat, sign": (lambda: ops.skeleton_heatmap(ONE, ONE, cloud(1, 36), sigma=1, sign="minus"), "minus"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_does_not_belong_together_is_refused(name, backend):
    call, said = REFUSED[name]
    with pytest.raises(ValueError, match=said):
        call()


def test_devices_are_one():
    points = ONE.to("meta")
    with pytest.raises(ValueError, match="queries cpu, points meta"):
        ops.nearest_neighbours(ONE, points)


def test_one_cloud_is_compared_with_several_once_it_is_expanded(backend):
    found = ops.nearest_neighbours(EIGHT, ONE.expand(8, -1, -1), 2)
    for number in range(8):
        assert torch.equal(found[number], ops.nearest_neighbours(EIGHT[number, None], ONE, 2)[0])


def test_starts_that_share_memory_are_starts(backend):
    start = torch.tensor([3]).expand(8)
    assert ops.farthest_point_sample(EIGHT, 2, start)[:, 0].tolist() == [3] * 8


def test_members_in_another_layout_are_those_members(backend):
    members = torch.randint(9, (1, 3, 5), generator=torch.Generator().manual_seed(1)).transpose(1, 2)
    points, centres = cloud(1, 9, 4), cloud(1, 5, 4)
    found, _ = ops.group_mlp_max(points, centres, members, layers(4, 6))
    assert torch.equal(found, ops.group_mlp_max(points, centres, members.contiguous(), layers(4, 6))[0])


def test_indices_are_checked_in_a_compiled_function_too(backend):
    function = torch.compile(interpolate, backend="aot_eager", fullgraph=True)
    weights = cloud(1, 7, 3)
    torch.testing.assert_close(
        function(ONE, index(1, 7, 3), weights), interpolate(ONE, index(1, 7, 3), weights)
    )
    with pytest.raises(ValueError, match=r"\[0, 9\)"):
        function(ONE, index(1, 7, 3, value=9), weights)


def test_a_check_costs_little():
    signature, tensors = Signature("points B N 3, centres B S 3"), (cloud(1, 2048, 3), cloud(1, 1024, 3))
    began = time.perf_counter()
    for _ in range(100):
        signature.check(*tensors)
    # Measured 7 µs; an operation takes 100 µs and more.
    assert (time.perf_counter() - began) / 100 < 1e-3


def test_no_value_of_another_device_is_read():
    check_indices("indices", torch.empty(3, dtype=torch.int64, device="meta"), 2)


def test_any_axes_may_stand_at_an_end():
    assert Signature("values:any B ... ").check(torch.zeros(2, 3)) == {"B": 2}
    assert Signature("points ... 3").check(torch.zeros(3)) == {}
    with pytest.raises(ValueError, match=r"points must be \(..., 3\), not \(2,\)"):
        Signature("points ... 3").check(torch.zeros(2))
    with pytest.raises(ValueError, match="no kind"):
        Signature("points:floating B")
