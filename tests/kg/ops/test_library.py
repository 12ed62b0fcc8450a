"""Each operation as an operator of torch.library: autograd, fake tensors and torch.compile know it."""

import pytest
import torch

from kg import ops
from kg.ops import groups, neighbours, norm, sampling, skeleton


def cloud(*shape):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(0)) * 2 - 1


def learnt(*shape):
    return cloud(*shape).requires_grad_()


INDICES = torch.randint(5, (2, 7, 3), generator=torch.Generator().manual_seed(1))
LAYERS = [learnt(4), learnt(4), learnt(6), learnt(6), learnt(6, 4), learnt(6)]
GROUPS = (learnt(2, 9, 4), learnt(2, 7, 4), INDICES, LAYERS)
CALLS = {
    "farthest_point_sample": (sampling._farthest_point_sample, (cloud(2, 9, 3), 4, torch.tensor([0, 3]))),
    "ball_query": (neighbours._ball_query, (cloud(2, 9, 3), cloud(2, 4, 3), 0.5, 3, True)),
    "nearest_neighbours": (neighbours._nearest_neighbours, (cloud(2, 9, 3), cloud(2, 4, 3), 2)),
    "neighbour_max": (neighbours._neighbour_max, (learnt(2, 5, 4), INDICES)),
    "three_interpolate": (neighbours._three_interpolate, (learnt(2, 5, 4), INDICES, cloud(2, 7, 3))),
    "skeleton_heatmap": (
        skeleton._skeleton_heatmap,
        (learnt(2, 9, 3), learnt(2, 4, 3), learnt(2, 6), -1.0),
    ),
    "batch_norm_relu": (norm._batch_norm_relu, (learnt(8, 3), learnt(3), learnt(3), [], 1e-5)),
    "group_mlp_max": (groups._group_mlp_max, (*GROUPS, [], 1e-5, False, True)),
}


@pytest.mark.parametrize("name", CALLS)
def test_pytorchs_own_checks_of_an_operator_pass(name):
    operator, arguments = CALLS[name]
    torch.library.opcheck(operator, arguments)


def test_a_compiled_function_gives_the_same():
    def function(points, features):
        chosen = ops.farthest_point_sample(points, 5)
        coarse = ops.gather(points, chosen)
        moved = ops.three_interpolate(ops.gather(features, chosen), ops.interpolation_weights(points, coarse))
        return (moved * 2).sum() + ops.chamfer_distance(coarse, points)

    points = cloud(2, 9, 3)
    one, other = learnt(2, 9, 4), learnt(2, 9, 4)
    compiled = torch.compile(function, backend="aot_eager", fullgraph=True)
    torch.testing.assert_close(compiled(points, one), function(points, other))
    compiled(points, one).backward()
    function(points, other).backward()
    torch.testing.assert_close(one.grad, other.grad)
